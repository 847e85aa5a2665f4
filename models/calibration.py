"""Calibration: a strictly increasing map on the log-odds, so that ranking and distinct scores survive.

Platt's map, intercept + slope × margin with slope > 0 (Platt 1999, "Probabilistic outputs for support
vector machines"). Being linear, it keeps SHAP values in log-odds exact: they are multiplied by the slope.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from features.portfolio import Bools, Floats

# The slope is kept from vanishing or turning: a margin that ranks the wrong way is flattened, not inverted.
SMALLEST_SLOPE = 1e-3
# The strength of the prior that slope is 1, in units of information: 1 is one standard error of 1.
_SLOPE_PRIOR = 1.0


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
