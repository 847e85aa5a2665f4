"""Estimates of oversight equal those of the libraries and of brute force, and their intervals cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics

from serving.supervision.estimates import auc, ks, log_losses, mean, proportion, stability


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes of both classes and risks with ties."""
    n = draw(st.integers(4, 60))
    seed = draw(st.integers(0, 10_000))
    random = np.random.default_rng(seed)
    bad = random.random(n) < draw(st.sampled_from([0.1, 0.5, 0.8]))
    bad[:2], bad[2:4] = True, False
    return bad, random.integers(0, draw(st.sampled_from([3, 20, 1000])), n).astype(np.float64)


@settings(max_examples=60)
@given(scored())
def test_ranking_is_that_of_scikit_learn(given_: tuple[np.ndarray, np.ndarray]) -> None:
    bad, risk = given_
    assert auc(bad, risk).value == pytest.approx(metrics.roc_auc_score(bad, risk), abs=1e-12)


@settings(max_examples=25)
@given(scored())
def test_delongs_variance_is_that_of_all_pairs(given_: tuple[np.ndarray, np.ndarray]) -> None:
    bad, risk = given_
    pairs = (np.sign(risk[bad][:, None] - risk[~bad][None, :]) + 1) / 2
    variance = sum(np.var(pairs.mean(axis=axis), ddof=1) / pairs.shape[1 - axis] for axis in (0, 1))
    found = auc(bad, risk)
    if found.low is None or found.high is None:
        assert variance == pytest.approx(0, abs=1e-15)
        return
    reach = norm.ppf(0.975) * variance**0.5
    assert found.low == pytest.approx(max(pairs.mean() - reach, 0), abs=1e-9)
    assert found.high == pytest.approx(min(pairs.mean() + reach, 1), abs=1e-9)


@settings(max_examples=8)
@given(scored())
def test_the_largest_distance_is_that_of_the_roc_curve(given_: tuple[np.ndarray, np.ndarray]) -> None:
    bad, risk = given_
    false_positive, true_positive, _ = metrics.roc_curve(bad, risk)
    found = ks(bad, risk)
    assert found.value == pytest.approx(np.abs(true_positive - false_positive).max(), abs=1e-12)
    assert found == ks(bad, risk)
    assert found.low is not None and found.high is not None
    assert 0 <= found.low <= found.high <= 1


@settings(max_examples=20)
@given(st.integers(2, 50), st.integers(0, 1000))
def test_losses_are_those_of_scikit_learn(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    bad, probability = random.random(n) < 0.5, random.random(n)
    probability[0] = 1.0
    losses = log_losses(bad, probability)
    assert losses.mean() == pytest.approx(metrics.log_loss(bad, probability, labels=[False, True]))


@given(st.integers(0, 40), st.integers(1, 40))
def test_a_proportions_interval_is_wilsons(count: int, more: int) -> None:
    n, z = count + more, norm.ppf(0.975)
    share = count / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    found = proportion(count, n)
    assert (found.value, found.cases) == (share, n)
    assert found.low == pytest.approx(max(centre - reach, 0), abs=1e-9)
    assert found.high == pytest.approx(min(centre + reach, 1), abs=1e-9)


@pytest.mark.parametrize("number", [0, 1])
def test_where_there_is_too_little_nothing_is_said(number: int) -> None:
    one_class = np.ones(number, dtype=np.bool_)
    risk = np.zeros(number)
    assert auc(one_class, risk).value is None
    assert ks(one_class, risk).value is None
    assert proportion(0, 0).value is None
    single = mean(np.zeros(number))
    assert (single.low, single.high) == (None, None)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    truth, covered, means = norm.cdf(1 / 2**0.5), 0, 0
    for _ in range(150):
        bad = np.arange(160) < 60
        found = auc(bad, random.normal(size=160) + bad)
        covered += found.low is not None and found.high is not None and found.low <= truth <= found.high
    for _ in range(60):
        of_mean = mean(random.exponential(size=80))
        means += of_mean.low is not None and of_mean.high is not None and of_mean.low <= 1 <= of_mean.high
    assert 0.89 <= covered / 150 <= 0.99
    assert 0.85 <= means / 60 <= 1
    truth, distances = 2 * norm.cdf(1 / 2) - 1, 0
    for _ in range(40):
        found = ks(bad, random.normal(size=160) + bad)
        distances += found.low is not None and found.high is not None and found.low <= truth <= found.high
    assert 0.8 <= distances / 40 <= 1


@settings(max_examples=30)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 1000), st.sampled_from([4, 500]))
def test_stability_is_zero_between_equals_and_grows_with_a_shift(
    m: int, n: int, seed: int, levels: int
) -> None:
    random = np.random.default_rng(seed)
    before = random.integers(0, levels, m).astype(np.float64)
    after = random.integers(0, levels, n).astype(np.float64)
    index, bins = stability(before, after)
    assert index is not None and index >= 0
    assert sum(then for then, _, _ in bins) == pytest.approx(1)
    assert sum(now for _, now, _ in bins) == pytest.approx(1)
    assert sum(cases for _, _, cases in bins) == n
    assert index == pytest.approx(sum((now - then) * np.log(now / then) for then, now, _ in bins))
    same, _ = stability(before, before)
    assert same == pytest.approx(0)
    if len(np.unique(before)) > 2 and m > 20:
        moved, _ = stability(before, np.full(n, before.max() + 1))
        assert moved is not None and same is not None and moved > same
    assert stability(before, np.zeros(0)) == (None, [])
