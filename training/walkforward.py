"""The walk-forward: each year's customers judged by what was trained on matured, known records only."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.portfolio import Bools, Floats
from features.terms import RATED_TIERS, Tier
from models.decision import Scorer
from models.policy import Policy
from training.dataset import LabelledPortfolio
from training.metrics import Metrics, measure
from training.peers import BaselinePeer, LogisticPeer, SingleIndicatorPeer
from training.train import THREADS, train_model

MODEL, BASELINE, LOGISTIC, SINGLE = "model", "baseline", "logistic regression", "best single indicator"
SCORERS = (MODEL, BASELINE, LOGISTIC, SINGLE)


@dataclass(frozen=True, eq=False)
class YearResult:
    """One evaluated year: n customers, each scorer's probabilities and figures, and the tiers given."""

    year: int
    trained_on: int
    trained_on_bad: int
    single_indicator: str
    bad: Bools
    probabilities: dict[str, Floats]
    metrics: dict[str, Metrics]
    tiers: NDArray[np.object_]


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
        policy: the tiers' policy, the same for every year.
        years: calendar years of evaluation; a year's training date is its first day.

    Raises:
        Untrainable: too few outcomes had matured before a year.
    """
    for year in years:
        training_date = np.datetime64(f"{year}-01-01")
        # Groups may stand on both sides: a borrower's earlier, matured loan was known at the time.
        training = data.take(np.flatnonzero(matured_on <= training_date))
        evaluated = data.take(np.flatnonzero(data.cohorts == year))
        progress(f"{year}: training on {len(training):,} matured customers")
        trained = train_model(training, policy, threads=threads)
        natures = trained.model.natures
        single = SingleIndicatorPeer.fit(training, natures)
        decisions = Scorer(data.portfolio.catalog, policy, trained.model).decide(evaluated.portfolio)
        probabilities = {
            MODEL: decisions.model.probability,
            BASELINE: expit(BaselinePeer.fit(training, policy).log_odds(evaluated.portfolio)),
            LOGISTIC: expit(LogisticPeer.fit(training, natures).log_odds(evaluated.portfolio)),
            SINGLE: expit(single.log_odds(evaluated.portfolio)),
        }
        yield YearResult(
            year=year,
            trained_on=len(training),
            trained_on_bad=int(np.sum(training.bad)),
            single_indicator=single.feature,
            bad=evaluated.bad,
            probabilities=probabilities,
            metrics={name: measure(evaluated.bad, p) for name, p in probabilities.items()},
            tiers=decisions.tiers,
        )


def mean_figure(results: Sequence[YearResult], scorer: str, figure: str) -> float:
    """Return the mean over the years of one figure of one scorer."""
    return float(np.mean([getattr(result.metrics[scorer], figure) for result in results]))


def tier_figures(results: Sequence[YearResult]) -> pd.DataFrame:
    """Return customers, share and bad rate of each tier, by year and pooled (year `all`)."""
    lines = []
    tiers = np.concatenate([result.tiers for result in results])
    bad = np.concatenate([result.bad for result in results])
    for year, of_year, bad_of_year in [(str(r.year), r.tiers, r.bad) for r in results] + [("all", tiers, bad)]:
        for tier in (*RATED_TIERS, Tier.UNRATED):
            inside = of_year == tier
            count = int(np.sum(inside))
            rate = float(np.mean(bad_of_year[inside])) if count else float("nan")
            lines.append((year, str(tier), count, count / len(of_year), rate))
    return pd.DataFrame(lines, columns=["year", "tier", "customers", "share", "bad_rate"])
