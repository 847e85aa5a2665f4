"""Counts by cell: every value has its cell, none is small, and no bound is a single customer's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.disclosure import MINIMUM_AGGREGATE
from models.rounding import shortest_between
from training.mixes.mix import Mix, bounds_of

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from([0.0, 1.0, 2.0, 3.0])
CELLS = st.lists(NUMBERS | st.just(float("nan")), min_size=MINIMUM_AGGREGATE, max_size=400)
LEVELS = ("a", "b", "c", "d", "e")
CODES = st.lists(
    st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 5.0, float("nan")]),
    min_size=MINIMUM_AGGREGATE,
    max_size=300,
)


@settings(max_examples=60)
@given(CELLS, st.lists(NUMBERS | st.just(float("nan")), max_size=30))
def test_every_number_has_a_cell_and_none_is_small(values: list[float], others: list[float]) -> None:
    mix = Mix.of_numbers(np.array(values), 10)
    assert mix.customers == len(values)
    assert min(mix.counts) >= MINIMUM_AGGREGATE
    assert np.array_equal(mix.count(np.array(values)), mix.counts)
    assert np.sum(mix.count(np.array(others))) == len(others)
    assert Mix.model_validate_json(mix.model_dump_json()) == mix


@settings(max_examples=60)
@given(CODES, st.lists(st.sampled_from([0.0, 4.0, 5.0, float("nan")]), max_size=30))
def test_every_level_has_a_cell_and_none_is_small(codes: list[float], others: list[float]) -> None:
    mix = Mix.of_levels(np.array(codes), LEVELS)
    assert mix.customers == len(codes)
    assert min(mix.counts) >= MINIMUM_AGGREGATE
    assert np.array_equal(mix.count(np.array(codes), LEVELS), mix.counts)
    assert np.sum(mix.count(np.array(others), LEVELS)) == len(others)
    assert sorted(level for cell in mix.cells for level in cell.levels) == list(LEVELS)
    assert Mix.model_validate_json(mix.model_dump_json()) == mix


def test_many_numbers_are_parted_about_equally() -> None:
    values = np.random.default_rng(1).lognormal(10, 2, 20_000)
    counts = Mix.of_numbers(values, 10).counts
    assert len(counts) == 10
    assert np.max(np.abs(counts / len(values) - 0.1)) < 0.005


def test_no_bound_hangs_on_a_single_customer() -> None:
    rng = np.random.default_rng(2)
    values = np.sort(rng.lognormal(10, 1, 3_000))
    bounds = bounds_of(values, 10)
    assert len(bounds) == 9
    assert not set(bounds) & set(values)
    # Whoever leaves moves the window of a bound by one customer, not the bound.
    left_out = [bounds_of(np.delete(values, place), 10) for place in range(0, 3_000, 100)]
    assert np.mean([one == bounds for one in left_out]) > 0.8
    assert max(len(f"{bound:.17g}".strip("0.").replace(".", "")) for bound in bounds) <= 4


def test_a_value_that_many_share_may_be_a_bound_and_one_of_few_may_not() -> None:
    shared = np.sort(np.concatenate([np.full(100, 12_345.678), np.linspace(20_000, 30_000, 100)]))
    assert bounds_of(shared, 2) in ([12_345.678], [20_000.0])
    alone = np.sort(np.append(np.full(150, 1.0), 48_151_623.4217))
    assert Mix.of_numbers(alone, 10).cells[-1].up_to is None
    assert "48151623" not in Mix.of_numbers(alone, 10).model_dump_json()


@settings(max_examples=200)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_the_shortest_number_lies_between(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert low <= shortest_between(low, high) <= high


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1_234.5, 1_999.0, 1_500.0),
        (123.4, 123.9, 123.6),
        (-0.07, -0.031, -0.05),
        (-1.0, 2.0, 0.0),
        (7.0, 7.0, 7.0),
    ],
)
def test_the_shortest_number_is_short(low: float, high: float, expected: float) -> None:
    assert shortest_between(low, high) == pytest.approx(expected, abs=0.1 * abs(expected))
    assert len(f"{shortest_between(low, high):g}".strip("-0.")) <= len(f"{expected:g}".strip("-0."))


@pytest.mark.parametrize(
    "cells",
    [
        [{"count": 20, "ranged": True, "up_to": 1.0}, {"count": 20, "missing": True}],
        [{"count": 20, "ranged": True, "missing": True}, {"count": 20, "missing": True}],
        [{"count": 19, "ranged": True, "missing": True}],
        [{"count": 20, "levels": ["a"], "missing": True}],
    ],
    ids=["open end left out", "missing twice", "too small", "unseen left out"],
)
def test_cells_that_leave_something_out_are_refused(cells: list[dict[str, object]]) -> None:
    import json

    with pytest.raises(ValueError, match=r"."):
        Mix.model_validate_json(json.dumps({"cells": cells}))
