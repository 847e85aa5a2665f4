"""The battery's calibration: statistics as published, few false alarms, and planted faults that are found."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import expit, logit
from scipy.stats import chi2

from features.portfolio import Bools, Floats
from features.terms import RATED_TIERS, Tier
from models.policy import load_policy
from tests.judged import drawn, evidence
from training.battery.calibration_checks import calibration
from training.battery.calibration_statistics import (
    brier_parts,
    ece_by_chance,
    hosmer_lemeshow,
    spiegelhalter_z,
)
from training.battery.figures import jeffreys_interval, lower_rate_test
from training.battery.recalibration import level_shift, recalibration
from training.battery.result import Result, Verdict
from training.battery.tier_tests import (
    binomial_p_value,
    jeffreys_p_value,
    most_by_binomial,
    most_by_jeffreys,
    tier_groups,
    tier_tests,
)
from training.metrics import brier, ece, equal_count_bins

PAIRS = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60)


def sample(n: int, seed: int, level: float = -1.0) -> tuple[Bools, Floats]:
    """Perfect probabilities, and outcomes drawn from them."""
    chances = expit(level + np.random.default_rng(seed).normal(size=n))
    return drawn(chances, seed + 1000), chances


def verdicts(results: list[Result]) -> dict[str, Verdict]:
    return {result.id.removeprefix("calibration."): result.verdict for result in results}


# Recalibration


def test_the_recalibrated_probabilities_meet_the_outcomes() -> None:
    bad, chances = sample(800, 1)
    log_odds = 0.3 + 1.4 * logit(chances)
    found = recalibration(log_odds, bad, np.arange(800))
    assert found is not None
    fitted = expit(found.intercept + found.slope * log_odds)
    # The maximum of the likelihood: residuals add up to nothing, alone and times the log-odds.
    assert np.sum(bad - fitted) == pytest.approx(0.0, abs=1e-10)
    assert np.sum((bad - fitted) * log_odds) == pytest.approx(0.0, abs=1e-10)
    information = np.zeros((2, 2))
    for p, z in zip(fitted, log_odds, strict=True):
        information += p * (1 - p) * np.array([[1.0, z], [z, z * z]])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert (found.intercept_error, found.slope_error) == pytest.approx(tuple(errors), abs=1e-10)
    shift = level_shift(log_odds, bad, np.arange(800))
    assert shift is not None
    assert np.mean(expit(log_odds + shift[0])) == pytest.approx(np.mean(bad), abs=1e-12)


def test_customers_who_are_there_twice_narrow_no_error_if_they_are_of_one_group() -> None:
    bad, chances = sample(600, 2)
    once = recalibration(logit(chances), bad, np.arange(600))
    twice = recalibration(np.tile(logit(chances), 2), np.tile(bad, 2), np.tile(np.arange(600), 2))
    assert once is not None and twice is not None
    assert twice.slope == pytest.approx(once.slope, abs=1e-9)
    assert twice.slope_error == pytest.approx(once.slope_error, rel=0.15)


def test_outcomes_that_are_parted_without_a_mistake_have_no_slope() -> None:
    log_odds = np.linspace(-3, 3, 50)
    assert recalibration(log_odds, log_odds > 0, np.arange(50)) is None
    assert level_shift(log_odds, np.zeros(50, dtype=bool), np.arange(50)) is None


# Statistics


@given(PAIRS, st.integers(1, 8))
def test_the_parts_of_the_brier_score_add_up_exactly(pairs: list[tuple[bool, float]], bins: int) -> None:
    bad, chances = np.array([b for b, _ in pairs]), np.array([p for _, p in pairs])
    parts = brier_parts(bad, chances, equal_count_bins(chances, bins))
    assert parts.score == pytest.approx(brier(bad, chances), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.within_variance) >= 0


def test_the_z_statistic_is_the_published_one() -> None:
    """Rufibach (2010), table 1."""
    bad = np.array([True, False])
    for chances, score, z in (((0.2, 0.2), 0.34, 1.06), ((0.4, 0.5), 0.305, 1.22)):
        assert brier(bad, chances) == pytest.approx(score, abs=1e-12)
        assert round(spiegelhalter_z(bad, np.array(chances)), 2) == z
    assert math.isnan(spiegelhalter_z(bad, np.array([0.5, 1.0])))


def test_the_hosmer_lemeshow_statistic_is_the_sum_over_bins() -> None:
    bad, chances = sample(400, 3)
    found = hosmer_lemeshow(bad, chances, 4, 5.0)
    assert found is not None and found.freedom == 4
    statistic = 0.0
    for part in np.array_split(np.argsort(chances), 4):
        n, expected, observed = len(part), sum(chances[part]), sum(bad[part])
        statistic += (observed - expected) ** 2 / expected
        statistic += ((n - observed) - (n - expected)) ** 2 / (n - expected)
    assert found.statistic == pytest.approx(statistic, abs=1e-10)
    assert found.p_value == pytest.approx(1 - chi2.cdf(statistic, 4), abs=1e-10)


def test_bins_that_expect_too_little_are_joined() -> None:
    bad, chances = sample(100, 4, level=-3.0)
    found = hosmer_lemeshow(bad, chances, 10, 5.0)
    assert found is None or found.freedom <= np.sum(chances) / 5
    assert hosmer_lemeshow(bad, np.full(100, 0.001), 10, 5.0) is None


@pytest.mark.parametrize("level", [-1.0, -2.5])
def test_perfect_probabilities_seldom_fail(level: float) -> None:
    n, times = 400, 600
    alarms = dict.fromkeys(("hosmer_lemeshow", "spiegelhalter", "ece"), 0)
    for seed in range(times):
        bad, chances = sample(n, seed, level)
        found = hosmer_lemeshow(bad, chances, 10, 5.0)
        alarms["hosmer_lemeshow"] += found is not None and found.p_value < 0.05
        alarms["spiegelhalter"] += abs(spiegelhalter_z(bad, chances)) > 1.96
        if seed < 150:
            number = equal_count_bins(chances, 10)
            alarms["ece"] += ece(bad, chances) > ece_by_chance(chances, number, 0.05, 200, seed)
    assert alarms["hosmer_lemeshow"] / times <= 0.07
    assert alarms["spiegelhalter"] / times <= 0.07
    assert alarms["ece"] / 150 <= 0.1


# Tiers


def test_the_jeffreys_test_is_the_area_under_the_posterior_and_the_published_one() -> None:
    """n = 6, d = 2, PD = 0.0367: 0.0044 in Rösch and Scheule, Deep Credit Risk, part on validation."""
    assert round(jeffreys_p_value(2, 6, 0.0367), 4) == 0.0044

    def density(x: float, bad: int, n: int, constant: float) -> float:
        return float(x ** (bad - 0.5) * (1 - x) ** (n - bad - 0.5) / constant)

    for bad, n, p in ((3, 200, 0.01), (12, 300, 0.05)):
        constant = float(beta_function(bad + 0.5, n - bad + 0.5))
        below, _ = quad(density, 0, p, args=(bad, n, constant), epsabs=1e-13)
        assert jeffreys_p_value(bad, n, p) == pytest.approx(below, abs=1e-10)


def test_the_binomial_test_adds_up_what_is_as_bad_or_worse() -> None:
    for bad, n, p in ((3, 40, 0.05), (0, 10, 0.2), (7, 60, 0.05)):
        worse = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(bad, n + 1))
        assert binomial_p_value(bad, n, p) == pytest.approx(worse, abs=1e-12)


@settings(max_examples=25)
@given(st.integers(20, 150), st.floats(0.001, 0.4), st.sampled_from([0.05, 0.0125]))
def test_the_most_bad_outcomes_that_pass_are_the_most(n: int, p: float, alpha: float) -> None:
    passing = [bad for bad in range(n + 1) if binomial_p_value(bad, n, p) > alpha]
    assert most_by_binomial(n, p, alpha) == max(passing)
    passing = [bad for bad in range(n + 1) if jeffreys_p_value(bad, n, p) >= alpha]
    assert most_by_jeffreys(n, p, alpha) == max(passing)


def test_a_jeffreys_interval_leaves_equal_tails_but_at_the_ends() -> None:
    for bad, n in ((1, 10), (5, 10), (30, 200)):
        found = jeffreys_interval(bad, n, 0.95)
        assert jeffreys_p_value(bad, n, found.low) == pytest.approx(0.025, abs=1e-10)
        assert jeffreys_p_value(bad, n, found.high) == pytest.approx(0.975, abs=1e-10)
    assert jeffreys_interval(0, 10, 0.95).low == 0.0
    assert jeffreys_interval(10, 10, 0.95).high == 1.0


def test_a_lower_rate_where_a_higher_one_belongs_is_significant_or_not() -> None:
    assert lower_rate_test(20, 100, 2, 100) < 0.001
    assert lower_rate_test(2, 100, 20, 100) > 0.99
    assert lower_rate_test(5, 100, 4, 100) > 0.3


def test_a_tier_of_a_few_is_taken_together_with_the_next() -> None:
    policy = load_policy("customer")
    premium, good, general, risk = RATED_TIERS

    def grouped(*tiers: tuple[Tier, int]) -> list[tuple[str, int]]:
        column = np.array([tier for tier, count in tiers for _ in range(count)], dtype=object)
        return [(group.id, int(group.rows.sum())) for group in tier_groups(column, policy)]

    assert grouped((premium, 30), (good, 40), (risk, 25), (Tier.UNRATED, 9)) == [
        ("premium", 30), ("good", 40), ("risk", 25)
    ]  # fmt: skip
    assert grouped((premium, 3), (good, 40), (general, 21), (risk, 2)) == [
        ("premium+good", 43), ("general+risk", 23)
    ]  # fmt: skip
    assert grouped((premium, 3), (good, 4)) == []


# Checks


def test_a_calibrated_candidate_passes_and_planted_faults_are_found() -> None:
    assert set(verdicts(list(calibration(evidence()))).values()) == {Verdict.PASSED}
    riskier = verdicts(list(calibration(evidence(shift=0.8))))
    assert riskier["in_the_large"] == riskier["ece"] == Verdict.FAILED
    assert riskier["hosmer_lemeshow"] == riskier["spiegelhalter"] == Verdict.FAILED
    flat = verdicts(list(calibration(evidence(shift=-1.0, stretch=0.3))))
    assert flat["slope"] == Verdict.FAILED


def test_only_underestimated_risk_is_a_fault_of_a_tier() -> None:
    for shift, expected in ((0.0, Verdict.PASSED), (-1.0, Verdict.PASSED), (1.0, Verdict.FAILED)):
        results = list(tier_tests(evidence(shift=shift)))
        assert {result.verdict for result in results if (result.n or 0) > 200} == {expected}, shift
        for result in results:
            assert result.threshold is not None and result.value is not None
            assert (result.value <= result.threshold.high) == (result.verdict is Verdict.PASSED)


def test_few_outcomes_are_not_enough_data() -> None:
    few = verdicts(list(calibration(evidence(rows=slice(0, 40)))))
    assert set(few.values()) == {Verdict.NOT_ENOUGH_DATA}
