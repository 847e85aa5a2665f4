"""What a version's model must say of customers: the boosters' SHAP values, the prior's, calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from training.independent.customers import Customer
from training.independent.documents import Dossier
from training.independent.opinions import Opinion, lightgbm_margin
from training.independent.tables import looked_up
from training.independent.trees import Floats


@dataclass(frozen=True)
class ModelPart:
    """The model's part of one customer's answer, in calibrated log-odds of the adverse outcome.

    `boosters` and `prior` are each indicator's two shares; their sum is its SHAP value.
    """

    base: float
    log_odds: float
    boosters: dict[str, float]
    prior: dict[str, float]

    def shap_value(self, id_: str) -> float:
        """Return what an indicator contributes; nothing where the model does not use it."""
        return self.boosters.get(id_, 0.0) + self.prior.get(id_, 0.0)


@dataclass(frozen=True, eq=False)
class ModelParts:
    """The model's parts of n customers, and what they were made of, in log-odds before calibration.

    `matrix` is what the boosters see, `prior` the prior's contributions, each of shape (n, k); `margin` is
    the boosters' mean, shape (n,), as LightGBM predicts it.
    """

    parts: tuple[ModelPart, ...]
    matrix: Floats
    prior: Floats
    margin: Floats


def matrix_of(customers: Sequence[Customer], features: Sequence[str]) -> Floats:
    """Return what the boosters see of n customers, shape (n, k): NaN where missing or not applicable."""
    rows = [[_number(customer.value(feature)) for feature in features] for customer in customers]
    return np.array(rows, dtype=np.float64).reshape(len(customers), len(features))


def model_parts(dossier: Dossier, matrix: Floats, shap: Opinion) -> ModelParts:
    """Return the model's parts of customers, from their matrix (n, k) and the boosters' SHAP values."""
    features, slope = dossier.features, dossier.slope
    prior = looked_up(dossier.prior, matrix)
    margin = lightgbm_margin(dossier.documents.boosters, matrix)
    base = dossier.intercept + slope * (dossier.prior["base"] + shap.base)
    parts = tuple(
        ModelPart(
            base=base,
            log_odds=dossier.intercept
            + slope * (dossier.prior["base"] + float(np.sum(prior[row])) + float(margin[row])),
            boosters=dict(zip(features, (slope * shap.values[row]).tolist(), strict=True)),
            prior=dict(zip(features, (slope * prior[row]).tolist(), strict=True)),
        )
        for row in range(len(matrix))
    )
    return ModelParts(parts, matrix, prior, margin)


def _number(value: float | None) -> float:
    return nan if value is None else value
