"""Oversight (M24, M25): figures of how the Measures are carried out, and inspection of random samples."""
