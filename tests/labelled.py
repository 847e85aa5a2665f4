"""Small labelled portfolios with a known truth: risk that follows the declared directions, and drifts."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.catalog import Catalog
from features.portfolio import Portfolio
from features.terms import Nature
from models.policy import Policy
from tests.strategies import policy_for
from training.dataset import LabelledPortfolio

FIRST_YEAR = 2001
# When an outcome is known after the day of evaluation.
MATURES_AFTER = np.timedelta64(365, "D")
LEVELS = ("north", "east", "south")


@dataclass(frozen=True, eq=False)
class Labelled:
    """n customers with outcomes, when each outcome was known, and a policy that fits."""

    data: LabelledPortfolio
    matured_on: NDArray[np.datetime64]
    policy: Policy


def synthetic(
    n: int = 1500, years: int = 5, seed: int = 1, *, individuals: bool = False, level: float = -1.6
) -> Labelled:
    """Return customers of several years, from FIRST_YEAR on, two in three of them the first of their group.

    Risk falls with `assets` and `margin`, rises with `leverage` and `late`; `mood` is of unknown direction
    and works with `leverage` only; `noise` does nothing; `region` is a category, sometimes unseen. A tenth
    of the values is missing. With `individuals` every fifth customer is one, of whom less is declared.
    """
    rng = np.random.default_rng(seed)
    catalog = synthetic_catalog(individuals=individuals)
    days = np.sort(rng.integers(0, 365 * years, n))
    assets, margin, leverage, mood, noise = rng.normal(size=(5, n))
    late = rng.random(n) < 0.2
    region = rng.integers(0, len(LEVELS) + 1, n)
    drift = 0.3 * np.sin(days / 365)
    truth = level + drift - 0.5 * assets - 0.3 * margin + 0.6 * leverage + 0.8 * late
    truth += 0.5 * (leverage > 0) * np.sign(mood) + 0.2 * (region == 0)
    bad = rng.random(n) < expit(truth)
    columns: dict[str, Any] = {
        "assets": np.round(np.exp(3 + assets), 4), "margin": margin, "leverage": leverage, "late": late * 1.0,
        "mood": mood, "noise": noise, "region": region.astype(np.float64),
    }  # fmt: skip
    given = np.column_stack([columns[placed.id] for placed in catalog.placed])
    given[rng.random(given.shape) < 0.1] = np.nan
    natures = np.full(n, Nature.ENTERPRISE, dtype=object)
    if individuals:
        natures[rng.random(n) < 0.2] = Nature.INDIVIDUAL
        for column, placed in enumerate(catalog.placed):
            if not placed.applies_to(Nature.INDIVIDUAL):
                given[natures == Nature.INDIVIDUAL, column] = np.nan
    texts = np.array([*LEVELS, "an island", None], dtype=object)
    codes = given[:, catalog.columns["region"]]
    first = date(FIRST_YEAR, 1, 1)
    portfolio = Portfolio(
        catalog=catalog,
        customer_ids=[f"SECRET-{row}" for row in range(n)],
        natures=natures,
        as_of=[first + timedelta(days=int(day)) for day in days],
        given=given,
        levels={"region": texts[np.where(np.isnan(codes), -1, codes).astype(np.int64)]},
    )
    groups = np.where(rng.random(n) < 1 / 3, rng.integers(0, n, n), np.arange(n)).astype(np.int64)
    data = LabelledPortfolio(portfolio, bad, groups)
    policy = policy_for(catalog, model_weight=0.5, outcome_months=12, minimum_bad_outcomes=30)
    return Labelled(data, data.days + MATURES_AFTER, policy)


def synthetic_catalog(*, individuals: bool = False) -> Catalog:
    """Return the catalog of the portfolio above."""

    def number(id_: str, better: str, direction: int, weight: float, **more: Any) -> dict[str, Any]:
        points = [[-2, 20], [0, 50], [2, 80]] if better == "higher" else [[-2, 80], [0, 50], [2, 20]]
        kind = {"kind": "number", "better": better, "risk_direction": direction, "points": points}
        return {**_shared(id_), **kind, "weight": weight, **more}

    late = {
        "kind": "flag", "better": "lower", "risk_direction": 1, "weight": 60,
        "points": {"true": 20, "false": 70},
    }  # fmt: skip
    levels = {level: {"names": _text(level), "points": 40 + 10 * i} for i, level in enumerate(LEVELS)}
    region = {"kind": "category", "better": "levels", "levels": levels, "unseen_points": 40, "weight": 40}
    assets = number("assets", "higher", -1, 60, points=[[0, 10], [20, 50], [150, 90]], minimum=0)
    if individuals:
        assets |= {"natures": ["enterprise"], "weight": {"enterprise": 60}}
    margin = number("margin", "higher", -1, 40)
    if individuals:
        margin["weight"] = {"enterprise": 40, "individual": 100}
    dimensions = [
        _dimension("financial", [assets, margin], 50),
        _dimension("credit", [{**_shared("late"), **late}, {**_shared("region"), **region}], 30),
        _dimension(
            "cooperation",
            [
                number("leverage", "lower", 1, 70),
                number("mood", "higher", 0, 30),
                number("noise", "higher", 0, 0),
            ],
            20,
        ),
    ]
    document = {
        "catalog": "synthetic", "version": 1, "names": _text("synthetic"),
        "natures": ["enterprise", "individual"] if individuals else ["enterprise"],
        "departments": {"sales": _text("sales")}, "dimensions": dimensions,
    }  # fmt: skip
    return Catalog.model_validate_json(json.dumps(document))


def _dimension(id_: str, indicators: list[dict[str, Any]], weight: float) -> dict[str, Any]:
    group = {"id": f"{id_}_group", "names": _text(id_), "weight": 100, "indicators": indicators}
    return {"id": id_, "names": _text(id_), "weight": weight, "groups": [group]}


def _shared(id_: str) -> dict[str, Any]:
    source = {"department": "sales", "table": "records"}
    return {"id": id_, "names": _text(id_), "source": source, "confidentiality": "internal"}


def _text(word: str) -> dict[str, str]:
    return {"zh-Hant": f"繁{word}", "zh-Hans": f"简{word}", "en": word}
