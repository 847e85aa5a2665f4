"""A period of oversight: whole days in UTC, from a first to a last, and the moments between which it lies."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

# Far within what a date can hold: every period has a moment before it and a day after it.
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


class PeriodError(ValueError):
    """A period is none; one line, and which of its days, `from` or `to`, is wrong."""

    def __init__(self, reason: str, field: str = "from") -> None:
        super().__init__(reason)
        self.field = field


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

    @property
    def until(self) -> datetime | None:
        """The moment up to which it is told of, where that is before its end; None where it is over."""
        return None

    def __str__(self) -> str:
        """Return the days."""
        return f"{self.first} to {self.last}"

    def holds(self, at: datetime | None) -> bool:
        """Whether a moment is inside."""
        return at is not None and self.begin <= at < self.end


@dataclass(frozen=True)
class SoFar(Period):
    """A period whose last day is not over: it ends with the moment `now`, and what happens then is inside.

    Else what is due later today would count as not done, and what ends later today as ended.
    """

    now: datetime

    @property
    def end(self) -> datetime:
        """The moment at which it is over; what happens then is outside."""
        return min(super().end, self.now + timedelta(microseconds=1))

    @property
    def until(self) -> datetime | None:
        """The moment up to which it is told of."""
        return self.now

    def __str__(self) -> str:
        """Return the days, and up to which moment they are told of."""
        return f"{super().__str__()}, so far (until {self.now.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def so_far(period: Period, now: datetime) -> Period:
    """Return a period as it can be told of at a moment: one that is not over ends with that."""
    return SoFar(period.first, period.last, now) if period.end > now else period


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """Return a period; without a last day up to today, without a first one a year long.

    Raises:
        PeriodError: it ends before it begins or after today, or lies out of all range.
    """
    last = last or today
    _bounded(last)
    if last > today:
        raise PeriodError(
            f"a period ends after today, of which nothing is known; give --to {today} or before", "to"
        )
    if first is None:
        try:
            first = last.replace(year=last.year - 1) + timedelta(days=1)
        except ValueError:  # the 29th of February
            first = last.replace(year=last.year - 1, day=28) + timedelta(days=1)
    return Period(first, last)


def _bounded(*days: date) -> None:
    if not all(_FIRST_YEAR <= day.year <= _LAST_YEAR for day in days):
        raise PeriodError(f"a period lies in the years {_FIRST_YEAR} to {_LAST_YEAR}; give other days")
