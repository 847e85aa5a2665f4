"""Monotonicity: of the bad rate over tiers and score bands, and of the model in what has a direction."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from features.portfolio import Bools
from features.terms import Text
from models.disclosure import MINIMUM_AGGREGATE
from training.battery import words
from training.battery.directions import least_step
from training.battery.evidence import Evidence
from training.battery.figures import jeffreys_interval, lower_rate_test
from training.battery.result import Check, Part, Range, Result
from training.battery.tier_tests import tier_groups
from training.metrics import equal_count_bins

_FISHER = (
    "Fisher (1935), Journal of the Royal Statistical Society 98: exact test of neighbours, one-sided, all "
    "together by Bonferroni"
)
TIERS = Check("monotonicity.tiers", words.TIERS_RISE, _FISHER)
BANDS = Check("monotonicity.bands", words.BANDS_RISE, _FISHER)
DIRECTIONS = Check(
    "monotonicity.directions",
    words.DIRECTIONS,
    "every range of every table, with every combination of the other indicators' ranges",
)
# What rounding may leave of a change that is none, in log-odds.
ROUNDING = 1e-9


def monotonicity(evidence: Evidence) -> Iterator[Result]:
    """Yield the checks.

    Tiers and bands fail where a worse one had significantly fewer bad outcomes than its better neighbour;
    what they show is the least difference between neighbours.
    """
    groups = tier_groups(evidence.tiers, evidence.scorer.policy)
    yield _rising(TIERS, evidence, [(group.name, group.rows) for group in groups])
    yield _rising(BANDS, evidence, _bands(evidence))
    yield directions(evidence)


def _bands(evidence: Evidence) -> list[tuple[Text, Bools]]:
    """Return bands of the score of about equal count, the best first."""
    if evidence.n < MINIMUM_AGGREGATE:
        return []
    number = equal_count_bins(-evidence.decisions.score, evidence.limits.bins, MINIMUM_AGGREGATE)
    count = int(np.max(number)) + 1
    return [(words.band(each + 1, count), number == each) for each in range(count)]


def _rising(check: Check, evidence: Evidence, groups: Sequence[tuple[Text, Bools]]) -> Result:
    if len(groups) < 2:
        return check.no_answer(words.ONE_GROUP, evidence.n)
    if not evidence.tells():
        return check.no_answer(words.TOO_FEW_OUTCOMES, evidence.n)
    counts = [(int(np.sum(evidence.bad[rows])), int(np.sum(rows))) for _, rows in groups]
    pairs = list(pairwise(counts))
    least = min(worse[0] / worse[1] - better[0] / better[1] for better, worse in pairs)
    # Bonferroni: the smallest of so many p-values.
    p_value = min(1.0, len(pairs) * min(lower_rate_test(*better, *worse) for better, worse in pairs))
    level = evidence.limits.level
    return check.answer(
        least,
        sum(n for _, n in counts),
        passed=p_value > evidence.limits.alpha,
        threshold=Range(low=0.0),
        p_value=p_value,
        parts=[
            Part(name, bad / n, n, jeffreys_interval(bad, n, level))
            for (name, _), (bad, n) in zip(groups, counts, strict=True)
        ],
    )


def directions(evidence: Evidence) -> Result:
    """Return the least step of the model's log-odds in the declared directions; it must not go backwards."""
    tables, slope = evidence.model.tables, evidence.model.calibration.slope
    steps, parts = [], []
    for place, id_ in enumerate(tables.features):
        indicator = evidence.catalog.by_id[id_].indicator
        if indicator.risk_direction:
            step = least_step(tables, place, indicator.risk_direction)
            steps.append(step)
            parts.append(Part(indicator.names, slope * step.least, None))
    if not steps:
        return DIRECTIONS.no_answer(words.NO_DIRECTIONS)
    least = slope * min(step.least for step in steps)
    backwards = [step for step in steps if slope * step.least < -ROUNDING]
    if backwards and not any(step.exact for step in backwards):
        return DIRECTIONS.no_answer(words.NOT_PROVEN)
    return DIRECTIONS.answer(least, None, passed=not backwards, threshold=Range(low=-ROUNDING), parts=parts)
