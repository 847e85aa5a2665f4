"""The weighted baseline: points curve → group → dimension → composite, all arithmetic visible (M13).

It needs no label. What does not apply leaves the weights. What is missing shifts the score by a line of
its own, which is never upward: a group whose known indicators average s with a share m of its weight
missing scores s + min(0, m (missing_points − s)), and so on up the tree.
"""

from dataclasses import dataclass

import numpy as np

from features.catalog import Catalog, Indicator, Kind
from features.curve import interpolate
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature
from models.policy import Policy


# Customers evaluated at once: bounds the memory of the intermediate (n, k) arrays.
CHUNK = 4096


@dataclass(frozen=True)
class BaselineResult:
    """The baseline of n customers over k indicators and d dimensions, in points from 0 to 100.

    score = base + contributions summed over the indicators, for every customer. `points` are the curve's
    (NaN where missing or not applicable); `weights` is each known indicator's effective share of the
    composite (0 elsewhere). Scores of dimensions and groups are NaN where nothing in them applies or
    nothing is known.
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
class _Node:
    """A partial result over some indicators: for each of n customers a score with its parts.

    `applies` says whether anything in it applies, `known` whether anything is known. Over the k
    indicators, `weights` sum to 1 where known and `shifts` hold the lines for missing facts;
    `missing` sum to 1 where something applies but nothing is known.
    """

    applies: Bools
    known: Bools
    score: Floats
    weights: Floats
    shifts: Floats
    missing: Floats
    completeness: Floats


def evaluate_baseline(portfolio: Portfolio, policy: Policy) -> BaselineResult:
    """Score a portfolio with the catalog's curves and weights."""
    catalog = portfolio.catalog
    n, k = portfolio.given.shape
    groups = [group.id for dimension in catalog.dimensions for group in dimension.groups]
    result = BaselineResult(
        base=np.empty(n),
        score=np.empty(n),
        points=indicator_points(portfolio),
        weights=np.zeros((n, k)),
        contributions=np.zeros((n, k)),
        dimension_scores={dimension.id: np.full(n, np.nan) for dimension in catalog.dimensions},
        group_scores={group: np.full(n, np.nan) for group in groups},
        dimension_applies={dimension.id: np.zeros(n, dtype=np.bool_) for dimension in catalog.dimensions},
        completeness=np.zeros(n),
    )
    for nature in catalog.natures:
        rows = np.flatnonzero(portfolio.natures == nature)
        for start in range(0, len(rows), CHUNK):
            _evaluate_nature(result, rows[start : start + CHUNK], nature, portfolio, policy)
    return result


def indicator_points(portfolio: Portfolio) -> Floats:
    """Return every indicator's points, shape (n, k); NaN where missing, not applicable or unscored."""
    points = np.full(portfolio.given.shape, np.nan)
    for column, placed in enumerate(portfolio.catalog.placed):
        points[:, column] = curve_points(placed.indicator, portfolio.values[:, column])
    return points


def curve_points(indicator: Indicator, values: Floats) -> Floats:
    """Return the points of encoded values, shape (n,); NaN for missing values or an unscored indicator."""
    if indicator.kind is Kind.CATEGORY:
        levels = [level.points for level in (indicator.levels or {}).values()] + [indicator.unseen_points]
        table = np.array([np.nan if points is None else points for points in levels])
        known = ~np.isnan(values)
        result = np.full(len(values), np.nan)
        result[known] = table[values[known].astype(np.int64)]
        return result
    if indicator.points is None:
        return np.full(len(values), np.nan)
    if isinstance(indicator.points, tuple):
        return interpolate(indicator.points, values)
    return interpolate(((0.0, indicator.points.false), (1.0, indicator.points.true)), values)


def _evaluate_nature(
    result: BaselineResult, rows: np.ndarray, nature: Nature, portfolio: Portfolio, policy: Policy
) -> None:
    catalog = portfolio.catalog
    shares = catalog.weights(nature)
    points, applicable = result.points[rows], portfolio.applicable[rows]
    dimension_nodes: list[tuple[float, _Node]] = []
    for dimension in catalog.dimensions:
        group_nodes: list[tuple[float, _Node]] = []
        for group in dimension.groups:
            leaves = []
            for indicator in group.indicators:
                if indicator.id in shares:
                    column = catalog.columns[indicator.id]
                    leaf = _leaf(points[:, column], applicable[:, column], column, points.shape[1])
                    leaves.append((shares[indicator.id][2], leaf))
            if leaves:
                node = _combine(leaves, policy.missing_points)
                result.group_scores[group.id][rows] = np.where(node.known, node.score, np.nan)
                first = next(indicator.id for indicator in group.indicators if indicator.id in shares)
                group_nodes.append((shares[first][1], node))
        if group_nodes:
            node = _combine(group_nodes, policy.missing_points)
            result.dimension_scores[dimension.id][rows] = np.where(node.known, node.score, np.nan)
            result.dimension_applies[dimension.id][rows] = node.applies
            dimension_nodes.append((_dimension_share(catalog, dimension.id, nature), node))
    whole = _combine(dimension_nodes, policy.missing_points)
    reference = policy.reference_for(nature)
    # Where nothing is known at all, the score is the missing points, and every line a missing fact's.
    unknown = whole.missing * np.where(whole.known, 0.0, policy.missing_points - reference)[:, None]
    known_points = np.where(np.isnan(points), reference, points)
    contributions = whole.weights * (known_points - reference) + whole.shifts + unknown
    result.base[rows] = reference
    result.score[rows] = np.where(whole.known, whole.score, policy.missing_points)
    result.weights[rows] = whole.weights
    result.contributions[rows] = contributions
    result.completeness[rows] = whole.completeness


def _dimension_share(catalog: Catalog, dimension_id: str, nature: Nature) -> float:
    return next(
        share[0]
        for id_, share in catalog.weights(nature).items()
        if catalog.by_id[id_].dimension.id == dimension_id
    )


def _leaf(points: Floats, applies: Bools, column: int, k: int) -> _Node:
    n = len(points)
    known = applies & ~np.isnan(points)
    unit = np.zeros((n, k))
    unit[:, column] = 1.0
    return _Node(
        applies=applies,
        known=known,
        score=np.where(known, points, 0.0),
        weights=unit * known[:, None],
        shifts=np.zeros((n, k)),
        missing=unit * (applies & ~known)[:, None],
        completeness=known.astype(np.float64),
    )


def _combine(children: list[tuple[float, _Node]], missing_points: float) -> _Node:
    """Return the weighted mean of children with positive weights, and its lines for missing facts."""
    n, k = children[0][1].weights.shape
    applying, known = np.zeros(n), np.zeros(n)
    for weight, child in children:
        applying += weight * child.applies
        known += weight * child.known
    score, completeness = np.zeros(n), np.zeros(n)
    weights, shifts, missing = np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, k))
    for weight, child in children:
        of_known = _ratio(weight * child.known, known)
        of_applying = _ratio(weight * child.applies, applying)
        score += of_known * child.score
        completeness += of_applying * child.completeness
        weights += of_known[:, None] * child.weights
        shifts += of_known[:, None] * child.shifts
        missing += (of_applying * ~child.known)[:, None] * child.missing
    # `missing` sums to the missing share m: here it becomes the lines of this level.
    share = _ratio(applying - known, applying)
    shift = np.where(known > 0, np.minimum(0.0, missing_points - score), 0.0)
    return _Node(
        applies=applying > 0,
        known=known > 0,
        score=score + share * shift,
        weights=weights,
        shifts=shifts + shift[:, None] * missing,
        missing=missing,
        completeness=completeness,
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
