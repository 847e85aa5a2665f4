"""One customer explained without compiled code: nothing has to be loaded."""

from bisect import bisect_right
from collections.abc import Sequence

from models.packing import Packed


class RowExplainer:
    """A packed model as lists; its additions are those of `models.kernels`, in the same order."""

    def __init__(self, packed: Packed, base: float) -> None:
        """Unpack the arrays."""
        self._base = base
        self._axes = [
            (column, packed.bounds[bounds : bounds + missing - 1].tolist(), missing, points)
            for column, bounds, _, _, missing, points in packed.axes.tolist()
        ]
        self._points: list[float] = packed.points.tolist()
        maps = packed.maps.tolist()
        self._joints = []
        for a, b, c, map_a, map_b, map_c, points in packed.joints.tolist():
            # Each feature's place among the cells, its column, and the place that each cell adds.
            sides = [
                (axis, self._axes[axis][0], maps[begin : begin + self._axes[axis][2] + 1])
                for axis, begin in ((a, map_a), (b, map_b), (c, map_c))
                if axis >= 0
            ]
            self._joints.append((sides[0], sides[1], sides[2] if c >= 0 else None, points))

    def explain(self, values: Sequence[float], contributions: list[float]) -> float:
        """Fill k contributions, given as zeros, and return the margin."""
        points = self._points
        cells = []
        for column, bounds, missing, first in self._axes:
            value = values[column]
            cell = bisect_right(bounds, value) if value == value else missing
            cells.append(cell)
            contributions[column] = points[first + cell]
        for (a, to_a, map_a), (b, to_b, map_b), third, first in self._joints:
            at = first + map_a[cells[a]] + map_b[cells[b]]
            if third is not None:
                c, to_c, map_c = third
                at += map_c[cells[c]]
                contributions[to_c] += points[at + 2]
            contributions[to_a] += points[at]
            contributions[to_b] += points[at + 1]
        margin = self._base
        for column, _, _, _ in self._axes:
            margin += contributions[column]
        return margin
