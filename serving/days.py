"""Days as they are asked for: within bounds, so that reckoning from them never leaves the calendar."""

from datetime import UTC, date, datetime, time

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9000, 12, 31)


def day_of(text: str) -> date:
    """Read a day such as 2026-01-31.

    Raises:
        ValueError: it is none, or lies beyond the bounds.
    """
    day = date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError("beyond the bounds")
    return day


def end_of(day: date) -> datetime:
    """Return the last moment of a day in UTC, to the microsecond that the store keeps."""
    return datetime.combine(day, time.max, UTC)
