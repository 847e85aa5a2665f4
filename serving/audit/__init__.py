"""The audit trail (M24): entries chained by a key that the database does not have."""
