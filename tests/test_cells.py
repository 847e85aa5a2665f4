"""Cells as people write them."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources import cells
from features.sources.record_table import CellScale, DateOrder


def number(cell: object, scale: CellScale = CellScale.ONE, *, comma: bool = False) -> float | None:
    values, wrong = cells.numbers(pd.Series([cell], dtype=object), scale, decimal_comma=comma)
    assert wrong[0] == math.isnan(values[0]) or cells.is_missing(cell)
    return None if wrong[0] else float(values[0])


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1.0), ("+1.50", 1.5), ("1,234", 1234.0), ("1,234,567.8", 1234567.8), ("1 234", 1234.0),
        ("1'234", 1234.0), ("(1,234.5)", -1234.5), ("5-", -5.0), ("−3", -3.0), ("12%", 0.12), ("12 %", 0.12),
        ("0.1‰", 0.0001), ("3.5萬", 35000.0), ("2亿", 2e8), ("1.2百万", 1.2e6), ("$1,000", 1000.0),
        ("NT$ 1,000", 1000.0), ("-$5", -5.0), ("¥３００", 300.0), ("100元", 100.0), ("1e3", 1000.0), (3, 3.0),
        (2.5, 2.5), (Decimal("1.25"), 1.25), (np.int64(4), 4.0), ("0.07%", 0.0007),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(cell: object, value: float) -> None:
    assert number(cell) == value


@pytest.mark.parametrize(
    "cell",
    [
        "abc",
        "1_000",
        "1,23",
        "12,34.5",
        "inf",
        "1e999",
        "0x10",
        "1.2.3",
        "--1",
        "1 %%",
        True,
        "5 x",
        float("inf"),
    ],
)
def test_what_is_no_number_is_said_to_be_none(cell: object) -> None:
    assert number(cell) is None


@pytest.mark.parametrize(
    "cell", ["", "  ", "NA", "n/a", "NaN", "null", "-", "?", "無", "不详", None, float("nan"), pd.NaT]
)
def test_words_for_nothing_are_missing_and_not_wrong(cell: object) -> None:
    for read in (cells.numbers, cells.flags):
        values, wrong = read(pd.Series([cell], dtype=object))
        assert np.isnan(values[0]) and not wrong[0]
    days, wrong = cells.dates(pd.Series([cell], dtype=object))
    assert np.isnat(days[0]) and not wrong[0]


def test_words_that_say_something_are_texts() -> None:
    found = cells.texts(pd.Series([" none ", "unknown", "NA", "", 7.0, True, date(2024, 1, 2)], dtype=object))
    assert list(found) == ["none", "unknown", None, None, "7", "true", "2024-01-02"]


def test_a_scale_is_of_cells_without_a_unit_of_their_own() -> None:
    assert number("5", CellScale.WAN) == 50000.0
    assert number("5萬", CellScale.WAN) == 50000.0
    assert number("5亿", CellScale.WAN) == 5e8
    assert number("12%", CellScale.PERCENT) == 0.12
    assert number("12", CellScale.PERCENT) == 0.12
    assert number(3, CellScale.YI) == 3e8


def test_a_decimal_comma_is_one_only_where_it_is_said_to_be() -> None:
    assert number("1.234,5", comma=True) == 1234.5
    assert number("7,25", comma=True) == 7.25
    assert number("7,25") is None


@pytest.mark.parametrize(
    ("cell", "with_comma", "with_point"),
    [
        ("1.234", 1234.0, 1.234), ("-1.234", -1234.0, -1.234), ("1.234.567", 1234567.0, None),
        ("1.234.567,89", 1234567.89, None), ("1,234", 1.234, 1234.0), ("1,234.5", None, 1234.5),
        ("1,234,567", None, 1234567.0), ("12.5", None, 12.5), ("0.123", None, 0.123),
        ("1234.567", None, 1234.567),
        ("12.5%", None, 0.125), ("12,5%", 0.125, None), ("1.234 €", 1234.0, 1.234), ("1 234,5", 1234.5, None),
        ("1,5e3", 1500.0, None), ("1e3", 1000.0, 1000.0), ("1234", 1234.0, 1234.0), (",5", 0.5, None),
        (1.234, 1.234, 1.234),
    ],
)  # fmt: skip
def test_a_point_groups_thousands_where_a_comma_is_the_decimal_sign(
    cell: object, with_comma: float | None, with_point: float | None
) -> None:
    assert (number(cell, comma=True), number(cell)) == (with_comma, with_point)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_every_float_is_read_back_as_it_was_printed(value: float) -> None:
    assert number(repr(value)) == value
    assert number(f" {value!r} ") == value


@given(st.integers(-(10**15), 10**15))
def test_thousands_separators_change_nothing(value: int) -> None:
    assert number(f"{value:,}") == float(value)


@pytest.mark.parametrize(
    "cell",
    ["2024-01-31", "2024/1/31", "2024.1.31", "20240131", 20240131, "2024年1月31日", "2024-01-31 10:20:30",
     "2024-01-31T00:00:00Z", "民國113年1月31日", "113/1/31", "31.01.2024", "1/31/2024", "31 Jan 2024",
     "31-Jan-24",
     "January 31, 2024", "2024-01", pd.Timestamp("2024-01-31 12:00"), date(2024, 1, 31)],
)  # fmt: skip
def test_days_are_read_as_people_write_them(cell: object) -> None:
    days, wrong = cells.dates(pd.Series([cell], dtype=object))
    assert not wrong[0] and days[0] == np.datetime64("2024-01-31")


@pytest.mark.parametrize("cell", ["03/04/2024", "2024-02-30", "2024-13-01", "soon", "12345", 3.5, "2024"])
def test_what_is_no_day_or_two_days_is_said_to_be_none(cell: object) -> None:
    days, wrong = cells.dates(pd.Series([cell], dtype=object))
    assert wrong[0] and np.isnat(days[0])


def test_an_order_decides_between_two_days() -> None:
    both = pd.Series(["03/04/2024"], dtype=object)
    assert cells.dates(both, DateOrder.DAY_FIRST)[0][0] == np.datetime64("2024-04-03")
    assert cells.dates(both, DateOrder.MONTH_FIRST)[0][0] == np.datetime64("2024-03-04")


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_every_day_is_read_back_in_every_form(day: date) -> None:
    forms = [day.isoformat(), f"{day:%Y/%m/%d}", f"{day.year}年{day.month}月{day.day}日", f"{day:%d %B %Y}"]
    days, wrong = cells.dates(pd.Series(forms, dtype=object))
    assert not wrong.any() and (days == np.datetime64(day)).all()


def test_flags_are_read_in_three_languages() -> None:
    yes = ["yes", "Y", "TRUE", "1", 1, 1.0, True, "是", "有", "１"]
    no = ["no", "N", "false", "0", 0, 0.0, False, "否", "沒有", "没有"]
    assert (cells.flags(pd.Series(yes, dtype=object))[0] == 1).all()
    assert (cells.flags(pd.Series(no, dtype=object))[0] == 0).all()
    assert cells.flags(pd.Series(["maybe", 2, "10"], dtype=object))[1].all()
