"""Whoever comes in, by whichever way, is checked alike; what is refused is named, its value never."""

import dataclasses
import math
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Kind, load_catalog
from features.customer import InvalidCustomer, parse_customer
from features.portfolio import Portfolio
from features.terms import Nature
from models.answer import answer
from models.decision import Scorer
from models.policy import load_policy
from tests.strategies import UNSEEN, raw_customers

CATALOG = load_catalog("customer")
IDS = st.sampled_from([placed.id for placed in CATALOG.placed])


def raw(nature: str = "enterprise", **indicators: Any) -> dict[str, Any]:
    return {"customer_id": "C-1", "nature": nature, "as_of": "2026-01-31", "indicators": indicators}


def refusal(customer: Any, position: int = 7) -> InvalidCustomer:
    with pytest.raises(InvalidCustomer) as caught:
        parse_customer(customer, CATALOG, position)
    error = caught.value
    assert str(error).startswith(f"customer {position}: ")
    assert "\n" not in str(error)
    return error


# Refusals

SECRETS = ["Zephyrine Quux", "4111-1111-1111-1111", "é\n\t{secret}", "x" * 500, "\ud800 half"]
AWKWARD = st.one_of(
    st.sampled_from(SECRETS),
    st.sampled_from(
        [math.nan, math.inf, -math.inf, 10**400, 987654321.125, -987654321.125, Decimal("98765.5")]
    ),
    st.lists(st.sampled_from(SECRETS), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(SECRETS), st.just(98765.5), min_size=1),
    st.just(b"98765.5"),
    st.just(98765.5j),
)


def traces(value: Any) -> list[str]:
    """Return what would betray a value in a message."""
    if isinstance(value, dict):
        return [trace for pair in value.items() for part in pair for trace in traces(part)]
    if isinstance(value, list):
        return [trace for part in value for trace in traces(part)]
    if isinstance(value, float) and not math.isfinite(value):
        return []
    return ["9876", "1000000000"] if not isinstance(value, str) else [value[:6]]


@given(
    id_=IDS,
    value=AWKWARD,
    where=st.sampled_from(["indicator", "customer_id", "nature", "as_of", "indicators"]),
)
@settings(max_examples=300)
def test_a_refusal_never_tells_the_value(id_: str, value: Any, where: str) -> None:
    placed = CATALOG.by_id[id_]
    nature = next(nature for nature in Nature if placed.applies_to(nature))
    customer = raw(nature)
    if where == "indicator":
        customer["indicators"] = {id_: value}
    else:
        customer[where] = value
    try:
        parse_customer(customer, CATALOG, 7)
    except InvalidCustomer as error:
        assert not [trace for trace in traces(value) if trace in str(error)]
        assert str(error).startswith("customer 7: ")
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("secret", SECRETS)
def test_an_unknown_field_is_refused_without_its_name_or_value(secret: str) -> None:
    assert secret[:6] not in str(refusal(raw() | {secret: secret}))


def test_an_unknown_indicator_is_named_only_as_far_as_an_identifier_goes() -> None:
    assert refusal(raw(turn_over=1.0)).field == "indicator turn_over"
    assert refusal({**raw(), "indicators": {"Zephyrine Quux, 4111": 1.0}}).field == "indicator (no id)"
    assert refusal({**raw(), "indicators": {7: 1.0}}).field == "indicator (no id)"


@pytest.mark.parametrize("name", ["淨資產", "净资产", "Net assets"])
def test_an_indicator_given_by_its_name_is_refused_with_its_id(name: str) -> None:
    refused = refusal({**raw(), "indicators": {name: 1.0}})
    assert (refused.field, refused.reason) == (
        "indicator net_assets",
        "is given by a name; give it by this id",
    )


def test_a_header_that_is_no_indicators_name_is_told_where_ids_are_listed() -> None:
    refused = refusal({**raw(), "indicators": {"年營業額（萬元）": 1.0}})
    assert refused.field == "indicator (no id)"
    assert "give indicators by id, as GET /v1/catalog" in refused.reason


@pytest.mark.parametrize(
    ("id_", "value", "reason"),
    [
        ("total_assets", True, "must be a number"),
        ("total_assets", np.True_, "must be a number"),
        ("total_assets", "80", "must be a number"),
        ("total_assets", [80], "must be a number"),
        ("total_assets", math.nan, "must be finite"),
        ("total_assets", -math.inf, "must be finite"),
        ("total_assets", 10**400, "must be finite"),
        ("total_assets", math.nextafter(0, -1), "impossible: must be at least 0"),
        ("on_time_payment_rate", math.nextafter(1, 2), "impossible: must be at most 1"),
        ("severe_breach_24m", 1, "must be true or false"),
        ("severe_breach_24m", "true", "must be true or false"),
        ("bank_rating", 3, "must be a text of 1 to 100 characters"),
        ("bank_rating", "", "must be a text of 1 to 100 characters"),
        ("bank_rating", "A" * 101, "must be a text of 1 to 100 characters"),
        ("bank_rating", "A\ud800", "must be printable text"),
        ("bank_rating", "A\nB", "must be printable text"),
        ("age", 30, "is not declared for nature enterprise"),
    ],
)
def test_an_impossible_value_is_refused_with_the_indicator_and_the_reason(
    id_: str, value: object, reason: str
) -> None:
    error = refusal({**raw(), "indicators": {id_: value}})
    assert error.field == f"indicator {id_}"
    assert error.reason.startswith(reason)


