"""The weighted baseline: points curve → group → dimension → composite, all arithmetic visible (M13).

It needs no label. What does not apply leaves the weights. What is missing shifts the score by a line of
its own, which is never upward: a group whose known indicators average s with a share m of its weight
missing scores s + min(0, m (missing_points − s)), and so on up the tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog, Indicator, Kind
from features.curve import Knots
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature
from models.policy import Policy

Integers = NDArray[np.int64]

# Customers evaluated at once: bounds the memory of the intermediate (n, k) arrays.
CHUNK = 4096


@dataclass(frozen=True)
class BaselineResult:
    """The baseline of n customers over k indicators and d dimensions, in points from 0 to 100.

    score = base + contributions summed over the indicators, for every customer. `points` are the curve's
    (NaN where missing, not applicable or unscored); `weights` is each known indicator's effective share of
    the composite (0 elsewhere). Scores of dimensions and groups are NaN where nothing in them applies or
    nothing is known. Where nothing at all applies the score is the reference, and completeness 0.
    """

    base: Floats
    score: Floats
    points: Floats
    weights: Floats
    contributions: Floats
    dimension_scores: dict[str, Floats]
    group_scores: dict[str, Floats]
    dimension_applies: dict[str, Bools]
    completeness: Floats


@dataclass(frozen=True)
class _Level:
    """How the c nodes of one level of the tree combine into the p nodes of the next.

    `weights` and `parents` have shape (c,), `starts` shape (p,): the first child of each parent.
    """

    weights: Floats
    parents: Integers
    starts: Integers

    def total(self, parts: Floats) -> Floats:
        """Sum parts of shape (n, c) by parent, in an order that does not depend on n; shape (n, p)."""
        result: Floats = np.add.reduceat(parts, self.starts, axis=1)
        return result


@dataclass(frozen=True)
class _Plan:
    """One nature's tree: its weighted indicators by column, its groups and dimensions by id and column."""

    indicators: Integers
    groups: Integers
    dimensions: Integers
    levels: tuple[_Level, _Level, _Level]


@dataclass(frozen=True)
class _Nodes:
    """The nodes of one level, each array of shape (n, nodes).

    `applies` says whether anything in a node applies, `known` whether anything is known; `score` is 0 where
    nothing is. `shift` is what a missing share of 1 within the node does to its score.
    """

    applies: Bools
    known: Bools
    score: Floats
    shift: Floats
    completeness: Floats


