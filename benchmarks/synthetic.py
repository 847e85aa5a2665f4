"""A synthetic portfolio of 40 indicators, for speed alone: nothing about quality follows from it."""

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
from scipy.special import expit

from features.catalog import Catalog
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature
from models.policy import Policy, load_policy
from training.dataset import LabelledPortfolio

NUMBERS, FLAGS, CATEGORIES = 32, 4, 4
FEATURES = NUMBERS + FLAGS + CATEGORIES
LEVELS = 6
# Neighbouring numbers interact in so many pairs.
PAIRS = tuple((2 * i, 2 * i + 1) for i in range(NUMBERS // 2))
_FIRST_DAY, _YEARS = date(2010, 1, 1), 6


def synthetic_matrix(n: int, seed: int) -> Floats:
    """Return n rows of 40 features: skewed, rounded and normal numbers, flags, codes; 5 % missing."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, FEATURES))
    matrix[:, 0:NUMBERS:4] = np.exp(matrix[:, 0:NUMBERS:4])
    matrix[:, 1:NUMBERS:4] = np.round(matrix[:, 1:NUMBERS:4], 1)
    matrix[:, NUMBERS : NUMBERS + FLAGS] = matrix[:, NUMBERS : NUMBERS + FLAGS] > 0.5
    matrix[:, NUMBERS + FLAGS :] = rng.integers(0, LEVELS + 1, (n, CATEGORIES))
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix


def synthetic_outcomes(matrix: Floats, seed: int) -> Bools:
    """Return outcomes, shape (n,), on which every feature and every pair has some effect."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(matrix)
    effects = np.tanh(known) @ (rng.uniform(0.1, 0.4, FEATURES))
    effects += 0.4 * sum(np.sign(known[:, a] - 0.5) * np.tanh(known[:, b]) for a, b in PAIRS)
    bad: Bools = rng.random(len(matrix)) < expit(effects - np.mean(effects) - 2.0)
    return bad


def synthetic_portfolio(n: int, seed: int) -> tuple[LabelledPortfolio, Policy]:
    """Return n labelled customers over six years, and a policy to train for."""
    matrix = synthetic_matrix(n, seed)
    catalog = synthetic_catalog()
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(0, 365 * _YEARS, n))
    texts = np.array([*(f"level_{i}" for i in range(LEVELS)), "another", None], dtype=object)
    codes = np.where(np.isnan(matrix), -1, matrix).astype(np.int64)
    portfolio = Portfolio(
        catalog=catalog,
        customer_ids=[f"S-{row}" for row in range(n)],
        natures=np.full(n, Nature.ENTERPRISE, dtype=object),
        as_of=[_FIRST_DAY + timedelta(days=int(day)) for day in days],
        given=matrix,
        levels={
            placed.id: texts[codes[:, column]]
            for column, placed in enumerate(catalog.placed)
            if column >= NUMBERS + FLAGS
        },
    )
    data = LabelledPortfolio(portfolio, synthetic_outcomes(matrix, seed), np.arange(n))
    document = load_policy("customer").model_dump(mode="json", by_alias=True)
    document |= {"vetoes": [], "premium_floors": {"floors": {}}, "model_weight": 0.5}
    return data, Policy.model_validate_json(json.dumps(document))


def synthetic_catalog() -> Catalog:
    """Return the flat catalog of the portfolio: one dimension, one group."""
    weight = 100.0 / FEATURES
    indicators: list[dict[str, Any]] = []
    for i in range(FEATURES):
        shared = {
            "id": f"indicator_{i}", "names": _text(f"indicator {i}"), "weight": weight,
            "source": {"department": "sales", "table": "records"}, "confidentiality": "internal",
        }  # fmt: skip
        if i < NUMBERS:
            kind = {
                "kind": "number", "better": "lower", "risk_direction": (i % 4 < 2) * 1,
                "points": [[-2, 80], [2, 20]],
            }  # fmt: skip
        elif i < NUMBERS + FLAGS:
            kind = {
                "kind": "flag", "better": "lower", "risk_direction": 1, "points": {"true": 20, "false": 70},
            }  # fmt: skip
        else:
            levels = {f"level_{j}": {"names": _text(f"level {j}"), "points": 50} for j in range(LEVELS)}
            kind = {"kind": "category", "better": "levels", "levels": levels, "unseen_points": 50}
        indicators.append(shared | kind)
    group = {"id": "all", "names": _text("all"), "weight": 100, "indicators": indicators}
    dimension = {"id": "everything", "names": _text("everything"), "weight": 100, "groups": [group]}
    return Catalog.model_validate_json(
        json.dumps(
            {
                "catalog": "synthetic_speed", "version": 1, "names": _text("synthetic"),
                "natures": ["enterprise"], "departments": {"sales": _text("sales")},
                "dimensions": [dimension],
            }
        )
    )  # fmt: skip


def _text(word: str) -> dict[str, str]:
    return {"zh-Hant": word, "zh-Hans": word, "en": word}
