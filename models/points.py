"""The points tables: a boosted model of at most three features to a path, compiled to look-ups.

A leaf of value v whose path tests the features S, with o_a = 1 where all tests on feature a are satisfied and
r_a the product of the cover ratios of its splits, is the game v ∏ (o or r). Its path-dependent SHAP values
(Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for trees",
algorithm 2, written out for products of one, two and three factors) are

    φ_a = v (o_a − r_a)
    φ_a = v (o_a − r_a) (o_b + r_b) / 2
    φ_a = v (o_a − r_a) (r_b r_c / 3 + (o_b r_c + r_b o_c) / 6 + o_b o_c / 3)

They are constant between thresholds, so their sums over all leaves are tables: exact and fast to look up.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Floats

# LightGBM reads smaller numbers as 0 (its kZeroThreshold, a 32-bit float).
ZERO = float(np.float32(1e-35))
# The most features of one table, and so on a path of a compiled tree.
MOST_FEATURES = 3


@dataclass(frozen=True)
class Axis:
    """How one feature's values fall into cells.

    A number falls into cell j where j thresholds lie strictly below it (a test is `value <= threshold`),
    numbers within ±ZERO counting as 0; a category into the cell of its code, and any other code, unseen
    in training, into cell `codes`. The last cell is for missing values.
    """

    feature: int
    thresholds: tuple[float, ...] = ()
    codes: int | None = None

    @property
    def cells(self) -> int:
        """The number of cells, the one for missing values included."""
        return (len(self.thresholds) if self.codes is None else self.codes) + 2

    @cached_property
    def _sorted(self) -> Floats:
        return np.array(self.thresholds, dtype=np.float64)

    def cell(self, values: Floats) -> NDArray[np.int64]:
        """Return the cell of each value, shape (n,)."""
        missing = np.isnan(values)
        if self.codes is None:
            cells = np.searchsorted(self._sorted, np.where(np.abs(values) <= ZERO, 0.0, values), side="left")
        else:
            seen = (values >= 0) & (values < self.codes)
            cells = np.where(seen, values, self.codes).astype(np.int64)
        return np.where(missing, self.cells - 1, cells)


@dataclass(frozen=True, eq=False)
class Table:
    """What the cells of one to three features contribute to each of them, in log-odds.

    `axes` are in the features' order; `contributions` has shape (number of axes, cells of the first, …).
    """

    axes: tuple[Axis, ...]
    contributions: Floats

    @property
    def features(self) -> tuple[int, ...]:
        """The features of the axes."""
        return tuple(axis.feature for axis in self.axes)


@dataclass(frozen=True, eq=False)
class PointsTables:
    """An additive model over k features: margin = base + all contributions, in log-odds.

    `base` is the expectation over the training covers, the same for every customer.
    """

    features: tuple[str, ...]
    base: float
    tables: tuple[Table, ...]

    def plus(self, other: "PointsTables") -> "PointsTables":
        """Return the sum of two additive models over the same features."""
        return PointsTables(self.features, self.base + other.base, self.tables + other.tables)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of all tables."""
        return tuple(axis for table in self.tables for axis in table.axes)

    def of_order(self, order: int) -> tuple[Table, ...]:
        """Return the tables of so many features."""
        return tuple(table for table in self.tables if len(table.axes) == order)

    def contributions(self, matrix: Floats) -> Floats:
        """Return the exact SHAP values in log-odds, shape (n, k), of a matrix of features (n, k).

        The reference, written as the tables are defined, that the engine (`models.engine`) is tested against.
        """
        result = np.zeros(matrix.shape)
        for table in self.tables:
            cells = tuple(axis.cell(matrix[:, axis.feature]) for axis in table.axes)
            for axis, contributions in zip(table.axes, table.contributions, strict=True):
                result[:, axis.feature] += contributions[cells]
        return result

    def margin(self, contributions: Floats) -> Floats:
        """Return base + contributions, shape (n,), summed in the features' order whatever n is.

        The reference, like `contributions`, that the engine is tested against.
        """
        return sum_in_order(np.full(len(contributions), self.base), contributions)


def sum_in_order(base: Floats, contributions: Floats) -> Floats:
    """Add the columns of (n, k) to a base of shape (n,), left to right: the same for one row or many."""
    total = base.copy()
    for column in contributions.T:
        total += column
    return total
