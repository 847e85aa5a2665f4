"""Tiers: the tier by score, then the policy's binding rules, each kept with its facts (M14)."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Bools, Floats, Portfolio
from features.terms import RATED_TIERS, Tier
from models.baseline import BaselineResult
from models.policy import Policy

# A score or a completeness is rounded once, to this many decimals, before it is compared.
DECIMALS = 6


class Rule(StrEnum):
    """What a tier can rest on."""

    SCORE = "score"
    COMPLETENESS_FOR_PREMIUM = "completeness_for_premium"
    PREMIUM_FLOOR = "premium_floor"
    DIMENSION_NOT_APPLICABLE = "dimension_not_applicable"
    UNRATED = "completeness_for_rating"
    VETO = "veto"


@dataclass(frozen=True)
class BasisEntry:
    """One rule that the tier rests on, the tier after it, and its facts.

    `subject` is the dimension or the veto that the rule is about; `observed` and `required` are in points
    for scores and dimensions, in shares (0–1) for completeness; for the tier by score `required` is the
    cut-off reached (none for risk).
    """

    rule: Rule
    tier: Tier
    subject: str | None = None
    observed: float | None = None
    required: float | None = None


def tiers_by_score(score: Floats, policy: Policy) -> NDArray[np.object_]:
    """Return each score's tier by the cut-offs alone, shape (n,)."""
    rounded = np.round(score, DECIMALS)
    place = np.sum(rounded[:, None] < np.array(policy.cut_offs), axis=1)
    tiers: NDArray[np.object_] = np.array(RATED_TIERS, dtype=object)[place]
    return tiers


def assign_tiers(
    score: Floats, baseline: BaselineResult, portfolio: Portfolio, policy: Policy
) -> tuple[NDArray[np.object_], list[tuple[BasisEntry, ...]]]:
    """Return tiers, shape (n,), and for each customer the rules they rest on, in the order applied."""
    by_score = tiers_by_score(score, policy)
    vetoes = [(veto.id, portfolio.meets(veto.when)[0]) for veto in policy.vetoes]
    tiers, bases = by_score.copy(), []
    for row in range(len(score)):
        basis = [_by_score(by_score[row], float(score[row]), policy)]
        if by_score[row] is Tier.PREMIUM:
            basis += _premium_rules(row, baseline, portfolio, policy)
        basis += _overriding_rules(row, float(baseline.completeness[row]), policy, vetoes)
        tiers[row] = basis[-1].tier
        bases.append(tuple(basis))
    return tiers, bases


def _by_score(tier: Tier, score: float, policy: Policy) -> BasisEntry:
    return BasisEntry(Rule.SCORE, tier, observed=score, required=policy.tiers[tier].cut_off)


def _premium_rules(
    row: int, baseline: BaselineResult, portfolio: Portfolio, policy: Policy
) -> list[BasisEntry]:
    """Return the rules that keep a customer with a premium score from premium."""
    basis = []
    completeness = float(baseline.completeness[row])
    if round(completeness, DECIMALS) < policy.completeness.premium:
        required = policy.completeness.premium
        basis.append(
            BasisEntry(Rule.COMPLETENESS_FOR_PREMIUM, Tier.GOOD, observed=completeness, required=required)
        )
    floors = policy.premium_floors
    substitutes = floors.substitutes.get(portfolio.natures[row], {})
    for dimension, floor in floors.floors.items():
        asked = {dimension: floor}
        if not baseline.dimension_applies[dimension][row]:
            if dimension not in substitutes:
                basis.append(BasisEntry(Rule.DIMENSION_NOT_APPLICABLE, Tier.GOOD, subject=dimension))
                continue
            asked = substitutes[dimension]
        for subject, required in asked.items():
            reached = float(baseline.dimension_scores[subject][row])
            if not round(reached, DECIMALS) >= required:  # nothing known is not reached either
                observed = None if np.isnan(reached) else reached
                basis.append(
                    BasisEntry(
                        Rule.PREMIUM_FLOOR, Tier.GOOD, subject=subject, observed=observed, required=required
                    )
                )
    return basis


def _overriding_rules(
    row: int, completeness: float, policy: Policy, vetoes: list[tuple[str, Bools]]
) -> list[BasisEntry]:
    """Return what overrides the score: too little known, then vetoes, which hold also for the unrated."""
    basis = []
    if round(completeness, DECIMALS) < policy.completeness.rated:
        required = policy.completeness.rated
        basis.append(BasisEntry(Rule.UNRATED, Tier.UNRATED, observed=completeness, required=required))
    basis += [BasisEntry(Rule.VETO, Tier.RISK, subject=id_) for id_, met in vetoes if met[row]]
    return basis
