"""Intervals: of paired differences over folds, and of a share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, t

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure and its two-sided interval, of 95 % if not said otherwise; NaN bounds where there is none."""

    mean: float
    low: float
    high: float


def corrected_interval(differences: Sequence[float], test_share: float) -> Interval:
    """Return the interval of a mean difference over repeated folds.

    Folds share their training rows, so the variance of the mean is s²(1/J + test/training), not s²/J; on
    J − 1 degrees of freedom. With `test_share` 0 it is the ordinary paired t interval.
    Source: Nadeau and Bengio (2003), Machine Learning 52; for repeats Bouckaert and Frank (2004), PAKDD.

    Args:
        differences: the J paired differences.
        test_share: test rows divided by training rows.
    """
    values = np.asarray(differences, dtype=np.float64)
    count = len(values)
    mean = float(np.mean(values))
    if count < 2:
        return Interval(mean, float("nan"), float("nan"))
    error = float(np.sqrt(np.var(values, ddof=1) * (1.0 / count + test_share)))
    reach = float(t.ppf((1 + LEVEL) / 2, count - 1)) * error
    return Interval(mean, mean - reach, mean + reach)


def share_interval(count: int, n: int, level: float = LEVEL) -> Interval:
    """Return a share of n and its interval; all NaN where n is 0.

    Source: Wilson (1927), JASA 22; Brown, Cai and DasGupta (2001), Statistical Science 16.
    """
    if not n:
        return Interval(float("nan"), float("nan"), float("nan"))
    found = binomtest(count, n).proportion_ci(level, method="wilson")
    return Interval(count / n, float(found.low), float(found.high))
