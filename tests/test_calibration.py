"""Calibration rises strictly, recovers what it was made from, and meets the bad rate in the mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from models.calibration import SMALLEST_SLOPE, Calibration, fit_intercept, fit_slope


@given(seed=st.integers(0, 10**6), slope=st.floats(0.3, 2.5), level=st.floats(-2, 1))
@settings(max_examples=20)
def test_the_slope_and_the_level_of_a_simulated_truth_are_recovered(
    seed: int, slope: float, level: float
) -> None:
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=20_000)
    cohort = rng.integers(0, 4, len(margin)).astype(np.float64)
    log_odds = level + cohort / 3 + slope * margin
    bad = rng.random(len(margin)) < expit(log_odds)
    fitted = fit_slope(margin, bad, cohort)
    assert fitted == pytest.approx(slope, abs=0.15)
    last = cohort == 3
    intercept = fit_intercept(fitted * margin[last], bad[last])
    assert intercept == pytest.approx(level + 1, abs=0.2)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), sign=st.sampled_from([-1, 0, 1]))
@settings(max_examples=40)
def test_the_slope_is_positive_whatever_the_margin_is_worth(seed: int, n: int, sign: int) -> None:
    """Perfectly right, perfectly wrong, constant; all bad or none; a cohort of one."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=n) if sign else np.zeros(n)
    bad = margin * sign > rng.choice([-10.0, 0.0, 10.0])
    slope = fit_slope(margin, bad, rng.integers(0, 3, n).astype(np.float64))
    assert SMALLEST_SLOPE <= slope < 1e3


@given(
    log_odds=st.lists(st.floats(-300, 300), min_size=1, max_size=50),
    bad=st.data(),
    prior=st.none() | st.floats(0.001, 0.5),
)
@settings(max_examples=200)
def test_after_the_shift_the_mean_probability_is_the_shrunk_bad_rate(
    log_odds: list[float], bad: st.DataObject, prior: float | None
) -> None:
    n = len(log_odds)
    outcomes = np.array(bad.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    shift = fit_intercept(np.array(log_odds), outcomes, prior)
    rate = (outcomes.sum() + (0.5 if prior is None else prior)) / (n + 1)
    assert np.mean(expit(np.array(log_odds) + shift)) == pytest.approx(rate, abs=1e-9)


@given(
    intercept=st.floats(-5, 5),
    slope=st.floats(SMALLEST_SLOPE, 10),
    a=st.floats(-20, 20),
    b=st.floats(-20, 20),
)
def test_calibrated_log_odds_keep_the_ranking(intercept: float, slope: float, a: float, b: float) -> None:
    first, second = Calibration(intercept, slope).log_odds(np.array([a, b]))
    assert (first <= second) if a <= b else (first >= second)
