"""The figures of `./run bench truth` tell a right probability, and an acting indicator, from a wrong one."""

import numpy as np
import pytest
from scipy.special import expit

from benchmarks.truth_figures import agreement, calibration_line, drivers, true_effects

N = 6000
LATENT = np.random.default_rng(4).normal(size=N)
OTHER = np.random.default_rng(5).normal(size=N)
CHANCE = np.random.default_rng(6).random(N)
TRUE = expit(1.3 * LATENT - 2)
BAD = CHANCE < TRUE
ONE_NATURE = np.full(N, "enterprise", dtype=object)


def test_the_truth_agrees_with_itself() -> None:
    found = agreement(TRUE, TRUE, BAD)
    assert (found.customers, found.error) == (N, 0.0)
    assert found.correlation == pytest.approx(1.0)
    assert found.happened == pytest.approx(found.true, abs=0.02)
    assert calibration_line(TRUE, TRUE) == pytest.approx((1.0, 0.0), abs=1e-5)


@pytest.mark.parametrize(("slope", "shift"), [(0.5, 0.0), (1.0, -0.7), (2.0, 0.4)])
def test_a_wrong_slope_or_level_is_measured(slope: float, shift: float) -> None:
    wrong = expit((1.3 * LATENT - 2 - shift) / slope)
    assert calibration_line(wrong, TRUE) == pytest.approx((slope, shift), abs=1e-5)
    assert agreement(wrong, TRUE, BAD).error > 0.01


def test_what_is_right_on_average_of_what_can_be_seen_is_calibrated() -> None:
    """Noise in the truth that nobody can see does not bend the line, as least squares on log-odds would."""
    seen = expit(LATENT - 1)
    true = seen * np.where(CHANCE < 0.5, 0.3, 1.7)
    inside = seen < 0.55
    assert calibration_line(seen[inside], true[inside]) == pytest.approx((1.0, 0.0), abs=0.06)


def test_few_customers_have_no_correlation() -> None:
    assert np.isnan(agreement(TRUE[:2], TRUE[:2], BAD[:2]).correlation)


def test_an_acting_indicator_has_its_effect_and_noise_has_none() -> None:
    missing = np.where(CHANCE < 0.3, np.nan, LATENT)
    values = np.column_stack([LATENT, missing, OTHER, np.full(N, np.nan)])
    whole, part, noise, nothing = true_effects(values, 1.3 * LATENT, ONE_NATURE)
    assert whole == pytest.approx(1.3, rel=0.05)
    assert 0.9 < part < whole
    assert noise < 0.1 and nothing < 1e-9


def test_a_difference_between_natures_is_no_indicators_effect() -> None:
    natures = np.where(CHANCE < 0.5, "government", "individual").astype(object)
    of_nature = 5.0 * (natures == "government")
    assert true_effects((of_nature + OTHER)[:, None], of_nature, natures)[0] < 1e-6


def test_a_driver_is_named_by_the_indicator_that_shows_it() -> None:
    values = np.column_stack([OTHER, LATENT + 0.3 * CHANCE])
    shap_values = np.column_stack([0.1 * OTHER, 0.9 * values[:, 1]])
    terms = {"small": 0.2 * OTHER, "large": 1.3 * LATENT, "constant": np.zeros(N)}
    large, small = drivers(terms, ["a", "b"], values, shap_values)
    assert (large.name, large.indicator, large.rank) == ("large", "b", 1)
    assert (small.name, small.indicator, small.rank) == ("small", "a", 2)
    assert large.spread == pytest.approx(1.3, rel=0.05) and large.followed > 0.9
