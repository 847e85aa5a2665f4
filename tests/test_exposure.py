"""Limits: an order is allowed up to the cap exactly, refused beyond, and every answer can be shown later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from features.terms import Nature, Tier
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.request_fields import read_request
from serving.reviews.standings import Layer, put_in_force
from serving.store.customers import KnownCustomer, erase_customer, find_customers, register_customers
from serving.store.store import Store
from serving.store.strategy_tables import limit_checks
from serving.strategies.collection import OverdueItem, report_items
from serving.strategies.declared import Form, Limit
from serving.strategies.exposure import Order, Refused, Verdict, check_order, checks_of, judge
from serving.strategies.requests import ListQuery, OrderRequest, OverdueRequest
from tests.reviewed import acting
from tests.stores import database_url, store

ORDERED = {"amount": "1.00", "currency": "CNY", "form": "prepayment", "outstanding": "0"}

__all__ = ["database_url", "store"]

PROCEDURE = Procedure()
PLAN = PROCEDURE.strategies
ERP = acting("erp", "key 1")
AT = datetime(2026, 3, 1, tzinfo=UTC)
ORDER = Order(Decimal("20000.00"), "CNY", Form.PREPAYMENT, Decimal("80000.00"))
CENT = Decimal("0.01")


def customer(store: Store, name: str = "C-1") -> KnownCustomer:
    with store.writing("ann", AT) as writing:
        return register_customers(writing, store.keyring, {name: Nature.ENTERPRISE})[name]


def ask(store: Store, known: KnownCustomer, order: Order, procedure: Procedure = PROCEDURE) -> Verdict:
    with store.writing("erp", AT) as writing:
        return check_order(writing, ERP, procedure, known, order)


def hold(store: Store, known: KnownCustomer, tier: Tier, layer: Layer = Layer.APPROVED) -> None:
    with store.writing("ann", AT) as writing:
        put_in_force(writing, known.id, layer, tier)


def test_what_is_exactly_the_cap_is_allowed_and_a_cent_more_is_refused(store: Store) -> None:
    known = customer(store)
    hold(store, known, Tier.RISK)
    assert PLAN.limits[Tier.RISK].cap == ORDER.exposure
    verdict = ask(store, known, ORDER)
    assert (verdict.allowed, verdict.tier, verdict.layer) == (True, Tier.RISK, Layer.APPROVED)
    for wider in (
        replace(ORDER, amount=ORDER.amount + CENT),
        replace(ORDER, outstanding=ORDER.outstanding + CENT),
    ):
        assert ask(store, known, wider).reason is Refused.CAP


@given(
    cap=st.decimals(0, 10**9, places=2),
    outstanding=st.decimals(0, 10**9, places=2),
    amount=st.decimals(0, 10**9, places=4),
)
def test_the_cap_is_kept_to_the_last_digit(cap: Decimal, outstanding: Decimal, amount: Decimal) -> None:
    # Decimals at their full width: sums in binary would differ in the last digit.
    allowed = int(outstanding * 10**4) + int(amount * 10**4) <= int(cap * 10**4)
    order = Order(amount, "CNY", Form.ON_DELIVERY, outstanding)
    assert (judge(order, Limit(cap=cap)) is None) == allowed


def test_a_customer_who_is_held_is_limited_at_once_and_another_tier_is_not(store: Store) -> None:
    known = customer(store)
    large = Order(Decimal(9_000_000), "USD", Form.CREDIT, Decimal(0), 365)
    assert ask(store, known, large).reason is Refused.FORM
    assert ask(store, known, large).tier is None
    hold(store, known, Tier.GOOD)
    assert ask(store, known, large).allowed
    hold(store, known, Tier.RISK, Layer.HOLD)
    held = ask(store, known, large)
    assert (held.reason, held.tier, held.layer) == (Refused.FORM, Tier.RISK, Layer.HOLD)
    assert held.limit == PLAN.limits[Tier.RISK]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"form": Form.CREDIT, "credit_days": 30}, None),
        ({"form": Form.CREDIT, "credit_days": 31}, Refused.CREDIT_DAYS),
        ({"form": Form.LETTER_OF_CREDIT}, Refused.FORM),
        ({"currency": "USD"}, Refused.CURRENCY),
        ({"currency": "USD", "amount": Decimal("0.01"), "outstanding": Decimal(0)}, Refused.CURRENCY),
        ({"amount": Decimal("20000.01")}, Refused.CAP),
        ({"form": Form.LETTER_OF_CREDIT, "currency": "USD"}, Refused.FORM),
    ],
)
def test_each_limit_refuses_for_its_own_reason(changed: dict[str, Any], reason: Refused | None) -> None:
    limit = Limit(cap=Decimal(100_000), forms=(Form.PREPAYMENT, Form.CREDIT), credit_days=30)
    assert judge(replace(ORDER, **changed), limit) is reason


def test_without_a_cap_any_amount_of_any_currency_is_allowed() -> None:
    assert judge(replace(ORDER, amount=Decimal(10**15), currency="USD"), Limit()) is None


def test_credit_is_suspended_while_an_item_is_long_overdue(store: Store) -> None:
    known = customer(store)
    hold(store, known, Tier.GOOD)
    order = Order(Decimal(10), "CNY", Form.CREDIT, Decimal(0), 30)
    item = OverdueItem("I-1", Decimal(500), "CNY", AT.date() - timedelta(days=59))
    suspends = [stage.after_days for stage in PLAN.collection if stage.suspends_credit]
    assert min(suspends) == 60

    def report(told: OverdueItem) -> None:
        with store.writing("erp", AT) as writing:
            report_items(writing, ERP, known, [told])

    report(item)
    assert ask(store, known, order).allowed
    longer = replace(item, due_on=AT.date() - timedelta(days=60))
    report(longer)
    assert ask(store, known, order).reason is Refused.SUSPENDED
    assert ask(store, known, replace(order, form=Form.PREPAYMENT, credit_days=None)).allowed
    report(replace(longer, paid_on=AT.date()))
    assert ask(store, known, order).allowed


def test_every_answer_is_kept_sealed_and_can_be_shown_until_the_customer_is_erased(store: Store) -> None:
    known = customer(store)
    told = [ask(store, known, replace(ORDER, amount=Decimal(f"{amount}.25"))) for amount in (77123, 88456)]
    with store.reading() as connection:
        rows = connection.execute(select(limit_checks)).all()
        shown = checks_of(connection, known, 10)
    assert sorted(shown, key=lambda of: of.check) == sorted(told, key=lambda of: of.check)
    assert not any(amount in row.sealed for row in rows for amount in (b"77123", b"88456"))
    with store.writing("dpo") as writing:
        erase_customer(writing, known.id)
    with store.reading() as connection:
        assert find_customers(connection, store.keyring, ["C-1"]) == {}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": 12.5}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1e9"}, "amount"),
        ({"amount": "1.00001"}, "amount"),
        ({"outstanding": None}, "outstanding"),
        ({"currency": "cny"}, "currency"),
        ({"form": "promise"}, "form"),
        ({"credit_days": 3}, "body"),
        ({"form": "credit"}, "body"),
        ({"form": "credit", "credit_days": True}, "credit_days"),
        ({"secret_4711": 1}, "body"),
    ],
)
def test_an_order_is_read_strictly(wrong: dict[str, Any], field: str) -> None:
    whole = {"amount": "12.50", "currency": "CNY", "form": "prepayment", "outstanding": "0"}
    assert read_request(OrderRequest, whole).order().exposure == Decimal("12.5")
    with pytest.raises(Refusal) as caught:
        read_request(OrderRequest, {**whole, **wrong})
    assert (caught.value.status, caught.value.field) == (422, field)
    assert not any(value in caught.value.reason for value in ("promise", "4711", "1e9", "1.00001"))


ITEM = {"item_id": "I-1", "amount": "1.00", "currency": "CNY", "due_on": "2026-01-31"}


@pytest.mark.parametrize(
    ("kind", "asked", "field", "reason"),
    [
        (
            OverdueRequest,
            {"items": [ITEM, {**ITEM, "secret_4711": 1}]},
            "items.1",
            "currency, due_on; optional: paid_on",
        ),
        (OverdueRequest, {"items": [ITEM], "secret_4711": 1}, "body", "wanted: items"),
        (OverdueRequest, {"items": [{**ITEM, "due_on": "9999-12-31"}]}, "items.0.due_on", "9000-12-31"),
        (OverdueRequest, {"items": [{**ITEM, "paid_on": "0001-01-01"}]}, "items.0.paid_on", "1900-01-01"),
        (ListQuery, {"on": "9999-12-31"}, "on", "9000-12-31"),
        (ListQuery, {"on": "0001-01-01"}, "on", "1900-01-01"),
    ],
)
def test_what_is_wrong_in_a_request_is_named_where_it_is(
    kind: type[OverdueRequest] | type[ListQuery], asked: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(Refusal) as caught:
        read_request(kind, asked)
    assert (caught.value.status, caught.value.field) == (422, field)
    assert reason in caught.value.reason
    assert "4711" not in caught.value.reason


@pytest.mark.parametrize(
    ("kind", "body", "field", "reason"),
    [
        (OrderRequest, {}, "amount", "is absent"),
        (OrderRequest, {**ORDERED, "amount": 1.5}, "amount", "must be a text"),
        (OrderRequest, {**ORDERED, "amount": "much"}, "amount", 'must be an amount such as "1250.00"'),
        (OrderRequest, {**ORDERED, "currency": "yuan"}, "currency", "three capital letters"),
        (OrderRequest, {**ORDERED, "form": "gift"}, "form", "must be one of prepayment, on_delivery"),
        (OrderRequest, {**ORDERED, "credit_days": -1}, "credit_days", "must be at least 0"),
        (OrderRequest, {**ORDERED, "credit_days": "x"}, "credit_days", "must be a whole number"),
        (OrderRequest, {**ORDERED, "note": "x"}, "body", "has an unknown field; wanted: amount"),
        (OverdueRequest, {"items": []}, "items", "must have at least 1 part"),
        (OverdueRequest, {"items": 7}, "items", "must be a list"),
        (ListQuery, {"on": "noon"}, "on", "must be a day such as 2026-01-31"),
    ],
    ids=lambda of: of if isinstance(of, str) else "",
)
def test_what_is_wrong_with_a_request_is_said_in_our_words(
    kind: type[Any], body: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(Refusal) as refused:
        read_request(kind, body)
    assert refused.value.field == field
    assert refused.value.reason.startswith(reason) or reason in refused.value.reason
    for theirs in ("Input", "String", "Field required", "Value error"):
        assert theirs not in refused.value.reason
