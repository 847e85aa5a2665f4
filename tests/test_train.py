"""A trained model keeps every promise at once: directions, exactness, honest held-out figures, its level."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from features.portfolio import Floats
from features.terms import Nature
from models.artefact import Model
from models.booster import Untrainable
from models.calibration import calibrate, level_drift
from models.decision import Scorer
from models.policy import Policy
from tests.labelled import Labelled, synthetic
from tests.strategies import random_portfolio
from training.data_facts import customers_hash
from training.metrics import auc
from training.train import Trained, train_model, years_ahead


def with_policy(policy: Policy, **changes: object) -> Policy:
    return policy.model_copy(update=changes)


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    return synthetic(1500)


@pytest.fixture(scope="module")
def trained(labelled: Labelled) -> Trained:
    return train_model(labelled.data, labelled.policy, threads=1)


# The whole model


def test_prior_correction_and_calibration_together_keep_every_direction(
    labelled: Labelled, trained: Trained
) -> None:
    catalog = labelled.data.portfolio.catalog
    portfolio = random_portfolio(catalog, 3000, seed=11)
    rng = np.random.default_rng(12)
    base = trained.model.matrix(portfolio)
    for column, feature in enumerate(trained.model.tables.features):
        direction = catalog.by_id[feature].indicator.risk_direction
        if not direction:
            continue
        moved = base.copy()
        moved[:, column] += 10.0 ** rng.uniform(-6, 6, len(moved))
        known = ~np.isnan(base[:, column])
        change = log_odds(trained.model, moved) - log_odds(trained.model, base)
        assert np.all(change[known] * direction >= -1e-9), feature
        assert np.any(change[known] * direction > 0), feature


def log_odds(model: Model, matrix: Floats) -> Floats:
    return model.calibration.log_odds(model.tables.margin(model.tables.contributions(matrix)))


def test_the_tables_are_prior_and_boosters_together(labelled: Labelled, trained: Trained) -> None:
    matrix = trained.matrix(random_portfolio(labelled.data.portfolio.catalog, 500, seed=13))
    raw = np.mean([np.asarray(bag.predict(matrix, raw_score=True)) for bag in trained.boosters], axis=0)
    prior = trained.model.prior.margin(trained.model.prior.contributions(matrix))
    tables = trained.model.tables
    assert tables.margin(tables.contributions(matrix)) == pytest.approx(prior + raw, abs=1e-9)


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(
    labelled: Labelled, trained: Trained
) -> None:
    data = labelled.data.take(np.arange(500))
    first, again, on_two = (
        train_model(data, labelled.policy, threads=threads).model.to_bytes() for threads in (1, 1, 2)
    )
    assert first == again == on_two != trained.model.to_bytes()
    assert Model.from_bytes(first).to_bytes() == first


def test_the_held_out_figures_are_those_of_strangers_and_worth_something(
    labelled: Labelled, trained: Trained
) -> None:
    held_out = trained.held_out
    known = ~np.isnan(held_out)
    first_days = labelled.data.days < labelled.data.days[known].min()
    assert np.array_equal(~known, first_days)
    assert 0.6 < auc(labelled.data.bad[known], held_out[known]) < 0.9


def test_changing_the_last_block_changes_no_earlier_held_out_ranking(
    labelled: Labelled, trained: Trained
) -> None:
    """What is trained for a block comes from before it. The shared calibration and offsets may move."""
    *_, (_, last) = labelled.data.folds()
    given = labelled.data.portfolio.given.copy()
    given[last, labelled.data.portfolio.column("leverage")] *= -1
    changed = replace(labelled.data, portfolio=replace(labelled.data.portfolio, given=given))
    other = train_model(changed, labelled.policy, threads=1)
    earlier = ~np.isnan(trained.held_out)
    earlier[last] = False
    assert np.corrcoef(other.held_out[earlier], trained.held_out[earlier])[0, 1] > 0.95


def test_explanations_add_up_for_a_trained_model(labelled: Labelled, trained: Trained) -> None:
    scorer = Scorer(labelled.data.portfolio.catalog, labelled.policy, trained.model)
    decisions = scorer.decide(random_portfolio(scorer.catalog, 2000, seed=14))
    assert decisions.base + decisions.contributions.sum(axis=1) == pytest.approx(decisions.score, abs=1e-9)
    assert np.all((decisions.model.probability > 0) & (decisions.model.probability < 1))


def test_the_facts_of_the_training_are_kept(labelled: Labelled, trained: Trained) -> None:
    facts = trained.model.training
    assert facts["customers"] == len(labelled.data)
    assert facts["bad"] == labelled.data.bad.sum()
    assert facts["first_as_of"] == str(labelled.data.days.min())
    assert facts["last_as_of"] == str(labelled.data.days.max())
    assert facts["dated"] is True and "read_on" not in facts
    assert facts["groups"] == len(np.unique(labelled.data.groups)) < len(labelled.data)
    assert facts["customers_sha256"] == customers_hash(labelled.data)
    assert facts["folds"] == 5


# What cannot be trained on


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"minimum_bad_outcomes": 10_000}, "too few"),
        ({"model_weight": 0.0}, "gives no model a weight"),
        ({"model_weight": {Nature.INDIVIDUAL: 1.0}}, "gives no model a weight"),
    ],
)
def test_what_a_policy_does_not_allow_is_refused_in_one_line(
    labelled: Labelled, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(Untrainable, match=reason) as caught:
        train_model(labelled.data, with_policy(labelled.policy, **changes), threads=1)
    assert "\n" not in str(caught.value)


def test_no_outcomes_and_outcomes_all_alike_are_refused(labelled: Labelled) -> None:
    with pytest.raises(Untrainable, match="no outcome has matured"):
        train_model(labelled.data.take(np.array([], dtype=np.intp)), labelled.policy)
    all_bad = replace(labelled.data, bad=np.ones(len(labelled.data), dtype=bool))
    with pytest.raises(Untrainable, match="both good and bad"):
        train_model(all_bad, labelled.policy)


def test_values_beyond_1e300_are_refused(labelled: Labelled) -> None:
    given = labelled.data.portfolio.given.copy()
    given[7, labelled.data.portfolio.column("margin")] = 1e300
    data = replace(labelled.data, portfolio=replace(labelled.data.portfolio, given=given))
    with pytest.raises(Untrainable, match="beyond"):
        train_model(data, labelled.policy)


def test_natures_without_a_share_for_a_model_are_left_out_and_have_nothing_held_out() -> None:
    both = synthetic(900, individuals=True)
    policy = with_policy(both.policy, model_weight={Nature.ENTERPRISE: 0.5})
    trained = train_model(both.data, policy, threads=1)
    individuals = both.data.portfolio.natures == Nature.INDIVIDUAL
    assert trained.model.natures == (Nature.ENTERPRISE,)
    assert trained.model.training["customers"] == np.sum(~individuals)
    assert trained.held_out.shape == (len(both.data),)
    assert np.all(np.isnan(trained.held_out[individuals]))
    assert np.any(~np.isnan(trained.held_out[~individuals]))
    together = train_model(both.data, both.policy, threads=1)
    assert together.model.natures == (Nature.ENTERPRISE, Nature.INDIVIDUAL)


# The level and its drift


def cohorts_of(levels: Floats, each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    cohort = np.repeat(np.arange(len(levels)) + 1900, each)
    return rng.random(len(cohort)) < expit(levels)[cohort - 1900], cohort


def test_the_drift_of_a_simulated_random_walk_is_recovered() -> None:
    rng = np.random.default_rng(3)
    walk = -2 + np.cumsum(rng.normal(0, 0.3, 400))
    walk -= np.linspace(0, walk[-1] + 2, 400)
    assert level_drift(*cohorts_of(walk, 3000, 4)) == pytest.approx(0.09, rel=0.25)


def test_a_level_that_stays_shows_no_drift_to_speak_of() -> None:
    assert level_drift(*cohorts_of(np.full(200, -2.0), 5000, 5)) < 0.0015


def test_a_gap_of_years_counts_as_so_many_years() -> None:
    levels = np.array([-2.0, -1.5, -2.0, -1.5, -2.0])
    bad, cohort = cohorts_of(levels, 200_000, 6)
    assert level_drift(bad, cohort) == pytest.approx(0.25, rel=0.1)
    assert level_drift(bad, 1900 + 3 * (cohort - 1900)) == pytest.approx(0.25 / 3, rel=0.1)


@pytest.mark.parametrize("levels", [[-2.0], [-2.0, 0.0], [-2.0, 0.0, -30.0], [30.0, -30.0, 30.0]])
def test_with_fewer_than_three_years_of_outcomes_the_drift_is_taken_for_none(levels: list[float]) -> None:
    assert level_drift(*cohorts_of(np.array(levels), 500, 7)) == 0.0


def test_the_level_is_that_of_the_newest_and_makes_room_for_drift() -> None:
    rng = np.random.default_rng(8)
    cohort = np.repeat(np.arange(2000, 2010), 3000)
    margin = rng.normal(-2, 0.8, len(cohort))
    level = np.where(cohort % 2 == 0, 0.6, 0.0)
    bad = rng.random(len(cohort)) < expit(margin + level)
    newest = cohort == 2009
    at_once = calibrate(margin, margin, bad, cohort, newest, 0.0)
    mean = np.mean(expit(at_once.log_odds(margin[newest])))
    assert mean == pytest.approx(np.mean(bad[newest]), abs=1e-3)
    later = calibrate(margin, margin, bad, cohort, newest, 4.0)
    assert np.mean(expit(later.log_odds(margin[newest]))) > mean
    assert later.slope < at_once.slope


def test_a_slope_above_the_largest_is_cut_and_one_below_stays() -> None:
    rng = np.random.default_rng(9)
    margin = rng.normal(-1, 1, 20_000)
    bad = rng.random(len(margin)) < expit(2 * margin + 1)
    cohort, newest = np.full(len(margin), 2001), np.ones(len(margin), dtype=bool)
    assert calibrate(margin, margin, bad, cohort, newest, 0.0).slope == pytest.approx(2, abs=0.15)
    assert calibrate(margin, margin, bad, cohort, newest, 0.0, largest_slope=1.0).slope == 1.0
    assert calibrate(4 * margin, 4 * margin, bad, cohort, newest, 0.0, 1.0).slope == pytest.approx(
        0.5, abs=0.04
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_customers_without_a_held_out_margin_do_not_touch_the_slope(seed: int) -> None:
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1, 1, 400)
    bad = rng.random(400) < expit(margin)
    cohort = rng.integers(2000, 2003, 400)
    newest = cohort == 2002
    held_out = np.where(rng.random(400) < 0.3, np.nan, margin + rng.normal(0, 0.5, 400))
    known = ~np.isnan(held_out)
    with_nan = calibrate(held_out, margin, bad, cohort, newest, 0.0)
    without = calibrate(held_out[known], margin[known], bad[known], cohort[known], newest[known], 0.0)
    assert with_nan.slope == pytest.approx(without.slope, rel=1e-9)
    nothing = calibrate(np.full(400, np.nan), margin, bad, cohort, newest, 0.0)
    assert nothing.slope == 1.0
    share = (bad[newest].sum() + np.mean(bad)) / (newest.sum() + 1)
    assert np.mean(expit(nothing.log_odds(margin[newest]))) == pytest.approx(share, abs=1e-9)


def test_room_for_drift_is_the_mean_over_levels_that_may_come() -> None:
    """Against a simulation of the level's walk, on margins that are not all alike."""
    rng = np.random.default_rng(10)
    walk = np.where(np.arange(12) % 2, 0.5, 0.0)
    cohort = np.repeat(np.arange(12), 20_000)
    margin = rng.normal(-3, 0.7, len(cohort))
    bad = rng.random(len(cohort)) < expit(margin + walk[cohort])
    newest = cohort == 11
    drift = level_drift(bad, cohort)
    now, later = (calibrate(margin, margin, bad, cohort, newest, years) for years in (0.0, 3.0))
    levels = rng.normal(0, np.sqrt(3 * drift), 4000)
    for value in (-4.0, -3.0, -2.0):
        expected = np.mean(expit(now.log_odds(np.array([value])) + levels))
        assert later.log_odds(np.array([value]))[0] == pytest.approx(logit(expected), abs=0.05)


def test_a_model_in_use_is_older_than_its_newest_outcomes_by_the_window_and_a_year(
    labelled: Labelled,
) -> None:
    assert years_ahead(with_policy(labelled.policy, outcome_months=36)) == 4.0
    # Of no declared window a year is assumed.
    assert years_ahead(with_policy(labelled.policy, outcome_months=None)) == 2.0
