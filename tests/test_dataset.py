"""Folds go forward in time and keep groups whole; cohorts and the newest are what they are called."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from models.booster import Untrainable
from tests.labelled import FIRST_YEAR, synthetic
from training.data_facts import DataFacts, customers_hash, data_hash
from training.dataset import FOLDS, LabelledPortfolio
from training.description import part_note
from training.parts import Part, RunKind


def dated(data: LabelledPortfolio, days: list[date]) -> LabelledPortfolio:
    return replace(data, portfolio=replace(data.portfolio, as_of=days))


@given(seed=st.integers(0, 10**6), n=st.integers(60, 400))
@settings(max_examples=25)
def test_no_group_stands_on_both_sides_and_training_comes_before(seed: int, n: int) -> None:
    data = synthetic(n, seed=seed).data
    folds = list(data.folds())
    assert 2 <= len(folds) <= FOLDS
    held_out_before: set[int] = set()
    for training, held_out in folds:
        assert not set(data.groups[training]) & set(data.groups[held_out])
        assert data.days[training].max() < data.days[held_out].min()
        assert 0 < data.bad[training].sum() < len(training)
        assert not held_out_before & set(held_out.tolist())
        held_out_before |= set(held_out.tolist())
    assert len(held_out_before) < n  # what comes first is never held out


def test_blocks_of_time_hold_about_as_many_bad_outcomes_each() -> None:
    data = synthetic(3000).data
    bads = [int(data.bad[held_out].sum()) for _, held_out in data.folds()]
    assert len(bads) == FOLDS
    assert max(bads) - min(bads) <= 5


def test_a_few_distinct_days_give_folds_by_group() -> None:
    data = synthetic(300).data
    one_day = dated(data, [date(2020, 1, 1) + timedelta(days=row % 3) for row in range(300)])
    folds = list(one_day.folds())
    assert len(folds) == FOLDS
    assert sorted(np.concatenate([held_out for _, held_out in folds]).tolist()) == list(range(300))
    for training, held_out in folds:
        assert not set(data.groups[training]) & set(data.groups[held_out])


def test_bad_outcomes_of_a_single_day_give_folds_by_group() -> None:
    """Forward in time there would be nothing bad to learn from."""
    data = synthetic(300).data
    late = data.days >= data.days[250]
    folds = list(replace(data, bad=late & (np.arange(300) % 2 == 0)).folds())
    assert len(folds) >= 2
    bad_at_once = replace(data, bad=data.days == data.days[150], groups=np.arange(300, dtype=np.int64))
    bad_at_once = dated(bad_at_once, [date(2020, 1, 1) + timedelta(days=row // 20) for row in range(300)])
    bad_at_once = replace(bad_at_once, bad=(np.arange(300) // 20) == 14)
    for training, held_out in bad_at_once.folds():
        assert 0 < bad_at_once.bad[training].sum() < len(training)
        assert len(held_out)


def test_fewer_groups_than_folds_give_fewer_folds_and_a_single_group_none() -> None:
    data = dated(synthetic(90).data, [date(2020, 1, 1)] * 90)
    three = replace(data, groups=(np.arange(90) % 3).astype(np.int64))
    assert len(list(three.folds())) == 3
    with pytest.raises(Untrainable, match=r"^[^\n]+$"):
        list(replace(data, groups=np.zeros(90, dtype=np.int64)).folds())


def test_the_newest_are_those_of_the_last_twelve_calendar_months() -> None:
    days = [date(2004, 2, 29), date(2004, 3, 1), date(2004, 12, 31), date(2005, 2, 1), date(2003, 1, 1)]
    data = dated(synthetic(1000).data, days * 200)
    data = replace(data, bad=np.repeat(np.arange(200) % 2 == 0, 5))
    assert data.newest()[:5].tolist() == [False, True, True, True, False]
    assert data.newest(1)[:5].tolist() == [False, False, False, True, False]
    assert data.cohorts[:5].tolist() == [2004, 2004, 2004, 2005, 2003]


def test_the_newest_hold_enough_outcomes_of_either_kind_for_a_level() -> None:
    """One late customer does not set the level that everybody is calibrated to."""
    data = dated(synthetic(601).data, [date(2004, 1, 1)] * 600 + [date(2009, 1, 1)])
    data = replace(data, bad=np.arange(601) % 6 == 0)
    assert data.newest().all()


def test_the_log_odds_of_a_cohort_are_its_bad_rate_drawn_towards_the_whole() -> None:
    data = synthetic(1200, years=3).data
    rates = expit(data.cohort_log_odds())
    whole = (data.bad.sum() + 0.5) / 1201
    for cohort in (FIRST_YEAR, FIRST_YEAR + 1, FIRST_YEAR + 2):
        inside = data.cohorts == cohort
        expected = (data.bad[inside].sum() + 30 * whole) / (inside.sum() + 30)
        assert rates[inside] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("bad", [True, False])
def test_the_log_odds_stay_finite_where_all_outcomes_are_the_same(bad: bool) -> None:
    data = replace(synthetic(40).data, bad=np.full(40, bad))
    assert np.all(np.isfinite(data.cohort_log_odds()))


def test_rows_are_taken_with_everything_that_is_theirs() -> None:
    data = synthetic(50).data
    rows = np.array([4, 2, 40])
    some = data.take(rows)
    assert some.portfolio.customer_ids == [f"SECRET-{row}" for row in rows]
    assert np.array_equal(some.bad, data.bad[rows])
    assert np.array_equal(some.portfolio.given, data.portfolio.given[rows], equal_nan=True)
    assert some.portfolio.levels["region"].tolist() == data.portfolio.levels["region"][rows].tolist()
    assert some.days.tolist() == data.days[rows].tolist()


def test_without_days_a_set_is_the_same_whenever_it_is_read() -> None:
    data = replace(synthetic(60).data, dated=False)
    tomorrow = dated(data, [date(2026, 1, 2)] * len(data))
    assert data_hash(data) == data_hash(tomorrow) != data_hash(replace(data, dated=True))
    assert data_hash(replace(data, bad=~data.bad)) != data_hash(data)
    some, catalog = data.take(np.arange(30)), data.portfolio.catalog
    assert not some.dated and not some.with_catalog(catalog).dated
    facts = DataFacts.of(some)
    assert (facts.dated, facts.first_as_of, facts.last_as_of) == (False, None, None)
    known = DataFacts.of(replace(some, dated=True))
    assert (known.first_as_of, known.last_as_of) == (str(some.days.min()), str(some.days.max()))


def test_customers_are_the_same_in_any_order_and_on_any_day() -> None:
    data = synthetic(80, individuals=True).data
    known = customers_hash(data)
    shuffled = data.take(np.random.default_rng(1).permutation(80))
    assert known == customers_hash(shuffled) == customers_hash(dated(data, [date(2026, 1, 2)] * 80))
    given = data.portfolio.given.copy()
    given[3, 1] = 0.123
    others = [
        replace(data, bad=np.roll(data.bad, 1)),
        data.take(np.arange(79)),
        replace(data, portfolio=replace(data.portfolio, given=given)),
        replace(data, portfolio=replace(data.portfolio, natures=np.roll(data.portfolio.natures, 1))),
    ]
    assert len({known, *map(customers_hash, others)}) == 5


def test_the_run_of_a_part_without_days_names_none() -> None:
    facts = DataFacts.of(replace(synthetic(60).data, dated=False))
    part = Part(RunKind.VALIDATION, 1, "validation 1 of 5", facts, facts, {}, {"order": 1})
    assert not [name for name in part.parameters() if "as_of" in name]
    assert part.parameters()["evaluated_data_hash"] == facts.sha256
    assert part_note(part) == "Validation 1 of 5: trained on 60 customers, judged on 60 others, without days."
