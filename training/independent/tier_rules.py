"""Tiers and what they rest on, by the policy's words: cut-offs, completeness, floors and vetoes."""

from training.independent.customers import Customer, meets
from training.independent.declared import TIERS, Catalog, Json, Policy
from training.independent.weighted import Weighted

# What is compared with a threshold is rounded once, to so many decimals.
DECIMALS = 6
UNRATED = "unrated"


def tier_of(score: float, policy: Policy) -> str:
    """Return the tier of a score by the cut-offs alone."""
    rounded = round(score, DECIMALS)
    reached = [tier for tier, cut_off in zip(TIERS, policy.cut_offs, strict=False) if rounded >= cut_off]
    return reached[0] if reached else TIERS[-1]


def tier_basis(
    score: float, weighted: Weighted, customer: Customer, catalog: Catalog, policy: Policy
) -> list[Json]:
    """Return what a tier rests on, as an answer lists it; the last line's tier is the customer's."""
    by_score = tier_of(score, policy)
    lines = [_line("score", by_score, observed=score, required=_cut_off(by_score, policy))]
    completeness = policy.document["completeness"]
    if by_score == TIERS[0]:
        if round(weighted.complete, DECIMALS) < completeness["premium"]:
            asked = {"observed": weighted.complete, "required": completeness["premium"]}
            lines.append(_line("completeness_for_premium", "good", **asked))
        lines += _floors(weighted, customer, policy)
    if round(weighted.complete, DECIMALS) < completeness["rated"]:
        asked = {"observed": weighted.complete, "required": completeness["rated"]}
        lines.append(_line("completeness_for_rating", UNRATED, **asked))
    for veto in policy.document.get("vetoes") or ():
        if meets(veto["when"], customer, catalog):
            lines.append(_line("veto", TIERS[-1], subject=veto["id"]))
    return lines


def _floors(weighted: Weighted, customer: Customer, policy: Policy) -> list[Json]:
    """Return the floors of premium that are not reached, or have nothing to stand on."""
    premium = policy.document["premium_floors"]
    instead = (premium.get("substitutes") or {}).get(customer.nature, {})
    lines = []
    for dimension, floor in premium["floors"].items():
        node = weighted.dimensions.get(dimension)
        if node is not None and node.applies:
            asked = {dimension: floor}
        elif dimension in instead:
            asked = instead[dimension]
        else:
            lines.append(_line("dimension_not_applicable", "good", subject=dimension))
            continue
        for subject, required in asked.items():
            found = weighted.dimensions.get(subject)
            observed = None if found is None else found.score
            if observed is None or round(observed, DECIMALS) < required:
                lines.append(
                    _line("premium_floor", "good", subject=subject, observed=observed, required=required)
                )
    return lines


def _cut_off(tier: str, policy: Policy) -> float | None:
    return policy.cut_offs[TIERS.index(tier)] if tier != TIERS[-1] else None


def _line(
    rule: str,
    tier: str,
    *,
    subject: str | None = None,
    observed: float | None = None,
    required: float | None = None,
) -> Json:
    return {"rule": rule, "tier": tier, "subject": subject, "observed": observed, "required": required}