@pytest.mark.parametrize(
    "customer", [None, [], "C-1", 7, {}, {"customer_id": "C-1"}, [("customer_id", "C-1")]]
)
def test_what_is_no_customer_is_refused(customer: object) -> None:
    refusal(customer)


@pytest.mark.parametrize("nature", [None, "Enterprise", "", [], {}, 1, {"enterprise"}])
def test_an_unknown_nature_is_refused(nature: object) -> None:
    assert refusal(raw() | {"nature": nature}).field == "nature"


@pytest.mark.parametrize("id_", [None, "", 7, "x" * 129, "a\nb", "a\ud800", ["a"]])
def test_an_id_that_cannot_be_shown_is_refused(id_: object) -> None:
    assert refusal(raw() | {"customer_id": id_}).field == "customer_id"


@pytest.mark.parametrize(
    "as_of",
    [None, 20260131, "2026-02-30", "31.01.2026", "2026-W05-6", "2026-1-31", "", pd.NaT, "２０２６-01-31"],
)
def test_a_day_in_another_form_is_refused(as_of: object) -> None:
    assert refusal(raw() | {"as_of": as_of}).field == "as_of"


# What is fine


@pytest.mark.parametrize(
    "as_of", ["2026-01-31", date(2026, 1, 31), datetime(2026, 1, 31, 23, 59), pd.Timestamp("2026-01-31")]
)
def test_a_day_may_be_a_text_or_a_date(as_of: object) -> None:
    day = parse_customer(raw() | {"as_of": as_of}, CATALOG).as_of
    assert day == date(2026, 1, 31)
    assert type(day) is date


@pytest.mark.parametrize(
    "value", [80, 80.0, np.float32(80), np.int64(80), Fraction(80), -0.0, 5e-324, 1.7e308]
)
def test_any_finite_real_number_in_range_is_a_number(value: Any) -> None:
    assert parse_customer(raw(total_assets=value), CATALOG).codes["total_assets"] == float(value)


def test_none_and_absent_are_missing_alike_and_unseen_levels_are_kept() -> None:
    customer = parse_customer(raw(total_assets=None, bank_rating=UNSEEN, age=None), CATALOG)
    levels = CATALOG.by_id["bank_rating"].indicator.level_codes
    assert customer.codes == {"bank_rating": float(len(levels))}
    assert customer.levels == {"bank_rating": UNSEEN}


# Many at once


