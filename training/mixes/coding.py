"""Which indicators' mixes are told of a model, and the numbers that their values and tiers are counted by."""

import numpy as np

from features.catalog import Catalog, Indicator, Kind
from features.portfolio import Floats
from features.terms import Tier
from models.artefact import Model
from models.decision import Decisions

_FLAG_LEVELS = ("false", "true")


def used_indicators(catalog: Catalog, model: Model) -> list[str]:
    """Return the indicators that a model or the baseline of its natures uses, in the catalog's order."""
    weighted = {id_ for nature in model.natures for id_ in catalog.weights(nature)}
    modelled = set(model.tables.features)
    return [placed.id for placed in catalog.placed if placed.id in weighted | modelled]


def levels_of(indicator: Indicator) -> tuple[str, ...]:
    """Return the levels that an indicator's encoded values stand for; none of a number."""
    match indicator.kind:
        case Kind.CATEGORY:
            return tuple(indicator.level_codes)
        case Kind.FLAG:
            return _FLAG_LEVELS
        case Kind.NUMBER:
            return ()


def tier_codes(decisions: Decisions) -> Floats:
    """Return each customer's tier as its place among all tiers, shape (n,)."""
    places = {tier: float(place) for place, tier in enumerate(Tier)}
    return np.array([places[tier] for tier in decisions.tiers], dtype=np.float64)
