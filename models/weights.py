"""Weights and curves from records instead of judgement: entropy, CRITIC and AHP, and curves from quantiles.

None of them needs an outcome, so a baseline drawn on a day rests on nothing that became known later. The
methods are pymcdm's; what they were and on how many customers stands in the catalog's `weighting`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from pymcdm.weights import critic_weights, entropy_weights
from pymcdm.weights.subjective import AHP

from features.catalog import WHOLE, Catalog, Indicator, Kind, Method
from features.curve import Better
from features.declared_errors import first_error
from features.document import catalog_of, indicators_of
from features.portfolio import Floats, Portfolio
from features.terms import Nature
from models.baseline import Baseline
from models.policy import Policy

# A curve's knots: these quantiles of the known values get these points (reversed where lower is better).
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_POINTS = (30.0, 45.0, 60.0, 75.0, 90.0)
_FLAG_POINTS = (70.0, 50.0)
# Above this consistency ratio pairwise judgements contradict each other (Saaty 1980).
CONSISTENT = 0.1


class UnfitWeights(ValueError):
    """Weights cannot be drawn; one line that says why and what to do."""


def ahp_weights(matrix: Floats) -> tuple[Floats, float]:
    """Return weights, shape (k,), summing to 1, and the consistency ratio, of a pairwise matrix (k, k).

    Entry [i, j] says how many times as important i is as j, from 1/9 to 9.

    Raises:
        UnfitWeights: the matrix is no reciprocal one on Saaty's scale, or its consistency ratio exceeds 0.1.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not 2 <= len(matrix) <= len(AHP.RI_M):
        raise UnfitWeights(f"a pairwise matrix is square, of 2 to {len(AHP.RI_M)} criteria")
    try:
        ahp = AHP(matrix=matrix)
        weights = np.asarray(ahp(), dtype=np.float64)
    except ValueError as error:
        raise UnfitWeights(f"the pairwise matrix is refused: {str(error).splitlines()[0]}") from None
    # Rounding may take a perfectly consistent matrix a hair below 0.
    ratio = max(0.0, float(ahp.get_cr()))
    if ratio > CONSISTENT:
        raise UnfitWeights(
            f"the judgements contradict each other: consistency ratio {ratio:.2f} > {CONSISTENT}"
        )
    return weights, ratio


def weighted_by_ahp(catalog: Catalog, matrix: Floats) -> Catalog:
    """Return the catalog with its dimensions weighted by pairwise judgements, alike for every nature.

    Raises:
        UnfitWeights: see `ahp_weights`; or the matrix is not of the catalog's dimensions, or a nature has
            nothing weighted in one of them.
    """
    if len(matrix) != len(catalog.dimensions):
        raise UnfitWeights(f"catalog {catalog.catalog} has {len(catalog.dimensions)} dimensions")
    weights, ratio = ahp_weights(matrix)
    document = catalog.model_dump(mode="json", by_alias=True)
    for dimension, weight in zip(document["dimensions"], _to_whole(weights.tolist()), strict=True):
        dimension["weight"] = weight
    document["weighting"] = {"method": Method.AHP, "consistency_ratio": ratio}
    try:
        return catalog_of(document)
    except ValidationError as error:
        raise UnfitWeights(f"catalog {catalog.catalog} cannot be weighted so: {first_error(error)}") from None


def weighted_by_records(portfolio: Portfolio, policy: Policy, method: Method) -> Catalog:
    """Return the portfolio's catalog with weights drawn from its customers' points, nature by nature.

    The method weighs all scored indicators at once; a group's and a dimension's weight is the sum of what
    they hold. An unknown value counts as the indicator's mean. An indicator in which customers do not
    differ tells none from another and gets no weight. A nature without customers keeps its weights.

    Raises:
        UnfitWeights: the method is not entropy or CRITIC, or a nature has fewer than two indicators in
            which its customers differ.
    """
    catalog = portfolio.catalog
    points = Baseline(catalog, policy).evaluate(portfolio).points
    drawn = {}
    for nature in catalog.natures:
        rows = np.flatnonzero(portfolio.natures == nature)
        if len(rows):
            columns = [catalog.columns[id_] for id_ in catalog.weights(nature)]
            drawn[nature] = _draw(catalog, columns, points[rows][:, columns], method)
    document = catalog.model_dump(mode="json", by_alias=True)
    for nature, weights in drawn.items():
        _set_weights(document, catalog, nature, weights)
    document["weighting"] = {"method": method, "customers": len(portfolio)}
    return catalog_of(document)


