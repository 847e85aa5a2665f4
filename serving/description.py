"""What is served, as callers read it: the catalog's indicators and the policy's tiers (GET /v1/catalog)."""

from typing import Any

from features.catalog import Placed
from features.terms import Text
from serving.served import Served

Json = dict[str, Any]


def describe_served(served: Served) -> Json:
    """Return names, kinds, bounds and levels of every indicator, the tiers, and what they are versions of."""
    catalog, policy = served.scorer.catalog, served.scorer.policy
    return {
        "catalog": catalog.catalog,
        "catalog_version": catalog.version,
        "catalog_hash": catalog.hash,
        "policy": policy.policy,
        "policy_version": policy.version,
        "policy_hash": policy.hash,
        "model_version": served.model_version,
        "outcome": _names(policy.outcome),
        "natures": [str(nature) for nature in catalog.natures],
        "tiers": [
            {"tier": str(tier), "names": _names(rule.names), "cut_off": rule.cut_off}
            for tier, rule in policy.tiers.items()
        ],
        "dimensions": [{"id": d.id, "names": _names(d.names)} for d in catalog.dimensions],
        "indicators": [_indicator(placed, served) for placed in catalog.placed],
    }


def _indicator(placed: Placed, served: Served) -> Json:
    indicator, catalog = placed.indicator, served.scorer.catalog
    levels = indicator.levels or {}
    return {
        "id": indicator.id,
        "names": _names(indicator.names),
        "dimension": placed.dimension.id,
        "group": placed.group.id,
        "kind": str(indicator.kind),
        "unit": indicator.unit,
        "natures": [str(nature) for nature in catalog.natures if placed.applies_to(nature)],
        "minimum": indicator.minimum,
        "maximum": indicator.maximum,
        "levels": [{"id": id_, "names": _names(level.names)} for id_, level in levels.items()],
        "protected": indicator.protected,
    }


def _names(text: Text) -> Json:
    return text.model_dump(by_alias=True)
