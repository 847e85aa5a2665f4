"""The departments' tables: declared, read, checked, matched to customers."""
