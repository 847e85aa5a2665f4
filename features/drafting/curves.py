"""What outcomes say of an indicator: which way risk moves, how values become points, how much it tells.

Points follow the smoothed bad rate: 60 at the average, 15 more for every halving of the odds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

from features.curve import Better, Knots

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

REFERENCE = 60.0
POINTS_PER_DOUBLING = 15.0
LOWEST, HIGHEST = 5.0, 95.0
# The curve of what tells nobody apart, where one has to be given.
LEVEL: Knots = ((0.0, REFERENCE), (1.0, REFERENCE))
_BINS = 8
# A bin's log-odds are drawn towards the average's by so many customers of the average.
_PRIOR_CUSTOMERS = 20.0
# A direction is declared where the ranking is this far from chance, beyond doubt, and no part says otherwise.
_RANKS = 0.02
_SURE = 4.0
_TURN = 2.5
# The middle is best only where that fits clearly better than one direction.
_CLEARLY = 0.5


@dataclass(frozen=True)
class Bin:
    """A range of an indicator's values: its middle value, customers, and share of bad outcomes."""

    middle: float
    customers: int
    bad_rate: float


@dataclass(frozen=True)
class DrawnCurve:
    """What outcomes say of a number or a flag.

    `direction` is −1, 0 (not sure) or +1; `area` the AUC of its values for the bad outcome; `information` its
    information value (Siddiqi 2006, chapter 6). `knots` are None where it does not tell customers apart.
    """

    direction: int
    better: Better
    knots: Knots | None
    area: float
    information: float
    bins: tuple[Bin, ...]

    @property
    def better_of_two(self) -> Better:
        """Which of a flag's two values is better."""
        return self.better if self.better is Better.LOWER else Better.HIGHER


@dataclass(frozen=True)
class DrawnLevels:
    """What outcomes say of a category: points and bad rate by level, points of others, information."""

    points: dict[str, float]
    unseen: float
    information: float
    bad_rates: dict[str, float]


def draw_curve(values: Floats, bad: Bools) -> DrawnCurve:
    """Draw a number's (or a flag's, 0 and 1) curve from n customers; NaN where missing.

    Args:
        values, bad: shape (n,).
    """
    known = ~np.isnan(values)
    x, y = values[known], bad[known]
    if len(x) == 0 or not y.any() or y.all() or np.min(x) == np.max(x):
        return DrawnCurve(0, Better.HIGHER, None, 0.5, 0.0, ())
    area, error = _area(x, y)
    edges = np.unique(np.quantile(x, np.arange(1, _BINS) / _BINS, method="closest_observation"))
    # A bin ends with its edge; the largest value needs none.
    code = np.searchsorted(edges[edges < np.max(x)], x, side="left")
    customers: Floats = np.bincount(code).astype(np.float64)
    bads: Floats = np.bincount(code, weights=y).astype(np.float64)
    kept = customers > 0
    middles = np.array([np.median(x[code == number]) for number in np.flatnonzero(kept)])
    customers, bads = customers[kept], bads[kept]
    average = float(np.mean(y))
    log_odds = _shrunk(bads, customers, average)
    goodness = math.log(average / (1 - average)) - log_odds
    direction = 0
    if abs(area - 0.5) >= _RANKS and abs(area - 0.5) >= _SURE * error:
        sign = 1 if area > 0.5 else -1
        if not _turns(log_odds * sign, bads, customers):
            direction = sign
    better, fitted = _shape(goodness, customers, direction)
    knots = _knots(middles, fitted)
    bins = tuple(
        Bin(float(m), int(n), float(b / n)) for m, n, b in zip(middles, customers, bads, strict=True)
    )
    return DrawnCurve(direction, better, knots, area, _information(bads, customers), bins)


def draw_levels(words: NDArray[np.object_], bad: Bools, levels: Sequence[str]) -> DrawnLevels:
    """Draw the points of a category's levels from n customers; other texts are unseen, None missing."""
    known = words != np.array(None)
    average = float(np.mean(bad[known])) if known.any() else 0.5
    average = min(max(average, 1e-6), 1 - 1e-6)
    customers = np.array([np.sum(words == level) for level in levels], dtype=np.float64)
    bads = np.array([np.sum(bad[words == level]) for level in levels], dtype=np.float64)
    goodness = math.log(average / (1 - average)) - _shrunk(bads, customers, average)
    points = {level: _points(value) for level, value in zip(levels, goodness, strict=True)}
    seen = customers > 0
    return DrawnLevels(
        points=points,
        # What nobody has seen yet does not pay.
        unseen=min(REFERENCE - 10.0, *points.values()) if len(points) else REFERENCE - 10.0,
        information=_information(bads[seen], customers[seen]),
        bad_rates={level: float(b / n) for level, b, n in zip(levels, bads, customers, strict=True) if n},
    )


