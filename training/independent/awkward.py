"""Awkward customers, made from real ones: missing, unseen, on boundaries and beside them, extreme."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from training.independent.declared import Catalog, Indicator, Json, Policy
from training.independent.trees import ZERO

_UNSEEN = "a level that no catalog has"
# A value is replaced with the first probability, left out with the second.
_REPLACED, _LEFT_OUT = 0.4, 0.1
_LARGEST = 1.7976931348623157e308
_EXTREMES = (
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    ZERO,
    -ZERO,
    1e-36,
    1.0,
    -1.0,
    1e15,
    1e300,
    -1e300,
    _LARGEST,
    -_LARGEST,
)
# What has to be refused is tried on so many indicators of each kind.
_REFUSED_OF_A_KIND = 3


def awkward_customers(
    customers: Sequence[Json],
    catalog: Catalog,
    policy: Policy,
    thresholds: Mapping[str, Sequence[float]],
    count: int,
    random: np.random.Generator,
) -> list[Json]:
    """Return so many variants of one or more customers, as they are sent.

    Args:
        customers: raw ones.
        catalog: theirs.
        policy: with vetoes, whose bounds are tried too.
        thresholds: where the model parts values, by indicator.
    """
    candidates = {
        i.id: list(_candidates(i, catalog, policy, thresholds.get(i.id, ()))) for i in catalog.indicators
    }
    variants = []
    for number in range(count):
        raw = customers[number % len(customers)]
        indicators = dict(raw["indicators"])
        for indicator in catalog.indicators:
            if not indicator.declared_for(raw["nature"]):
                continue
            chance = random.random()
            # The first of all has nothing known, the second everything replaced.
            if number == 0 or (number > 1 and chance < _LEFT_OUT):
                indicators.pop(indicator.id, None)
            elif number == 1 or chance < _LEFT_OUT + _REPLACED:
                kinds = candidates[indicator.id]
                values = kinds[random.integers(len(kinds))]
                indicators[indicator.id] = values[random.integers(len(values))]
        variants.append({**raw, "customer_id": f"variant {number + 1}", "indicators": indicators})
    return variants


def refused_customers(customers: Sequence[Json], catalog: Catalog) -> list[Json]:
    """Return customers that the scorer has to refuse: infinite, out of bounds, of a wrong type, unknown."""
    wrong: list[Json] = []
    raw = customers[0]
    declared = [i for i in catalog.indicators if i.declared_for(raw["nature"])]
    for kind, values in (
        ("number", (math.inf, -math.inf, math.nan, "1", True)),
        ("flag", (1, "true")),
        ("category", (1,)),
    ):
        for indicator in [i for i in declared if i.kind == kind][:_REFUSED_OF_A_KIND]:
            wrong += [{indicator.id: value} for value in (*values, *_out_of_bounds(indicator))]
    wrong.append({"an_indicator_that_no_catalog_has": 1.0})
    return [{**raw, "indicators": {**raw["indicators"], **values}} for values in wrong]


def _candidates(
    indicator: Indicator, catalog: Catalog, policy: Policy, thresholds: Sequence[float]
) -> Iterator[list[float | bool | str]]:
    """Yield the values to try, each kind of them apart, so that many of one kind do not hide another."""
    if indicator.kind == "flag":
        yield [True, False]
        return
    if indicator.kind == "category":
        yield list(indicator.levels)
        yield [_UNSEEN]
        return
    bounds = [indicator.document.get("minimum"), indicator.document.get("maximum")]
    knots = [x for x, _ in indicator.curve or ()]
    conditions = [condition for other in catalog.indicators for condition in other.conditions]
    conditions += [veto["when"] for veto in policy.document.get("vetoes") or ()]
    tested = [
        condition.get(test)
        for condition in conditions
        if condition["indicator"] == indicator.id
        for test in ("at_least", "at_most", "above", "below")
    ]
    for kind in (knots, bounds, tested, list(thresholds), list(_EXTREMES)):
        edges = [float(x) for x in kind if x is not None]
        beside = [math.nextafter(x, to) for x in edges for to in (-math.inf, math.inf)]
        possible = [x for x in (*edges, *beside) if math.isfinite(x) and not _is_outside(x, indicator)]
        if possible:
            yield list(possible)


def _is_outside(value: float, indicator: Indicator) -> bool:
    low, high = indicator.document.get("minimum"), indicator.document.get("maximum")
    return (low is not None and value < low) or (high is not None and value > high)


def _out_of_bounds(indicator: Indicator) -> Iterator[float]:
    for bound, to in (("minimum", -math.inf), ("maximum", math.inf)):
        limit = indicator.document.get(bound)
        if limit is not None:
            yield math.nextafter(limit, to)
