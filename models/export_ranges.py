"""The ranges of values that rows of exported points tables stand for, as people and databases read them.

An axis' own thresholds hold for numbers of which those within ±ZERO were read as 0. A range's bounds hold for
the numbers as they are: a threshold within ±ZERO is moved to the edge of what is read as 0.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from features.catalog import Catalog, Kind, Placed
from features.portfolio import Floats
from models.points import ZERO, Axis, Table

_BELOW_ZERO = math.nextafter(-ZERO, -math.inf)


@dataclass(frozen=True)
class Ranges:
    """The ranges of one indicator's values, in order; the last stands for missing values.

    Of a number or a flag (0, 1) range j holds what lies above `bounds[j - 1]` and is at most `bounds[j]`.
    Of a category the ranges are its levels and, behind them, the levels that the catalog does not have.
    """

    placed: Placed
    bounds: tuple[float, ...] = ()

    @property
    def id(self) -> str:
        """The indicator's id."""
        return self.placed.id

    @property
    def levels(self) -> tuple[str, ...] | None:
        """The levels of a category, None of a number or a flag."""
        levels = self.placed.indicator.levels
        return tuple(levels or ()) if self.placed.indicator.kind is Kind.CATEGORY else None

    def __len__(self) -> int:
        return (len(self.bounds) if self.levels is None else len(self.levels)) + 2

    @property
    def missing(self) -> int:
        """The position of the range for missing values."""
        return len(self) - 1

    @property
    def representatives(self) -> Floats:
        """One encoded value of each range."""
        if self.levels is None:
            return np.array([*self.bounds, math.inf, math.nan])
        return np.array([*range(len(self.levels) + 1), math.nan])


def ranges_of(feature: str, axes: Iterable[Axis], catalog: Catalog) -> Ranges:
    """Return the coarsest ranges that part everything which the axes, all of one feature, part."""
    bounds = {_as_read(threshold) for axis in axes for threshold in axis.thresholds}
    return Ranges(catalog.by_id[feature], tuple(sorted(bounds)))


def expanded(table: Table, ranges: tuple[Ranges, ...]) -> Floats:
    """Return a table's contributions by ranges at least as fine as its axes: (axes, *ranges)."""
    cells = [axis.cell(of.representatives) for axis, of in zip(table.axes, ranges, strict=True)]
    return np.stack([contributions[np.ix_(*cells)] for contributions in table.contributions])


def _as_read(threshold: float) -> float:
    """Return the threshold that parts numbers as they are, not as they are read."""
    if abs(threshold) > ZERO:
        return threshold
    return ZERO if threshold >= 0 else _BELOW_ZERO
