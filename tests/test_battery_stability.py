"""PSI and CSI: as published, rarely alarmed by chance at any sample size, and alarmed by what moved."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.portfolio import Floats
from features.terms import Language
from tests.judged import evidence
from training.battery.benchmark import benchmark
from training.battery.evidence import Evidence
from training.battery.limits import Limits
from training.battery.result import Verdict
from training.battery.stability import stability
from training.mixes.stability_index import ADDED, binned, psi, psi_by_chance, psi_of_counts
from training.monitoring.kinds import AlarmKind
from training.monitoring.monitor import monitor
from training.monitoring.reference import Reference
from training.monitoring.watched import Watched

VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, 9.0, float("nan")]), min_size=5, max_size=60)


def found_psi(
    reference: Floats, judged: Floats, *, ordered: bool, alpha: float = 0.05
) -> tuple[float, float]:
    """The index and what it exceeds by chance."""
    counts = binned(reference, judged, ordered=ordered, bins=10, expected=5.0)
    if len(counts[0]) < 2:
        return 0.0, 0.0
    return psi_of_counts(*counts), psi_by_chance(len(counts[0]), len(reference), len(judged), alpha)


def test_the_index_is_the_sum_over_bins() -> None:
    expected, actual = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.3, 0.6])
    by_hand = -0.1 * np.log(0.5) + 0.0 + 0.1 * np.log(1.2)
    assert psi(expected, actual) == pytest.approx(by_hand, abs=1e-15)
    assert psi(actual, expected) == pytest.approx(by_hand, abs=1e-15)


def test_an_empty_bin_counts_one_customer_as_every_bin_counts_one_more() -> None:
    reference, judged = np.array([50.0, 50.0]), np.array([20.0, 0.0])
    by_hand = psi(np.array([51.0, 51.0]) / 102, np.array([21.0, 1.0]) / 22)
    assert psi_of_counts(reference, judged) == pytest.approx(by_hand, abs=1e-15)


@given(VALUES, VALUES, st.booleans())
def test_every_customer_is_in_one_bin(one: list[float], other: list[float], ordered: bool) -> None:
    reference, judged = binned(np.array(one), np.array(other), ordered=ordered, bins=4, expected=2.0)
    assert [int(np.sum(reference)), int(np.sum(judged))] == [len(one), len(other)]
    assert np.isfinite(psi_of_counts(reference, judged))


def test_a_shift_of_the_judged_does_not_move_the_bins() -> None:
    """They are the reference's: deciles, of which a shift by two deviations leaves the lowest empty."""
    random = np.random.default_rng(1)
    reference, judged = random.normal(size=1000), random.normal(2, 1, 1000)
    counts = binned(reference, judged, ordered=True, bins=10, expected=5.0)
    assert counts[0].tolist() == [100.0] * 10
    assert counts[1][0] < 5 and counts[1][-1] > 500


MIXES = ([0.5, 0.5], [0.85, 0.05, 0.05, 0.05], [0.4, 0.25, 0.2, 0.1, 0.05], [0.2] * 5, [0.1] * 10)


@pytest.mark.parametrize("reference_size", [100, 1000, 20_000])
@pytest.mark.parametrize("alpha", [0.05, 0.0025])
def test_a_hundred_customers_of_the_same_mix_alarm_no_oftener_than_they_may(
    reference_size: int, alpha: float
) -> None:
    random, times = np.random.default_rng(reference_size), 10_000
    for mix in MIXES:
        reference = random.multinomial(reference_size, mix, times).astype(np.float64)
        judged = random.multinomial(100, mix, times).astype(np.float64)
        chance = psi_by_chance(len(mix), reference_size, 100, alpha)
        found = np.array([psi_of_counts(r, j) for r, j in zip(reference[:300], judged[:300], strict=True)])
        # The same for all at once.
        shares = [
            (counts + ADDED) / np.sum(counts + ADDED, axis=1)[:, None] for counts in (reference, judged)
        ]
        values = np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0]), axis=1)
        assert values[:300] == pytest.approx(found, abs=1e-12)
        # A standard error beyond, for the draws.
        assert np.mean(values > chance) <= alpha + np.sqrt(alpha / times), mix


