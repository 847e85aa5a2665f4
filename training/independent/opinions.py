"""Libraries' opinions on boosters: LightGBM's own predictions, `shap`, and `shapiq` where it is installed."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import lightgbm
import numpy as np

from training.independent.trees import ZERO, Booster, Floats

NOT_INSTALLED = "not installed here: it needs Python 3.12 and `shapiq` 1.8 or later"


@dataclass(frozen=True, eq=False)
class Opinion:
    """SHAP values in log-odds, shape (n, k), of the mean of boosters, and their base."""

    values: Floats
    base: float


def lightgbm_margin(texts: Sequence[str], matrix: Floats) -> Floats:
    """Return the mean of the boosters' log-odds, shape (n,), as LightGBM predicts them."""
    margins = [
        np.asarray(lightgbm.Booster(model_str=text).predict(matrix, raw_score=True, num_threads=1))
        for text in texts
    ]
    result: Floats = np.mean(margins, axis=0)
    return result


def tree_explainer(texts: Sequence[str], matrix: Floats) -> Opinion:
    """Return what `shap.TreeExplainer` says, path-dependent.

    Raises:
        ValueError: it explains several outputs.
    """
    values, base = np.zeros(matrix.shape), 0.0
    with warnings.catch_warnings():
        # Importing shap trips matplotlib's deprecations; explaining announces an old change of the output.
        warnings.simplefilter("ignore")
        import shap

        for text in texts:
            booster = lightgbm.Booster(model_str=text)
            explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
            found = np.asarray(explainer.shap_values(matrix), dtype=np.float64)
            expected = np.asarray(explainer.expected_value, dtype=np.float64)
            if found.size != matrix.size or expected.size != 1:
                raise ValueError("shap explains several outputs of a booster; only one can be compared")
            values += found.reshape(matrix.shape) / len(texts)
            base += float(expected.reshape(())) / len(texts)
    return Opinion(values, base)


def shapiq_explainer(texts: Sequence[str], boosters: Sequence[Booster], matrix: Floats) -> Opinion | str:
    """Return what `shapiq.TreeExplainer` says, or why it was not asked.

    Before 1.8 it is wrong about LightGBM, and from there on it needs Python 3.12. What LightGBM reads as 0,
    it is given as 0.
    """
    if find_spec("shapiq") is None:
        return NOT_INSTALLED
    import shapiq

    found = re.match(r"(\d+)\.(\d+)", str(shapiq.__version__))
    if found is None or (int(found[1]), int(found[2])) < (1, 8):
        return NOT_INSTALLED
    values, base = np.zeros(matrix.shape), 0.0
    try:
        for text, booster in zip(texts, boosters, strict=True):
            read = np.where(np.abs(matrix) <= ZERO, 0.0, matrix)
            for feature in booster.zero_for_nan():
                read[:, feature] = np.nan_to_num(read[:, feature], nan=0.0, posinf=np.inf, neginf=-np.inf)
            explainer = shapiq.TreeExplainer(lightgbm.Booster(model_str=text), index="SV", max_order=1)
            explained = [explainer.explain(row).to_first_order_array() for row in read]
            values += np.asarray(explained).reshape(matrix.shape) / len(texts)
            base += float(explainer.baseline_value) / len(texts)
    except Exception as error:
        # An opinion is welcome, not needed; whatever it stumbles over is its own affair.
        return f"could not be asked ({type(error).__name__})"
    return Opinion(values, base)
