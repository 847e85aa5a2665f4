"""A drafted catalog as other customers' outcomes would have drafted it: validation may not look ahead."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog, Indicator, Kind, Method
from features.document import catalog_of, indicators_of
from features.drafting.curves import LEVEL, curve_document, draw_curve, draw_levels
from features.drafting.shares import shares_of
from features.portfolio import Portfolio

Bools = NDArray[np.bool_]


def redrawn(portfolio: Portfolio, bad: Bools) -> Catalog:
    """Return the portfolio's catalog with what was drafted in it read off n customers' outcomes instead.

    Directions and points of indicators that are `drafted`; all weights where `weighting` says that they came
    from outcomes. The rest stays as it is declared. A weighted indicator that tells none of these customers
    apart gives everybody the reference's points.

    Args:
        bad: shape (n,).
    """
    catalog = portfolio.catalog
    by_outcomes = catalog.weighting.method is Method.OUTCOMES
    if not by_outcomes and not any(placed.indicator.drafted for placed in catalog.placed):
        return catalog
    document = catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    informations: dict[str, float] = {}
    for declared in indicators_of(document):
        indicator = catalog.by_id[declared["id"]].indicator
        if indicator.protected or not (indicator.modelled or indicator.weight):
            continue
        information = _redraw(declared, indicator, portfolio, bad)
        if "points" in declared or "unseen_points" in declared:
            informations[indicator.id] = information
    if by_outcomes:
        _weigh(document, catalog, informations)
    return catalog_of(document)


def _redraw(declared: dict[str, Any], indicator: Indicator, portfolio: Portfolio, bad: Bools) -> float:
    """Replace what was drafted of one indicator; return its information value here."""
    if indicator.kind is Kind.CATEGORY:
        levels = draw_levels(portfolio.levels[indicator.id], bad, list(indicator.levels or {}))
        if indicator.drafted and "unseen_points" in declared:
            declared["unseen_points"] = levels.unseen
            for name, points in levels.points.items():
                declared["levels"][name]["points"] = points
        return levels.information
    curve = draw_curve(portfolio.given[:, portfolio.column(indicator.id)], bad)
    if indicator.drafted:
        if curve.knots is None and indicator.weight:
            curve = replace(curve, knots=LEVEL)
        for name in ("better", "risk_direction", "points"):
            declared.pop(name, None)
        declared |= curve_document(curve, flag=indicator.kind is Kind.FLAG)
    return curve.information


def _weigh(document: dict[str, Any], catalog: Catalog, informations: dict[str, float]) -> None:
    places = {placed.id: (placed.dimension.id, placed.group.id) for placed in catalog.placed}
    shares = shares_of(informations, places)
    for dimension in document["dimensions"]:
        dimension["weight"] = shares.dimensions.get(dimension["id"], 0.0)
        for group in dimension["groups"]:
            group["weight"] = shares.groups.get(group["id"], 0.0)
            for indicator in group["indicators"]:
                indicator["weight"] = shares.indicators.get(indicator["id"], 0.0)
