"""Logistic recalibration: how the log-odds would have to be moved and stretched to fit the outcomes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.portfolio import Bools, Floats
from training.battery.figures import alone

_STEPS = 100
_CLOSE = 1e-12
# Outcomes that the log-odds part without a mistake fit ever steeper lines.
_STEEPEST = 1e3


@dataclass(frozen=True)
class Recalibration:
    """log-odds of the outcome = intercept + slope × log-odds given, with the standard errors of both."""

    intercept: float
    slope: float
    intercept_error: float
    slope_error: float


def level_shift(log_odds: Floats, bad: Bools, groups: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return the shift of the log-odds after which the mean probability is the bad rate, and its error.

    Calibration in the large: positive where risk was underestimated. None where one outcome is absent.
    Source: Cox (1958), Biometrika 45; Steyerberg (2019), Clinical Prediction Models, chapter 15.
    """
    fitted = _fit(np.ones((len(bad), 1)), log_odds, bad, groups)
    return None if fitted is None else (float(fitted[0][0]), float(fitted[1][0]))


def recalibration(log_odds: Floats, bad: Bools, groups: NDArray[np.int64]) -> Recalibration | None:
    """Return the line that fits the outcomes best; None where none does. Sources as of `level_shift`."""
    columns = np.column_stack([np.ones(len(bad)), log_odds])
    fitted = _fit(columns, np.zeros(len(bad)), bad, groups)
    if fitted is None:
        return None
    (intercept, slope), (of_intercept, of_slope) = fitted
    return Recalibration(float(intercept), float(slope), float(of_intercept), float(of_slope))


def _fit(
    columns: Floats, offset: Floats, bad: Bools, groups: NDArray[np.int64]
) -> tuple[Floats, Floats] | None:
    """Return coefficients and errors of an unpenalised logistic regression, by Newton's method.

    scikit-learn fits one too, but gives no standard errors. Where customers share a group, the errors are the
    sandwich's over groups (Liang and Zeger 1986, Biometrika 73).
    """
    if not bad.any() or bad.all():
        return None
    coefficients = np.zeros(columns.shape[1])
    loss = _loss(columns, offset, bad, coefficients)
    for _ in range(_STEPS):
        gradient, information = _slopes(columns, offset, bad, coefficients)
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return None
        # Newton may step too far where the start is poor: halved until the fit is no worse.
        while (moved := _loss(columns, offset, bad, coefficients + step)) > loss + _CLOSE * abs(loss):
            step = step / 2
            if not np.max(np.abs(step)):
                return None
        coefficients, loss = coefficients + step, moved
        if np.max(np.abs(coefficients)) > _STEEPEST:
            return None
        if np.max(np.abs(step)) < _CLOSE * (1 + np.max(np.abs(coefficients))):
            break
    else:
        return None
    _, information = _slopes(columns, offset, bad, coefficients)
    covariance = np.linalg.inv(information)
    if not alone(groups):
        residual = bad - expit(offset + columns @ coefficients)
        _, index = np.unique(groups, return_inverse=True)
        sums = np.stack([np.bincount(index, weights=residual * column) for column in columns.T])
        covariance = covariance @ (sums @ sums.T) @ covariance
    return coefficients, np.sqrt(np.diag(covariance))


def _loss(columns: Floats, offset: Floats, bad: Bools, coefficients: Floats) -> float:
    margin = offset + columns @ coefficients
    return float(np.sum(np.logaddexp(0.0, margin) - bad * margin))


def _slopes(columns: Floats, offset: Floats, bad: Bools, coefficients: Floats) -> tuple[Floats, Floats]:
    """Return gradient and information of the log-likelihood."""
    chance = expit(offset + columns @ coefficients)
    weight = chance * (1 - chance)
    return columns.T @ (bad - chance), columns.T @ (columns * weight[:, None])
