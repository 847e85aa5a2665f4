"""A period of oversight: whole days in UTC, from a first to a last, and the moments between which it lies."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

# Far within what a date can hold: every period has a moment before it and a day after it.
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


class PeriodError(ValueError):
    """A period is none; one line."""


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included.

    What is said of its end is what the store knew then: whatever was recorded later does not count.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse a period that ends before it begins, or lies out of all range.

        Raises:
            PeriodError: it does.
        """
        _bounded(self.first, self.last)
        if self.last < self.first:
            raise PeriodError("a period ends before it begins; give --from a day not after --to")

    @property
    def begin(self) -> datetime:
        """The moment at which it begins; what happens then is inside."""
        return datetime.combine(self.first, time.min, UTC)

    @property
    def end(self) -> datetime:
        """The moment at which it is over; what happens then is outside."""
        return datetime.combine(self.last + timedelta(days=1), time.min, UTC)

    @property
    def before_begin(self) -> datetime:
        """The last moment before it, to the microsecond that the store keeps."""
        return self.begin - timedelta(microseconds=1)

    @property
    def last_moment(self) -> datetime:
        """The last moment inside, to the microsecond that the store keeps."""
        return self.end - timedelta(microseconds=1)

    def holds(self, at: datetime | None) -> bool:
        """Whether a moment is inside."""
        return at is not None and self.begin <= at < self.end


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """Return a period; without a last day up to today, without a first one a year long.

    Raises:
        PeriodError: it ends before it begins, or lies out of all range.
    """
    last = last or today
    _bounded(last)
    if first is None:
        try:
            first = last.replace(year=last.year - 1) + timedelta(days=1)
        except ValueError:  # the 29th of February
            first = last.replace(year=last.year - 1, day=28) + timedelta(days=1)
    return Period(first, last)


def _bounded(*days: date) -> None:
    if not all(_FIRST_YEAR <= day.year <= _LAST_YEAR for day in days):
        raise PeriodError(f"a period lies in the years {_FIRST_YEAR} to {_LAST_YEAR}; give other days")
