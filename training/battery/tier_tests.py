"""Tests of each tier: were there no more bad outcomes than the model's probabilities say?

One-sided, as supervisors test grades: only underestimated risk is a fault. All tiers together alarm falsely
in at most the share of samples that one test may (Bonferroni).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from features.portfolio import Bools
from features.terms import RATED_TIERS, Text, Tier
from models.disclosure import MINIMUM_AGGREGATE
from models.policy import Policy
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.figures import jeffreys_interval
from training.battery.result import Check, Part, Range, Result

BINOMIAL = Check(
    "calibration.binomial",
    words.BINOMIAL,
    "Basel Committee on Banking Supervision (2005), Working Paper 14, Studies on the Validation of Internal "
    "Rating Systems: binomial test, one-sided; outcomes taken as independent",
)
JEFFREYS = Check(
    "calibration.jeffreys",
    words.JEFFREYS,
    "European Central Bank (2019), Instructions for reporting the validation results of internal models, "
    "section 2.5: one-sided Jeffreys test; outcomes taken as independent",
)


@dataclass(frozen=True, eq=False)
class TierGroup:
    """The customers of a tier, or of neighbouring tiers of which one holds too few to be told of alone."""

    id: str
    name: Text
    rows: Bools


def tier_groups(tiers: NDArray[np.object_], policy: Policy) -> list[TierGroup]:
    """Return the rated tiers that hold anybody, the best first, each of at least `MINIMUM_AGGREGATE`.

    One that holds fewer is taken together with the next worse, the last with the one before; where all hold
    too few there are none.
    """
    result: list[tuple[list[Tier], Bools]] = []
    for tier in RATED_TIERS:
        rows = np.array(tiers == tier, dtype=np.bool_)
        if not rows.any():
            continue
        if result and np.sum(result[-1][1]) < MINIMUM_AGGREGATE:
            result[-1] = ([*result[-1][0], tier], result[-1][1] | rows)
        else:
            result.append(([tier], rows))
    if len(result) > 1 and np.sum(result[-1][1]) < MINIMUM_AGGREGATE:
        last, rows = result.pop()
        result[-1] = ([*result[-1][0], *last], result[-1][1] | rows)
    return [
        TierGroup("+".join(of), words.together(tuple(policy.tiers[tier].names for tier in of)), rows)
        for of, rows in result
        if np.sum(rows) >= MINIMUM_AGGREGATE
    ]


def binomial_p_value(bad: int, n: int, probability: float) -> float:
    """Return how likely so many bad outcomes, or more, are where each has the probability."""
    return float(binom.sf(bad - 1, n, probability))


def jeffreys_p_value(bad: int, n: int, probability: float) -> float:
    """Return how likely the true bad rate is not above the probability: Beta(bad + ½, n − bad + ½) there.

    1 where nobody is bad: the Jeffreys interval then begins at 0 (Brown, Cai and DasGupta 2001).
    """
    return float(beta.cdf(probability, bad + 0.5, n - bad + 0.5)) if bad else 1.0


def most_by_binomial(n: int, probability: float, alpha: float) -> int:
    """Return the most bad outcomes that the binomial test at alpha lets pass."""
    # The smallest count beyond which there is at most alpha.
    return int(binom.isf(alpha, n, probability))


def most_by_jeffreys(n: int, probability: float, alpha: float) -> int:
    """Return the most bad outcomes that the Jeffreys test at alpha lets pass."""
    bad = np.arange(1, n + 1)
    return int(np.sum(beta.cdf(probability, bad + 0.5, n - bad + 0.5) >= alpha))


def tier_tests(evidence: Evidence) -> Iterator[Result]:
    """Yield the two tests of every tier."""
    groups = tier_groups(evidence.tiers, evidence.scorer.policy)
    if not groups:
        yield from (check.no_answer(words.TOO_FEW_CUSTOMERS, evidence.n) for check in (BINOMIAL, JEFFREYS))
        return
    alpha = evidence.limits.alpha / len(groups)
    for group in groups:
        n, bad = int(np.sum(group.rows)), int(np.sum(evidence.bad[group.rows]))
        predicted = float(np.mean(evidence.probability[group.rows]))
        tests = (
            (BINOMIAL, binomial_p_value(bad, n, predicted), most_by_binomial(n, predicted, alpha)),
            (JEFFREYS, jeffreys_p_value(bad, n, predicted), most_by_jeffreys(n, predicted, alpha)),
        )
        for check, p_value, most in tests:
            yield check.about(group.id, group.name).answer(
                bad / n,
                n,
                passed=bad <= most,
                threshold=Range(0.0, most / n),
                interval=jeffreys_interval(bad, n, evidence.limits.level),
                p_value=p_value,
                parts=[Part(words.PREDICTED, predicted, n)],
            )
