"""The paired bootstrap: two scores on the same customers, drawn again and again, whole groups at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Bools, Floats

# Numbers of a block of drawings.
_AT_ONCE = 4_000_000


def drawings(groups: NDArray[np.int64], resamples: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of drawings: how often each of n customers is drawn, shape (drawings, n).

    As many groups are drawn as there are, each with all of its customers.
    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap; clusters: Field and Welsh (2007),
    Journal of the Royal Statistical Society B 69.
    """
    labels, index = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // len(groups))
    for first in range(0, resamples, at_once):
        count = min(at_once, resamples - first)
        drawn = random.integers(0, len(labels), (count, len(labels)))
        drawn += np.arange(count)[:, None] * len(labels)
        times = np.bincount(drawn.ravel(), minlength=count * len(labels)).reshape(count, -1)
        yield times[:, index].astype(np.float64)


def areas_of(bad: Bools, score: Floats, times: Floats) -> Floats:
    """Return the AUC of each drawing, shape (drawings,); NaN where one class is absent."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))
    times = times[:, order]
    bads = np.add.reduceat(times * bad[order], starts, axis=1)
    goods = np.add.reduceat(times, starts, axis=1) - bads
    below = np.cumsum(goods, axis=1) - goods / 2
    pairs = np.sum(bads, axis=1) * np.sum(goods, axis=1)
    with np.errstate(invalid="ignore"):
        result: Floats = np.sum(bads * below, axis=1) / np.where(pairs, pairs, np.nan)
    return result


def mean_of(values: Floats, times: Floats) -> Floats:
    """Return the mean of values, shape (n,), in each drawing."""
    result: Floats = times @ values / np.sum(times, axis=1)
    return result


def percentiles(drawn: Sequence[float] | Floats, level: float) -> tuple[float, float]:
    """Return the two-sided percentile interval; NaN drawings are left out."""
    low, high = np.nanquantile(np.asarray(drawn), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
