"""Figures on held-out customers with the interval that drawing other customers would give; models as fitted.

Customers of one group are drawn together, so an interval counts groups and not rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from features.portfolio import Bools, Floats
from training.intervals import LEVEL, Interval

_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, eq=False)
class Influences:
    """A figure on n customers, and each one's influence on it, shape (n,): what its variance is made of."""

    figure: float
    of_customers: Floats

    def minus(self, other: "Influences") -> "Influences":
        """Return the difference of two figures on the same customers."""
        return Influences(self.figure - other.figure, self.of_customers - other.of_customers)

    def variance(self, groups: NDArray[np.int64]) -> float:
        """Return the figure's variance over drawings of whole groups, given each customer's, shape (n,)."""
        _, index = np.unique(groups, return_inverse=True)
        sums = np.bincount(index, weights=self.of_customers)
        return float(np.sum(sums**2))


def area(bad: Bools, score: Floats) -> Influences:
    """Return the AUC; NaN where one class is absent.

    Its variance with each customer a group is DeLong's, with n in place of n − 1.
    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44.
    """
    positives, negatives = int(np.sum(bad)), int(np.sum(~bad))
    if not positives or not negatives:
        return Influences(float("nan"), np.full(len(bad), np.nan))
    ranks = rankdata(score)
    influences = np.empty(len(bad))
    of_bad = (ranks[bad] - rankdata(score[bad])) / negatives
    of_good = 1.0 - (ranks[~bad] - rankdata(score[~bad])) / positives
    figure = float(np.mean(of_bad))
    influences[bad] = (of_bad - figure) / positives
    influences[~bad] = (of_good - figure) / negatives
    return Influences(figure, influences)


def log_loss(bad: Bools, probability: Floats) -> Influences:
    """Return the mean log-loss in nats."""
    p = np.clip(probability, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return _mean(-np.log(np.where(bad, p, 1 - p)))


def brier(bad: Bools, probability: Floats) -> Influences:
    """Return the mean squared difference of probability and outcome."""
    return _mean((probability - bad) ** 2)


def interval(folds: Sequence[Influences], groups: Sequence[NDArray[np.int64]], repeats: int = 1) -> Interval:
    """Return the mean of a figure over folds, with its normal 95 % interval.

    Folds of one repeat hold different customers; further repeats judge the same ones again, which narrows
    nothing. Folds where the figure is NaN are left out.
    """
    told = [
        (fold.figure, fold.variance(of)) for fold, of in zip(folds, groups, strict=True)
        if np.isfinite(fold.figure)
    ]  # fmt: skip
    if not told:
        return Interval(float("nan"), float("nan"), float("nan"))
    mean = float(np.mean([figure for figure, _ in told]))
    error = float(np.sqrt(np.sum([variance for _, variance in told]) * repeats)) / len(told)
    reach = float(norm.ppf((1 + LEVEL) / 2)) * error
    return Interval(mean, mean - reach, mean + reach)


def _mean(values: Floats) -> Influences:
    mean = float(np.mean(values))
    return Influences(mean, (values - mean) / len(values))
