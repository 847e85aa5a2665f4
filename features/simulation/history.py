"""The months that a simulation covers, and the days on which customers are evaluated."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Months before the first day: statements of those years exist, and latent states have settled by then.
LEAD = 24
YEAR = 12
# As in `calendar_months`.
APRIL, DECEMBER = 3, 11
_FEWEST_YEARS, _MOST_YEARS = 2, 30

# Days are counted from 1970-01-01. A missing day, and one that never comes.
NO_DAY = int(np.iinfo(np.int64).min)
NEVER = 10_000_000


class SimulationError(ValueError):
    """What is asked for cannot be simulated; one line with the reason and what to do."""


@dataclass(frozen=True)
class History:
    """Whole years from `first` to `last`; months are counted from 0, LEAD months before `first`.

    Raises:
        SimulationError: `first` is not the first of a month, or `last` does not end a whole number of years.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        following = self.last + timedelta(days=1)
        whole = self.first.day == 1 and (following.month, following.day) == (self.first.month, 1)
        if not whole or not _FEWEST_YEARS <= self.years <= _MOST_YEARS:
            raise SimulationError(
                f"first and last: must be the first day of a month and the last day of {_FEWEST_YEARS} to "
                f"{_MOST_YEARS} whole years from then, such as 2022-01-01 and 2024-12-31"
            )

    @property
    def years(self) -> int:
        """The number of years."""
        return (self.last + timedelta(days=1)).year - self.first.year

    @property
    def months(self) -> int:
        """The number of months, those before `first` included."""
        return LEAD + YEAR * self.years

    @property
    def first_day(self) -> int:
        return int(self.starts[LEAD])

    @property
    def last_day(self) -> int:
        return int(self.starts[-1]) - 1

    @cached_property
    def starts(self) -> Integers:
        """The first day of each month and of the one after the last, shape (months + 1,)."""
        start = np.datetime64(self.first, "M") - np.timedelta64(LEAD, "M")
        months = start + np.arange(self.months + 1).astype("timedelta64[M]")
        return months.astype("datetime64[D]").astype(np.int64)

    @property
    def ends(self) -> Integers:
        """The last day of each month, shape (months,)."""
        return self.starts[1:] - 1

    @cached_property
    def evaluations(self) -> Integers:
        """The days of evaluation, shape (years + 1,): the day before `first`, then the last of each year."""
        return self.ends[LEAD - 1 :: YEAR]

    @cached_property
    def calendar_months(self) -> Integers:
        """January is 0; shape (months,)."""
        return (np.arange(self.months) + self.first.month - 1 - LEAD) % YEAR

    def month_of(self, days: Integers) -> Integers:
        """Return the month of each day; days before or after the history go to its first or last month."""
        return np.clip(np.searchsorted(self.starts, days, side="right") - 1, 0, self.months - 1)

    def evaluation_after(self, days: Integers) -> Integers:
        """Return the first day of evaluation on or after each day, NEVER beyond the last."""
        ends = np.append(self.evaluations, NEVER)
        return ends[np.searchsorted(self.evaluations, days, side="left")]
