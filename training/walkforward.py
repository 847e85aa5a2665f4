"""The walk-forward: each year's customers judged by what was trained on matured, known records only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.catalog import Catalog, Method
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Nature, Tier
from models.booster import Untrainable
from models.decision import Scorer
from models.policy import Policy
from models.weights import weighted_by_records, with_drawn_curves
from training.data_facts import DataFacts
from training.dataset import LabelledPortfolio
from training.learner import THREADS
from training.metrics import Metrics, measure
from training.peers import BaselinePeer, LightgbmPeer, LogisticPeer, SingleIndicatorPeer
from training.train import train_model

MODEL = "model"
BASELINE = "baseline"
LOGISTIC = "logistic regression"
SINGLE = "best single indicator"
LIGHTGBM = "unconstrained LightGBM"
# The baseline with the weights and curves that the catalog has now, unknown at a year's training date.
BASELINE_OF_TODAY = "baseline of today's catalog"
SCORERS = (MODEL, BASELINE, LOGISTIC, SINGLE, LIGHTGBM, BASELINE_OF_TODAY)


def slug(scorer: str) -> str:
    """Return a scorer's name as metrics are named."""
    return scorer.replace("'", "").replace(" ", "_")


@dataclass(frozen=True, eq=False)
class YearResult:
    """One evaluated year: n customers, each scorer's probabilities and figures, and the tiers given.

    `groups`, shape (n,), says which customers belong together.
    `training` and `evaluated` say who was trained on and judged, `settings` what the model's document says of
    its training.
    """

    year: int
    trained_on: int
    trained_on_bad: int
    single_indicator: str
    bad: Bools
    probabilities: dict[str, Floats]
    metrics: dict[str, Metrics]
    tiers: NDArray[np.object_]
    groups: NDArray[np.int64]
    training: DataFacts | None = None
    evaluated: DataFacts | None = None
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


def walk_forward(
    data: LabelledPortfolio,
    matured_on: NDArray[np.datetime64],
    policy: Policy,
    years: Sequence[int],
    *,
    threads: int = THREADS,
    progress: Callable[[str], None] = lambda step: None,
) -> Iterator[YearResult]:
    """Yield each year's result.

    Args:
        data: all customers; `matured_on`, shape (n,), says when each outcome was known.
        policy: the tiers' policy, the same for every year. The baseline's curves and weights are drawn at
            each training date from the records known then (quantiles and CRITIC, see `models.weights`).
        years: calendar years of evaluation; a year's training date is its first day.

    Raises:
        Untrainable: too few outcomes had matured before a year, or it has no customers.
        UnfitWeights: the customers known before a year do not differ.
    """
    for year in years:
        training_date = np.datetime64(f"{year}-01-01")
        # Groups may stand on both sides: a borrower's earlier, matured loan was known at the time.
        training_as_declared = data.take(np.flatnonzero(matured_on <= training_date))
        evaluated_as_declared = data.take(np.flatnonzero(data.cohorts == year))
        progress(f"{year}: training on {len(training_as_declared):,} matured customers")
        catalog = drawn_at_training_date(training_as_declared.portfolio, policy)
        trained = train_model(training_as_declared.with_catalog(catalog), policy, threads=threads)
        natures = trained.model.natures
        # Compared on the same customers: the others have no model's probability.
        training_as_declared = of_natures(training_as_declared, natures)
        evaluated_as_declared = of_natures(evaluated_as_declared, natures)
        training = training_as_declared.with_catalog(catalog)
        evaluated = evaluated_as_declared.with_catalog(catalog)
        if not len(evaluated):
            raise Untrainable(f"year {year}: no customers to evaluate; choose the years that the data holds")
        single = SingleIndicatorPeer.fit(training, policy, natures)
        decisions = Scorer(catalog, policy, trained.model).decide(evaluated.portfolio)
        today = BaselinePeer.fit(training_as_declared, policy)
        probabilities = {
            MODEL: decisions.model.probability,
            BASELINE: expit(BaselinePeer.fit(training, policy).log_odds(evaluated.portfolio)),
            LOGISTIC: expit(LogisticPeer.fit(training, natures).log_odds(evaluated.portfolio)),
            SINGLE: expit(single.log_odds(evaluated.portfolio)),
            LIGHTGBM: expit(LightgbmPeer.fit(training, natures, threads).log_odds(evaluated.portfolio)),
            BASELINE_OF_TODAY: expit(today.log_odds(evaluated_as_declared.portfolio)),
        }
        yield YearResult(
            year=year,
            trained_on=len(training),
            trained_on_bad=int(np.sum(training.bad)),
            single_indicator=single.feature,
            bad=evaluated.bad,
            probabilities=probabilities,
            metrics={name: measure(evaluated.bad, p, evaluated.groups) for name, p in probabilities.items()},
            tiers=decisions.tiers,
            groups=evaluated.groups,
            training=DataFacts.of(training),
            evaluated=DataFacts.of(evaluated),
            settings=trained.model.training,
        )


def of_natures(data: LabelledPortfolio, natures: Sequence[Nature]) -> LabelledPortfolio:
    """Return the customers of some natures."""
    return data.take(np.flatnonzero(np.isin(data.portfolio.natures, list(natures))))


def drawn_at_training_date(portfolio: Portfolio, policy: Policy) -> Catalog:
    """Return the catalog with curves and weights from what a portfolio's records say, and nothing else."""
    curved = replace(portfolio, catalog=with_drawn_curves(portfolio))
    return weighted_by_records(curved, policy, Method.CRITIC)


def mean_figure(results: Sequence[YearResult], scorer: str, figure: str) -> float:
    """Return the mean over the years of one figure of one scorer."""
    return float(np.mean([getattr(result.metrics[scorer], figure) for result in results]))


@dataclass(frozen=True)
class TierFigures:
    """How many customers a tier holds, which share of all that is, and their bad rate (NaN of none)."""

    customers: int
    share: float
    bad_rate: float


def tier_figures(results: Sequence[YearResult]) -> dict[str, dict[Tier, TierFigures]]:
    """Return each tier's figures by year, and pooled over the years under `all`."""
    tiers = np.concatenate([result.tiers for result in results])
    bad = np.concatenate([result.bad for result in results])
    of_years = {str(result.year): (result.tiers, result.bad) for result in results}
    return {
        year: {tier: _tier_figures(of_year, bad_of_year, tier) for tier in Tier}
        for year, (of_year, bad_of_year) in {**of_years, "all": (tiers, bad)}.items()
    }


def _tier_figures(tiers: NDArray[np.object_], bad: Bools, tier: Tier) -> TierFigures:
    inside = tiers == tier
    count = int(np.sum(inside))
    return TierFigures(count, count / len(tiers), float(np.mean(bad[inside])) if count else float("nan"))
