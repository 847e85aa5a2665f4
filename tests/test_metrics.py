"""The metrics agree with their definitions, and nothing makes them crash."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.battery.discrimination import delong
from training.metrics import auc, brier, ece, equal_count_bins, gini, ks, log_loss, measure

CHANCES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
PAIRS = st.lists(st.tuples(st.booleans(), CHANCES), min_size=0, max_size=60)


def columns(pairs: list[tuple[bool, float]]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return np.array([bad for bad, _ in pairs], dtype=bool), np.array([p for _, p in pairs], dtype=float)


@given(PAIRS)
def test_any_customers_are_measured_without_a_crash(pairs: list[tuple[bool, float]]) -> None:
    bad, probability = columns(pairs)
    found = measure(bad, probability)
    assert (found.n, found.bad) == (len(pairs), int(bad.sum()))
    one_class = bad.all() or not bad.any()
    assert math.isnan(found.auc) == math.isnan(found.ks) == math.isnan(found.gini) == bool(one_class)
    assert math.isnan(found.brier) == math.isnan(found.ece) == (len(pairs) == 0)
    assert all(math.isfinite(value) for value in found.known().values())


@given(PAIRS)
def test_auc_and_ks_are_what_counting_pairs_and_thresholds_gives(pairs: list[tuple[bool, float]]) -> None:
    bad, score = columns(pairs)
    if bad.all() or not bad.any():
        return
    above = score[bad][:, None] - score[~bad][None, :]
    assert auc(bad, score) == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean(), abs=1e-12)
    gaps = [abs((score[bad] <= cut).mean() - (score[~bad] <= cut).mean()) for cut in score]
    assert ks(bad, score) == pytest.approx(max(gaps), abs=1e-12)
    assert gini(bad, score) == pytest.approx(2 * auc(bad, score) - 1)


@given(PAIRS.filter(bool), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(pairs: list[tuple[bool, float]], random: Random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    first, second = measure(*columns(pairs)), measure(*columns(shuffled))
    assert second.known() == pytest.approx(first.known(), abs=1e-12)


@given(PAIRS.filter(bool))
def test_ece_never_exceeds_the_mean_absolute_error_and_one_bin_gives_the_overall_gap(
    pairs: list[tuple[bool, float]],
) -> None:
    bad, probability = columns(pairs)
    assert 0 <= ece(bad, probability) <= np.abs(probability - bad).mean() + 1e-12
    assert ece(bad, probability, bins=1) == pytest.approx(abs(probability.mean() - bad.mean()), abs=1e-12)


@given(
    st.lists(st.one_of(st.integers(0, 5), st.integers(-9999, 9999)), min_size=20, max_size=400),
    st.integers(1, 30),
    st.integers(1, 20),
)
def test_bins_rise_with_the_value_keep_ties_together_and_hold_the_minimum(
    values: list[int], bins: int, minimum: int
) -> None:
    number = equal_count_bins(values, bins, minimum)
    assert sorted(set(number.tolist())) == list(range(number.max() + 1))
    assert number.max() < bins
    assert np.bincount(number).min() >= minimum
    order = np.argsort(values, kind="stable")
    assert (np.diff(number[order]) >= 0).all()
    for value in set(values):
        assert len(set(number[np.array(values) == value].tolist())) == 1


def test_bins_of_distinct_values_are_of_equal_count() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    assert np.bincount(equal_count_bins(values, 10)).tolist() == [100] * 10


def test_brier_and_log_loss_follow_their_definitions() -> None:
    bad, probability = np.array([True, False, False]), np.array([0.8, 0.1, 0.5])
    assert brier(bad, probability) == pytest.approx((0.04 + 0.01 + 0.25) / 3)
    assert log_loss(bad, probability) == pytest.approx(-(math.log(0.8) + math.log(0.9) + math.log(0.5)) / 3)


def test_ece_weighs_each_bins_gap_by_its_customers() -> None:
    bad = np.array([False, False, False, True])
    assert ece(bad, np.array([0.1, 0.1, 0.9, 0.9]), bins=2) == pytest.approx((0.1 + 0.4) / 2)


def test_a_sure_mistake_costs_much_but_not_infinity() -> None:
    assert 30 < measure(np.array([True]), np.array([0.0])).log_loss < 40


def test_intervals_are_delongs_and_those_of_means_and_of_a_share() -> None:
    rng = np.random.default_rng(3)
    chance = rng.random(800)
    bad = rng.random(800) < chance**2
    found = measure(bad, chance)
    areas = delong(bad, [chance])
    # The variance has n in place of n − 1, and so is a little smaller.
    error = float(np.sqrt(areas.covariance[0, 0]))
    assert found.auc - found.auc_95_low == pytest.approx(1.96 * error, rel=2e-3)
    assert found.auc_95_high - found.auc == pytest.approx(1.96 * error, rel=2e-3)
    losses = -np.log(np.where(bad, chance, 1 - chance))
    assert found.log_loss_95_high - found.log_loss == pytest.approx(
        1.96 * losses.std() / np.sqrt(800), rel=1e-3
    )
    assert found.bad_rate_95_low < found.bad_rate < found.bad_rate_95_high
    assert found.predicted == pytest.approx(chance.mean())


def test_customers_of_one_group_tell_less() -> None:
    rng = np.random.default_rng(4)
    chance = np.repeat(rng.random(100), 8)
    bad = np.repeat(rng.random(100) < chance[::8], 8)
    alone, together = measure(bad, chance), measure(bad, chance, np.repeat(np.arange(100), 8))
    assert (together.auc, together.log_loss) == (alone.auc, alone.log_loss)
    for figure in ("auc", "log_loss"):
        widths = [getattr(m, f"{figure}_95_high") - getattr(m, f"{figure}_95_low") for m in (alone, together)]
        assert widths[1] == pytest.approx(widths[0] * np.sqrt(8), rel=0.02)


def test_of_one_customer_of_a_kind_no_interval_is_told() -> None:
    found = measure(np.array([True, False, False]), np.array([0.6, 0.2, 0.3]))
    assert math.isnan(found.auc_95_low) and math.isnan(found.auc_95_high) and found.auc == 1.0


@pytest.mark.parametrize(
    ("bad", "probability", "reason"),
    [
        ([True, False], [0.1, float("nan")], "NaN"),
        ([True, False], [0.1, 1.5], "between 0 and 1"),
        ([True, False], [0.1], "one length"),
        ([1, 0], [0.1, 0.2], "boolean"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(
    bad: list[bool], probability: list[float], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        measure(bad, probability)
