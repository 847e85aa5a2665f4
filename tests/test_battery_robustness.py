"""Sensitivity, missing departments, segments, fairness: planted faults are found, small groups not shown."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from features.terms import RATED_TIERS, Tier
from models.points import Axis, PointsTables, Table
from tests.judged import drawn, evidence, with_model
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.fairness import fairness
from training.battery.limits import Limits
from training.battery.result import Result, Verdict
from training.battery.robustness import robustness
from training.battery.segmentation import Segmentation, by_indicator, size_indicator
from training.battery.segments import segments
from training.battery.sensitivity import sensitivity
from training.metrics import auc


def by_id(results: list[Result]) -> dict[str, Result]:
    return {result.id: result for result in results}


# Sensitivity


def with_cliff(whole: Evidence, height: float) -> Evidence:
    """The candidate with nothing of `noise` but a cliff at 0, which the others hardly stand against."""
    model = whole.model
    at = model.tables.features.index("noise")
    cliff = Table((Axis(at, (0.0,)),), np.array([[-height, height, 0.0]]))
    others = tuple(table for table in model.correction.tables if at not in table.features)
    correction = replace(model.correction, tables=(*others, cliff))
    return with_model(whole, replace(model, correction=correction))


def test_an_indicator_with_a_cliff_is_named() -> None:
    whole = evidence(limits=Limits(sensitivity_customers=400))
    calm = by_id(list(sensitivity(whole)))
    assert "sensitivity.tiers.region" not in calm
    assert calm["sensitivity.tiers.leverage"].verdict is Verdict.PASSED
    steep = by_id(list(sensitivity(with_cliff(whole, 4.0))))
    assert steep["sensitivity.tiers.noise"].verdict is Verdict.FAILED
    value = steep["sensitivity.tiers.noise"].value
    assert value is not None and value > 0.5


def test_a_step_goes_to_the_range_beside_and_no_further() -> None:
    """Two cliffs: from below the first, one step crosses one of them only."""
    whole = evidence(limits=Limits(sensitivity_customers=300))
    model = whole.model
    at = model.tables.features.index("noise")

    def of(heights: list[float]) -> dict[str, float]:
        table = Table((Axis(at, (-50.0, -40.0)),), np.array([heights]))
        tables = PointsTables(model.tables.features, 0.0, (table,))
        moved = with_model(whole, replace(model, correction=tables))
        result = by_id(list(sensitivity(moved)))["sensitivity.tiers.noise"]
        return {part.name.en: part.value for part in result.parts}

    # Everybody stands in the last range: none above, one below, of which only the nearer cliff counts.
    down = "share of tiers changed: down"
    assert set(of([0.0, 0.0, 0.0, 0.0])) == {down}
    assert of([8.0, 0.0, 0.0, 0.0])[down] == of([-8.0, 0.0, 0.0, 0.0])[down] == 0.0
    assert max(of([0.0, height, 0.0, 0.0])[down] for height in (-8.0, 8.0)) > 0.5


# Departments


def test_auc_and_tiers_without_a_department_are_those_of_its_missing_values() -> None:
    whole = evidence()
    found = by_id(list(robustness(whole)))
    given_ = whole.data.portfolio.given.copy()
    for id_ in ("assets", "margin", "leverage"):
        given_[:, whole.catalog.columns[id_]] = np.nan
    without = whole.scorer.decide(replace(whole.data.portfolio, given=given_))
    result = found["robustness.auc.finance"]
    assert result.value == pytest.approx(auc(whole.bad, without.model.probability), abs=1e-12)
    parts = {part.name.en: part.value for part in result.parts}
    assert parts["share of tiers changed"] == np.mean(without.tiers != whole.tiers)
    assert parts["share unrated"] == np.mean(without.tiers == Tier.UNRATED)
    lost = auc(whole.bad, whole.probability) - auc(whole.bad, without.model.probability)
    assert parts["AUC lost"] == pytest.approx(lost, abs=1e-12)
    assert found["robustness.auc.risk"].verdict is Verdict.PASSED


def test_a_department_whose_silence_raises_tiers_is_found() -> None:
    whole = evidence()
    model = whole.model
    at = model.tables.features.index("late")
    # Missing is far better than either value.
    reward = Table((Axis(at, (0.5,)),), np.array([[2.0, 2.0, -4.0]]))
    correction = replace(model.correction, tables=(*model.correction.tables, reward))
    found = by_id(list(robustness(with_model(whole, replace(model, correction=correction)))))
    assert found["robustness.raised.risk"].verdict is Verdict.FAILED
    assert by_id(list(robustness(whole)))["robustness.raised.risk"].verdict is Verdict.PASSED
    # And so is the indicator, whatever else its department delivers.
    assert found["robustness.untold.late"].verdict is Verdict.FAILED
    assert by_id(list(robustness(whole)))["robustness.untold.late"].verdict is Verdict.PASSED


def test_tiers_where_an_indicator_is_untold_are_those_of_its_missing_value() -> None:
    whole = evidence()
    found = by_id(list(robustness(whole)))
    told = {id_.rpartition(".")[2]: of for id_, of in found.items() if id_.startswith("robustness.untold.")}
    assert set(told) == set(whole.model.tables.features)
    for id_, result in told.items():
        given_ = whole.data.portfolio.given.copy()
        given_[:, whole.catalog.columns[id_]] = np.nan
        tiers = whole.scorer.decide(replace(whole.data.portfolio, given=given_)).tiers
        ranks = [list(Tier).index(tier) for tier in tiers]
        before = [list(Tier).index(tier) for tier in whole.tiers]
        raised, lowered = np.less(ranks, before), np.greater(ranks, before)
        assert result.value == pytest.approx(np.mean(raised) - np.mean(lowered), abs=1e-12)


# Segments

COUNTS = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), min_size=1, max_size=6)


@given(COUNTS)
def test_no_small_segment_stands_alone_nor_follows_by_subtraction(counts: list[tuple[int, int]]) -> None:
    of = np.concatenate([np.full(bad + good, place) for place, (bad, good) in enumerate(counts)]).astype(int)
    bad = np.concatenate([np.arange(b + g) < b for b, g in counts])
    names = tuple(words.alike(f"s{place}") for place in range(len(counts)))
    large = Segmentation("s", words.alike("s"), names, of).large(bad, 50, 10)
    assert len(large.of) == len(of)
    rows = large.rows()
    assert sum(int(np.sum(inside)) for _, inside in rows) == len(of)
    if len(rows) > 1:
        for _, inside in rows:
            assert np.sum(inside) >= 50
            assert min(np.sum(bad[inside]), np.sum(~bad[inside])) >= 10


def test_a_segment_in_which_the_model_does_not_rank_is_named() -> None:
    whole = evidence()
    assert {r.verdict for r in segments(whole)} <= {Verdict.PASSED, Verdict.NOT_ENOUGH_DATA}
    region = by_indicator(whole.data.portfolio, "region").of
    bad = np.where(region == 1, drawn(1 - whole.probability), whole.bad)
    found = by_id(list(segments(replace(whole, data=replace(whole.data, bad=bad)))))
    assert found["segments.auc.region"].verdict is Verdict.FAILED
    assert found["segments.auc.year"].verdict is Verdict.PASSED
    parts = {part.name.en: part for part in found["segments.auc.region"].parts}
    inside = region == 1
    assert parts["east"].value == pytest.approx(auc(bad[inside], whole.probability[inside]), abs=1e-12)
    assert parts["east"].n == np.sum(inside)


def test_a_segment_whose_level_is_off_is_named() -> None:
    whole = evidence()
    region = by_indicator(whole.data.portfolio, "region").of
    bad = drawn(expit(whole.log_odds + 1.5 * (region == 0)))
    found = by_id(list(segments(replace(whole, data=replace(whole.data, bad=bad)))))
    assert found["segments.level.region"].verdict is Verdict.FAILED
    assert found["segments.level.year"].verdict is not None


def test_sizes_are_bands_of_the_first_number_of_asset_size_or_of_the_one_named() -> None:
    whole = evidence()
    assert size_indicator(whole.catalog, None) == "assets"
    assert size_indicator(whole.catalog, "leverage") == "leverage"
    found = by_id(list(segments(whole)))
    assert "size: assets" in found["segments.auc.size"].name.en
    for part in found["segments.auc.size"].parts:
        assert part.name.en.startswith(("band ", "not known"))


# Fairness


def test_equal_treatment_passes_and_a_proxy_is_found() -> None:
    whole = evidence()
    assert {r.verdict for r in fairness(whole)} == {Verdict.PASSED}
    column = whole.catalog.columns["veteran"]
    given_ = whole.data.portfolio.given.copy()
    # The attribute follows the tier: who is in a favourable one is nearly always of one group.
    favourable = np.isin(whole.tiers, RATED_TIERS[:2])
    given_[:, column] = np.where(np.random.default_rng(4).random(whole.n) < 0.9, favourable, ~favourable)
    portfolio = replace(whole.data.portfolio, given=given_)
    proxy = replace(whole, data=replace(whole.data, portfolio=portfolio))
    found = by_id(list(fairness(proxy)))
    assert found["fairness.parity.veteran"].verdict is Verdict.FAILED
    assert found["fairness.odds.veteran"].verdict is Verdict.FAILED


def test_the_figures_are_what_counting_gives() -> None:
    whole = evidence()
    values = whole.data.portfolio.given[:, whole.catalog.columns["veteran"]]
    favourable = np.isin(whole.tiers, RATED_TIERS[:2])
    groups = [values == 0, values == 1]
    shares = [np.mean(favourable[g]) for g in groups]
    found = by_id(list(fairness(whole)))
    assert found["fairness.parity.veteran"].value == pytest.approx(min(shares) / max(shares), abs=1e-12)
    differences = [
        abs(np.mean(favourable[groups[0] & rows]) - np.mean(favourable[groups[1] & rows]))
        for rows in (whole.bad, ~whole.bad)
    ]
    assert found["fairness.odds.veteran"].value == pytest.approx(max(differences), abs=1e-12)


def test_a_difference_that_few_customers_may_show_by_chance_is_no_fault() -> None:
    whole = evidence(limits=Limits(minimum_segment=20, minimum_outcomes=5))
    few = whole.data.take(np.arange(60))
    values = few.portfolio.given.copy()
    values[:, whole.catalog.columns["veteran"]] = np.arange(60) % 2
    small = replace(whole, data=replace(few, portfolio=replace(few.portfolio, given=values)))
    for result in fairness(small):
        assert result.verdict is not Verdict.FAILED


def test_groups_that_are_too_small_are_not_compared() -> None:
    whole = evidence(limits=Limits(minimum_segment=2000))
    assert {r.verdict for r in fairness(whole)} == {Verdict.NOT_ENOUGH_DATA}
