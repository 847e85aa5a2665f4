"""The peers learn from their training customers alone, and use what they say they use."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from features.catalog import Kind
from features.portfolio import Portfolio
from features.terms import Nature
from models.baseline import Baseline
from models.booster import Untrainable
from tests.labelled import FIRST_YEAR, Labelled, synthetic
from training.dataset import LabelledPortfolio
from training.metrics import auc
from training.peers import BaselinePeer, LightgbmPeer, LogisticPeer, SingleIndicatorPeer

NATURES = (Nature.ENTERPRISE,)
Peer = BaselinePeer | LogisticPeer | LightgbmPeer | SingleIndicatorPeer


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    return synthetic(1500)


def fit(name: str, labelled: Labelled, data: LabelledPortfolio) -> Peer:
    match name:
        case "baseline":
            return BaselinePeer.fit(data, labelled.policy)
        case "logistic":
            return LogisticPeer.fit(data, NATURES)
        case "lightgbm":
            return LightgbmPeer.fit(data, NATURES, threads=1)
        case _:
            return SingleIndicatorPeer.fit(data, labelled.policy, NATURES)


def split(labelled: Labelled) -> tuple[LabelledPortfolio, Portfolio]:
    early = labelled.data.cohorts < FIRST_YEAR + 3
    return labelled.data.take(np.flatnonzero(early)), labelled.data.portfolio.take(np.flatnonzero(~early))


@pytest.mark.parametrize("name", ["baseline", "logistic", "lightgbm", "single"])
def test_a_customers_figure_does_not_depend_on_who_is_evaluated_with_him(
    labelled: Labelled, name: str
) -> None:
    """Medians, scales and levels come from the training customers: no look-ahead."""
    training, later = split(labelled)
    peer = fit(name, labelled, training)
    whole = peer.log_odds(later)
    for row in (0, 17, len(later) - 1):
        alone = peer.log_odds(later.take(np.array([row])))
        assert alone == pytest.approx(whole[[row]], abs=1e-12)
    given = later.given.copy()
    given[1:] = np.nan
    assert peer.log_odds(replace(later, given=given))[0] == pytest.approx(whole[0], abs=1e-12)


@pytest.mark.parametrize("name", ["baseline", "logistic", "lightgbm", "single"])
def test_each_ranks_better_than_chance_and_meets_the_newest_level(labelled: Labelled, name: str) -> None:
    training, later = split(labelled)
    peer = fit(name, labelled, training)
    rows = np.flatnonzero(labelled.data.cohorts >= FIRST_YEAR + 3)
    assert auc(labelled.data.bad[rows], peer.log_odds(later)) > 0.55
    newest = training.take(np.flatnonzero(training.newest()))
    mean = np.mean(expit(peer.log_odds(newest.portfolio)))
    assert mean == pytest.approx(np.mean(newest.bad), abs=0.03)


def test_the_baseline_keeps_its_own_ranking(labelled: Labelled) -> None:
    training, later = split(labelled)
    score = Baseline(later.catalog, labelled.policy).evaluate(later).score
    log_odds = BaselinePeer.fit(training, labelled.policy).log_odds(later)
    order = np.argsort(score, kind="stable")
    assert np.all(np.diff(log_odds[order]) <= 1e-12)


def test_the_single_indicator_is_the_best_one_in_its_direction(labelled: Labelled) -> None:
    data = labelled.data
    peer = SingleIndicatorPeer.fit(data, labelled.policy, NATURES)
    areas = {}
    for column, placed in enumerate(data.portfolio.catalog.placed):
        if placed.indicator.kind is not Kind.CATEGORY:
            values = data.portfolio.values[:, column]
            areas[placed.id] = abs(
                auc(data.bad, np.where(np.isnan(values), np.nanmedian(values), values)) - 0.5
            )
    assert peer.feature == max(areas, key=lambda id_: areas[id_])
    turned = SingleIndicatorPeer.fit(replace(data, bad=~data.bad), labelled.policy, NATURES)
    assert (turned.feature, turned.sign) == (peer.feature, -peer.sign)


def test_where_no_number_or_flag_is_known_there_is_no_single_indicator(labelled: Labelled) -> None:
    given = np.full(labelled.data.portfolio.given.shape, np.nan)
    nothing = replace(labelled.data, portfolio=replace(labelled.data.portfolio, given=given))
    with pytest.raises(Untrainable, match=r"^[^\n]*no single indicator[^\n]*$"):
        SingleIndicatorPeer.fit(nothing, labelled.policy, NATURES)
    constant = replace(labelled.data, portfolio=replace(labelled.data.portfolio, given=np.ones_like(given)))
    assert SingleIndicatorPeer.fit(constant, labelled.policy, NATURES).feature
    assert np.all(np.isfinite(LogisticPeer.fit(nothing, NATURES).log_odds(nothing.portfolio)))


def test_an_extreme_value_does_not_rule_the_regression(labelled: Labelled) -> None:
    peer = LogisticPeer.fit(labelled.data, NATURES)
    portfolio = labelled.data.portfolio.take(np.arange(50))
    given = portfolio.given.copy()
    given[:, portfolio.column("margin")] = 1e299
    change = peer.log_odds(replace(portfolio, given=given)) - peer.log_odds(portfolio)
    assert np.max(np.abs(change)) < 3
