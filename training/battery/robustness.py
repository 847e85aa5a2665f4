"""Robustness: what is left if a department delivers nothing, or nobody tells an indicator (M11)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.terms import RATED_TIERS, Tier
from models.decision import Decisions
from training.battery import words
from training.battery.discrimination import areas
from training.battery.evidence import Evidence
from training.battery.figures import normal_interval, share_interval
from training.battery.result import Check, Part, Range, Result

_SOURCE = "the department's indicators set to missing; AUC and paired difference as of discrimination.auc"
AUC = Check("robustness.auc", words.WITHOUT_DEPARTMENT, _SOURCE)
RAISED = Check(
    "robustness.raised",
    words.SILENCE_PAYS,
    "the department's indicators set to missing: on balance silence must not pay",
)
UNTOLD = Check(
    "robustness.untold",
    words.UNTOLD_PAYS,
    "the indicator set to missing for everybody: on balance silence must not pay",
)
_RANKS = {tier: rank for rank, tier in enumerate((*RATED_TIERS, Tier.UNRATED))}


def robustness(evidence: Evidence) -> Iterator[Result]:
    """Yield for every department: does the model still rank, and does the silence raise tiers?

    And for every indicator of the model: are tiers raised where nobody tells it? What was never missing in
    training the boosters read as 0, which may be a good value.
    """
    for department, name in evidence.catalog.departments.items():
        columns = [
            column
            for column, placed in enumerate(evidence.catalog.placed)
            if placed.indicator.source.department == department
        ]
        delivered = {evidence.catalog.placed[column].id for column in columns}
        modelled = set(evidence.model.tables.features)
        checks = AUC.about(department, name), RAISED.about(department, name)
        if not delivered & modelled:
            yield from (check.no_answer(words.DELIVERS_NONE) for check in checks)
        elif modelled <= delivered:
            yield from (check.no_answer(words.DELIVERS_ALL) for check in checks)
        else:
            yield from _without(evidence, columns, *checks)
    for column, placed in enumerate(evidence.catalog.placed):
        if placed.id in evidence.model.tables.features:
            yield _balance(evidence, [column], UNTOLD.about(placed.id, placed.indicator.names))


def _silenced(evidence: Evidence, columns: list[int]) -> Decisions:
    """Return the decisions where some columns are missing for everybody."""
    portfolio = evidence.data.portfolio
    given = portfolio.given.copy()
    given[:, columns] = np.nan
    return evidence.scorer.decide(replace(portfolio, given=given))


def _ranks(tiers: Iterable[Tier]) -> NDArray[np.int64]:
    return np.array([_RANKS[tier] for tier in tiers], dtype=np.int64)


def _without(evidence: Evidence, columns: list[int], of_auc: Check, of_raised: Check) -> Iterator[Result]:
    limits, n = evidence.limits, evidence.n
    decisions = _silenced(evidence, columns)
    ranks, before = _ranks(decisions.tiers), _ranks(evidence.tiers)
    counts = {
        words.TIER_CHANGED: int(np.sum(ranks != before)),
        words.TIER_RAISED: int(np.sum(ranks < before)),
        words.UNRATED: int(np.sum(decisions.tiers == Tier.UNRATED)),
    }
    parts = [
        Part(name, count / n, n, share_interval(count, n, limits.level)) for name, count in counts.items()
    ]
    if evidence.tells():
        chances = [evidence.probability, decisions.model.probability]
        found = areas(evidence.bad, chances, evidence.data.groups)
        lost, error = found.difference()
        area = float(found.areas[1])
        interval = normal_interval(area, float(np.sqrt(found.covariance[1, 1])), limits.level, 0.0, 1.0)
        yield of_auc.answer(
            area,
            n,
            passed=interval.low > limits.least_auc,
            threshold=Range(low=limits.least_auc),
            interval=interval,
            parts=[Part(words.AUC_LOST, lost, n, normal_interval(lost, error, limits.level)), *parts],
        )
    else:
        yield of_auc.no_answer(words.TOO_FEW_OUTCOMES, n)
    yield _raised(evidence, ranks, before, of_raised, parts)


def _balance(evidence: Evidence, columns: list[int], check: Check) -> Result:
    ranks, before = _ranks(_silenced(evidence, columns).tiers), _ranks(evidence.tiers)
    counts = {words.TIER_RAISED: int(np.sum(ranks < before)), words.TIER_LOWERED: int(np.sum(ranks > before))}
    n, level = evidence.n, evidence.limits.level
    parts = [Part(name, count / n, n, share_interval(count, n, level)) for name, count in counts.items()]
    return _raised(evidence, ranks, before, check, parts)


def _raised(
    evidence: Evidence,
    ranks: NDArray[np.int64],
    before: NDArray[np.int64],
    check: Check,
    parts: Sequence[Part],
) -> Result:
    """Answer how many tiers rise less how many fall: whoever hides what speaks against them must not gain."""
    balance, n = np.sign(before - ranks), evidence.n
    value, error = float(np.mean(balance)), float(np.std(balance)) / np.sqrt(n)
    interval = normal_interval(value, error, evidence.limits.level, -1.0, 1.0)
    tolerated = Range(-1.0, evidence.limits.tolerated_raises)
    return check.answer(
        value, n, passed=tolerated.meets(interval), threshold=tolerated, interval=interval, parts=parts
    )
