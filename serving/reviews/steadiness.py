"""Steadiness (M20): what a tier needs to rise, and when a fall may wait for a second review.

A tier rises past a margin, or when two periodic reviews in a row say so; out of risk only after a probation,
as the EBA asks it of debtors in default (EBA/GL/2016/07: three months, a year after a restructuring). A fall
to risk, a fall from premium, and any fall after an event are taken as they are: there a rule may bind that no
margin softens. From good to general only the score leads, so there alone a periodic review within the margin
waits for the next one.
"""

from dataclasses import dataclass

from features.terms import RATED_TIERS, Tier
from models.policy import Policy
from models.tiering import DECIMALS

_RANK = {tier: place for place, tier in enumerate(RATED_TIERS)}


@dataclass(frozen=True)
class Before:
    """What was decided of a customer before.

    Attributes:
        approved: the tier that management approved last; None for one never classified.
        review: the tier of the periodic review before this one; None where there was none.
        probation_passed: whether for long enough nothing put the customer at risk; asked where `approved` is
            risk.
    """

    approved: Tier | None
    review: Tier | None = None
    probation_passed: bool = False


def steady_tier(
    decided: Tier, score: float, before: Before, policy: Policy, margin: float, *, periodic: bool
) -> Tier:
    """Return the tier to propose.

    A first classification, and one of a customer of whom too little was known, is taken as it is.

    Args:
        decided: the tier of the decision, with all the policy's rules.
        score: the decision's.
        before: what was decided before.
        policy: of the decision.
        margin: points beyond a cut-off from which a change counts at once.
        periodic: whether the decision is a periodic review's; only these can be two in a row.
    """
    approved = before.approved
    if decided not in _RANK or approved not in _RANK:
        return decided
    if _RANK[decided] > _RANK[approved]:
        return _falling(decided, score, before, policy, margin) if periodic else decided
    if approved is Tier.RISK and not before.probation_passed:
        return approved
    for tier in RATED_TIERS[_RANK[decided] : _RANK[approved]]:
        cut_off = policy.tiers[tier].cut_off
        if cut_off is not None and round(score, DECIMALS) >= cut_off + margin:
            return tier
        if periodic and before.review in _RANK and _RANK[before.review] <= _RANK[tier]:
            return tier
    return approved


def _falling(decided: Tier, score: float, before: Before, policy: Policy, margin: float) -> Tier:
    cut_off = policy.tiers[Tier.GOOD].cut_off
    waits = (
        before.approved is Tier.GOOD
        and decided is Tier.GENERAL
        and cut_off is not None
        and round(score, DECIMALS) >= cut_off - margin
        and not (before.review in _RANK and _RANK[before.review] > _RANK[Tier.GOOD])
    )
    return Tier.GOOD if waits else decided
