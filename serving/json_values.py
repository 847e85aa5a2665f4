"""How values that JSON does not have stand in answers: a tier by its name, a moment as ISO 8601."""

from datetime import datetime

from features.terms import Tier


def name_of(tier: Tier | None) -> str | None:
    """Return a tier's name, None for none."""
    return None if tier is None else str(tier)


def moment_of(at: datetime | None) -> str | None:
    """Return a moment in ISO 8601, None for none."""
    return None if at is None else at.isoformat()
