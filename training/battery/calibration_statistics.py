"""Statistics of calibration that the kept libraries do not have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from features.portfolio import Bools, Floats
from training.metrics import equal_count_bins

# Simulated outcomes held at a time.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class BrierParts:
    """The Brier score in parts over bins of probability, which add up to it exactly:

    score = reliability − resolution + uncertainty + within_variance − within_covariance

    The first three are Murphy's (1973, Journal of Applied Meteorology 12); the last two stand for what is
    lost by putting different probabilities into one bin (Stephenson, Coelho and Jolliffe 2008, Weather and
    Forecasting 23).
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float

    @property
    def score(self) -> float:
        """The Brier score."""
        three = self.reliability - self.resolution + self.uncertainty
        return three + self.within_variance - self.within_covariance


def brier_parts(bad: Bools, probability: Floats, number: NDArray[np.intp]) -> BrierParts:
    """Return the parts of the Brier score of n customers over bins, numbered from 0 without gaps."""
    n, counts = len(bad), np.bincount(number)
    mean = np.bincount(number, weights=probability) / counts
    rate = np.bincount(number, weights=bad) / counts
    whole = float(np.mean(bad))
    within = probability - mean[number]
    return BrierParts(
        reliability=float(np.sum(counts * (mean - rate) ** 2)) / n,
        resolution=float(np.sum(counts * (rate - whole) ** 2)) / n,
        uncertainty=whole * (1 - whole),
        within_variance=float(np.mean(within**2)),
        within_covariance=2 * float(np.mean(within * (bad - rate[number]))),
    )


def spiegelhalter_z(bad: Bools, probability: Floats) -> float:
    """Return the Brier score less what it should be, in standard errors: normal where all is calibrated.

    NaN where every probability is 0, ½ or 1. Source: Spiegelhalter (1986), Statistics in Medicine 5;
    Rufibach (2010), Journal of Clinical Epidemiology 63.
    """
    weight = 1 - 2 * probability
    variance = float(np.sum(weight**2 * probability * (1 - probability)))
    return float(np.sum((bad - probability) * weight)) / np.sqrt(variance) if variance else float("nan")


@dataclass(frozen=True)
class ChiSquared:
    """A statistic with the degrees of freedom that it has where all is well."""

    statistic: float
    freedom: int

    @property
    def p_value(self) -> float:
        """How often it would be as large."""
        return float(chi2.sf(self.statistic, self.freedom))

    def critical(self, alpha: float) -> float:
        """Return what it exceeds in a share alpha of samples."""
        return float(chi2.isf(alpha, self.freedom))


def hosmer_lemeshow(bad: Bools, probability: Floats, bins: int, expected: float) -> ChiSquared | None:
    """Return the statistic over bins of about equal count.

    Neighbouring bins are joined until each expects so many bad and so many good outcomes (Cochran 1954,
    Biometrics 10). There are as many degrees of freedom as bins, since nothing was fitted to these customers.
    None where fewer than two bins remain.
    Source: Hosmer and Lemeshow (1980), Communications in Statistics A9; Hosmer, Lemeshow and Sturdivant
    (2013), Applied Logistic Regression, sections 5.2.2 and 5.6.
    """
    number = equal_count_bins(probability, bins)
    counts = np.bincount(number).astype(np.float64)
    chances = np.bincount(number, weights=probability)
    bads = np.bincount(number, weights=bad)
    joined = np.array(_joined(np.column_stack([counts, chances, bads]), expected))
    if len(joined) < 2:
        return None
    counts, chances, bads = joined.T
    statistic = np.sum((bads - chances) ** 2 / (chances * (1 - chances / counts)))
    return ChiSquared(float(statistic), len(joined))


def _joined(bins: Floats, expected: float) -> list[Floats]:
    """Return rows of (customers, expected bad, bad), neighbours added up until each row expects enough."""
    result: list[Floats] = []
    open_ = np.zeros(3)
    for row in bins:
        open_ = open_ + row
        if min(open_[1], open_[0] - open_[1]) >= expected:
            result.append(open_)
            open_ = np.zeros(3)
    if open_[0]:
        if not result:
            return [open_]
        result[-1] = result[-1] + open_
    return result


def ece_by_chance(
    probability: Floats, number: NDArray[np.intp], alpha: float, resamples: int, seed: int
) -> float:
    """Return the expected calibration error that perfect probabilities exceed in a share alpha of samples.

    Outcomes are drawn from the probabilities ("consistency resampling": Bröcker and Smith 2007, Weather and
    Forecasting 22); on few customers the error is far from 0 even then.
    """
    order = np.argsort(number, kind="stable")
    chances = probability[order]
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    expected = np.add.reduceat(chances, starts)
    random = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // len(chances))
    errors = []
    for first in range(0, resamples, at_once):
        drawn = random.random((min(at_once, resamples - first), len(chances))) < chances
        surplus = expected - np.add.reduceat(drawn.astype(np.float64), starts, axis=1)
        errors.append(np.sum(np.abs(surplus), axis=1) / len(chances))
    return float(np.quantile(np.concatenate(errors), 1 - alpha))
