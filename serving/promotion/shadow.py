"""The comparison of a challenger with the champion on what was decided: aggregates of twenty or more."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import ceil, floor
from typing import Any

import numpy as np

from features.portfolio import Bools, Floats
from features.terms import RATED_TIERS, Tier
from models.disclosure import MINIMUM_AGGREGATE
from models.resampling import areas_of, drawings, mean_of, percentiles
from models.rounding import shortest_between
from serving.promotion.recomputed import Recomputed, ShadowError
from serving.reviews.adoptions import ServedSet
from serving.served import Served
from serving.supervision.estimates import LEVEL, log_losses, proportion
from serving.supervision.figures import Figure

FORMAT, FORMAT_VERSION = "tierwise-shadow", 1
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TIERS = tuple(str(tier) for tier in (*RATED_TIERS, Tier.UNRATED))
_RESAMPLES, _SEED = 1000, 20240229


@dataclass(frozen=True)
class Compared:
    """A measure of both on the same cases, and challenger less champion, with 95 % intervals."""

    champion: Figure
    challenger: Figure
    difference: Figure


@dataclass(frozen=True)
class Judged:
    """What outcomes say of both; `reason` says why they say nothing.

    `decisions` of `customers`, `bad` of them followed by an adverse outcome, all as of days after `after`,
    the last that either model was trained on.
    """

    decisions: int
    customers: int
    bad: int
    after: date | None
    measures: Mapping[str, Compared]
    reason: str | None = None


@dataclass(frozen=True)
class Shadow:
    """The report. Cells of `migration` are customers, by champion's and challenger's tier; None if too few.

    `quantiles` and `mean` are of challenger's score less champion's, a customer counting once; a quantile is
    told by the shortest number near it, see `_quantile`. A count at the end is None where it is of 1 to 19,
    `reproduced` also where as few were not.
    """

    champion: ServedSet
    challenger: ServedSet
    first: date
    last: date
    customers: int
    mean: float
    quantiles: Mapping[float, float | None]
    differ: Figure
    migration: Mapping[tuple[str, str], int | None]
    judged: Judged
    made_by_champion: int | None
    reproduced: int | None
    erased: int | None
    left_out: int | None

    def document(self) -> str:
        """Return the report as a JSON document."""
        sides = {"champion": self.champion, "challenger": self.challenger}
        content: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **{
                name: {
                    "model_version": of.model_version, "catalog_hash": of.catalog, "policy_hash": of.policy,
                    "artefact_hash": of.artefact,
                }
                for name, of in sides.items()
            },
            "first": self.first.isoformat(), "last": self.last.isoformat(), "customers": self.customers,
            "erased": self.erased, "left_out": self.left_out,
            "made_by_champion": self.made_by_champion, "reproduced": self.reproduced,
            "score_difference": {
                "mean": self.mean,
                "quantiles": [{"share": share, "value": value} for share, value in self.quantiles.items()],
            },
            "tiers_differ": _shown(self.differ),
            "migration": [
                {"champion": before, "challenger": after, "customers": count}
                for (before, after), count in self.migration.items()
            ],
            "outcomes": {
                "decisions": self.judged.decisions, "customers": self.judged.customers,
                "bad": self.judged.bad, "after": self.judged.after and self.judged.after.isoformat(),
                "reason": self.judged.reason,
                "measures": {
                    name: {side: _shown(figure) for side, figure in vars(of).items()}
                    for name, of in self.judged.measures.items()
                },
            },
        }  # fmt: skip
        return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def compare(champion: Served, challenger: Served, found: Recomputed) -> Shadow:
    """Compare both on the newest decision on each customer, and by outcomes on all that have one.

    Raises:
        ShadowError: the customers are fewer than twenty.
    """
    newest = found.newest
    n = int(newest.sum())
    if n < MINIMUM_AGGREGATE:
        raise ShadowError(
            f"{n} customers are too few to compare on: nothing is told of fewer than {MINIMUM_AGGREGATE}"
        )
    difference = (found.challenger.score - found.champion.score)[newest]
    before, after = found.champion.tiers[newest], found.challenger.tiers[newest]
    counts = {
        (one, other): int(np.sum((before == one) & (after == other))) for one in TIERS for other in TIERS
    }
    differing = int(np.sum(before != after))
    told = all(count == 0 or count >= MINIMUM_AGGREGATE for count in (differing, n - differing))
    days = found.as_of[newest]
    made, reproduced = int(found.made_by_champion.sum()), int(found.reproduced.sum())
    return Shadow(
        champion=ServedSet.of(champion),
        challenger=ServedSet.of(challenger),
        first=days.min().item(),
        last=days.max().item(),
        customers=n,
        mean=float(difference.mean()),
        quantiles={share: _quantile(np.sort(difference), share) for share in QUANTILES},
        differ=proportion(differing, n) if told else Figure(None, n),
        migration=_guarded(counts, apart=told),
        judged=_judged(champion, challenger, found),
        made_by_champion=_told(made),
        reproduced=None if _told(made - reproduced) is None else _told(reproduced),
        erased=_told(found.erased),
        left_out=_told(found.left_out),
    )


def _told(count: int) -> int | None:
    """Return a count, or None where it is of too few."""
    return None if 0 < count < MINIMUM_AGGREGATE else count


def _quantile(rising: Floats, share: float) -> float | None:
    """Return a quantile of sorted values, shape (n,), or None with too few beyond it.

    A quantile is a customer's value. So it is told by the shortest number between the value
    `MINIMUM_AGGREGATE` customers below it and the one as many above.
    """
    at = (len(rising) - 1) * share
    low, high = floor(at) - MINIMUM_AGGREGATE, ceil(at) + MINIMUM_AGGREGATE
    if low < 0 or high >= len(rising):
        return None
    return shortest_between(float(rising[low]), float(rising[high]))


def _guarded(counts: Mapping[tuple[str, str], int], *, apart: bool) -> dict[tuple[str, str], int | None]:
    """Return the counts without the small ones, nor any that these could be reckoned from.

    What is withheld adds up to twenty or more, or to nobody: over all cells, or `apart` over those that stay
    and those that move, where it is told how many these are.
    """
    blocks = [list(counts)]
    if apart:
        blocks = [[cell for cell in counts if (cell[0] == cell[1]) == stays] for stays in (True, False)]
    withheld: set[tuple[str, str]] = set()
    for block in blocks:
        rising = sorted((cell for cell in block if counts[cell]), key=lambda cell: counts[cell])
        total = 0
        for cell in rising:
            if counts[cell] < MINIMUM_AGGREGATE or 0 < total < MINIMUM_AGGREGATE:
                withheld.add(cell)
                total += counts[cell]
    return {cell: None if cell in withheld else count for cell, count in counts.items()}


def _judged(champion: Served, challenger: Served, found: Recomputed) -> Judged:
    after, reason = None, None
    for served in (champion, challenger):
        model = served.scorer.model
        if model is None:
            continue
        # Of a table without days the customers were known by the day on which it was read.
        day = model.training.get("last_as_of") or model.training.get("read_on")
        if not isinstance(day, str):
            reason = f"{served.model_version} does not say until when it was trained"
            break
        after = max(date.fromisoformat(day), after or date.min)
    # What a model was trained on is no proof of it.
    rows = found.known if after is None else found.known & (found.as_of > np.datetime64(after))
    if reason is None and not _enough(found, rows):
        reason = (
            f"too few outcomes are known: {MINIMUM_AGGREGATE} customers with a good "
            "and with a bad one are needed, which became known after the decisions were made"
        )
    if reason is not None:
        return Judged(0, 0, 0, after, {}, reason)
    customers = len(np.unique(found.customers[rows]))
    return Judged(int(rows.sum()), customers, int(found.bad[rows].sum()), after, dict(_measures(found, rows)))


def _enough(found: Recomputed, rows: Bools) -> bool:
    """Whether twenty customers or more had a bad outcome, and as many a good one."""
    return all(
        len(np.unique(found.customers[rows & (found.bad == bad)])) >= MINIMUM_AGGREGATE
        for bad in (True, False)
    )


def _measures(found: Recomputed, rows: Bools) -> Iterator[tuple[str, Compared]]:
    """Yield AUC, Brier score and log-loss where there are enough cases.

    Ranking is the score's, of who is rated by both; the other two are the probability's, of whom both have
    one.
    """
    sides = (found.champion, found.challenger)
    rated, chances = rows.copy(), rows.copy()
    for side in sides:
        rated &= side.tiers != str(Tier.UNRATED)
        chances &= ~np.isnan(side.probability)
    if _enough(found, rated):
        yield (
            "auc",
            _resampled(
                found, rated, [partial(areas_of, found.bad[rated], -side.score[rated]) for side in sides]
            ),
        )
    if _enough(found, chances):
        bad = found.bad[chances]
        squares = [(side.probability[chances] - bad) ** 2 for side in sides]
        yield "brier", _resampled(found, chances, [partial(mean_of, values) for values in squares])
        losses = [log_losses(bad, side.probability[chances]) for side in sides]
        yield "log_loss", _resampled(found, chances, [partial(mean_of, values) for values in losses])


def _resampled(found: Recomputed, rows: Bools, statistics: Sequence[Callable[[Floats], Floats]]) -> Compared:
    """Return a statistic of both and their difference, each customer's cases drawn together.

    Args:
        found: the decisions.
        rows: which of them, shape (n,).
        statistics: champion's and challenger's, from how often each case is drawn, shape (drawings, cases).
    """
    cases = int(rows.sum())
    _, groups = np.unique(found.customers[rows], return_inverse=True)
    values = [float(statistic(np.ones((1, cases)))[0]) for statistic in statistics]
    parts = [
        [statistic(times) for statistic in statistics]
        for times in drawings(groups.astype(np.int64), _RESAMPLES, _SEED)
    ]
    drawn = [np.concatenate(of_one) for of_one in zip(*parts, strict=True)]

    def figure(value: float, samples: Floats) -> Figure:
        low, high = percentiles(samples, LEVEL)
        return Figure(value, cases, low, high)

    return Compared(
        figure(values[0], drawn[0]),
        figure(values[1], drawn[1]),
        figure(values[1] - values[0], drawn[1] - drawn[0]),
    )


def _shown(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "cases": figure.cases, "low": figure.low, "high": figure.high}
