"""Points tables packed into a few arrays for the engine."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Floats
from models.points import ZERO, Axis, PointsTables, Table

# The most cells of one feature; beyond it a cell's number does not fit into 16 bits.
MOST_CELLS = 65_536
# Up to so many bounds it is quicker to compare with each than to search.
COUNTED = 40
# Bounds are compared in fours (`models.kernels`).
PADDED = 4


class EngineError(ValueError):
    """The tables are too large for the engine."""


@dataclass(frozen=True)
class _Union:
    """One feature's axis: bounds, and a value of each cell (cells,), NaN for the last."""

    bounds: Floats
    values: Floats

    @classmethod
    def of(cls, axes: list[Axis]) -> "_Union":
        bounds = merged_bounds(axes)
        return cls(bounds, np.concatenate([[-np.inf], bounds, [np.nan]]))

    @property
    def cells(self) -> int:
        return len(self.values)


def axes_by_feature(axes: Iterable[Axis]) -> dict[int, list[Axis]]:
    """Return the axes of each feature that has any."""
    of_feature: dict[int, list[Axis]] = defaultdict(list)
    for axis in axes:
        of_feature[axis.feature].append(axis)
    return of_feature


def merged_bounds(axes: Sequence[Axis]) -> Floats:
    """Return the bounds of all axes of one feature, each once, rising.

    Raises:
        EngineError: they part more than `MOST_CELLS` cells.
    """
    bounds = np.unique(np.concatenate([_bounds(axis) for axis in axes]))
    if len(bounds) + 2 > MOST_CELLS:
        raise EngineError(f"feature {axes[0].feature} has more than {MOST_CELLS:,} cells")
    return bounds


def _bounds(axis: Axis) -> Floats:
    """Return the smallest value of each cell but the first, so that bound ≤ value tells them apart.

    A threshold lies strictly below; what is within ±ZERO counts as 0; categories are cut between codes.
    """
    if axis.codes is not None:
        return np.arange(axis.codes + 1, dtype=np.float64)
    thresholds = np.array(axis.thresholds, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        above = np.nextafter(thresholds, np.inf)
    above[(thresholds >= -ZERO) & (thresholds < 0)] = -ZERO
    above[(thresholds >= 0) & (thresholds <= ZERO)] = np.nextafter(ZERO, np.inf)
    return above


class Packed:
    """A model as the arrays that the engine reads, its contributions times a slope.

    `axes`, one used feature a row: its column, where its bounds begin, how many to compare with (0: search),
    the steps of a search, the cell for missing values, where its points begin. Bounds are padded with NaN.
    `joints`, one table of two or three features a row: their rows in `axes`, where their maps from cell to
    place begin (both -1 for a third that is none), and where its points begin, to which the places add.
    """

    def __init__(self, tables: PointsTables, slope: float) -> None:
        of_feature = axes_by_feature(tables.axes)
        used = sorted(of_feature)
        self._place = {feature: place for place, feature in enumerate(used)}
        self._unions = [_Union.of(of_feature[feature]) for feature in used]
        self._bounds: list[Floats] = []
        self._points: list[Floats] = []
        self._maps: list[NDArray[np.uint32]] = []
        axes = [self._axis(feature, tables, slope) for feature in used]
        joints = [self._joint(table, slope) for table in tables.tables if len(table.axes) > 1]
        self.axes = np.array(axes, dtype=np.int64).reshape(-1, 6)
        self.joints = np.array(joints, dtype=np.int64).reshape(-1, 7)
        self.bounds = _joined(self._bounds, np.float64)
        self.points = _joined(self._points, np.float64)
        self.maps = _joined(self._maps, np.uint32)

    def _axis(self, feature: int, tables: PointsTables, slope: float) -> tuple[int, ...]:
        """Pack a feature's bounds and the sum of its own tables."""
        union = self._unions[self._place[feature]]
        points = np.zeros(union.cells)
        for table in tables.of_order(1):
            if table.features == (feature,):
                points += table.contributions[0][table.axes[0].cell(union.values)]
        count = len(union.bounds)
        steps = count.bit_length()
        compared = count if count <= COUNTED else 0
        compared = math.ceil(compared / PADDED) * PADDED
        padded = np.full(max(compared, (1 << steps) - 1), np.nan)
        padded[:count] = union.bounds
        return (
            feature,
            _put(self._bounds, padded),
            compared,
            steps,
            union.cells - 1,
            _put(self._points, points * slope),
        )

    def _joint(self, table: Table, slope: float) -> tuple[int, ...]:
        """Pack a table of two or three features."""
        order = len(table.axes)
        places = [self._place[feature] for feature in table.features]
        size = order
        maps = []
        for place, axis in reversed(list(zip(places, table.axes, strict=True))):
            cells = axis.cell(self._unions[place].values)
            maps.append(_put(self._maps, (cells * size).astype(np.uint32)))
            size *= axis.cells
        maps.reverse()
        side_by_side = np.moveaxis(table.contributions, 0, -1).ravel() * slope
        missing = [-1] * (3 - order)
        return (*places, *missing, *maps, *missing, _put(self._points, side_by_side))


def _put(parts: list[NDArray[Any]], part: NDArray[Any]) -> int:
    """Append a part and return where it begins."""
    begin = sum(len(other) for other in parts)
    parts.append(part)
    return begin


def _joined(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=kind), *parts])
