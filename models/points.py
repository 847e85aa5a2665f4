"""The points tables: a boosted model of at most pairwise interactions, compiled to look-ups.

A leaf of value v whose path tests features a and b, with o = 1 where all tests on that feature are
satisfied and r the product of the cover ratios of its splits, contributes to the path-dependent SHAP
values φ_a = v (o_a − r_a)(o_b + r_b)/2 and the like for b; a leaf that tests a alone, φ_a = v (o_a − r_a)
(Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for trees",
algorithm 2, written out for products of two factors). Both are constant between thresholds, so their sums
over all leaves are tables: exact, and as fast as a look-up.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Floats

# LightGBM reads smaller numbers as 0 (its kZeroThreshold, a 32-bit float).
ZERO = float(np.float32(1e-35))


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
class MainTable:
    """One feature's contributions by cell, shape (cells,), in log-odds."""

    axis: Axis
    contributions: Floats


@dataclass(frozen=True, eq=False)
class PairTable:
    """Two features' contributions by pair of cells, each of shape (first cells, second cells)."""

    first: Axis
    second: Axis
    first_contributions: Floats
    second_contributions: Floats


@dataclass(frozen=True, eq=False)
class PointsTables:
    """An additive model over k features: margin = base + all contributions, in log-odds.

    `base` is the expectation over the training covers, the same for every customer.
    """

    features: tuple[str, ...]
    base: float
    mains: tuple[MainTable, ...]
    pairs: tuple[PairTable, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of all tables."""
        mains = tuple(main.axis for main in self.mains)
        return mains + tuple(axis for pair in self.pairs for axis in (pair.first, pair.second))

    def contributions(self, matrix: Floats) -> Floats:
        """Return the exact SHAP values in log-odds, shape (n, k), of a matrix of features (n, k)."""
        result = np.zeros(matrix.shape)
        for main in self.mains:
            result[:, main.axis.feature] += main.contributions[main.axis.cell(matrix[:, main.axis.feature])]
        for pair in self.pairs:
            cells = (
                pair.first.cell(matrix[:, pair.first.feature]),
                pair.second.cell(matrix[:, pair.second.feature]),
            )
            result[:, pair.first.feature] += pair.first_contributions[cells]
            result[:, pair.second.feature] += pair.second_contributions[cells]
        return result

    def margin(self, contributions: Floats) -> Floats:
        """Return base + contributions, shape (n,), summed in the features' order whatever n is."""
        return sum_in_order(np.full(len(contributions), self.base), contributions)


def sum_in_order(base: Floats, contributions: Floats) -> Floats:
    """Add the columns of (n, k) to a base of shape (n,), left to right: the same for one row or many."""
    total = base.copy()
    for column in contributions.T:
        total += column
    return total
