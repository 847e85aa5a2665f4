"""The paired bootstrap is what drawing customers again gives, and a candidate that is behind is found."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from models.artefact import Fact
from models.resampling import areas_of, drawings, mean_of
from tests.judged import candidate, drawn, evidence
from training.battery.benchmark import benchmark, price
from training.battery.judging import Judging
from training.battery.limits import Limits
from training.battery.result import Result, Verdict
from training.walkforward import BASELINE, LIGHTGBM, LOGISTIC


def by_id(results: list[Result]) -> dict[str, Result]:
    return {result.id: result for result in results}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=25))
def test_each_drawing_is_measured_as_if_its_rows_stood_there(rows: list[tuple[bool, int, int]]) -> None:
    bad = np.array([row[0] for row in rows])
    score = np.array([row[1] for row in rows], dtype=float)
    times = np.array([[row[2] for row in rows], [1] * len(rows)], dtype=float)
    for found, counts in zip(areas_of(bad, score, times), times.astype(int), strict=True):
        again = np.repeat(np.arange(len(rows)), counts)
        if len(set(bad[again].tolist())) < 2:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(roc_auc_score(bad[again], score[again]), abs=1e-12)
    assert mean_of(score, times[1:])[0] == pytest.approx(np.mean(score))


def test_customers_of_one_group_are_drawn_together_and_as_often_as_all_groups() -> None:
    groups = np.array([0, 1, 1, 2, 0, 3])
    (times,) = drawings(groups, 500, seed=1)
    assert times.shape == (500, 6)
    assert np.array_equal(times[:, 0], times[:, 4]) and np.array_equal(times[:, 1], times[:, 2])
    assert set(np.sum(times[:, [0, 1, 3, 5]], axis=1)) == {4.0}
    assert np.mean(times[:, 3]) == pytest.approx(1.0, abs=0.12)


def test_gains_are_differences_and_their_interval_is_about_the_paired_tests() -> None:
    whole = evidence(limits=Limits(resamples=400))
    other = expit(whole.log_odds + np.random.default_rng(1).normal(size=whole.n))
    found = by_id(list(benchmark(replace(whole, challengers={"noisy": other}))))
    gain = found["benchmark.auc.noisy"]
    own, others = (roc_auc_score(whole.bad, p) for p in (whole.probability, other))
    assert gain.value == pytest.approx(own - others, abs=1e-12)
    assert gain.verdict is Verdict.PASSED and gain.interval is not None
    assert gain.interval.low < own - others < gain.interval.high
    assert (gain.p_value is not None and gain.p_value < 0.05) == (gain.interval.low > 0)
    loss = found["benchmark.log_loss.noisy"]
    by_hand = [-np.mean(np.log(np.where(whole.bad, p, 1 - p))) for p in (other, whole.probability)]
    assert loss.value == pytest.approx(by_hand[0] - by_hand[1], abs=1e-12)


def test_a_candidate_behind_a_challenger_fails() -> None:
    whole = evidence(limits=Limits(resamples=400))
    hidden = np.random.default_rng(2).normal(size=whole.n)
    truth = expit(whole.log_odds + 1.5 * hidden)
    behind = replace(whole, data=replace(whole.data, bad=drawn(truth)), challengers={"oracle": truth})
    found = by_id(list(benchmark(behind)))
    assert found["benchmark.auc.oracle"].verdict is Verdict.FAILED
    assert found["benchmark.log_loss.oracle"].verdict is Verdict.FAILED


def test_the_usual_challengers_are_fitted_on_the_reference_alone() -> None:
    found = candidate()
    limits = Limits(resamples=100, sensitivity_customers=100)
    whole = evidence(limits=limits)
    judging = Judging(limits, threads=1)
    report = {result.id for result in judging.of(whole).results}
    for name in (BASELINE, LOGISTIC, LIGHTGBM):
        slug = name.replace(" ", "_")
        assert {f"benchmark.auc.{slug}", f"benchmark.log_loss.{slug}"} <= report
    few = replace(whole, reference=found.reference.take(np.arange(40)))
    results = by_id(list(judging.of(few).results))
    assert results["benchmark.log_loss"].verdict is Verdict.NOT_ENOUGH_DATA
    assert results["benchmark.auc.baseline"].verdict is not Verdict.NOT_ENOUGH_DATA


def test_the_price_is_the_one_that_training_measured() -> None:
    whole = evidence()
    assert price(whole).verdict is Verdict.NOT_ENOUGH_DATA
    for low, expected in ((-0.001, Verdict.PASSED), (0.03, Verdict.FAILED)):
        facts: dict[str, Fact] = {
            "customers": 900,
            "price_of_transparency/auc": 0.04,
            "price_of_transparency/auc/95_low": low,
            "price_of_transparency/auc/95_high": 0.05,
        }
        model = replace(whole.model, training=facts)
        scorer = type(whole.scorer)(whole.catalog, whole.scorer.policy, model)
        result = price(replace(whole, scorer=scorer))
        assert (result.verdict, result.value, result.n) == (expected, 0.04, 900)
