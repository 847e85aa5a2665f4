"""Intervals of figures on held-out customers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy_parts.statistics import auc_difference
from training import metrics, sampling


def drawn(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    bad = random.random(n) < 1 / (1 + np.exp(1 - x))
    return bad, np.round(x, 1), np.round(x + random.normal(size=n), 1)


@given(st.integers(0, 1000))
def test_figures_are_those_of_the_metrics_and_variances_those_of_delong(seed: int) -> None:
    bad, first, second = drawn(seed)
    areas = sampling.area(bad, first), sampling.area(bad, second)
    assert areas[0].figure == pytest.approx(metrics.auc(bad, first), abs=1e-12)
    difference, variance = auc_difference(bad, first, second)
    gap = areas[0].minus(areas[1])
    assert gap.figure == pytest.approx(difference, abs=1e-12)
    n = len(bad)
    # DeLong divides by n − 1, influences by n.
    assert gap.variance(np.arange(n)) == pytest.approx(variance, rel=0.05)
    probability = 1 / (1 + np.exp(1 - first))
    assert sampling.log_loss(bad, probability).figure == pytest.approx(metrics.log_loss(bad, probability))
    assert sampling.brier(bad, probability).figure == pytest.approx(metrics.brier(bad, probability))


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    # The AUC of two normals a standard deviation apart is Φ(1/√2).
    truth, inside = 0.7602499389065233, 0
    for _ in range(400):
        bad = random.random(300) < 0.3
        score = random.normal(size=300) + bad
        found = sampling.interval([sampling.area(bad, score)], [np.arange(300)])
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 400 <= 0.98


def test_customers_seen_twice_count_once() -> None:
    bad, score, _ = drawn(3)
    once = sampling.area(bad, score)
    twice = sampling.area(np.tile(bad, 2), np.tile(score, 2))
    people = np.arange(len(bad))
    assert twice.figure == pytest.approx(once.figure)
    assert twice.variance(np.tile(people, 2)) == pytest.approx(once.variance(people))
    assert twice.variance(np.arange(2 * len(bad))) == pytest.approx(once.variance(people) / 2)


def test_repeats_narrow_nothing() -> None:
    bad, score, _ = drawn(4)
    one, people = sampling.area(bad, score), np.arange(len(bad))
    repeated = sampling.interval([one] * 3, [people] * 3, repeats=3)
    assert repeated.low == pytest.approx(sampling.interval([one], [people]).low)


def test_a_fold_of_one_class_is_left_out_of_the_area() -> None:
    bad, score, _ = drawn(5)
    none = sampling.area(np.zeros(10, dtype=bool), np.zeros(10))
    found = sampling.interval([sampling.area(bad, score), none], [np.arange(len(bad)), np.arange(10)])
    assert np.isfinite([found.mean, found.low, found.high]).all()
    assert np.isnan(sampling.interval([none], [np.arange(10)]).mean)