def frame_of(customers: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["customer_id", "nature", "as_of", *CATALOG.columns]
    flat = [{**customer, **customer["indicators"]} for customer in customers]
    return pd.DataFrame({name: pd.Series([row.get(name) for row in flat], dtype=object) for name in columns})


def assert_same(first: Portfolio, second: Portfolio) -> None:
    assert list(first.customer_ids) == list(second.customer_ids)
    assert list(first.natures) == list(second.natures)
    assert list(first.as_of) == list(second.as_of)
    assert np.array_equal(first.given, second.given, equal_nan=True)
    assert np.array_equal(np.signbit(first.given), np.signbit(second.given))
    for id_, texts in first.levels.items():
        assert list(texts) == list(second.levels[id_])
    assert np.array_equal(first.applicable, second.applicable)


@given(customers=st.lists(raw_customers(CATALOG), min_size=1, max_size=4))
@settings(max_examples=40)
def test_a_frame_and_single_customers_give_the_same_portfolio(customers: list[dict[str, Any]]) -> None:
    one_by_one = Portfolio.from_customers([parse_customer(c, CATALOG) for c in customers], CATALOG)
    frame = frame_of(customers)
    for typed in (frame, frame.infer_objects(), frame.convert_dtypes()):
        portfolio, rejects = Portfolio.from_frame(typed, CATALOG)
        assert rejects.empty
        assert_same(portfolio, one_by_one)


MISTAKES: list[dict[str, Any]] = [
    {"nature": "nobody"}, {"nature": ["enterprise"]}, {"nature": None}, {"customer_id": ""},
    {"customer_id": 7}, {"as_of": "soon"}, {"as_of": pd.NaT}, {"total_assets": -1.0},
    {"total_assets": math.inf}, {"total_assets": "80"}, {"total_assets": True}, {"bank_rating": 3},
    {"severe_breach_24m": 1}, {"age": 30.0}, {"bank_rating": "\ud800"},
]  # fmt: skip


@given(customers=st.lists(raw_customers(CATALOG, Nature.ENTERPRISE), min_size=1, max_size=6), data=st.data())
@settings(max_examples=60)
def test_accepted_and_rejected_are_what_was_read(
    customers: list[dict[str, Any]], data: st.DataObject
) -> None:
    frame = frame_of(customers)
    wrong = data.draw(st.dictionaries(st.integers(0, len(customers) - 1), st.sampled_from(MISTAKES)))
    for row, mistake in wrong.items():
        for name, value in mistake.items():
            frame.at[row, name] = value
    frame["customer_id"] = [
        f"C-{row}" if id_ == "C-1" else id_ for row, id_ in enumerate(frame["customer_id"])
    ]
    portfolio, rejects = Portfolio.from_frame(frame, CATALOG)
    assert rejects["row"].tolist() == sorted(wrong)
    assert len(portfolio) + len(rejects) == len(frame)
    kept = [f"C-{row}" for row in range(len(frame)) if row not in wrong]
    assert list(portfolio.customer_ids) == kept
    for row, field, reason in zip(rejects["row"], rejects["field"], rejects["reason"], strict=True):
        (name,) = wrong[row]
        assert field in (name, f"indicator {name}")
        alone = {**customers[row], "customer_id": f"C-{row}"}
        given_wrong = wrong[row][name]
        if name in alone:
            alone[name] = given_wrong
        else:
            alone["indicators"] = {name: given_wrong}
        assert refusal(alone, position=int(row)).reason == reason


@pytest.mark.parametrize("dtype", [bool, "boolean"])
def test_a_column_of_truth_values_is_no_column_of_numbers(dtype: Any) -> None:
    frame = frame_of([raw(), raw()])
    frame["total_assets"] = pd.Series([True, False], dtype=dtype)
    portfolio, rejects = Portfolio.from_frame(frame, CATALOG)
    assert len(portfolio) == 0
    assert set(rejects["reason"]) == {"must be a number"}


def test_a_table_without_an_identity_column_is_refused() -> None:
    with pytest.raises(KeyError, match="as_of"):
        Portfolio.from_frame(frame_of([raw()]).drop(columns="as_of"), CATALOG)


# What applies


def test_an_unknown_fact_excuses_nothing() -> None:
    """Only a customer known as prospect is excused from cooperation."""
    portfolio = Portfolio.from_customers(
        [
            parse_customer(raw(**known), CATALOG)
            for known in ({}, {"relationship": "prospect"}, {"relationship": UNSEEN})
        ],
        CATALOG,
    )
    column = portfolio.column("order_count_36m")
    assert portfolio.applicable[:, column].tolist() == [True, False, True]


@given(raw_customer=raw_customers(CATALOG))
@settings(max_examples=60)
def test_what_does_not_apply_is_set_aside_and_not_evaluated(raw_customer: dict[str, Any]) -> None:
    customer = parse_customer(raw_customer, CATALOG)
    portfolio = Portfolio.from_customers([customer], CATALOG)
    prospect = customer.levels.get("relationship") == "prospect"
    for column, placed in enumerate(CATALOG.placed):
        needs_history = any(
            c.indicator == "relationship" and c.is_ == ("existing",) for c in placed.conditions
        )
        if needs_history and prospect:
            assert not portfolio.applicable[0, column]
            assert np.isnan(portfolio.values[0, column])
        given_value = placed.id in customer.codes
        assert portfolio.set_aside[0, column] == (given_value and not portfolio.applicable[0, column])


def test_a_checked_customer_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse_customer(raw(), CATALOG).customer_id = "C-2"  # type: ignore[misc]


def test_every_kind_of_indicator_is_in_the_catalog() -> None:
    assert {placed.indicator.kind for placed in CATALOG.placed} == set(Kind)


def test_a_level_outside_the_catalog_is_no_prospect_and_is_marked_for_review() -> None:
    """`Existing` with a capital letter must neither excuse from cooperation nor pass unnoticed."""
    misspelt, missing = (
        Portfolio.from_customers([parse_customer(raw(**known), CATALOG)], CATALOG)
        for known in ({"relationship": "Existing"}, {})
    )
    assert (misspelt.applicable == missing.applicable).all()
    assert misspelt.unseen_levels(0) == ["relationship"]
    answered = answer(Scorer(CATALOG, load_policy("customer")).decide(misspelt), 0)
    assert "level_not_in_catalog: relationship" in answered["review"]
