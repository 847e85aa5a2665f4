"""The points tables of a registered document, looked up cell by cell as its format says."""

from bisect import bisect_left
from itertools import pairwise
from math import isnan, prod

import numpy as np

from training.independent.declared import Json
from training.independent.trees import ZERO, Floats


def looked_up(part: Json, matrix: Floats) -> Floats:
    """Return the contributions of a part (prior or correction) in log-odds, shape (n, k), of a matrix (n, k).

    A table has one axis a feature and, for each axis, one number a cell, the last axis' cells fastest.
    """
    result = np.zeros(matrix.shape)
    for table in part["tables"]:
        axes = table["axes"]
        sizes = [cells_of(axis) for axis in axes]
        strides = [prod(sizes[place + 1 :]) for place in range(len(sizes))]
        for row, values in enumerate(matrix.tolist()):
            place = sum(
                stride * cell_of(axis, values[axis["feature"]])
                for axis, stride in zip(axes, strides, strict=True)
            )
            for axis, contributions in zip(axes, table["contributions"], strict=True):
                result[row, axis["feature"]] += contributions[place]
    return result


def cells_of(axis: Json) -> int:
    """Return how many cells an axis has: the last is for what is missing."""
    codes = axis.get("codes")
    return (len(axis.get("thresholds") or ()) if codes is None else int(codes)) + 2


def cell_of(axis: Json, value: float) -> int:
    """Return the cell of a value: as many thresholds lie strictly below; or its code, or the unseen."""
    if isnan(value):
        return cells_of(axis) - 1
    codes = axis.get("codes")
    if codes is not None:
        return int(value) if 0 <= value < codes else int(codes)
    return bisect_left(axis.get("thresholds") or (), 0.0 if abs(value) <= ZERO else value)


def thresholds_of(part: Json) -> dict[int, set[float]]:
    """Return the thresholds of each feature that has any."""
    found: dict[int, set[float]] = {}
    for table in part["tables"]:
        for axis in table["axes"]:
            found.setdefault(axis["feature"], set()).update(axis.get("thresholds") or ())
    return found


def against_direction(part: Json, directions: dict[int, int]) -> int | None:
    """Return a feature whose table moves against its declared direction of risk (−1, +1; 0 is none), if any.

    Tables of several features are not looked at.
    """
    for table in part["tables"]:
        feature = table["axes"][0]["feature"]
        direction = directions.get(feature, 0)
        if len(table["axes"]) == 1 and direction:
            known = table["contributions"][0][:-1]
            if any((b - a) * direction < 0 for a, b in pairwise(known)):
                return int(feature)
    return None
