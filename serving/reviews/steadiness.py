"""Steadiness (M20): a tier rises only past a margin, or when two periodic reviews in a row say so.

It falls at once, for where risk is concerned nothing waits. A first classification, and one of a customer of
whom too little was known, is taken as it is.
"""

from dataclasses import dataclass

from features.terms import RATED_TIERS, Tier
from models.policy import Policy
from models.tiering import DECIMALS

_RANK = {tier: place for place, tier in enumerate(RATED_TIERS)}


@dataclass(frozen=True)
class Steady:
    """The tier to propose, and what kept it below the decision's: the score that the rise would need."""

    tier: Tier
    required: float | None = None


def steady_tier(
    decided: Tier, score: float, approved: Tier | None, before: Tier | None, policy: Policy, margin: float
) -> Steady:
    """Return the tier to propose.

    Args:
        decided: the tier of the decision, with all the policy's rules.
        score: the decision's.
        approved: the tier that management approved last; None for one never classified.
        before: the tier of the periodic review before this one; None where this is none, or was the first.
        policy: of the decision.
        margin: points above a cut-off from which a rise counts at once.
    """
    if decided not in _RANK or approved not in _RANK or _RANK[decided] >= _RANK[approved]:
        return Steady(decided)
    for tier in RATED_TIERS[_RANK[decided] : _RANK[approved]]:
        cut_off = policy.tiers[tier].cut_off
        if cut_off is not None and round(score, DECIMALS) >= cut_off + margin:
            return Steady(tier, None if tier is decided else _needed(decided, policy, margin))
        if before in _RANK and _RANK[before] <= _RANK[tier]:
            return Steady(tier, None if tier is decided else _needed(decided, policy, margin))
    return Steady(approved, _needed(RATED_TIERS[_RANK[approved] - 1], policy, margin))


def _needed(tier: Tier, policy: Policy, margin: float) -> float | None:
    cut_off = policy.tiers[tier].cut_off
    return None if cut_off is None else cut_off + margin
