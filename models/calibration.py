"""Calibration: a strictly increasing map on the log-odds, so that ranking and distinct scores survive.

Platt's map, intercept + slope × margin with slope > 0 (Platt 1999, "Probabilistic outputs for support
vector machines"). Being linear, it keeps SHAP values in log-odds exact: they are multiplied by the slope.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from features.portfolio import Bools, Floats

# The slope is kept from vanishing or turning: a margin that ranks the wrong way is flattened, not inverted.
SMALLEST_SLOPE = 1e-3
# The strength of the prior that slope is 1, in units of information: 1 is one standard error of 1.
_SLOPE_PRIOR = 1.0
# A year with fewer bad or good outcomes says nothing about the drift of the level.
_ENOUGH = 20


@dataclass(frozen=True)
class Calibration:
    """log-odds = intercept + slope × margin."""

    intercept: float
    slope: float

    def log_odds(self, margin: Floats) -> Floats:
        """Return calibrated log-odds for margins, shape (n,)."""
        return self.intercept + self.slope * margin


def fit_slope(margin: Floats, bad: Bools, cohort: Floats) -> float:
    """Return Platt's slope with an intercept of its own for each cohort.

    Args:
        margin: shape (n,), of customers that the model was not trained on.
        bad: shape (n,), the outcomes.
        cohort: shape (n,), any labels of the groups whose level of risk may differ.

    The maximum a posteriori under a normal prior of mean 1 and variance 1, so that few outcomes leave the
    margin as it is.
    """
    labels, index = np.unique(cohort, return_inverse=True)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, intercepts = parameters[0], parameters[1:]
        z = intercepts[index] + slope * margin
        residual = expit(z) - bad
        value = np.sum(np.logaddexp(0.0, z) - bad * z) + _SLOPE_PRIOR / 2 * (slope - 1) ** 2
        by_cohort = np.bincount(index, weights=residual, minlength=len(labels))
        return float(value), np.append(residual @ margin + _SLOPE_PRIOR * (slope - 1), by_cohort)

    counts, bads = np.bincount(index), np.bincount(index, weights=bad)
    start = np.append(1.0, logit((bads + 0.5) / (counts + 1.0)))
    bounds = [(SMALLEST_SLOPE, None)] + [(-30.0, 30.0)] * len(labels)
    return float(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[0])


def fit_intercept(log_odds: Floats, bad: Bools, prior_rate: float | None = None) -> float:
    """Return the shift after which the mean probability equals the observed bad rate.

    Calibration in the large (Cox 1958; Steyerberg 2019, chapter 15). The rate is (bad + ½)/(n + 1), or,
    where a prior rate is given, shrunk to it by one observation, so that no or all bad stays finite.
    """
    share = 0.5 if prior_rate is None else prior_rate
    rate = (np.sum(bad) + share) / (len(bad) + 1.0)
    lowest, highest = -60.0 - float(np.max(log_odds)), 60.0 - float(np.min(log_odds))
    return float(brentq(lambda shift: float(np.mean(expit(log_odds + shift))) - rate, lowest, highest))


def calibrate(
    held_out: Floats,
    margin: Floats,
    bad: Bools,
    cohort: NDArray[np.int64],
    newest: Bools,
    years_ahead: float,
    largest_slope: float = np.inf,
) -> Calibration:
    """Fit the whole map: slope on held-out margins, level on the newest cohort, room for the level to drift.

    Args:
        held_out: margins of n customers by what was trained without them, for the slope, shape (n,); NaN
            where there is none.
        margin: their margins by what will be served, for the level; shape (n,).
        bad: the outcomes, shape (n,).
        cohort: the year of each, shape (n,).
        newest: which customers' outcomes the level is taken from, shape (n,).
        years_ahead: how long after them the map will be used.
        largest_slope: 1 for a margin that is log-odds already: past years may shrink it, but that they
            were more orderly than it expected is no reason to bet that the next will be.
    """
    known = ~np.isnan(held_out)
    slope = fit_slope(held_out[known], bad[known], cohort[known].astype(np.float64))
    slope = min(slope, largest_slope)
    margins = slope * margin[newest]
    intercept = fit_intercept(margins, bad[newest], float(np.mean(bad)))
    drift = level_drift(bad, cohort) * years_ahead
    shift, stretch = _widened(margins + intercept, drift)
    return Calibration(shift + stretch * intercept, stretch * slope)


def level_drift(bad: Bools, cohort: NDArray[np.int64]) -> float:
    """Return the variance a year of the bad rate's log-odds, as of a random walk, from yearly cohorts.

    The mean squared change between successive years less what sampling alone would give (the delta
    method's 1/bad + 1/good for each), at least 0. Years with fewer than 20 bad or good outcomes are left
    out; with fewer than three years left the drift is unknown and taken for 0.
    """
    years, index = np.unique(cohort, return_inverse=True)
    counts = np.bincount(index).astype(np.float64)
    bads = np.bincount(index, weights=bad)
    enough = (bads >= _ENOUGH) & (counts - bads >= _ENOUGH)
    if enough.sum() < 3:
        return 0.0
    years, bads, goods = years[enough], bads[enough], (counts - bads)[enough]
    noise = 1.0 / bads + 1.0 / goods
    changes = np.diff(np.log(bads / goods)) ** 2 - noise[1:] - noise[:-1]
    return max(0.0, float(np.sum(changes) / np.sum(np.diff(years))))


def _widened(log_odds: Floats, variance: float) -> tuple[float, float]:
    """Return shift and stretch of the line nearest to logit E[expit(log_odds + u)], u normal of the variance.

    A level that is uncertain makes rare outcomes likelier than its middle says. The line is a least-squares
    fit over the log-odds given, shape (n,); a line, so that SHAP values in log-odds stay exact.
    """
    if not variance or np.ptp(log_odds) == 0:
        return 0.0, 1.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    spread = expit(log_odds[:, None] + np.sqrt(variance) * nodes) @ (weights / np.sum(weights))
    stretch, shift = np.polyfit(log_odds, logit(spread), 1)
    return float(shift), max(float(stretch), SMALLEST_SLOPE)
