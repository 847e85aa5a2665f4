"""Where decisions, tiers, cases and the audit trail are kept: SQLite, or PostgreSQL in production."""
