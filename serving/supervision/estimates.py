"""Estimates with two-sided 95 % intervals; a resampled interval is the same whenever it is asked for."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from serving.supervision.figures import Figure

LEVEL = 0.95
_RESAMPLES = 1000
_SEED = 20240229
_Z = 1.959963984540054

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def proportion(count: int, cases: int, expected: float | None = None) -> Figure:
    """Return a proportion with Wilson's score interval; without cases nothing.

    Source: Wilson (1927), JASA 22(158); Brown, Cai and DasGupta (2001), Statistical Science 16(2).
    """
    from scipy.stats import binomtest

    if not cases:
        return Figure(None, 0, expected=expected)
    interval = binomtest(count, cases).proportion_ci(LEVEL, method="wilson")
    return Figure(count / cases, cases, float(interval.low), float(interval.high), expected)


def auc(bad: Bools, risk: Floats) -> Figure:
    """Return the area under the ROC curve with DeLong's interval; ties count half.

    Args:
        bad: shape (n,), whether the outcome was bad.
        risk: shape (n,), higher for more risk.

    Returns:
        No value where a class is absent, no interval where the variance cannot be estimated. The interval is
        cut at 0 and 1. Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), by midranks as in
        Sun and Xu (2014), IEEE Signal Processing Letters 21(11).
    """
    from scipy.stats import rankdata

    n, bads = len(bad), int(bad.sum())
    goods = n - bads
    rarer = min(bads, goods)
    if not rarer:
        return Figure(None, n)
    ranks = rankdata(risk)
    # Of each bad customer the share of good ones below, and of each good one the share of bad ones above.
    above = (ranks[bad] - rankdata(risk[bad])) / goods
    below = 1 - (ranks[~bad] - rankdata(risk[~bad])) / bads
    area = float(above.mean())
    if bads < 2 or goods < 2:
        return Figure(area, n, rarer=rarer)
    variance = float(np.var(above, ddof=1) / bads + np.var(below, ddof=1) / goods)
    if variance <= 0:
        return Figure(area, n, rarer=rarer)
    reach = _Z * variance**0.5
    return Figure(area, n, max(area - reach, 0.0), min(area + reach, 1.0), rarer=rarer)


def ks(bad: Bools, risk: Floats) -> Figure:
    """Return the largest distance of the two classes' distributions, with a bootstrap interval.

    Shapes as in `auc`. Source: Massey (1951), JASA 46(253); in credit, Siddiqi (2006), chapter 6.
    """
    n = len(bad)
    rarer = min(int(bad.sum()), int((~bad).sum()))
    if not rarer:
        return Figure(None, n)
    order = np.argsort(risk, kind="stable")
    ordered, values = bad[order], risk[order]
    # Only behind the last of equal scores is the distance one of the two distributions.
    ends = np.append(values[1:] != values[:-1], True)

    def distance(weights: Floats) -> float:
        of_bad, of_good = weights * ordered, weights * ~ordered
        if not of_bad.any() or not of_good.any():
            return float("nan")
        apart = np.cumsum(of_bad) / of_bad.sum() - np.cumsum(of_good) / of_good.sum()
        return float(np.abs(apart[ends]).max())

    return replace(resampled(distance, n), rarer=rarer)


def mean(values: Floats) -> Figure:
    """Return a mean with a bootstrap interval; shape (n,)."""
    if not len(values):
        return Figure(None, 0)
    return resampled(lambda weights: float(weights @ values / weights.sum()), len(values))


def log_losses(bad: Bools, probability: Floats) -> Floats:
    """Return each customer's negative log-likelihood in nats; 0 and 1 move inwards by the float's spacing.

    Source: Good (1952), JRSS B 14(1).
    """
    tiny = float(np.finfo(np.float64).eps)
    chances = np.clip(probability, tiny, 1 - tiny)
    return -np.where(bad, np.log(chances), np.log1p(-chances))


def stability(
    before: Floats, after: Floats, bins: int = 10
) -> tuple[float | None, list[tuple[float, float, int]]]:
    """Return the population stability index of two samples, and of each bin both shares and the count after.

    Bins are quantiles of the sample before; half a case is added to each, so that an empty bin costs much and
    not everything. Source: Siddiqi (2006), Credit Risk Scorecards, chapter 10.

    Args:
        before: shape (m,).
        after: shape (n,).
        bins: how many at most; fewer where values are tied.
    """
    if not len(before) or not len(after):
        return None, []
    edges = np.unique(np.quantile(before, np.arange(1, bins) / bins))
    number = len(edges) + 1
    counts = [
        np.bincount(np.searchsorted(edges, values, side="left"), minlength=number)
        for values in (before, after)
    ]
    shares = [(count + 0.5) / (count.sum() + 0.5 * number) for count in counts]
    index = float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))
    return index, list(zip(*(part.tolist() for part in (*shares, counts[1])), strict=True))


def resampled(statistic: Callable[[Floats], float], n: int) -> Figure:
    """Return a statistic of weighted cases with its bias-corrected percentile interval over resamples.

    The correction matters to what cannot be negative, such as a largest distance: resamples lie above it.
    Source: Efron (1981), Canadian Journal of Statistics 9(2).
    """
    from scipy.special import ndtr, ndtri

    random = np.random.default_rng(_SEED)
    found = np.array([
        statistic(np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64))
        for _ in range(_RESAMPLES)
    ])  # fmt: skip
    usable = found[~np.isnan(found)]
    value = statistic(np.ones(n))
    if n < 2 or not len(usable):
        return Figure(value, n)
    below = (np.sum(usable < value) + np.sum(usable == value) / 2) / len(usable)
    bias = 2 * ndtri(np.clip(below, 1 / _RESAMPLES, 1 - 1 / _RESAMPLES))
    low, high = np.quantile(usable, ndtr([bias - _Z, bias + _Z]))
    return Figure(value, n, float(low), float(high))
