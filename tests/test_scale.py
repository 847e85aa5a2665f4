"""The scale falls strictly, is bounded and continuous, meets its anchors, and keeps signs, order and sums."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import logit

from models.points import sum_in_order
from models.policy import load_policy
from models.scale import Scale

SCALE = Scale.from_policy(load_policy("customer"))
LOG_ODDS = st.floats(-20, 20)


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    """Draw scales as policies declare them: falling cut-offs at rising probabilities."""
    cut_offs = sorted(draw(st.sets(st.integers(1, 99), min_size=3, max_size=3)), reverse=True)
    probabilities = sorted(draw(st.sets(st.integers(1, 999), min_size=3, max_size=3)))
    return Scale(tuple(float(logit(p / 1000)) for p in probabilities), tuple(float(c) for c in cut_offs))


def points(scale: Scale, *log_odds: float) -> list[float]:
    return [float(point) for point in scale.to_points(np.array(log_odds))]


@given(scale=scales())
def test_the_anchors_are_hit_to_the_last_bit(scale: Scale) -> None:
    assert points(scale, *scale.log_odds) == list(scale.points)


def test_the_policy_s_probabilities_fall_on_its_cut_offs() -> None:
    policy = load_policy("customer")
    assert points(SCALE, *logit(policy.tier_probabilities)) == list(policy.cut_offs)


@given(scale=scales(), a=st.floats(0.5, 99.5))
def test_log_odds_are_found_again_from_points(scale: Scale, a: float) -> None:
    assert points(scale, float(scale.to_log_odds(np.array([a]))[0]))[0] == pytest.approx(a, abs=1e-9)


def test_no_log_odds_reach_the_ends_of_the_scale() -> None:
    ends = SCALE.to_log_odds(np.array([-1.0, 0.0, 100.0, 101.0]))
    assert ends.tolist() == [np.inf, np.inf, -np.inf, -np.inf]


@given(scale=scales(), a=LOG_ODDS, b=LOG_ODDS)
def test_points_fall_as_the_log_odds_rise(scale: Scale, a: float, b: float) -> None:
    assume(a < b)
    at_a, at_b = points(scale, a, b)
    assert at_a >= at_b
    # Strictly, where the map is not so flat or the step so small that the difference is rounded away.
    slopes = -scale.slope(np.array([a, b]))
    if slopes.min() * (b - a) > 1e-10:
        assert at_a > at_b


@given(scale=scales(), a=st.floats(allow_nan=False))
@example(scale=Scale((-6.9, -6.2, -5.8), (3.0, 2.0, 1.0)), a=1.7e308)
def test_points_stay_between_0_and_100_whatever_the_log_odds(scale: Scale, a: float) -> None:
    assert 0 <= points(scale, a)[0] <= 100


@given(scale=scales(), at=st.integers(0, 2), step=st.floats(1e-12, 1e-3))
def test_the_map_has_no_jump_at_its_anchors(scale: Scale, at: int, step: float) -> None:
    anchor = scale.log_odds[at]
    before, on, after = points(scale, anchor - step, anchor, anchor + step)
    steepest = float(np.max(-np.diff(scale.points) / np.diff(scale.log_odds)))
    assert abs(before - on) <= steepest * step + 1e-11
    assert abs(after - on) <= steepest * step + 1e-11


@given(scale=scales(), at=LOG_ODDS)
def test_the_slope_is_the_map_s_derivative(scale: Scale, at: float) -> None:
    assume(all(abs(at - anchor) > 1e-4 for anchor in scale.log_odds))
    step = 1e-6
    low, high = points(scale, at - step, at + step)
    slope = float(scale.slope(np.array([at]))[0])
    assert slope <= 0
    assert slope == pytest.approx((high - low) / (2 * step), rel=1e-3, abs=1e-6)


@given(scale=scales(), at=st.integers(0, 2))
def test_at_an_anchor_the_slope_is_that_of_the_side_above(scale: Scale, at: int) -> None:
    anchor, step = scale.log_odds[at], 1e-7
    on, after = points(scale, anchor, anchor + step)
    assert float(scale.slope(np.array([anchor]))[0]) == pytest.approx((after - on) / step, rel=1e-3, abs=1e-4)


@given(
    scale=scales(),
    base=LOG_ODDS | st.integers(0, 2),
    # Below, a product with the map's slope is no longer a float.
    shap_values=st.lists(
        st.floats(-3, 3).map(lambda value: value if abs(value) > 1e-250 else 0.0), min_size=1, max_size=8
    ),
    shrink=st.sampled_from([1.0, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15]),
    cancel=st.booleans(),
)
@settings(max_examples=400)
def test_rescaled_contributions_keep_signs_order_and_the_exact_sum(
    scale: Scale, base: float | int, shap_values: list[float], shrink: float, cancel: bool
) -> None:
    """Also where the base is an anchor and the score next to it, on either side, or the same."""
    start = np.array([scale.log_odds[base] if isinstance(base, int) else base])
    phi = np.array([shap_values]) * shrink
    if cancel:
        phi = np.concatenate([phi, -phi[:, ::-1] * (1 + shrink * 1e-3), phi * 0 + 0.7, phi * 0 - 0.7], axis=1)
    log_odds = sum_in_order(start, phi)
    factor = scale.rescaling(log_odds, start)
    contributions = phi * factor[:, None]
    base_points, score = scale.to_points(start), scale.to_points(log_odds)
    assert np.abs(sum_in_order(base_points, contributions) - score).max() <= 1e-9
    # A map that is flat to the last bit there has nothing to share out.
    if -scale.slope(start)[0] > 1e-3 and -scale.slope(log_odds)[0] > 1e-3:
        assert factor[0] < 0
        assert (np.sign(contributions) == -np.sign(phi)).all()
        assert np.array_equal(np.argsort(contributions[0], kind="stable"), np.argsort(-phi[0], kind="stable"))
