"""Robustness: what is left if a department delivers nothing (M11)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from features.terms import RATED_TIERS, Tier
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
_RANKS = {tier: rank for rank, tier in enumerate((*RATED_TIERS, Tier.UNRATED))}


def robustness(evidence: Evidence) -> Iterator[Result]:
    """Yield for every department: does the model still rank, and does the silence raise tiers?"""
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


def _without(evidence: Evidence, columns: list[int], of_auc: Check, of_raised: Check) -> Iterator[Result]:
    limits, n = evidence.limits, evidence.n
    portfolio = evidence.data.portfolio
    given = portfolio.given.copy()
    given[:, columns] = np.nan
    decisions = evidence.scorer.decide(replace(portfolio, given=given))
    ranks, before = (
        np.array([_RANKS[tier] for tier in tiers]) for tiers in (decisions.tiers, evidence.tiers)
    )
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
    # Whoever hides what speaks against them gains; on balance silence must not.
    balance = np.sign(before - ranks)
    value, error = float(np.mean(balance)), float(np.std(balance)) / np.sqrt(n)
    interval = normal_interval(value, error, limits.level, -1.0, 1.0)
    tolerated = Range(-1.0, limits.tolerated_raises)
    yield of_raised.answer(
        value, n, passed=tolerated.meets(interval), threshold=tolerated, interval=interval, parts=parts
    )
