"""A small candidate with customers to judge it on: by default with outcomes drawn from its own probabilities.

Whatever a check then finds wrong is a false alarm, and whatever a test plants must be found.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import lightgbm
import numpy as np
from scipy.special import expit

from features.catalog import Catalog
from features.document import catalog_of, indicators_of
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature
from models.artefact import Model, catalog_features, category_codes
from models.calibration import Calibration, fit_intercept
from models.compilation import compile_boosters
from models.decision import Scorer
from models.points import PointsTables
from models.policy_draft import drafted_policy
from models.scale import Scale
from tests.labelled import FIRST_YEAR, synthetic
from training.battery.evidence import Evidence
from training.battery.limits import Limits
from training.data_facts import customers_hash
from training.dataset import LabelledPortfolio

NATURES = (Nature.ENTERPRISE,)
# Those evaluated before are trained on and referred to, the others judged.
YEARS = 5
LAST_TRAINED = np.datetime64(f"{FIRST_YEAR + 2}-12-31")
DEPARTMENTS = ("sales", "finance", "risk")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A scorer, and customers before and after its training with the outcomes that they had."""

    scorer: Scorer
    reference: LabelledPortfolio
    judged: LabelledPortfolio

    @property
    def probability(self) -> Floats:
        """What the model says of the judged customers."""
        return self.scorer.decide(self.judged.portfolio).model.probability


@lru_cache(maxsize=2)
def candidate(n: int = 4000, seed: int = 5) -> Candidate:
    """Return a candidate trained on the first three years of five."""
    whole = judgeable(synthetic(n, YEARS, seed).data, seed)
    early = whole.days <= LAST_TRAINED
    training = whole.take(np.flatnonzero(early))
    catalog = whole.portfolio.catalog
    # Tiers around the bad rate, so that each holds customers.
    policy = drafted_policy(catalog, float(np.mean(training.bad)), "outcome", 12).model_copy(
        update={"model_weight": 0.5, "minimum_bad_outcomes": 30}
    )
    features = catalog_features(catalog, NATURES)
    codes = category_codes(catalog, features)
    matrix = training.portfolio.matrix(features)
    parameters = {
        "objective": "binary", "num_leaves": 6, "max_depth": 2, "learning_rate": 0.1, "num_threads": 1,
        "min_data_in_leaf": 40, "verbose": -1, "seed": seed, "monotone_constraints_method": "basic",
        "monotone_constraints": [catalog.by_id[f].indicator.risk_direction for f in features],
    }  # fmt: skip
    data = lightgbm.Dataset(matrix, training.bad, categorical_feature=[features.index(c) for c in codes])
    booster = lightgbm.train(parameters, data, 60)
    correction = compile_boosters([booster], features, codes)
    margin = correction.margin(correction.contributions(matrix))
    model = Model(
        prior=PointsTables(features, 0.0, ()),
        correction=correction,
        calibration=Calibration(fit_intercept(margin, training.bad), 1.0),
        scale=Scale.from_policy(policy),
        natures=NATURES,
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training={
            "customers": len(training), "customers_sha256": customers_hash(training), "dated": True,
            "last_as_of": str(np.max(training.days)),
        },
    )  # fmt: skip
    return Candidate(Scorer(catalog, policy, model), training, whole.take(np.flatnonzero(~early)))


def judgeable(data: LabelledPortfolio, seed: int) -> LabelledPortfolio:
    """Return customers under a catalog with three departments, a size and a protected attribute, which does
    nothing and which some do not tell."""
    old = data.portfolio
    catalog = judgeable_catalog(old.catalog)
    given = np.full((len(old), len(catalog.placed)), np.nan)
    for id_, column in old.catalog.columns.items():
        given[:, catalog.columns[id_]] = old.given[:, column]
    random = np.random.default_rng(seed)
    protected = random.choice([0.0, 1.0, np.nan], len(old), p=[0.45, 0.4, 0.15])
    given[:, catalog.columns["veteran"]] = protected
    portfolio = Portfolio(catalog, old.customer_ids, old.natures, old.as_of, given, old.levels)
    return replace(data, portfolio=portfolio, groups=np.arange(len(old)))


def judgeable_catalog(catalog: Catalog) -> Catalog:
    """Return the synthetic catalog with what the battery tells apart."""
    document: dict[str, Any] = catalog.model_dump(mode="json", by_alias=True)
    document["departments"] = {
        name: {"zh-Hant": f"{name}部", "zh-Hans": f"{name}部", "en": name} for name in DEPARTMENTS
    }
    of = {"assets": "finance", "margin": "finance", "leverage": "finance", "late": "risk"}
    for indicator in indicators_of(document):
        indicator["source"]["department"] = of.get(indicator["id"], "sales")
    document["dimensions"][0]["groups"][0]["id"] = "asset_size"
    names = {"zh-Hant": "退伍軍人", "zh-Hans": "退伍军人", "en": "veteran"}
    document["dimensions"][2]["groups"][0]["indicators"].append(
        {
            "id": "veteran", "names": names, "kind": "flag", "better": "higher", "protected": True,
            "source": {"department": "sales", "table": "records"}, "confidentiality": "personal",
        }
    )  # fmt: skip
    return catalog_of(document)


def drawn(probability: Floats, seed: int = 11) -> Bools:
    """Draw outcomes from probabilities."""
    return np.random.default_rng(seed).random(len(probability)) < probability


def evidence(
    *,
    shift: float = 0.0,
    stretch: float = 1.0,
    rows: slice = slice(None),
    limits: Limits | None = None,
    seed: int = 11,
) -> Evidence:
    """Return evidence on the candidate, outcomes drawn from log-odds of it that are shifted or stretched."""
    found = candidate()
    judged = found.judged.take(np.arange(len(found.judged))[rows])
    log_odds = found.scorer.decide(judged.portfolio).model.log_odds
    bad = drawn(expit(shift + stretch * log_odds), seed)
    return Evidence.of(found.scorer, replace(judged, bad=bad), found.reference, limits=limits)


def with_model(whole: Evidence, model: Model) -> Evidence:
    """Return evidence on another model of the same catalog and policy."""
    scorer = Scorer(whole.catalog, whole.scorer.policy, model)
    return replace(whole, scorer=scorer)
