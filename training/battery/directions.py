"""Whether a model keeps to declared directions, gone through over all of its tables, not over customers.

A feature's effect lies in all tables it stands in, with whatever the other features of those tables are. From
one range of it to the next, the least change of the log-odds over every combination of theirs is a minimum of
a sum of tables, found by eliminating one other feature after another (Dechter 1999, "Bucket elimination").
"""

from dataclasses import dataclass

import numpy as np

from features.portfolio import Floats
from models.packing import axes_by_feature, merged_bounds
from models.points import PointsTables

# The largest array that is made; beyond it a lower bound takes the minimum's place.
MOST_NUMBERS = 20_000_000


@dataclass(frozen=True)
class Step:
    """The least change of the margin against which a feature moves by one range in its declared direction.

    Not negative where the model keeps to it. `steps` are the ranges gone through; where it is not `exact`,
    the least change is at least `least`.
    """

    least: float
    steps: int
    exact: bool


@dataclass(frozen=True, eq=False)
class _Factor:
    """What a feature's steps change where others are in given cells: shape (steps, cells of the first, …)."""

    features: tuple[int, ...]
    change: Floats


def least_step(tables: PointsTables, feature: int, direction: int) -> Step:
    """Return the least change of one feature of a declared direction (−1 or +1).

    What is missing is no range: the declared direction says nothing of it.
    """
    concerned = [table for table in tables.tables if feature in table.features]
    axes = axes_by_feature(axis for table in concerned for axis in table.axes)
    # A value of every cell that the tables tell apart; the last stands for what is missing.
    values = {each: np.concatenate([[-np.inf], merged_bounds(of), [np.nan]]) for each, of in axes.items()}
    factors = []
    for table in concerned:
        cells = [axis.cell(values[axis.feature]) for axis in table.axes]
        effect = np.sum(table.contributions, axis=0)[np.ix_(*cells)]
        by_feature = np.moveaxis(effect, table.features.index(feature), 0)[:-1]
        others = tuple(other for other in table.features if other != feature)
        factors.append(_Factor(others, direction * np.diff(by_feature, axis=0)))
    steps = len(values[feature]) - 2 if concerned else 0
    if not steps:
        return Step(0.0, 0, True)
    least, exact = _least(factors, {each: len(of) for each, of in values.items()}, steps)
    return Step(float(np.min(least)), steps, exact)


def _least(factors: list[_Factor], cells: dict[int, int], steps: int) -> tuple[Floats, bool]:
    """Return each step's least sum, shape (steps,), and whether it is the minimum or only a bound."""
    exact = True
    while others := {other for factor in factors for other in factor.features}:
        cheapest = min(others, key=lambda other: _size(_joint(factors, other), cells))
        concerned = [factor for factor in factors if cheapest in factor.features]
        factors = [factor for factor in factors if cheapest not in factor.features]
        joint = _joint(concerned, cheapest)
        if steps * _size(joint, cells) <= MOST_NUMBERS:
            total = sum((_spread(factor, joint) for factor in concerned), start=np.zeros(()))
            concerned = [_Factor(joint, np.asarray(total))]
        else:
            exact = False
        for factor in concerned:
            place = factor.features.index(cheapest)
            rest = factor.features[:place] + factor.features[place + 1 :]
            factors.append(_Factor(rest, np.min(factor.change, axis=1 + place)))
    return np.sum([factor.change for factor in factors], axis=0), exact


def _joint(factors: list[_Factor], other: int) -> tuple[int, ...]:
    """Return the features of all factors that one stands in."""
    return tuple(sorted({each for f in factors if other in f.features for each in f.features}))


def _size(features: tuple[int, ...], cells: dict[int, int]) -> int:
    size = 1
    for feature in features:
        size *= cells[feature]
    return size


def _spread(factor: _Factor, features: tuple[int, ...]) -> Floats:
    """Return a factor's changes with an axis for each of more features, in order, of length 1 where new."""
    order = sorted(factor.features)
    axes = [0, *(1 + factor.features.index(feature) for feature in order)]
    change = np.transpose(factor.change, axes)
    lengths = iter(change.shape[1:])
    return change.reshape(change.shape[0], *(next(lengths) if f in order else 1 for f in features))
