"""Intervals and tests that several checks share."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, fisher_exact, norm

from training import intervals
from training.battery.result import Range


def normal_interval(
    value: float, error: float, level: float, low: float = -np.inf, high: float = np.inf
) -> Range:
    """Return the two-sided normal interval of a figure, held within the figure's own bounds."""
    reach = float(norm.ppf((1 + level) / 2)) * error
    return Range(max(low, value - reach), min(high, value + reach))


def share_interval(count: int, n: int, level: float) -> Range:
    """Return Wilson's interval of a share; see `training.intervals`."""
    found = intervals.share_interval(count, n, level)
    return Range(found.low, found.high)


def jeffreys_interval(bad: int, n: int, level: float) -> Range:
    """Return the two-sided Jeffreys interval of a bad rate: equal tails of Beta(bad + ½, n − bad + ½).

    Where nobody (everybody) is bad it begins at 0 (ends at 1).
    Source: Brown, Cai and DasGupta (2001), Statistical Science 16, section 3.1.
    """
    tail = (1 - level) / 2
    posterior = beta(bad + 0.5, n - bad + 0.5)
    return Range(
        0.0 if bad == 0 else float(posterior.ppf(tail)), 1.0 if bad == n else float(posterior.isf(tail))
    )


def lower_rate_test(bad_below: int, n_below: int, bad_above: int, n_above: int) -> float:
    """Return the one-sided p-value that the second group's bad rate is not below the first's.

    Small where the second, which should be the riskier, had significantly fewer bad outcomes. Fisher's exact
    test (Fisher 1935, "The logic of inductive inference", JRSS 98).
    """
    table = [[bad_below, n_below - bad_below], [bad_above, n_above - bad_above]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def alone(groups: NDArray[np.int64]) -> bool:
    """Whether no two customers are of one group."""
    return len(np.unique(groups)) == len(groups)