def with_drawn_curves(portfolio: Portfolio) -> Catalog:
    """Return the portfolio's catalog with each scored number's curve drawn through quantiles of its values.

    The direction is the catalog's; curves that are best in the middle, and categories, stay as they are.
    """
    catalog = portfolio.catalog
    document = catalog.model_dump(mode="json", by_alias=True)
    for declared in indicators_of(document):
        indicator = catalog.by_id[declared["id"]].indicator
        if indicator.points is None or indicator.better not in (Better.HIGHER, Better.LOWER):
            continue
        if indicator.kind is Kind.FLAG:
            true, false = _FLAG_POINTS if indicator.better is Better.HIGHER else _FLAG_POINTS[::-1]
            declared["points"] = {"true": true, "false": false}
        else:
            declared["points"] = _curve(indicator, portfolio.values[:, catalog.columns[indicator.id]])
    return catalog_of(document)


def _curve(indicator: Indicator, values: Floats) -> list[list[float]]:
    known = values[~np.isnan(values)]
    if not len(known):
        assert isinstance(indicator.points, tuple)
        return [list(knot) for knot in indicator.points]
    points = _POINTS if indicator.better is Better.HIGHER else _POINTS[::-1]
    quantiles = np.quantile(known, _QUANTILES)
    # Where quantiles coincide, the one nearest the median stands for them.
    knots: dict[float, float] = {}
    for value, point in sorted(zip(quantiles.tolist(), points, strict=True), key=lambda k: abs(k[1] - 60.0)):
        knots.setdefault(value, point)
    if len(knots) == 1:
        (value,) = knots
        knots[value + max(abs(value), 1.0)] = points[-1]
    return [[value, knots[value]] for value in sorted(knots)]


def _draw(catalog: Catalog, columns: Sequence[int], points: Floats, method: Method) -> dict[str, float]:
    """Return weights that sum to 1 for the indicators of the columns, by id."""
    known = ~np.isnan(points)
    means = np.divide(
        np.sum(np.where(known, points, 0.0), axis=0), known.sum(axis=0), where=known.any(axis=0),
        out=np.zeros(len(columns)),
    )  # fmt: skip
    filled = np.where(known, points, means)
    differ = np.ptp(filled, axis=0) > 0
    if differ.sum() < 2:
        raise UnfitWeights(
            "fewer than two indicators in which the customers differ: keep the declared weights"
        )
    match method:
        case Method.CRITIC:
            if np.min(np.corrcoef(filled[:, differ], rowvar=False)) > 1.0 - 1e-9:
                raise UnfitWeights("all indicators rank the customers alike: CRITIC cannot tell them apart")
            weights = critic_weights(filled[:, differ])
        case Method.ENTROPY:
            # pymcdm takes a column with a zero for one without information, hence the shift by a point.
            weights = entropy_weights(filled[:, differ] + 1.0)
            if not np.all(weights >= 0):  # also where they are NaN
                raise UnfitWeights("the customers hardly differ: keep the declared weights")
        case _:
            raise UnfitWeights(f"method {method} draws no weights from records: choose entropy or critic")
    ids = [catalog.placed[column].id for column in columns]
    drawn = dict.fromkeys(ids, 0.0)
    drawn.update(zip((id_ for id_, d in zip(ids, differ, strict=True) if d), weights.tolist(), strict=True))
    return drawn


def _set_weights(
    document: dict[str, Any], catalog: Catalog, nature: Nature, weights: Mapping[str, float]
) -> None:
    dimension_sums = []
    for dimension in document["dimensions"]:
        group_sums = []
        for group in dimension["groups"]:
            ids = [indicator["id"] for indicator in group["indicators"]]
            within = [weights.get(id_, 0.0) for id_ in ids]
            for indicator, weight in zip(group["indicators"], _to_whole(within), strict=True):
                if catalog.by_id[indicator["id"]].applies_to(nature):
                    _set_weight(indicator, catalog, nature, weight)
            group_sums.append(math.fsum(within))
        for group, weight in zip(dimension["groups"], _to_whole(group_sums), strict=True):
            _set_weight(group, catalog, nature, weight)
        dimension_sums.append(math.fsum(group_sums))
    for dimension, weight in zip(document["dimensions"], _to_whole(dimension_sums), strict=True):
        _set_weight(dimension, catalog, nature, weight)


def _set_weight(declared: dict[str, Any], catalog: Catalog, nature: Nature, weight: float) -> None:
    old = declared["weight"]
    if not isinstance(old, dict):
        natures = declared.get("natures") or catalog.natures
        old = {str(other): old for other in natures}
    declared["weight"] = {**old, str(nature): weight}


def _to_whole(weights: Sequence[float]) -> list[float]:
    total = math.fsum(weights)
    return [WHOLE * weight / total if total else 0.0 for weight in weights]
