"""A tiny trained version with its documents and boosters, customers to ask about, and the former training."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import lightgbm
import numpy as np

from features.catalog import Catalog
from features.document import catalog_of, indicators_of
from features.portfolio import Floats, Portfolio
from features.terms import Nature
from models.artefact import Model, catalog_features, category_codes
from models.booster import RANDOM_SPLITS, Design, Plan, Sample, train_bags
from models.calibration import Calibration
from models.compilation import compile_boosters
from models.decision import Scorer
from models.points import PointsTables
from models.policy import Policy, load_policy
from models.prior import fit_prior
from models.scale import Scale
from serving.asking import asking_here
from serving.served import Served
from tests.labelled import synthetic
from tests.strategies import policy_for
from training.dataset import LabelledPortfolio
from training.independent import Documents, Report, check
from training.independent.asking import Ask
from training.job import without_ranges
from training.raw_customers import raw_customers

VERSION = "synthetic/7"
NATURES = (Nature.ENTERPRISE,)
_BAGS, _ROUNDS = 2, 10


@dataclass(frozen=True, eq=False)
class Version:
    """A version, and raw customers of a nature with a model and of one without."""

    catalog: Catalog
    policy: Policy
    model: Model
    boosters: tuple[lightgbm.Booster, ...]
    customers: list[dict[str, Any]]

    def documents(self, model: Model | None = None) -> Documents:
        """Return the documents as a training registers them, with this model's or another's."""
        return Documents(
            (model or self.model).to_bytes(),
            self.catalog.model_dump_json(by_alias=True, indent=1).encode(),
            self.policy.model_dump_json(by_alias=True, indent=1).encode(),
            tuple(without_ranges(booster.model_to_string()) for booster in self.boosters),
        )

    def ask(self, model: Model | None = None, policy: Policy | None = None) -> Ask:
        """Return the scorer, with this model and policy or others."""
        return asking_here(Served(Scorer(self.catalog, policy or self.policy, model or self.model), VERSION))

    def checked(
        self, ask: Ask | None = None, documents: Documents | None = None, customers: int = 10
    ) -> Report:
        """Check some of the customers."""
        return check(
            documents or self.documents(),
            self.customers[:customers],
            ask or self.ask(),
            model_version=VERSION,
        )


@lru_cache(maxsize=3)
def version(seed: int = 3) -> Version:
    """Return a version trained on synthetic customers; of another seed, as a former training would be."""
    labelled = synthetic(700, 3, seed, individuals=True)
    catalog = conditional(labelled.data.portfolio.catalog)
    portfolio = replace(labelled.data.portfolio, catalog=catalog)
    policy = strict_policy(catalog)
    data = LabelledPortfolio(portfolio, labelled.data.bad, labelled.data.groups)
    enterprises = data.take(np.flatnonzero(portfolio.natures == Nature.ENTERPRISE))
    features = catalog_features(catalog, NATURES)
    codes = category_codes(catalog, features)
    design = Design.from_catalog(catalog, features, codes)
    matrix = enterprises.portfolio.matrix(features)
    sample = Sample(matrix, enterprises.bad, np.zeros(len(enterprises)))
    prior = fit_prior(sample, design)
    offset = prior.margin(prior.contributions(matrix))
    boosters = train_bags(
        replace(sample, offset=offset), design, Plan(RANDOM_SPLITS, 2), _ROUNDS, 1, seed, bags=_BAGS
    )
    model = Model(
        prior=prior,
        correction=compile_boosters(boosters, features, codes),
        calibration=Calibration(-0.2, 0.9),
        scale=Scale.from_policy(policy),
        natures=NATURES,
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training={"bags": len(boosters), "with_prior": True},
    )
    return Version(catalog, policy, model, boosters, raw_customers(portfolio.take(np.arange(60))))


def conditional(catalog: Catalog) -> Catalog:
    """Return the synthetic catalog with a condition, a unit, a missing code and bounds."""
    document: dict[str, Any] = catalog.model_dump(mode="json", by_alias=True)
    suffix = {"zh-Hant": "倍", "zh-Hans": "倍", "en": "×"}
    document["units"] = {"times": {"suffix": suffix, "scale": 100.0, "decimals": 1}}
    changes: dict[str, dict[str, Any]] = {
        "mood": {"applies_when": {"indicator": "region", "is": ["north", "east"]}},
        "leverage": {"unit": "times", "missing": [-99.0]},
        "noise": {"applies_when": {"indicator": "late", "is": False}},
    }
    for indicator in indicators_of(document):
        indicator |= changes.get(indicator["id"], {})
    return catalog_of(document)


def strict_policy(catalog: Catalog) -> Policy:
    """Return a policy with tiers within reach, floors, a substitute and vetoes."""
    document = load_policy("customer").model_dump(mode="json", by_alias=True)
    for tier, cut_off, probability in (("premium", 62, 0.1), ("good", 55, 0.2), ("general", 48, 0.35)):
        document["tiers"][tier] |= {"cut_off": cut_off, "probability": probability}
    names = {"zh-Hant": "槓桿過高", "zh-Hans": "杠杆过高", "en": "Leverage far too high"}
    return policy_for(
        catalog,
        tiers=document["tiers"],
        premium_floors={
            "floors": {"financial": 60, "cooperation": 45},
            "substitutes": {"individual": {"financial": {"credit": 60}}},
        },
        completeness={"premium": 0.85, "rated": 0.3},
        vetoes=[{"id": "leverage", "names": names, "when": {"indicator": "leverage", "above": 1.8}}],
        reference_points={"enterprise": 58, "individual": 55},
        disagreement_tiers=1,
    )


def with_tables(
    model: Model, *, prior: PointsTables | None = None, correction: PointsTables | None = None
) -> Model:
    """Return a model with other tables."""
    return replace(model, prior=prior or model.prior, correction=correction or model.correction)


def tampered(ask: Ask, change: Callable[[dict[str, Any]], None]) -> Ask:
    """Return a scorer whose answers of a nature with a model are changed on the way."""

    def asked(body: bytes) -> tuple[int, bytes]:
        status, content = ask(body)
        document = json.loads(content)
        for answer in document.get("results", ()):
            if answer["model"] is not None and "contributions" in answer:
                change(answer)
        return status, json.dumps(document).encode()

    return asked


def matrix_of(found: Version) -> Floats:
    """Return what the boosters see of the customers."""
    from features.customer import parse_customer

    customers = [parse_customer(raw, found.catalog) for raw in found.customers]
    return found.model.matrix(Portfolio.from_customers(customers, found.catalog))
