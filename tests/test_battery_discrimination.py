"""AUC, accuracy ratio and KS of the battery are what their definitions say, ties and groups included."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm
from sklearn.metrics import roc_auc_score

from features.portfolio import Bools, Floats
from tests.judged import evidence
from training.battery.discrimination import areas, delong, discrimination, ks_distance, p_value
from training.battery.result import Result, Verdict

SCORES = st.lists(st.integers(0, 6), min_size=6, max_size=30)


def of_id(results: list[Result], id_: str) -> Result:
    (found,) = [result for result in results if result.id == id_]
    return found


def by_pairs(bad: Bools, scores: list[Floats]) -> tuple[Floats, Floats]:
    """Compare every bad customer with every good one, as DeLong et al. write it down."""
    of_bad, of_good = [], []
    for score in scores:
        kernel = np.array([[(x > y) + 0.5 * (x == y) for y in score[~bad]] for x in score[bad]])
        of_bad.append(kernel.mean(axis=1))
        of_good.append(kernel.mean(axis=0))
    areas_ = np.array([np.mean(v) for v in of_bad])

    def covariance(components: list[Floats]) -> Floats:
        count = len(components[0])
        centred = np.array(components) - areas_[:, None]
        result: Floats = centred @ centred.T / (count - 1) / count
        return result

    return areas_, covariance(of_bad) + covariance(of_good)


@settings(max_examples=40)
@given(SCORES, st.randoms(use_true_random=False))
def test_areas_and_covariance_are_those_of_all_pairs(one: list[int], random: object) -> None:
    rng = np.random.default_rng(len(one) * 7 + sum(one))
    n = len(one)
    bad = np.arange(n) % 3 == 0
    scores = [np.array(one, dtype=float), rng.integers(0, 4, n).astype(float), rng.normal(size=n)]
    found = delong(bad, scores)
    expected, covariance = by_pairs(bad, scores)
    assert found.areas == pytest.approx(expected, abs=1e-12)
    assert found.covariance == pytest.approx(covariance, abs=1e-12)
    assert found.areas[0] == pytest.approx(roc_auc_score(bad, scores[0]), abs=1e-12)


def test_the_paired_test_is_that_of_all_pairs_and_knows_scores_that_rank_alike() -> None:
    rng = np.random.default_rng(3)
    bad = rng.random(200) < 0.3
    one = bad + rng.normal(size=200)
    other = bad + 2 * rng.normal(size=200)
    expected, covariance = by_pairs(bad, [one, other])
    z = (expected[0] - expected[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference, error = delong(bad, [one, other]).difference()
    assert p_value(difference, error) == pytest.approx(2 * norm.sf(abs(z)), abs=1e-10)
    assert p_value(*delong(bad, [one, np.exp(one)]).difference()) == pytest.approx(1.0)


def test_customers_who_are_there_twice_narrow_nothing_if_they_are_of_one_group() -> None:
    rng = np.random.default_rng(4)
    bad = rng.random(300) < 0.3
    score = bad + rng.normal(size=300)
    groups = np.arange(300)
    once = areas(bad, [score], groups)
    twice = areas(np.tile(bad, 2), [np.tile(score, 2)], np.tile(groups, 2))
    blind = areas(np.tile(bad, 2), [np.tile(score, 2)], np.arange(600))
    assert twice.areas == pytest.approx(once.areas, abs=1e-12)
    assert twice.covariance[0, 0] == pytest.approx(once.covariance[0, 0], rel=0.02)
    assert blind.covariance[0, 0] == pytest.approx(once.covariance[0, 0] / 2, rel=0.02)


def test_the_interval_of_the_area_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = float(norm.cdf(1 / np.sqrt(2)))
    bad = np.arange(120) < 40
    inside = 0
    for _ in range(600):
        found = delong(bad, [bad + rng.normal(size=120)])
        error = np.sqrt(found.covariance[0, 0])
        inside += abs(found.areas[0] - truth) <= norm.ppf(0.975) * error
    assert 0.925 <= inside / 600 <= 0.97


def test_the_distance_is_scipys() -> None:
    rng = np.random.default_rng(6)
    bad = rng.random(400) < 0.4
    score = np.round(bad + rng.normal(size=400), 1)
    distance, error = ks_distance(bad, score)
    assert distance == pytest.approx(ks_2samp(score[bad], score[~bad]).statistic, abs=1e-12)
    assert 0 < error < 0.1


def test_a_candidate_that_ranks_passes_and_one_that_does_not_fails() -> None:
    ranks = list(discrimination(evidence()))
    assert {result.verdict for result in ranks} == {Verdict.PASSED}
    area, ratio = of_id(ranks, "discrimination.auc"), of_id(ranks, "discrimination.accuracy_ratio")
    assert area.value is not None and ratio.value == pytest.approx(2 * area.value - 1)
    whole = evidence()
    blind = replace(whole, data=replace(whole.data, bad=np.random.default_rng(1).permutation(whole.bad)))
    assert {result.verdict for result in discrimination(blind)} == {Verdict.FAILED}


def test_few_outcomes_are_not_enough_data() -> None:
    few = evidence(rows=slice(0, 40))
    assert {result.verdict for result in discrimination(few)} == {Verdict.NOT_ENOUGH_DATA}
