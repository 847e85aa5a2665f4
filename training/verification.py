"""The model's explanations, judged from outside: recomputed with `shap.TreeExplainer` before a promotion.

TreeExplainer walks the very boosters that were trained, so it finds every error between them and the
compiled tables. It asks LightGBM for its own TreeSHAP, and is thus no second opinion on LightGBM.
"""

import math
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.points import PointsTables

TOLERANCE = 1e-6


class ExplanationMismatch(Exception):
    """SHAP values to be served differ from those recomputed; one line, without a customer's value."""


@dataclass(frozen=True)
class Verification:
    """A recomputation that found no difference above its tolerance. Differences are in log-odds."""

    rows: int
    indicators: int
    tolerance: float
    largest_difference: float
    base_difference: float
    sum_difference: float


def verify_explanations(
    boosters: Sequence[lightgbm.Booster],
    matrix: NDArray[np.float64],
    shap_values: NDArray[np.float64],
    base: float,
    tolerance: float = TOLERANCE,
    names: Sequence[str] | None = None,
) -> Verification:
    """Recompute path-dependent SHAP values (Lundberg et al. 2020, Nature MI 2) and compare them one by one.

    A model is the mean of its boosters (bags), and so are its SHAP values and its base. Also compared: base
    + sum of the SHAP values against the mean raw score. All of it without `init_score`, which boosters do
    not know: a prior's contributions are to be left out of `shap_values` and `base`.

    Args:
        boosters: the bags, at least one, of a single output.
        matrix: shape (n, k), what the boosters predict from; NaN where missing, category codes.
        shap_values: shape (n, k), log-odds, as the product computes them.
        base: the product's expected log-odds.
        tolerance: the largest difference allowed anywhere, in log-odds.
        names: the k indicators, for the message; the first booster's feature names by default.

    Raises:
        ExplanationMismatch: a difference above the tolerance, or a value that is no number.
        ValueError: nothing to compare, or shapes that do not belong together.
    """
    rows, indicators = _shape(boosters, matrix, shap_values, names)
    labels = list(names) if names is not None else boosters[0].feature_name()
    recomputed, expected = np.zeros((rows, indicators)), 0.0
    for booster in boosters:
        values, mean = _tree_shap(booster, matrix)
        recomputed += values / len(boosters)
        expected += mean / len(boosters)
    raw = sum(_raw_score(booster, matrix) for booster in boosters) / len(boosters)

    by_indicator = np.abs(shap_values - recomputed).max(axis=0)
    worst = int(np.argmax(np.where(np.isnan(by_indicator), np.inf, by_indicator)))
    largest, base_difference = float(by_indicator[worst]), float(abs(base - expected))
    sum_difference = float(np.abs(base + shap_values.sum(axis=1) - raw).max())
    # Written as "not within", so that NaN fails too.
    if not base_difference <= tolerance:
        raise ExplanationMismatch(
            f"explanations: the base differs by {base_difference:.3g} from the recomputed one"
            f" (allowed: {tolerance:g}); do not promote this model"
        )
    if not largest <= tolerance:
        raise ExplanationMismatch(
            f"explanations: SHAP values of indicator {worst} ({labels[worst]}) differ by up to {largest:.3g}"
            f" from those recomputed over {rows} rows (allowed: {tolerance:g}); do not promote this model"
        )
    # Many small differences may add up.
    if not sum_difference <= tolerance:
        raise ExplanationMismatch(
            f"explanations: base and SHAP values add up to {sum_difference:.3g} beside the raw score"
            f" over {rows} rows (allowed: {tolerance:g}); do not promote this model"
        )
    return Verification(rows, indicators, tolerance, largest, base_difference, sum_difference)


def look_up(tables: PointsTables, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an additive model's contributions, shape (n, k), cell by cell and without `models.points`.

    Raises:
        ValueError: the tables hold pairs or categories, which a prior does not.
    """
    if any(len(table.axes) > 1 or table.axes[0].codes is not None for table in tables.tables):
        raise ValueError("verification: a prior has neither pairs nor categories")
    result = np.zeros(matrix.shape)
    for table in tables.tables:
        (axis,) = table.axes
        for row, value in enumerate(matrix[:, axis.feature].tolist()):
            cell = len(axis.thresholds) + 1 if math.isnan(value) else bisect_left(axis.thresholds, value)
            result[row, axis.feature] += table.contributions[0, cell]
    return result


def _shape(
    boosters: Sequence[lightgbm.Booster],
    matrix: NDArray[np.float64],
    shap_values: NDArray[np.float64],
    names: Sequence[str] | None,
) -> tuple[int, int]:
    """Return (n, k), or refuse what cannot be compared."""
    if not boosters:
        raise ValueError("verification: needs at least one booster")
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError("verification: matrix must have rows and columns")
    if shap_values.shape != matrix.shape:
        raise ValueError(f"verification: shap_values has shape {shap_values.shape}, matrix {matrix.shape}")
    rows, indicators = matrix.shape
    if names is not None and len(names) != indicators:
        raise ValueError(f"verification: {len(names)} names for {indicators} indicators")
    for number, booster in enumerate(boosters):
        if booster.num_feature() != indicators:
            raise ValueError(
                f"verification: booster {number} knows {booster.num_feature()} indicators, not {indicators}"
            )
        if booster.num_model_per_iteration() != 1:
            raise ValueError(f"verification: booster {number} has several outputs; only one can be compared")
    return rows, indicators


def _tree_shap(booster: lightgbm.Booster, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return TreeExplainer's SHAP values, shape (n, k), and its expected value.

    LightGBM's binary output has come as (n, k), as a list per class, and as (n, k, 1); the expected value
    as a number or a vector of one: both are unwrapped here, and two classes are refused.
    """
    with warnings.catch_warnings():
        # Importing shap trips matplotlib's deprecations; explaining announces an old change of the output.
        warnings.simplefilter("ignore")
        import shap

        explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
        found = explainer.shap_values(matrix)
    values = np.asarray(found, dtype=np.float64)
    expected = np.asarray(explainer.expected_value, dtype=np.float64)
    if values.size != matrix.size or expected.size != 1:
        raise ValueError("verification: shap explains several outputs; only one can be compared")
    return values.reshape(matrix.shape), float(expected.reshape(()))


def _raw_score(booster: lightgbm.Booster, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the booster's log-odds, shape (n,)."""
    return np.asarray(booster.predict(matrix, raw_score=True), dtype=np.float64).reshape(len(matrix))
