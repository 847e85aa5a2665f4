"""Training: from customers with known outcomes to a calibrated model in points tables."""

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature
from models.artefact import Model, catalog_features, category_codes
from models.booster import (
    Design,
    Sample,
    Untrainable,
    check_sample,
    choose_pairs,
    choose_rounds,
    train_bags,
)
from models.calibration import calibrate
from models.compilation import compile_boosters
from models.points import PointsTables
from models.policy import Policy
from models.prior import fit_prior
from training.dataset import LabelledPortfolio

SEED = 20260101
THREADS = 2

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with what its reviewers need.

    `prior` and `correction` are its two parts in uncalibrated log-odds, `boosters` what the correction was
    compiled from. `held_out` is the calibrated log-odds of each of the n training customers by what was
    trained before their time or without their fold, shape (n,); NaN for the first block of time, which is
    never held out, and for natures without a model.
    """

    model: Model
    prior: PointsTables
    correction: PointsTables
    boosters: tuple[lgb.Booster, ...]
    held_out: Floats

    def matrix(self, portfolio: Portfolio) -> Floats:
        """Return the features of a portfolio in the boosters' order, shape (n, k)."""
        return self.model.matrix(portfolio)


def train_model(
    data: LabelledPortfolio, policy: Policy, *, threads: int = THREADS, progress: Progress = lambda step: None
) -> Trained:
    """Train on customers whose outcomes are known; the caller leaves out immature cohorts.

    Args:
        data: n customers, of one catalog.
        policy: gives the fewest bad outcomes that a model may rest on.
        threads: LightGBM's.
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
    design = Design.from_catalog(catalog, features, codes)
    columns = [catalog.columns[feature] for feature in features]
    cohorts = data.cohort_log_odds()
    sample = Sample(data.portfolio.values[:, columns], data.bad, cohorts)
    check_sample(sample)

    progress("fitting the prior")
    prior = fit_prior(sample, design)
    folds = list(data.folds())
    prior_held_out = _margin(prior, sample.matrix)
    for training, held_out in folds:
        tables = fit_prior(sample.rows(training), design)
        prior_held_out[held_out] = _margin(tables, sample.matrix[held_out])
    beyond_prior = Sample(sample.matrix, sample.bad, cohorts + prior_held_out)

    progress("choosing pairs")
    pairs = choose_pairs(beyond_prior, design, threads, SEED)
    progress("choosing rounds")
    rounds, correction_held_out = choose_rounds(beyond_prior, design, pairs, folds, threads, SEED)
    progress("training")
    boosters = tuple(train_bags(beyond_prior, design, pairs, rounds, threads, SEED))
    correction = compile_boosters(boosters, features, codes)

    progress("calibrating")
    margin_held_out = prior_held_out + correction_held_out
    tables = add(prior, correction)
    newest = data.newest()
    calibration = calibrate(
        margin_held_out,
        _margin(tables, sample.matrix),
        data.bad,
        data.cohorts,
        newest,
        years_ahead(policy),
        largest_slope=1.0,
    )
    model = Model(
        tables=tables,
        calibration=calibration,
        natures=natures,
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training={
            "customers": len(data),
            "bad": int(np.sum(data.bad)),
            "first_as_of": str(np.min(data.days)),
            "last_as_of": str(np.max(data.days)),
            "calibrated_on_customers": int(np.sum(newest)),
            "rounds": rounds,
            "bags": len(boosters),
            "pairs": len(tables.pairs),
            "folds": len(folds),
        },
    )
    held_out_log_odds: Floats = np.full(customers, np.nan)
    held_out_log_odds[modelled] = calibration.log_odds(margin_held_out)
    return Trained(model, prior, correction, boosters, held_out_log_odds)


def add(prior: PointsTables, correction: PointsTables) -> PointsTables:
    """Return the sum of two additive models over the same features."""
    return PointsTables(
        features=prior.features,
        base=prior.base + correction.base,
        mains=prior.mains + correction.mains,
        pairs=prior.pairs + correction.pairs,
    )


def years_ahead(policy: Policy) -> float:
    """Return how old the newest known outcomes are, in years, when a model trained on them is in use.

    Customers are evaluated on average half a year before the newest outcome window began to close, and
    served on average half a year after the training.
    """
    return policy.outcome_months / 12 + 1.0


def _margin(tables: PointsTables, matrix: Floats) -> Floats:
    return tables.margin(tables.contributions(matrix))


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
