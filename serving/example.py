"""The example in the service's documentation: a customer drawn up from the catalog's own declarations."""

from datetime import date
from typing import Any

from features.catalog import Catalog, Indicator, Kind
from features.curve import Better
from features.customer import parse_customer
from features.portfolio import Portfolio
from features.terms import Nature
from serving.scoring import scored_indicators

_AS_OF = date(2026, 1, 31)


def example_customer(catalog: Catalog, nature: Nature | None = None) -> dict[str, Any]:
    """Return a valid raw customer of one nature (the catalog's first by default).

    Every number is at the middle knot of its curve, every flag as the company values it, every category
    at its best level. What does not apply to such a customer is left out.
    """
    nature = nature or catalog.natures[0]
    asked = {condition.indicator for placed in catalog.placed for condition in placed.conditions}
    wanted = asked | set(scored_indicators(catalog))
    values = {
        placed.id: _example_value(placed.indicator)
        for placed in catalog.for_nature(nature)
        if placed.id in wanted and not placed.indicator.protected
    }
    raw: dict[str, Any] = {
        "customer_id": "C-0001",
        "nature": str(nature),
        "as_of": _AS_OF.isoformat(),
        "indicators": {id_: value for id_, value in values.items() if value is not None},
    }
    portfolio = Portfolio.from_customers([parse_customer(raw, catalog)], catalog)
    for id_, column in catalog.columns.items():
        if portfolio.set_aside[0, column]:
            del raw["indicators"][id_]
    return raw


def _example_value(indicator: Indicator) -> float | bool | str | None:
    match indicator.kind:
        case Kind.NUMBER:
            return _example_number(indicator)
        case Kind.FLAG:
            return indicator.better is Better.HIGHER
        case Kind.CATEGORY:
            levels = indicator.levels or {}
            return max(levels, key=lambda level: levels[level].points or 0.0)


def _example_number(indicator: Indicator) -> float | None:
    low, high = indicator.minimum, indicator.maximum
    if isinstance(indicator.points, tuple):
        value = indicator.points[len(indicator.points) // 2][0]
    elif low is not None and high is not None:
        value = (low + high) / 2
    else:
        return low
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)
