"""A small trained model and a fuzzed corpus of customers, which the tests of service and batch share."""

from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import Phase, given, settings

from features.catalog import Catalog, load_catalog
from features.terms import Nature
from models.artefact import Model, catalog_features, category_codes
from models.calibration import Calibration
from models.compilation import compile_boosters
from models.points import PointsTables
from models.policy import Policy, load_policy
from models.scale import Scale
from tests.strategies import random_portfolio, raw_customers

NATURES = (Nature.ENTERPRISE, Nature.INDIVIDUAL)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog("customer")


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy("customer")


@pytest.fixture(scope="module")
def model(catalog: Catalog, policy: Policy) -> Model:
    return trained_model(catalog, policy)


def trained_model(catalog: Catalog, policy: Policy) -> Model:
    """Return a calibrated pairwise model for two natures, trained on random customers and outcomes."""
    portfolio = random_portfolio(catalog, 600, seed=7)
    features = catalog_features(catalog, NATURES)
    codes = category_codes(catalog, features)
    matrix = portfolio.matrix(features)
    bad = np.random.default_rng(7).random(len(matrix)) < 0.3
    data = lightgbm.Dataset(
        matrix, bad, categorical_feature=[features.index(name) for name in codes], free_raw_data=True
    )
    parameters = {
        "objective": "binary", "num_leaves": 4, "max_depth": 2, "min_data_in_leaf": 5, "num_threads": 1,
        "verbose": -1, "seed": 7,
    }  # fmt: skip
    booster = lightgbm.train(parameters, data, 20)
    return Model(
        prior=PointsTables(features, 0.0, ()),
        correction=compile_boosters([booster], features, codes),
        calibration=Calibration(-0.4, 0.9),
        scale=Scale.from_policy(policy),
        natures=NATURES,
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training={"rows": 600},
    )


def fuzzed_corpus(catalog: Catalog, size: int) -> list[dict[str, Any]]:
    """Return raw customers as hypothesis draws them: missing, unseen, on the knots, beyond them, extreme."""
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=size, database=None, phases=[Phase.generate])
    @given(raw_customers(catalog))
    def collect(raw: dict[str, Any]) -> None:
        drawn.append(raw)

    collect()
    return [{**raw, "customer_id": f"C-{number:04}"} for number, raw in enumerate(drawn)]
