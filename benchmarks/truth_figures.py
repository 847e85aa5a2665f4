"""What a synthetic company's served probabilities and explanations are worth against its mechanism.

Everywhere there are n customers. Probabilities are of the adverse outcome: `served` are the model's, `true`
those from which the simulation drew the outcomes, each of shape (n,).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import pearsonr, spearmanr

from features.portfolio import Bools, Floats
from training.metrics import equal_count_bins

BINS = 20
_LEAST_OF_A_BIN = 25


@dataclass(frozen=True)
class Agreement:
    """How far served probabilities agree with the true ones among some customers.

    `served`, `true` and `happened` are means (of the outcomes the bad rate), `error` is the mean absolute
    difference of the probabilities, `correlation` Pearson's of their log-odds (NaN of fewer than three).
    """

    customers: int
    served: float
    true: float
    happened: float
    error: float
    correlation: float


def agreement(served: Floats, true: Floats, bad: Bools) -> Agreement:
    """Compare the probabilities of one or more customers."""
    alone = len(served) < 3 or np.ptp(served) == 0 or np.ptp(true) == 0
    return Agreement(
        customers=len(served),
        served=float(np.mean(served)),
        true=float(np.mean(true)),
        happened=float(np.mean(bad)),
        error=float(np.mean(np.abs(served - true))),
        correlation=float("nan") if alone else float(pearsonr(logit(served), logit(true)).statistic),
    )


def calibration_line(served: Floats, true: Floats) -> tuple[float, float]:
    """Return slope and intercept of the true probabilities' log-odds on the served ones'; 1 and 0 are right.

    A logistic regression with true probabilities for outcomes, whose expectation it leaves where it is; least
    squares on log-odds would not. Source: Cox (1958), Biometrika 45; outcomes replaced by what they are drawn
    from.
    """
    design = np.column_stack([logit(served), np.ones(len(served))])

    def loss(line: Floats) -> tuple[float, Floats]:
        margin = design @ line
        value = float(np.mean(np.logaddexp(0.0, margin) - true * margin))
        return value, design.T @ (expit(margin) - true) / len(true)

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-9})
    return float(found.x[0]), float(found.x[1])


def true_effects(values: Floats, log_odds: Floats, natures: NDArray[np.object_]) -> Floats:
    """Return how far the true log-odds spread with each of k indicators among customers of one nature.

    The standard deviation of the mean log-odds by bins of equal count (a missing value is a bin of its own),
    pooled over natures, less what as many bins of chance would show.

    Args:
        values: the indicators', encoded, NaN where missing, shape (n, k).
        log_odds: the true ones, shape (n,).
        natures: shape (n,).
    """
    return np.array([_effect(column, log_odds, natures) for column in values.T])


def _effect(values: Floats, log_odds: Floats, natures: NDArray[np.object_]) -> float:
    between = 0.0
    for nature in set(natures):
        inside = natures == nature
        x, y = values[inside], log_odds[inside]
        known = ~np.isnan(x)
        number = np.full(len(x), -1)
        if known.sum() >= _LEAST_OF_A_BIN:
            number[known] = equal_count_bins(x[known], BINS, _LEAST_OF_A_BIN)
        by_bin = pd.Series(y).groupby(number)
        fitted = by_bin.transform("mean").to_numpy()
        chance = (by_bin.ngroups - 1) * float(np.sum((y - fitted) ** 2)) / max(1, len(y) - by_bin.ngroups)
        between += max(0.0, float(np.sum((fitted - np.mean(y)) ** 2)) - chance)
    return float(np.sqrt(between / len(values)))


@dataclass(frozen=True)
class Driver:
    """One term of the mechanism, its spread in the true log-odds, and the indicator that shows it best.

    `shown` is the absolute rank correlation of that indicator with the term where it is known, `rank` the
    indicator's place by mean |SHAP| (1 is the largest), `followed` the correlation of its SHAP values with
    the term.
    """

    name: str
    spread: float
    indicator: str
    shown: float
    rank: int
    followed: float


def drivers(
    terms: Mapping[str, Floats], ids: Sequence[str], values: Floats, shap_values: Floats
) -> list[Driver]:
    """Return the terms of the mechanism with the indicators that show them, the widest spread first.

    Args:
        terms: of the true log-odds, each of shape (n,).
        ids: the k indicators that the model may use.
        values: theirs, encoded, NaN where missing, shape (n, k).
        shap_values: theirs in log-odds, shape (n, k).
    """
    order = np.argsort(-np.mean(np.abs(shap_values), axis=0), kind="stable")
    ranks = {ids[place]: rank for rank, place in enumerate(order, start=1)}
    result = []
    for name, term in terms.items():
        if np.ptp(term) == 0:
            continue
        shown = [_shown(column, term) for column in values.T]
        best = int(np.argmax(shown))
        followed = float(pearsonr(shap_values[:, best], term).statistic)
        result.append(Driver(name, float(np.std(term)), ids[best], shown[best], ranks[ids[best]], followed))
    return sorted(result, key=lambda driver: -driver.spread)


def _shown(column: Floats, term: Floats) -> float:
    """Return the absolute rank correlation, drawn towards 0 as far as the indicator is not known."""
    known = ~np.isnan(column)
    if known.sum() < _LEAST_OF_A_BIN or np.ptp(column[known]) == 0 or np.ptp(term[known]) == 0:
        return 0.0
    return abs(float(spearmanr(column[known], term[known]).statistic)) * float(np.mean(known))