def curve_document(drawn: DrawnCurve, *, flag: bool) -> dict[str, Any]:
    """Return a curve as a catalog declares it: `better`, `risk_direction` and `points` if there are."""
    result: dict[str, Any] = {"better": str(drawn.better_of_two if flag else drawn.better)}
    if drawn.direction:
        result["risk_direction"] = drawn.direction
    if drawn.knots is not None and flag:
        result["points"] = {"true": drawn.knots[-1][1], "false": drawn.knots[0][1]}
    elif drawn.knots is not None:
        result["points"] = [list(knot) for knot in drawn.knots]
    return result


def rounded(value: float, digits: int = 3) -> float:
    """Return a value with so many significant digits: a quantile and not one customer's own figure."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    near = float(f"{value:.{digits}g}")
    return near if math.isfinite(near) else value


def _area(x: Floats, y: Bools) -> tuple[float, float]:
    """Return the AUC of x for y and its standard error (Hanley and McNeil 1982)."""
    ranks = rankdata(x)
    bad, good = int(y.sum()), int((~y).sum())
    area = (float(ranks[y].sum()) - bad * (bad + 1) / 2) / (bad * good)
    a = max(area, 1 - area)
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (bad - 1) * (q1 - a * a) + (good - 1) * (q2 - a * a)) / (bad * good)
    return area, math.sqrt(max(variance, 0.0))


def _shrunk(bads: Floats, customers: Floats, average: float) -> Floats:
    """Return each bin's log-odds, drawn towards the average's."""
    rates = (bads + _PRIOR_CUSTOMERS * average) / (customers + _PRIOR_CUSTOMERS)
    rates = np.clip(rates, 1e-6, 1 - 1e-6)
    result: Floats = np.log(rates / (1 - rates))
    return result


def _turns(rising: Floats, bads: Floats, customers: Floats) -> bool:
    """Whether log-odds that should rise fall somewhere between two bins by more than chance allows."""
    rates = np.clip(bads / customers, 0.5 / customers, 1 - 0.5 / customers)
    errors = np.sqrt(1.0 / np.maximum(customers * rates * (1 - rates), 0.25))
    highest = 0
    for place in range(1, len(rising)):
        fall = rising[highest] - rising[place]
        if fall > _TURN * math.hypot(errors[highest], errors[place]):
            return True
        if rising[place] > rising[highest]:
            highest = place
    return False


def _shape(goodness: Floats, customers: Floats, direction: int) -> tuple[Better, Floats]:
    """Return which values are better, and the goodness of each bin fitted to that."""
    weights = customers
    rising = isotonic_regression(goodness, weights=weights, increasing=True).x
    falling = isotonic_regression(goodness, weights=weights, increasing=False).x
    if direction:
        return (Better.LOWER, falling) if direction > 0 else (Better.HIGHER, rising)

    def misfit(fitted: Floats) -> float:
        return float(np.sum(weights * (fitted - goodness) ** 2))

    better, fitted = min(((Better.HIGHER, rising), (Better.LOWER, falling)), key=lambda pair: misfit(pair[1]))
    peaks = []
    for peak in range(1, len(goodness) - 1):
        left = isotonic_regression(goodness[: peak + 1], weights=weights[: peak + 1], increasing=True).x
        right = isotonic_regression(goodness[peak:], weights=weights[peak:], increasing=False).x
        top = max(left[-1], right[0])
        peaks.append(np.concatenate([left[:-1], [top], right[1:]]))
    if peaks:
        best = min(peaks, key=misfit)
        if misfit(best) < _CLEARLY * misfit(fitted):
            return Better.MIDDLE, best
    return better, fitted


def _knots(middles: Floats, goodness: Floats) -> Knots | None:
    points = [_points(value) for value in goodness]
    knots: list[tuple[float, float]] = []
    for middle, value in zip(middles, points, strict=True):
        x = rounded(float(middle))
        if not knots or x > knots[-1][0]:
            knots.append((x, value))
    if len(knots) < 2 or len({value for _, value in knots}) == 1:
        return None
    return tuple(knots)


def _points(goodness: float) -> float:
    return round(min(max(REFERENCE + POINTS_PER_DOUBLING * goodness / math.log(2), LOWEST), HIGHEST), 1)


def _information(bads: Floats, customers: Floats) -> float:
    goods = customers - bads
    if not bads.sum() or not goods.sum():
        return 0.0
    p, q = (bads + 0.5) / (bads.sum() + 0.5 * len(bads)), (goods + 0.5) / (goods.sum() + 0.5 * len(goods))
    return float(np.sum((p - q) * np.log(p / q)))
