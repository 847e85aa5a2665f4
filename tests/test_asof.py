"""As-of counting equals what a person would count by hand, event by event."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.asof import FIRST_DAY, LAST_DAY, Events, trailing_median

Row = tuple[int, int, int]

keys = st.integers(-1, 4)
days = st.integers(-6, 12)
extreme_days = st.one_of(days, st.sampled_from([FIRST_DAY, LAST_DAY]))
events = st.lists(st.tuples(keys, extreme_days, st.integers(-(10**9), 10**12)), max_size=40)
asked = st.lists(st.tuples(keys, extreme_days, extreme_days), min_size=1, max_size=20)


def columns(rows: Sequence[Row], width: int) -> list[NDArray[np.int64]]:
    return [np.array([row[i] for row in rows], dtype=np.int64) for i in range(width)]


def in_window(rows: Sequence[Row], key: int, after: int, until: int) -> list[Row]:
    return [row for row in rows if row[0] == key != -1 and after < row[1] <= until]


@given(events, asked)
def test_counts_and_totals_equal_those_of_brute_force(rows: list[Row], questions: list[Row]) -> None:
    index = Events(*columns(rows, 3))
    found = [in_window(rows, *question) for question in questions]
    assert index.count(*columns(questions, 3)).tolist() == [len(hits) for hits in found]
    assert index.total(*columns(questions, 3)).tolist() == [sum(hit[2] for hit in hits) for hits in found]


@given(events, asked)
def test_the_first_and_the_latest_day_equal_those_of_brute_force(
    rows: list[Row], questions: list[Row]
) -> None:
    index = Events(*columns(rows, 3))
    key, _, until = columns(questions, 3)
    found = [in_window(rows, k, FIRST_DAY - 1, u) for k, _, u in questions]
    first = [min((hit[1] for hit in hits), default=np.nan) for hits in found]
    latest = [max((hit[1] for hit in hits), default=np.nan) for hits in found]
    np.testing.assert_array_equal(index.first(key, until), first)
    np.testing.assert_array_equal(index.latest(key, until), latest)


@given(events, asked, st.randoms())
def test_the_order_of_events_changes_nothing(rows: list[Row], asked_rows: list[Row], random: Random) -> None:
    shuffled = random.sample(rows, len(rows))
    questions = columns(asked_rows, 3)
    before, after = Events(*columns(rows, 3)), Events(*columns(shuffled, 3))
    np.testing.assert_array_equal(before.count(*questions), after.count(*questions))
    np.testing.assert_array_equal(before.total(*questions), after.total(*questions))


@given(
    st.lists(st.tuples(days, st.floats(0, 1e6)), max_size=40),
    st.lists(days, min_size=1, max_size=10),
    st.integers(1, 8),
    st.integers(1, 5),
)
def test_the_trailing_median_equals_that_of_brute_force(
    rows: list[tuple[int, float]], as_of: list[int], length: int, at_least: int
) -> None:
    event_days = np.array([row[0] for row in rows], dtype=np.int64)
    values = np.array([row[1] for row in rows])
    windows = [[value for day, value in rows if d - length <= day < d] for d in as_of]
    expected = [np.median(window) if len(window) >= at_least else np.nan for window in windows]
    np.testing.assert_array_equal(
        trailing_median(event_days, values, np.array(as_of), length, at_least), expected
    )


@pytest.mark.parametrize(
    ("event_keys", "event_days", "reason"),
    [
        ([0, 1], [5], "same length"),
        ([-2], [5], "keys must be"),
        ([0], [LAST_DAY + 1], "days must lie"),
        ([0.5], [5], "integers"),
    ],
)
def test_events_that_cannot_be_indexed_are_refused(
    event_keys: list[float], event_days: list[int], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Events(np.array(event_keys), np.array(event_days))
