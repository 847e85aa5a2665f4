"""Points curves: how an indicator's value becomes points between 0 and 100 (M13)."""

import itertools
from enum import StrEnum

import numpy as np

Knots = tuple[tuple[float, float], ...]


class Better(StrEnum):
    """Which direction of an indicator the company values."""

    HIGHER = "higher"
    LOWER = "lower"
    MIDDLE = "middle"
    LEVELS = "levels"


def check_knots(knots: Knots, better: Better) -> None:
    """Refuse a curve that is no curve or that runs against its declared direction.

    Raises:
        ValueError: with the reason.
    """
    if len(knots) < 2:
        raise ValueError("a points curve needs at least two knots [value, points]")
    x = [knot[0] for knot in knots]
    points = [knot[1] for knot in knots]
    if not all(np.isfinite(x)) or any(not 0 <= p <= 100 for p in points):
        raise ValueError("knots need finite values and points between 0 and 100")
    if any(b <= a for a, b in itertools.pairwise(x)):
        raise ValueError("the knots' values must rise strictly")
    steps = [b - a for a, b in itertools.pairwise(points)]
    if better is Better.HIGHER and min(steps) < 0:
        raise ValueError("the points fall although higher is declared better")
    if better is Better.LOWER and max(steps) > 0:
        raise ValueError("the points rise although lower is declared better")
    if better is Better.MIDDLE:
        falling = [step < 0 for step in steps if step]
        if falling != sorted(falling):
            raise ValueError("the points fall and rise again although the middle is declared better")
    if better is Better.LEVELS:
        raise ValueError("better: levels belongs to a category, not to a number")
