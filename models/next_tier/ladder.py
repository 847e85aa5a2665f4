"""The ladder of an indicator: the values that it may take on the way to what the company values, in steps.

A step is the catalog's own unit of difference, and so needs no setting: the way from one knot of an
indicator's curve to the next, from one level's points to the next better ones, or from one value of a flag to
the other. Where a number has no curve, a fifth of the model's thresholds is a step (they are quantiles of the
customers trained on). No one is asked for more than the curve's best knot.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog, FlagPoints, Indicator, Kind
from features.curve import Better, Knots
from features.portfolio import Floats

# Between two knots the ladder has this many rungs to a step.
RUNGS_PER_STEP = 4
# A number without a curve is this many steps long.
STEPS_WITHOUT_CURVE = 5
# Decimals that values may have at most, and figures that those without a curve and a unit have.
_MOST_DECIMALS = 12
_FIGURES = 3


@dataclass(frozen=True, eq=False)
class Ladder:
    """m rungs, worse ones first (of a number whose middle is best: the smallest first).

    Attributes:
        values: encoded values as `features.customer.encode_value` gives them, shape (m,).
        order: what rungs are compared by, never falling: the value, of a category the place of its points.
        steps: how far up each rung is, shape (m,).
        points: what the curve gives for each, NaN where there is none; shape (m,).
        best: the range of `order` that the company values most.
        resolution: values between two rungs are multiples of 1/resolution; None where nothing lies between.
    """

    values: Floats
    order: Floats
    steps: Floats
    points: Floats
    best: tuple[float, float]
    resolution: float | None
    scale: "_Scale"

    @property
    def has_two_sides(self) -> bool:
        """Whether the best lies between better and better values, not at an end."""
        low, high = self.best
        return bool(self.order[0] < low and high < self.order[-1])

    def order_of(self, value: float) -> float:
        """Return where an encoded value stands among the rungs."""
        return self.scale.order(value)

    def steps_of(self, value: float) -> float:
        """Return how many steps up an encoded value is."""
        return self.scale.steps(value)

    def points_of(self, value: float) -> float:
        """Return the curve's points for an encoded value; NaN where there is no curve."""
        return self.scale.points(value)

    def better_than(self, value: float) -> NDArray[np.intp]:
        """Return the rungs strictly between a value and the best and the best itself, the nearest first."""
        at, (low, high) = self.order_of(value), self.best
        if at < low:
            return np.flatnonzero((self.order > at) & (self.order <= low))
        if at > high:
            return np.flatnonzero((self.order < at) & (self.order >= high))[::-1]
        return np.empty(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class _Scale:
    """Piecewise linear maps from `order` to steps and points over `knots` (order, steps, points)."""

    knots: Floats
    codes: Floats | None = None

    def order(self, value: float) -> float:
        return value if self.codes is None else float(self.codes[int(value)])

    def steps(self, value: float) -> float:
        order, steps, _ = self.knots
        at = self.order(value)
        # Outside the knots each doubling of the distance, from the outer segment's length on, is a step.
        if at < order[0]:
            return float(steps[0]) - _doublings(float(order[0]) - at, float(order[1] - order[0]))
        if at > order[-1]:
            return float(steps[-1]) + _doublings(at - float(order[-1]), float(order[-1] - order[-2]))
        return float(np.interp(at, order, steps))

    def points(self, value: float) -> float:
        return float(np.interp(self.order(value), self.knots[0], self.knots[2]))


def _doublings(distance: float, length: float) -> float:
    """Return log2(1 + distance / length), also where that ratio is too large a number."""
    return math.log2(length + distance) - math.log2(length) if distance < 1e300 else 1e3


def ladder(indicator: Indicator, catalog: Catalog, bounds: Floats) -> Ladder | None:
    """Return an indicator's ladder; None where nothing says which way is up, or there is nowhere to go.

    Args:
        indicator: of the catalog.
        catalog: whose units say how finely values are shown, and so how finely they are asked for.
        bounds: the smallest value of each of the model's cells but the first, rising; empty without a model.
    """
    match indicator.kind:
        case Kind.FLAG:
            return _of_flag(indicator)
        case Kind.CATEGORY:
            return _of_category(indicator)
        case Kind.NUMBER:
            return _of_number(indicator, catalog, bounds)


def _of_flag(indicator: Indicator) -> Ladder:
    points = (math.nan, math.nan)
    if isinstance(indicator.points, FlagPoints):
        points = (indicator.points.false, indicator.points.true)
    scale = _Scale(np.array([(0.0, 1.0), (0.0, 1.0), points]))
    end = 1.0 if indicator.better is Better.HIGHER else 0.0
    return _ladder(scale, np.array([0.0, 1.0]), np.array([0.0, 1.0]), (end, end), None)


def _of_category(indicator: Indicator) -> Ladder | None:
    points = [level.points for level in (indicator.levels or {}).values()] + [indicator.unseen_points]
    known = np.array([math.nan if p is None else p for p in points])
    distinct = np.unique(known[:-1])
    if np.any(np.isnan(known)) or len(distinct) < 2:
        return None  # without points nothing says which level is better
    places = np.arange(len(distinct), dtype=np.float64)
    codes = np.interp(known, distinct, places)
    scale = _Scale(np.array([places, places, distinct]), codes)
    values = np.argsort(codes[:-1], kind="stable").astype(np.float64)
    end = float(places[-1])
    return _ladder(scale, values, codes[values.astype(np.int64)], (end, end), None)


def _of_number(indicator: Indicator, catalog: Catalog, bounds: Floats) -> Ladder | None:
    curve = indicator.points if isinstance(indicator.points, tuple) else None
    if curve is not None:
        x, points = np.array(curve).T
        scale = _Scale(np.array([x, np.arange(len(x), dtype=np.float64), points]))
    elif len(bounds) > 1 and indicator.better is not Better.MIDDLE:
        x = bounds
        steps = np.arange(len(x)) * (STEPS_WITHOUT_CURVE / (len(x) - 1))
        scale = _Scale(np.array([x, steps, np.full(len(x), math.nan)]))
    else:
        return None
    resolution = _resolution(indicator, catalog, curve, x)
    parts = np.arange(1, RUNGS_PER_STEP) / RUNGS_PER_STEP
    between = (x[:-1, None] + np.diff(x)[:, None] * parts).ravel() if curve is not None else np.empty(0)
    # Both sides of every threshold of the model, so that each of its cells is entered and gone through.
    cells = _multiples_from(bounds, resolution)
    values = (
        np.concatenate([_multiples_from(np.concatenate([x, between]), resolution), cells, cells - 1.0])
        / resolution
    )
    low = max(x[0], -math.inf if indicator.minimum is None else indicator.minimum)
    high = min(x[-1], math.inf if indicator.maximum is None else indicator.maximum)
    values = np.unique(values[(values >= low) & (values <= high)]) + 0.0
    if len(values) == 0:
        return None
    return _ladder(scale, values, values, _best(indicator, curve, values), resolution)


def _ladder(
    scale: _Scale, values: Floats, order: Floats, best: tuple[float, float], resolution: float | None
) -> Ladder:
    steps = np.interp(order, scale.knots[0], scale.knots[1])
    points = np.interp(order, scale.knots[0], scale.knots[2])
    return Ladder(values, order, steps, points, best, resolution, scale)


def _best(indicator: Indicator, curve: Knots | None, values: Floats) -> tuple[float, float]:
    if indicator.better is Better.HIGHER:
        return float(values[-1]), float(values[-1])
    if indicator.better is Better.LOWER or curve is None:
        return float(values[0]), float(values[0])
    points = np.interp(values, *np.array(curve).T)
    top = values[points >= np.max(points)]
    return float(top[0]), float(top[-1])


def _multiples_from(values: Floats, resolution: float) -> Floats:
    """Return for each value the smallest n with n / resolution >= value, shape as given."""
    n = np.floor(values * resolution)
    n = np.where(n / resolution < values, n + 1.0, n)
    return np.where(n / resolution < values, n + 1.0, n)


def _resolution(indicator: Indicator, catalog: Catalog, curve: Knots | None, x: Floats) -> float:
    """Return how many values make up 1: as finely as the unit is shown, finer where knots are.

    Without a unit as finely as the knots; without a curve too, some figures of the range.
    """
    unit = catalog.units.get(indicator.unit or "")
    if unit is not None:
        decimals, scale = unit.decimals, unit.scale
    elif curve is not None:
        decimals, scale = 0, 1.0
    else:
        return 10.0 ** (_FIGURES - math.floor(math.log10(float(x[-1] - x[0]))))
    if curve is not None:
        while decimals < _MOST_DECIMALS and any(_is_finer(knot, scale * 10.0**decimals) for knot in x):
            decimals += 1
    resolution: float = scale * 10.0**decimals
    return resolution


def _is_finer(value: float, resolution: float) -> bool:
    n = round(value * resolution)
    return abs(n / resolution - value) > 1e-9 * max(abs(value), 1e-300)
