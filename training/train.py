"""Training: from customers with known outcomes to a calibrated model in points tables."""

import math
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature
from models.artefact import Model, catalog_features, category_codes
from models.booster import Design, Untrainable
from models.calibration import level_drift
from models.points import PointsTables
from models.policy import Interactions, Policy
from models.scale import Scale
from training.data_facts import customers_hash, days_of
from training.dataset import LabelledPortfolio
from training.learner import THREADS, Learned, learn
from training.selection import Progress, Selection

_USUAL_MONTHS = 12


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with what its reviewers need.

    `prior` is the one fitted, apart from what the model says of it, `boosters` are what its correction was
    compiled from, and `selection` says how its structure was chosen. `held_out` is the calibrated log-odds of
    each of the n training customers by what was trained before their time or without their fold, shape (n,);
    NaN where no fold held one out, such as the first block of time, and for natures without a model.
    """

    model: Model
    prior: PointsTables
    boosters: tuple[lgb.Booster, ...]
    selection: Selection
    held_out: Floats

    def matrix(self, portfolio: Portfolio) -> Floats:
        """Return the features of a portfolio in the boosters' order, shape (n, k)."""
        return self.model.matrix(portfolio)


def train_model(
    data: LabelledPortfolio,
    policy: Policy,
    *,
    order: int | None = None,
    threads: int = THREADS,
    progress: Progress = lambda step: None,
) -> Trained:
    """Train on customers whose outcomes are known; the caller leaves out immature cohorts.

    Args:
        data: n customers, of one catalog.
        policy: gives the fewest bad outcomes that a model may rest on, and what may interact.
        order: of interaction, 1 to 3; by default cross-validation chooses.
        threads: how many boosters are trained side by side.
        progress: told each step as it begins.

    Raises:
        Untrainable: too few bad or good outcomes, or values beyond ±1e300.
    """
    natures = _natures(data, policy)
    customers = len(data)
    modelled = np.flatnonzero(np.isin(data.portfolio.natures, natures))
    data = data.take(modelled)
    catalog = data.portfolio.catalog
    features = catalog_features(catalog, natures)
    codes = category_codes(catalog, features)
    learned = learn(
        data.portfolio.matrix(features),
        data.bad,
        Design.from_catalog(
            catalog, features, codes, within_dimension=policy.interactions is Interactions.WITHIN_DIMENSION
        ),
        category_codes=codes,
        groups=data.groups,
        days=data.days,
        order=1 if policy.interactions is Interactions.NONE else order,
        years_ahead=years_ahead(policy),
        threads=threads,
        progress=progress,
    )
    model = Model(
        prior=learned.prior,
        correction=learned.correction,
        calibration=learned.calibration,
        scale=Scale.from_policy(policy),
        natures=natures,
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training=_facts(data, learned, years_ahead(policy)),
    )
    held_out: Floats = np.full(customers, np.nan)
    held_out[modelled] = learned.held_out
    return Trained(model, learned.prior, learned.boosters, learned.selection, held_out)


def _facts(
    data: LabelledPortfolio, learned: Learned, ahead: float
) -> dict[str, str | int | float | bool | None]:
    """Return what a reader of the artefact should know of the training."""
    plan, price = learned.selection.plan, learned.selection.price
    first, last = days_of(data)
    facts: dict[str, str | int | float | bool | None] = {
        "customers": len(data),
        # Fewer than customers where several belong together.
        "groups": len(np.unique(data.groups)),
        "bad": int(np.sum(data.bad)),
        "customers_sha256": customers_hash(data),
        "dated": data.dated,
        # Of a table without days there is only the day of reading; all that it tells was known by then.
        **({"first_as_of": first, "last_as_of": last} if data.dated else {"read_on": str(data.days[0])}),
        "calibrated_on_customers": int(np.sum(data.newest())),
        "calibrated_on_bad_rate": round(float(np.mean(data.bad[data.newest()])), 9),
        # The standard deviation, in log-odds, of where the level may be by the time the model is used.
        "room_for_drift": round(math.sqrt(level_drift(data.bad, data.cohorts) * ahead), 9),
        "folds": len(learned.selection.validation.folds),
        "folds_forward_in_time": data.forward,
        "order": plan.order,
        "splits": plan.style.name,
        "with_prior": learned.selection.with_prior,
        "rounds": learned.rounds,
        "bags": len(learned.boosters),
        "pairs": len(learned.correction.of_order(2)),
        "triples": len(learned.correction.of_order(3)),
    }
    for name, loss in learned.selection.losses.items():
        # As many digits as a reader may want.
        facts[f"held_out_log_loss/{name}"] = round(loss, 9)
    if price is not None:
        for figure, difference in (("auc", price.auc), ("log_loss", price.log_loss)):
            facts[f"price_of_transparency/{figure}"] = round(difference.mean, 9)
            facts[f"price_of_transparency/{figure}/95_low"] = round(difference.low, 9)
            facts[f"price_of_transparency/{figure}/95_high"] = round(difference.high, 9)
    return facts


def years_ahead(policy: Policy) -> float:
    """Return how old the newest known outcomes are, in years, when a model trained on them is in use.

    Customers are evaluated on average half a year before the newest outcome window began to close, and
    served on average half a year after the training. Where nobody has declared the window a year is assumed;
    of a table without days nothing follows from it, since no drift can be seen there.
    """
    months = _USUAL_MONTHS if policy.outcome_months is None else policy.outcome_months
    return months / 12 + 1.0


def _natures(data: LabelledPortfolio, policy: Policy) -> tuple[Nature, ...]:
    """Return the natures with a share for a model in the policy; they share one model."""
    if not len(data):
        raise Untrainable("no outcome has matured: wait for it, and serve the baseline until then")
    present = [
        nature for nature in data.portfolio.catalog.natures if np.any(data.portfolio.natures == nature)
    ]
    natures = tuple(nature for nature in present if policy.model_weight_for(nature) > 0)
    if not natures:
        raise Untrainable(f"policy {policy.policy} gives no model a weight: set model_weight above 0")
    known: Bools = np.isin(data.portfolio.natures, natures)
    bad = int(np.sum(data.bad[known]))
    if bad < policy.minimum_bad_outcomes:
        raise Untrainable(
            f"{bad} bad outcomes are too few for a model, the policy asks for {policy.minimum_bad_outcomes}: "
            "wait for more outcomes to mature, and serve the baseline until then"
        )
    return natures
