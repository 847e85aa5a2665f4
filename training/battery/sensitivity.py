"""Sensitivity: how far tiers move if one indicator goes to the range beside its own, all else alike."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.catalog import Indicator, Kind
from features.portfolio import Floats
from features.terms import RATED_TIERS, Text
from models.decision import Scorer
from models.packing import axes_by_feature, merged_bounds
from models.tiering import tiers_by_score
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.figures import share_interval
from training.battery.result import Check, Part, Range, Result

SENSITIVITY = Check(
    "sensitivity.tiers",
    words.SENSITIVITY,
    "one indicator at a time (Saltelli et al. 2008, Global Sensitivity Analysis, section 1.2), by the "
    "model's ranges",
)


def sensitivity(evidence: Evidence) -> Iterator[Result]:
    """Yield, for every number and flag of the model, how many tiers one step moves by two or more.

    Tiers are those by score alone: a veto is meant to move them. Categories have no neighbouring ranges. Each
    fails where the whole interval lies beyond what is tolerated; shown is the step, up or down, that moves
    more, and beneath it the share of tiers that each step moves at all.
    """
    limits, scorer = evidence.limits, evidence.scorer
    random = np.random.default_rng(limits.seed)
    rows = np.sort(random.permutation(evidence.n)[: limits.sensitivity_customers])
    portfolio = evidence.data.portfolio.take(rows)
    ranks = _ranks(evidence.decisions.score[rows], scorer)
    model = evidence.model.tables
    axes = axes_by_feature(model.axes)
    for place, id_ in enumerate(model.features):
        indicator = evidence.catalog.by_id[id_].indicator
        if indicator.kind is Kind.CATEGORY or place not in axes:
            continue
        column = evidence.catalog.columns[id_]
        steps: list[_Step] = []
        bounds = merged_bounds(axes[place])
        for name, moved in _moves(indicator, portfolio.values[:, column], bounds):
            able = np.flatnonzero(~np.isnan(moved))
            if len(able):
                given = portfolio.given.copy()
                given[able, column] = moved[able]
                score = scorer.decide(replace(portfolio, given=given).take(able)).score
                apart = np.abs(_ranks(score, scorer) - ranks[able])
                steps.append(_Step(name, int(np.sum(apart >= 2)), int(np.sum(apart >= 1)), len(able)))
        yield _told(SENSITIVITY.about(id_, indicator.names), evidence, steps)


class _Step(NamedTuple):
    """Of n customers who take a step, how many tiers move, and how many of them by two or more."""

    name: Text
    far: int
    moved: int
    n: int


def _ranks(score: Floats, scorer: Scorer) -> NDArray[np.int64]:
    """Return the place of each score's tier, the best 0."""
    return np.array([RATED_TIERS.index(tier) for tier in tiers_by_score(score, scorer.policy)])


def _told(check: Check, evidence: Evidence, steps: list[_Step]) -> Result:
    if not steps:
        return check.no_answer(words.TOO_FEW_CUSTOMERS)
    worst = max(steps, key=lambda step: step.far / step.n)
    level = evidence.limits.level
    interval = share_interval(worst.far, worst.n, level)
    tolerated = Range(0.0, evidence.limits.tolerated_jumps)
    return check.answer(
        worst.far / worst.n,
        worst.n,
        passed=tolerated.meets(interval),
        threshold=tolerated,
        interval=interval,
        parts=[
            Part(
                words.about(words.TIER_CHANGED, step.name),
                step.moved / step.n,
                step.n,
                share_interval(step.moved, step.n, level),
            )
            for step in steps
        ],
    )


def _moves(indicator: Indicator, values: Floats, bounds: Floats) -> Iterator[tuple[Text, Floats]]:
    """Yield steps with each customer's value after it, shape (n,); NaN of whom none is possible.

    A number goes to the edge of the range beside its own, as far as the catalog allows.
    """
    if indicator.kind is Kind.FLAG:
        yield words.OTHER_VALUE, 1.0 - values
        return
    low = -np.inf if indicator.minimum is None else indicator.minimum
    high = np.inf if indicator.maximum is None else indicator.maximum
    known = ~np.isnan(values)
    # Bounds are the smallest values of their ranges.
    range_ = np.searchsorted(bounds, np.where(known, values, 0.0), side="right")
    above = np.append(bounds, np.nan)[range_]
    with np.errstate(over="ignore", under="ignore"):
        below = np.nextafter(np.insert(bounds, 0, np.nan)[range_], -np.inf)
    for name, moved in ((words.UP, above), (words.DOWN, below)):
        with np.errstate(invalid="ignore"):
            possible = known & (moved >= low) & (moved <= high)
        yield name, np.where(possible, moved, np.nan)
