"""Drift: do the period's customers, their scores and their tiers spread as those of the training did?"""

from collections.abc import Iterator

import numpy as np

from features.catalog import Indicator
from features.portfolio import Floats
from features.terms import RATED_TIERS, Text, Tier
from models.disclosure import MINIMUM_AGGREGATE
from models.reasons import UNRATED_NAME
from training.battery.figures import normal_interval, share_interval
from training.battery.result import Check, Part, Range, Result
from training.battery.stability import SOURCE
from training.battery.words import NO, UNSEEN, YES, about, together
from training.mixes.coding import levels_of, tier_codes
from training.mixes.comparison import distance_to
from training.mixes.mix import Cell, Mix
from training.mixes.stability_index import ADDED
from training.monitoring import words
from training.monitoring.watched import Watched

CSI = Check("input_drift.csi", words.INDICATOR, f"{SOURCE}; all indicators together by Bonferroni")
PSI_SCORE = Check("score_drift.psi.score", words.SCORE, f"{SOURCE}; both by Bonferroni")
PSI_PROBABILITY = Check("score_drift.psi.probability", words.PROBABILITY, f"{SOURCE}; both by Bonferroni")
PSI_TIERS = Check("tier_migration.psi", words.TIERS, SOURCE)
FALLS = Check(
    "tier_migration.falls",
    words.FALLS,
    "customers evaluated more than once in the period, first against last tier; normal interval of the mean "
    "of +1, 0, −1",
)
_RANKS = {tier: rank for rank, tier in enumerate((*RATED_TIERS, Tier.UNRATED))}


def input_drift(watched: Watched) -> Iterator[Result]:
    """Yield CSI of every indicator that the model or the baseline uses."""
    catalog, portfolio = watched.scorer.catalog, watched.data.portfolio
    mixes = watched.reference.indicators
    for id_, mix in mixes.items():
        indicator = catalog.by_id[id_].indicator
        values, levels = portfolio.matrix([id_])[:, 0], levels_of(indicator)
        yield _compared(
            CSI.about(id_, indicator.names),
            watched,
            mix,
            values,
            levels,
            alpha=watched.limits.alpha / len(mixes),
            parts=[*_most_moved(indicator, mix, values, levels), *_missing(mix, values)],
        )


def score_drift(watched: Watched) -> Iterator[Result]:
    """Yield PSI of the score and of the model's probability."""
    decisions, reference, alpha = watched.decisions, watched.reference, watched.limits.alpha / 2
    yield _compared(PSI_SCORE, watched, reference.score, decisions.score, alpha=alpha)
    yield _compared(PSI_PROBABILITY, watched, reference.probability, decisions.model.probability, alpha=alpha)


def tier_migration(watched: Watched) -> Iterator[Result]:
    """Yield PSI of the tiers, and the balance of tiers that fell and rose within the period."""
    codes, n = tier_codes(watched.decisions), len(watched)
    mix = watched.reference.tiers
    parts = []
    # Of the period by itself, so that no small tier can be told by subtraction.
    for cell in Mix.of_levels(codes, tuple(Tier)).cells:
        held = [tier for place, tier in enumerate(Tier) if tier in cell.levels and np.any(codes == place)]
        name = together(tuple(_tier_name(watched, tier) for tier in held))
        interval = share_interval(cell.count, n, watched.limits.level)
        parts.append(Part(name, cell.count / n, cell.count, interval))
    yield _compared(PSI_TIERS, watched, mix, codes, tuple(Tier), alpha=watched.limits.alpha, parts=parts)
    yield _falls(watched)


def _compared(
    check: Check,
    watched: Watched,
    mix: Mix,
    values: Floats,
    levels: tuple[str, ...] = (),
    *,
    alpha: float,
    parts: list[Part] | None = None,
) -> Result:
    limits = watched.limits
    found = distance_to(
        mix,
        values,
        levels,
        expected=limits.expected_per_bin,
        material=limits.material_psi,
        alpha=alpha,
    )
    return check.answer(
        found.value,
        len(values),
        passed=found.tolerated,
        threshold=Range(0.0, found.highest),
        parts=parts or (),
    )


def _most_moved(indicator: Indicator, mix: Mix, values: Floats, levels: tuple[str, ...]) -> list[Part]:
    """Return the cell that adds most to the index, of those that hold enough customers: its share now and in
    training."""
    before, now = mix.counts, mix.count(values, levels)
    enough = np.flatnonzero(now >= MINIMUM_AGGREGATE)
    if len(enough) < 2:
        return []
    old, new = ((counts + ADDED) / np.sum(counts + ADDED) for counts in (before, now))
    most = int(enough[np.argmax(((new - old) * np.log(new / old))[enough])])
    name = _cell_name(indicator, mix.cells[most])
    return [
        Part(about(name, words.NOW), float(now[most] / np.sum(now)), int(now[most])),
        Part(about(name, words.IN_TRAINING), float(before[most] / np.sum(before)), int(before[most])),
    ]


def _cell_name(indicator: Indicator, cell: Cell) -> Text:
    names = []
    if cell.ranged:
        names.append(words.between(cell.above, cell.up_to))
    for level in cell.levels:
        declared = (indicator.levels or {}).get(level)
        names.append(declared.names if declared is not None else {"true": YES, "false": NO}[level])
    names += [UNSEEN] if cell.unseen else []
    names += [words.MISSING] if cell.missing else []
    return together(tuple(names))


def _missing(mix: Mix, values: Floats) -> list[Part]:
    """Return the share of whom nothing is known, now and in training, where enough are."""
    missing, share = int(np.sum(np.isnan(values))), mix.share_missing()
    now = Part(words.SHARE_MISSING, missing / len(values), missing)
    return [now] if share is None else [now, Part(words.IN_TRAINING, share, round(share * mix.customers))]


def _tier_name(watched: Watched, tier: Tier) -> Text:
    return UNRATED_NAME if tier is Tier.UNRATED else watched.scorer.policy.tiers[tier].names


def _falls(watched: Watched) -> Result:
    """Compare the first and the last tier of whoever was evaluated on several days."""
    ids = np.array(watched.data.portfolio.customer_ids, dtype=object)
    order = np.argsort(watched.data.days, kind="stable")
    first: dict[object, int] = {}
    last: dict[object, int] = {}
    for row in order:
        first.setdefault(ids[row], int(row))
        last[ids[row]] = int(row)
    days = watched.data.days
    twice = [id_ for id_ in first if days[first[id_]] < days[last[id_]]]
    if not twice:
        return FALLS.no_answer(words.NONE_TWICE)
    ranks = np.array([_RANKS[tier] for tier in watched.decisions.tiers])
    moved = np.sign([ranks[last[id_]] - ranks[first[id_]] for id_ in twice])
    n, limits = len(twice), watched.limits
    value, error = float(np.mean(moved)), float(np.std(moved)) / np.sqrt(n)
    interval = normal_interval(value, error, limits.level, -1.0, 1.0)
    tolerated = Range(-1.0, limits.tolerated_falls)
    parts = []
    for name, sign in ((words.FELL, 1), (words.ROSE, -1)):
        count = int(np.sum(moved == sign))
        parts.append(Part(name, count / n, count))
    return FALLS.answer(
        value, n, passed=tolerated.meets(interval), threshold=tolerated, interval=interval, parts=parts
    )