class Baseline:
    """The baseline of one catalog under one policy, planned once."""

    def __init__(self, catalog: Catalog, policy: Policy) -> None:
        self._catalog = catalog
        self._policy = policy
        self.missing_points = policy.missing_points
        self._groups = [group.id for dimension in catalog.dimensions for group in dimension.groups]
        self._dimensions = [dimension.id for dimension in catalog.dimensions]
        self._plans = {nature: self._plan(nature) for nature in catalog.natures}
        curves = [_knots(placed.indicator) for placed in catalog.placed]
        self._curves = [(column, np.array(knots).T) for column, knots in enumerate(curves) if knots]

    def evaluate(self, portfolio: Portfolio) -> BaselineResult:
        """Score a portfolio of the same catalog."""
        n, k = portfolio.given.shape
        group_scores = np.full((n, len(self._groups)), np.nan)
        dimension_scores = np.full((n, len(self._dimensions)), np.nan)
        dimension_applies = np.zeros((n, len(self._dimensions)), dtype=np.bool_)
        result = BaselineResult(
            base=np.zeros(n),
            score=np.zeros(n),
            points=self._points(portfolio),
            weights=np.zeros((n, k)),
            contributions=np.zeros((n, k)),
            dimension_scores=dict(zip(self._dimensions, dimension_scores.T, strict=True)),
            group_scores=dict(zip(self._groups, group_scores.T, strict=True)),
            dimension_applies=dict(zip(self._dimensions, dimension_applies.T, strict=True)),
            completeness=np.zeros(n),
        )
        for nature, plan in self._plans.items():
            of_nature = np.flatnonzero(portfolio.natures == nature)
            for start in range(0, len(of_nature), CHUNK):
                rows = of_nature[start : start + CHUNK]
                groups, dimensions = self._evaluate(result, portfolio, rows, nature)
                group_scores[rows[:, None], plan.groups] = np.where(groups.known, groups.score, np.nan)
                places = rows[:, None], plan.dimensions
                dimension_scores[places] = np.where(dimensions.known, dimensions.score, np.nan)
                dimension_applies[places] = dimensions.applies
        return result

    def _evaluate(
        self, result: BaselineResult, portfolio: Portfolio, rows: Integers, nature: Nature
    ) -> tuple[_Nodes, _Nodes]:
        """Fill the rows of a result but for its groups and dimensions, which are returned."""
        plan, reference = self._plans[nature], self._policy.reference_for(nature)
        missing_points = self.missing_points
        places = rows[:, None], plan.indicators
        leaves = _leaves(result.points[places], portfolio.applicable[places])
        of_indicators, of_groups, of_dimensions = plan.levels
        groups = _combine(leaves, of_indicators, missing_points)
        dimensions = _combine(groups, of_groups, missing_points)
        whole = _combine(dimensions, of_dimensions, missing_points)

        # Down again: what a node weighs in the composite where it is known, and what a missing share of 1 in
        # it does to the composite. So a missing fact is a line of the nearest node above it that is known;
        # where nothing is known the score is the missing points, and every line a missing fact's.
        weight = whole.known.astype(np.float64)
        line = np.where(whole.known, whole.shift, missing_points - reference)
        for level, nodes in ((of_dimensions, dimensions), (of_groups, groups), (of_indicators, leaves)):
            of_applying, of_known = _shares(nodes, level)
            weight = weight[:, level.parents] * of_known
            line = np.where(nodes.known, weight * nodes.shift, line[:, level.parents] * of_applying)
        unknown = np.where(whole.applies, missing_points, reference)
        result.base[rows] = reference
        result.score[rows] = np.where(whole.known, whole.score, unknown)[:, 0]
        result.weights[places] = weight
        result.contributions[places] = np.where(leaves.known, weight * (leaves.score - reference), line)
        result.completeness[rows] = whole.completeness[:, 0]
        return groups, dimensions

    def _points(self, portfolio: Portfolio) -> Floats:
        """Return every indicator's points, shape (n, k): linear between knots, constant beyond them."""
        points = np.full(portfolio.given.shape, np.nan)
        for column, (x, y) in self._curves:
            points[:, column] = np.interp(portfolio.values[:, column], x, y)
        return points

    def _plan(self, nature: Nature) -> _Plan:
        catalog = self._catalog
        shares = catalog.weights(nature)
        weighted = [catalog.by_id[id_] for id_ in shares]
        first_of_group = _firsts([placed.group.id for placed in weighted])
        first_of_dimension = _firsts([weighted[i].dimension.id for i in first_of_group])
        groups = [weighted[i] for i in first_of_group]
        dimensions = [groups[i] for i in first_of_dimension]
        return _Plan(
            indicators=np.array([catalog.columns[id_] for id_ in shares]),
            groups=np.array([self._groups.index(placed.group.id) for placed in groups]),
            dimensions=np.array([self._dimensions.index(placed.dimension.id) for placed in dimensions]),
            levels=(
                _level([shares[placed.id][2] for placed in weighted], first_of_group),
                _level([shares[placed.id][1] for placed in groups], first_of_dimension),
                _level([shares[placed.id][0] for placed in dimensions], [0]),
            ),
        )


def _knots(indicator: Indicator) -> Knots | None:
    """Return an indicator's curve over encoded values; None where it has none.

    A flag's values and a category's levels, with the unseen behind the last, are knots at their codes.
    """
    if indicator.kind is Kind.CATEGORY:
        levels = [level.points for level in (indicator.levels or {}).values()] + [indicator.unseen_points]
        known = [(float(code), points) for code, points in enumerate(levels) if points is not None]
        return tuple(known) if len(known) == len(levels) else None
    if indicator.points is None or isinstance(indicator.points, tuple):
        return indicator.points
    return (0.0, indicator.points.false), (1.0, indicator.points.true)


def _firsts(keys: Sequence[str]) -> list[int]:
    """Return where each run of equal keys starts."""
    return [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]


def _level(weights: Sequence[float], starts: Sequence[int]) -> _Level:
    parents = np.searchsorted(starts, np.arange(len(weights)), side="right") - 1
    return _Level(np.array(weights), parents, np.array(starts))


def _leaves(points: Floats, applies: Bools) -> _Nodes:
    """Return the nodes of the indicators, from points and applicability of shape (n, indicators)."""
    known = applies & ~np.isnan(points)
    return _Nodes(
        applies, known, np.where(known, points, 0.0), np.zeros(points.shape), known.astype(np.float64)
    )


def _shares(nodes: _Nodes, level: _Level) -> tuple[Floats, Floats]:
    """Return each node's share among those of its parent that apply, and among those that are known."""
    return _share(level.weights * nodes.applies, level), _share(level.weights * nodes.known, level)


def _share(weights: Floats, level: _Level) -> Floats:
    whole = level.total(weights)[:, level.parents]
    return np.divide(weights, whole, out=np.zeros(weights.shape), where=whole > 0)


def _combine(children: _Nodes, level: _Level, missing_points: float) -> _Nodes:
    """Return the weighted means of the known children, shifted by what is missing."""
    of_applying, of_known = _shares(children, level)
    known = level.total(of_known) > 0
    score = level.total(of_known * children.score)
    missing = level.total(of_applying * ~children.known)
    shift = np.where(known, np.minimum(0.0, missing_points - score), 0.0)
    return _Nodes(
        applies=level.total(of_applying) > 0,
        known=known,
        score=score + missing * shift,
        shift=shift,
        completeness=level.total(of_applying * children.completeness),
    )
