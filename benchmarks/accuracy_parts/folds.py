"""Who is trained on and who is judged: outer folds that never part a group, years, inner splits for tuning.

How often a data set is split follows from its size alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy_parts.tables import Bools, Indices, Rows, Table

SEED = 20260101
# A data set of so many customers is split once; one of a quarter of them twice, up to so many repeats.
_ONCE = 10_000
_MOST_REPEATS = 2
# Beyond so many customers three folds must do instead of five.
_FIVE_FOLDS_UP_TO = 50_000
# Tuning: cross-validated in three up to so many customers, else on one hold-out; drawn from at most so many.
_INNER_FOLDS_UP_TO = 10_000
_INNER_FOLDS = 3
_HOLD_OUT_SHARE = 0.25
MOST_TUNED_ON = 20_000


@dataclass(frozen=True, eq=False)
class Split:
    """One outer fold: which rows are trained on and which judged. `label` is a year, or `repeat.fold`."""

    label: str
    repeat: int
    training: Indices
    test: Indices


def repeats_and_folds(n: int) -> tuple[int, int]:
    """Return how many repeats of how many folds n customers get: fewer the more they cost, and the less
    they need it."""
    repeats = round(float(np.clip(np.sqrt(_ONCE / max(1, n)), 1, _MOST_REPEATS)))
    return repeats, 5 if n <= _FIVE_FOLDS_UP_TO else 3


def outer_splits(table: Table, years: Sequence[int]) -> Iterator[Split]:
    """Yield the years of a dated data set, each judged by what had matured before its first day; else
    repeated folds of whole groups, stratified by the outcome.

    In time a group may stand on both sides, as in `training.walkforward`: what was known was known.
    """
    if table.days is not None and table.matured_on is not None:
        of_year = table.days.astype("datetime64[Y]").astype(np.int64) + 1970
        for year in years:
            known = np.flatnonzero(table.matured_on <= np.datetime64(f"{year}-01-01"))
            yield Split(str(year), 0, known, np.flatnonzero(of_year == year))
        return
    repeats, folds = repeats_and_folds(len(table))
    for repeat in range(repeats):
        fold = fold_numbers(table.bad, table.groups, folds, SEED + repeat)
        for number in range(folds):
            yield Split(
                f"{repeat}.{number}", repeat, np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            )


def fold_numbers(bad: Bools, groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return each row's fold, shape (n,): whole groups are dealt in random order, the ones with a bad
    outcome evenly."""
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    any_bad = np.bincount(index, weights=bad, minlength=count) > 0
    shuffled = np.random.default_rng(seed).permutation(count)
    dealt = shuffled[np.argsort(any_bad[shuffled], kind="stable")]
    fold = np.empty(count, dtype=np.int64)
    fold[dealt] = np.arange(count) % folds
    result: NDArray[np.int64] = fold[index]
    return result


def inner_splits(rows: Rows, seed: int = SEED, most: int = MOST_TUNED_ON) -> list[tuple[Indices, Indices]]:
    """Return (fitted, held-out) rows for tuning, of the training rows alone and of whole groups.

    Where customers are dated the newest quarter is held out: it is most like what comes, and on 2001–2003 it
    chose better for LightGBM than rows drawn at random. More customers than `most` are thinned to them first:
    a setting is chosen on them, then fitted on all.
    """
    n = len(rows)
    kept = np.arange(n)
    if n > most:
        parts = int(np.ceil(n / most * 10))
        kept = np.flatnonzero(fold_numbers(rows.bad, rows.groups, parts, seed + 1) < 10)
    if rows.days is not None:
        newest_first = kept[np.argsort(rows.days[kept], kind="stable")[::-1]]
        edge = round(_HOLD_OUT_SHARE * len(kept))
        held_out, earlier = newest_first[:edge], newest_first[edge:]
        return [(np.sort(earlier[~np.isin(rows.groups[earlier], rows.groups[held_out])]), np.sort(held_out))]
    folds = _INNER_FOLDS if n <= _INNER_FOLDS_UP_TO else round(1 / _HOLD_OUT_SHARE)
    fold = fold_numbers(rows.bad[kept], rows.groups[kept], folds, seed + 2)
    numbers = range(folds) if n <= _INNER_FOLDS_UP_TO else range(1)
    return [(kept[fold != number], kept[fold == number]) for number in numbers]
