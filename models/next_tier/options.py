"""One customer's options: which indicators may move, to which values, and at what effort.

An indicator moves if the catalog calls it actionable, it applies to the customer, and no other indicator's
applicability rests on it; only ever towards what the company values. An unknown one may be supplied.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog, Placed
from features.portfolio import Bools, Floats, Portfolio, met_by
from models.artefact import Model
from models.next_tier.ladder import Ladder, ladder
from models.packing import axes_by_feature, merged_bounds
from models.policy import Policy

Integers = NDArray[np.intp]

# What touching an indicator at all costs beside its steps: as much as one step.
EFFORT_OF_TOUCHING = 1.0


@dataclass(frozen=True, eq=False)
class Options:
    """m options of one indicator, never falling in points: to stay comes first, then the rungs of its ladder.

    Attributes:
        column: the indicator's.
        ladder: it moves on.
        start: from where steps are counted: its value, or where that is missing the least worth supplying.
        values: encoded, shape (m,); NaN where a missing fact stays missing.
        efforts: shape (m,); 0 only for staying.
        points: of the curve, for a missing fact the policy's missing points, 0 without a curve; shape (m,).
        allowed: which options no veto forbids, shape (m,).
        supplies: whether the fact is missing, so that to move is to supply it.
    """

    column: int
    ladder: Ladder
    start: float
    values: Floats
    efforts: Floats
    points: Floats
    allowed: Bools
    supplies: bool

    def only(self, places: Integers) -> "Options":
        """Return some of the options."""
        return replace(
            self,
            values=self.values[places],
            efforts=self.efforts[places],
            points=self.points[places],
            allowed=self.allowed[places],
        )

    def effort_of(self, value: float) -> float:
        """Return what it takes to get to a value."""
        return EFFORT_OF_TOUCHING + abs(self.ladder.steps_of(value) - self.ladder.steps_of(self.start))


def ladders(catalog: Catalog, policy: Policy, model: Model | None) -> dict[int, Ladder]:
    """Return the ladders of the indicators that may move and matter, by column."""
    conditions = {condition.indicator for condition in catalog.conditional}
    vetoed = {veto.when.indicator for veto in policy.vetoes}
    axes = {} if model is None else axes_by_feature(model.tables.axes)
    of_feature = {} if model is None else {id_: place for place, id_ in enumerate(model.tables.features)}
    result = {}
    for column, placed in enumerate(catalog.placed):
        indicator = placed.indicator
        if not indicator.actionable or indicator.protected or placed.id in conditions:
            continue
        own = axes.get(of_feature.get(placed.id, -1), [])
        if not own and placed.id not in vetoed and not _is_weighted(placed, catalog):
            continue
        bounds = merged_bounds(own) if own and own[0].codes is None else np.empty(0)
        found = ladder(indicator, catalog, bounds)
        if found is not None:
            result[column] = found
    return result


def options(
    portfolio: Portfolio, row: int, movable: dict[int, Ladder], policy: Policy
) -> tuple[Options, ...]:
    """Return the options of every indicator that may move for one customer."""
    result = []
    for column, on in movable.items():
        if not portfolio.applicable[row, column]:
            continue
        value = float(portfolio.values[row, column])
        supplies = bool(np.isnan(value))
        if supplies:
            reference = policy.reference_for(portfolio.natures[row])
            rungs, now = _supplied(on, reference, policy.missing_points), policy.missing_points
            start = float(on.values[rungs[0]]) if len(rungs) else value
        else:
            rungs, now, start = on.better_than(value), on.points_of(value), value
        values = np.concatenate([[value], on.values[rungs]])
        steps = np.abs(on.steps[rungs] - on.steps_of(start)) if len(rungs) else np.empty(0)
        points = np.concatenate([[now], on.points[rungs]])
        result.append(
            Options(
                column=column,
                ladder=on,
                start=start,
                values=values,
                efforts=np.concatenate([[0.0], EFFORT_OF_TOUCHING + steps]),
                points=np.zeros(len(points)) if np.all(np.isnan(on.points)) else points,
                allowed=_allowed(portfolio, column, values, policy),
                supplies=supplies,
            )
        )
    return tuple(result)


def _supplied(on: Ladder, reference: float, missing_points: float) -> Integers:
    """Return the rungs at which a missing fact may turn out to be, the least first.

    The least is where the curve gives the policy's reference points (or what comes nearest to them); one that
    is worth less than its absence is not worth supplying. Without a curve it is the middle of the ladder.
    """
    if np.all(np.isnan(on.points)):
        up = np.arange(len(on.values)) if on.best[0] >= on.order[-1] else np.arange(len(on.values))[::-1]
        return up[len(up) // 2 :]
    enough = max(min(reference, float(np.max(on.points))), missing_points)
    rungs = np.flatnonzero(on.points >= enough)
    return rungs[np.argsort(on.points[rungs], kind="stable")]


def _allowed(portfolio: Portfolio, column: int, values: Floats, policy: Policy) -> Bools:
    placed = portfolio.catalog.placed[column]
    allowed = np.ones(len(values), dtype=np.bool_)
    for veto in policy.vetoes:
        if veto.when.indicator == placed.id:
            allowed &= ~met_by(veto.when, placed.indicator, values)
    return allowed


def _is_weighted(placed: Placed, catalog: Catalog) -> bool:
    return any(placed.indicator.weight_of(nature) > 0 for nature in catalog.natures)
