"""Nothing that was not known on a year's first day changes what that year was told."""

import math
from dataclasses import replace

import numpy as np
import pytest

from features.catalog import Method
from features.terms import Nature, Tier
from models.booster import Untrainable
from tests.labelled import FIRST_YEAR, Labelled, synthetic
from training.metrics import measure
from training.walkforward import (
    SCORERS,
    YearResult,
    drawn_at_training_date,
    mean_figure,
    tier_figures,
    walk_forward,
)

YEAR = FIRST_YEAR + 3


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    return synthetic(1400)


def year_of(labelled: Labelled, year: int = YEAR) -> YearResult:
    (result,) = walk_forward(labelled.data, labelled.matured_on, labelled.policy, [year], threads=1)
    return result


@pytest.fixture(scope="module")
def result(labelled: Labelled) -> YearResult:
    return year_of(labelled)


def assert_same(one: YearResult, other: YearResult) -> None:
    """Bit for bit, outcomes and figures aside."""
    assert one.trained_on == other.trained_on
    assert one.trained_on_bad == other.trained_on_bad
    assert one.single_indicator == other.single_indicator
    assert set(one.probabilities) == set(SCORERS)
    for scorer in SCORERS:
        assert np.array_equal(one.probabilities[scorer], other.probabilities[scorer]), scorer
    assert one.tiers.tolist() == other.tiers.tolist()


def test_outcomes_that_matured_later_change_nothing(labelled: Labelled, result: YearResult) -> None:
    later = labelled.matured_on > np.datetime64(f"{YEAR}-01-01")
    bad = np.where(later, ~labelled.data.bad, labelled.data.bad)
    changed = year_of(replace(labelled, data=replace(labelled.data, bad=bad)))
    assert_same(result, changed)
    assert np.array_equal(changed.bad, ~result.bad)


def test_records_of_customers_who_matured_later_change_nothing(
    labelled: Labelled, result: YearResult
) -> None:
    data = labelled.data
    later = (labelled.matured_on > np.datetime64(f"{YEAR}-01-01")) & (data.cohorts != YEAR)
    assert later.sum() > 100
    given = data.portfolio.given.copy()
    given[later] = np.random.default_rng(2).permutation(given[later])
    given[later, data.portfolio.column("assets")] = 1e5
    groups = np.where(later, 0, data.groups)
    changed = replace(data, portfolio=replace(data.portfolio, given=given), groups=groups)
    assert_same(result, year_of(replace(labelled, data=changed)))


def test_without_those_customers_it_is_the_same(labelled: Labelled, result: YearResult) -> None:
    known = labelled.matured_on <= np.datetime64(f"{YEAR}-01-01")
    rows = np.flatnonzero(known | (labelled.data.cohorts == YEAR))
    fewer = replace(labelled, data=labelled.data.take(rows), matured_on=labelled.matured_on[rows])
    assert_same(result, year_of(fewer))


def test_what_matured_before_does_count(labelled: Labelled, result: YearResult) -> None:
    known = labelled.matured_on <= np.datetime64(f"{YEAR}-01-01")
    bad = np.where(known, ~labelled.data.bad, labelled.data.bad)
    changed = year_of(replace(labelled, data=replace(labelled.data, bad=bad)))
    assert result.trained_on == changed.trained_on == known.sum()
    for scorer in SCORERS:
        assert not np.array_equal(result.probabilities[scorer], changed.probabilities[scorer]), scorer


def test_an_outcome_known_on_the_first_day_counts_and_one_known_the_day_after_does_not(
    labelled: Labelled,
) -> None:
    day = np.datetime64(f"{YEAR}-01-01")
    matured_on = np.where(labelled.matured_on <= day, day, labelled.matured_on)
    expected = int(np.sum(labelled.matured_on <= day))
    assert year_of(replace(labelled, matured_on=matured_on)).trained_on == expected
    matured_on[np.flatnonzero(matured_on == day)[:7]] += np.timedelta64(1, "D")
    assert year_of(replace(labelled, matured_on=matured_on)).trained_on == expected - 7


def test_every_scorer_is_measured_on_the_same_customers(labelled: Labelled, result: YearResult) -> None:
    evaluated = labelled.data.cohorts == YEAR
    assert np.array_equal(result.bad, labelled.data.bad[evaluated])
    assert len(result.tiers) == evaluated.sum()
    for scorer in SCORERS:
        assert result.metrics[scorer] == measure(result.bad, result.probabilities[scorer], result.groups)
    assert result.metrics["model"].auc > 0.6


def test_curves_and_weights_are_drawn_from_what_was_known(labelled: Labelled) -> None:
    catalog = drawn_at_training_date(labelled.data.portfolio, labelled.policy)
    assert catalog.weighting.method is Method.CRITIC
    assert catalog.weighting.customers == len(labelled.data)
    assert catalog.hash != labelled.data.portfolio.catalog.hash


def test_natures_without_a_model_are_neither_trained_on_nor_measured() -> None:
    both = synthetic(1500, individuals=True)
    policy = both.policy.model_copy(update={"model_weight": {Nature.ENTERPRISE: 0.5}})
    enterprises = both.data.portfolio.natures == Nature.ENTERPRISE
    found = year_of(replace(both, policy=policy))
    assert len(found.bad) == np.sum(enterprises & (both.data.cohorts == YEAR))
    assert len({len(p) for p in found.probabilities.values()}) == 1


def test_a_year_without_customers_and_a_year_before_all_outcomes_are_refused(labelled: Labelled) -> None:
    with pytest.raises(Untrainable, match=r"^year 2030: no customers[^\n]*$"):
        year_of(labelled, 2030)
    with pytest.raises(Untrainable, match=r"^[^\n]*no outcome has matured[^\n]*$"):
        year_of(labelled, FIRST_YEAR)


# Figures


def made(year: int, tiers: list[Tier], bad: list[bool]) -> YearResult:
    outcomes = np.array(bad)
    probability = np.linspace(0.1, 0.4, len(bad))
    metrics = {scorer: measure(outcomes, probability) for scorer in SCORERS}
    probabilities = dict.fromkeys(SCORERS, probability)
    given = np.array(tiers, dtype=object)
    return YearResult(year, 10, 5, "x", outcomes, probabilities, metrics, given, np.arange(len(bad)))


def test_tier_figures_are_by_year_and_pooled_over_the_customers() -> None:
    first = made(2004, [Tier.PREMIUM, Tier.RISK, Tier.RISK, Tier.GOOD], [False, True, False, False])
    second = made(2005, [Tier.RISK, Tier.UNRATED], [True, True])
    figures = tier_figures([first, second])
    assert list(figures) == ["2004", "2005", "all"]
    assert figures["all"][Tier.RISK].customers == 3
    assert figures["all"][Tier.RISK].share == 0.5
    assert figures["all"][Tier.RISK].bad_rate == pytest.approx(2 / 3)
    assert figures["2005"][Tier.UNRATED].bad_rate == 1.0
    assert math.isnan(figures["2005"][Tier.PREMIUM].bad_rate)
    for year in figures.values():
        assert sum(of_tier.share for of_tier in year.values()) == pytest.approx(1)


def test_the_mean_over_years_counts_each_year_once() -> None:
    first = made(2004, [Tier.GOOD] * 4, [False, True, False, True])
    second = made(2005, [Tier.GOOD] * 2, [True, False])
    areas = [result.metrics["model"].auc for result in (first, second)]
    assert mean_figure([first, second], "model", "auc") == pytest.approx(np.mean(areas))