@pytest.mark.parametrize("kind", ["number", "number with missing", "category"])
def test_samples_of_the_same_mix_alarm_in_at_most_a_twentieth_also_as_they_are_binned(kind: str) -> None:
    random = np.random.default_rng(4)

    def sample(n: int) -> Floats:
        if kind == "category":
            return random.choice(6, n, p=[0.4, 0.25, 0.2, 0.1, 0.04, 0.01]).astype(np.float64)
        values = random.normal(size=n)
        if kind == "number with missing":
            values[random.random(n) < 0.15] = np.nan
        return values

    times, rule_of_thumb = 1000, 0
    for reference_size in (100, 1000):
        alarms = 0
        for _ in range(times):
            value, chance = found_psi(sample(reference_size), sample(100), ordered=kind != "category")
            alarms += value > chance
            rule_of_thumb += reference_size == 1000 and value > 0.1
        assert alarms / times <= 0.05
    if kind == "number":
        # What 0.1 whatever the size would have done.
        assert rule_of_thumb / times > 0.2


def test_the_same_mix_passes_and_a_moved_indicator_is_named() -> None:
    whole = evidence()
    assert {result.verdict for result in stability(whole)} == {Verdict.PASSED}
    given_ = whole.data.portfolio.given.copy()
    given_[:, whole.catalog.columns["leverage"]] += 1.0
    given_[::2, whole.catalog.columns["mood"]] = np.nan
    portfolio = replace(whole.data.portfolio, given=given_)
    moved = replace(whole, data=replace(whole.data, portfolio=portfolio))
    failed = {result.id for result in stability(moved) if result.verdict is Verdict.FAILED}
    assert failed >= {"stability.csi.leverage", "stability.csi.mood", "stability.psi.score"}
    assert not failed & {"stability.csi.assets", "stability.csi.region", "stability.csi.late"}


def test_what_does_not_matter_is_no_alarm_however_many_customers_there_are() -> None:
    whole = evidence(limits=Limits(material_psi=0.0))
    given_ = whole.data.portfolio.given.copy()
    given_[:, whole.catalog.columns["noise"]] += 0.2
    portfolio = replace(whole.data.portfolio, given=given_)
    strict = replace(whole, data=replace(whole.data, portfolio=portfolio))
    lenient = replace(strict, limits=Limits())

    def failed(of: object) -> set[str]:
        return {result.id for result in stability(of) if result.verdict is Verdict.FAILED}  # type: ignore[arg-type]

    assert "stability.csi.noise" in failed(strict)
    assert "stability.csi.noise" not in failed(lenient)


def test_without_a_reference_there_is_not_enough_data_and_what_to_do_is_said() -> None:
    alone = replace(evidence(limits=Limits(resamples=100)), reference=None)
    answers = [*stability(alone), *(of for of in benchmark(alone) if of.id == "benchmark.log_loss")]
    assert len(answers) == 4
    for result in answers:
        assert result.verdict is Verdict.NOT_ENOUGH_DATA and result.reason is not None
        for language in Language:
            assert "--reference TABLE" in result.reason.in_language(language)


@pytest.mark.parametrize("rows", [slice(None), slice(0, 100)], ids=["all", "a hundred"])
@pytest.mark.parametrize("moved", [0.0, 2.0], ids=["nothing moved", "leverage moved"])
def test_by_the_recorded_reference_the_battery_says_what_monitoring_does(moved: float, rows: slice) -> None:
    whole = evidence(rows=rows)
    assert whole.reference is not None
    reference = Reference.of(whole.scorer, whole.reference)
    given_ = whole.data.portfolio.given.copy()
    given_[:, whole.catalog.columns["leverage"]] += moved
    data = replace(whole.data, portfolio=replace(whole.data.portfolio, given=given_))
    by_battery = {
        result.id.removeprefix("stability."): result
        for result in stability(Evidence.of(whole.scorer, data, recorded=reference.mixes))
    }
    everyone, late = np.ones(len(data), dtype=np.bool_), np.datetime64("2030-01-01")
    watched = Watched.of(whole.scorer, reference, data, everyone, late)
    drifts = (AlarmKind.INPUT_DRIFT, AlarmKind.SCORE_DRIFT, AlarmKind.TIER_MIGRATION)
    answers = [result for results in monitor(watched, kinds=drifts).results.values() for result in results]
    by_monitoring = {result.id.partition(".")[2]: result for result in answers}
    by_monitoring["psi.tiers"] = by_monitoring.pop("psi")
    assert set(by_battery) == set(by_monitoring) - {"psi.probability", "falls"}
    for id_, result in by_battery.items():
        other = by_monitoring[id_]
        assert (result.value, result.verdict, result.n) == (other.value, other.verdict, other.n), id_
        # Monitoring tests the score together with the probability.
        assert result.threshold == other.threshold or id_ == "psi.score"
    failed = {id_ for id_, result in by_battery.items() if result.verdict is Verdict.FAILED}
    assert ("csi.leverage" in failed) == bool(moved)
