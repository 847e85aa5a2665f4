"""Collection: each item has one task for each stage that it has reached, and none is left when it is paid."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from features.sources.opening import TableError
from features.terms import Nature
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.store.customers import KnownCustomer, erase_customer, register_customers
from serving.store.store import Store
from serving.store.strategy_tables import overdue_items, tasks
from serving.strategies.collection import ItemError, OverdueItem, Reported, owed_items, report_items
from serving.strategies.endpoints import STRATEGY_ROUTES, StrategyEndpoints
from serving.strategies.overdue_table import take_down
from serving.strategies.tasks import TaskState, tasks_for
from serving.strategies.upkeep import Upkeep
from tests.reviewed import acting
from tests.stores import database_url, store

__all__ = ["database_url", "store"]

PROCEDURE = Procedure()
STAGES = PROCEDURE.strategies.collection
ERP = acting("erp", "key 1")
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
ITEM = OverdueItem("I-1", Decimal("1250.00"), "CNY", START.date())
TOLD_ITEM = {"item_id": "I-1", "amount": "1250.00", "currency": "CNY", "due_on": "2026-01-01"}


def customer(store: Store, name: str = "C-1") -> KnownCustomer:
    with store.writing("ann", START) as writing:
        return register_customers(writing, store.keyring, {name: Nature.ENTERPRISE})[name]


def report(store: Store, known: KnownCustomer, *items: OverdueItem, at: datetime = START) -> list[Reported]:
    with store.writing("erp", at) as writing:
        return sorted(report_items(writing, ERP, known, items).elements())


def keep_up(store: Store, at: datetime) -> int:
    return Upkeep(store, PROCEDURE, part=2).run(at).staged


def stages_of(store: Store, known: KnownCustomer) -> list[tuple[str, TaskState]]:
    with store.reading() as connection:
        return sorted((task.strategy, task.state) for task in tasks_for(connection, known.id))


def test_each_stage_begins_on_its_day_and_once(store: Store) -> None:
    known = customer(store)
    report(store, known, ITEM)
    begun = [
        (day, keep_up(store, START + timedelta(days=day)))
        for day in (0, 1, 1, 29, 30, 59, 60, 89, 90, 91, 300)
    ]
    assert [day for day, number in begun if number] == [stage.after_days for stage in STAGES]
    assert all(number <= 1 for _, number in begun)
    assert stages_of(store, known) == sorted((stage.id, TaskState.OPEN) for stage in STAGES)


def test_an_item_that_is_paid_closes_its_tasks_and_is_not_owed_again(store: Store) -> None:
    known = customer(store)
    other = replace(ITEM, item_id="I-2")
    assert report(store, known, ITEM, other) == [Reported.NEW, Reported.NEW]
    late = START + timedelta(days=31)
    keep_up(store, late)
    paid = replace(ITEM, paid_on=late.date())
    assert report(store, known, paid, at=late) == [Reported.PAID]
    assert report(store, known, paid, ITEM, at=late) == [Reported.PAID_BEFORE] * 2
    with store.reading() as connection:
        assert owed_items(connection, known) == [other]
    keep_up(store, START + timedelta(days=400))
    states = Counter(state for _, state in stages_of(store, known))
    assert states == {TaskState.SETTLED: 2, TaskState.OPEN: 4}


def test_an_item_is_not_paid_in_the_future(store: Store, tmp_path: Path) -> None:
    known = customer(store)
    day = START.date()
    report(store, known, ITEM)
    with pytest.raises(ItemError, match="paid_on: lies in the future"):
        report(store, known, replace(ITEM, paid_on=day + timedelta(days=2)))
    late = store.clock().date()
    asked = {"items": [{**TOLD_ITEM, "paid_on": str(late + timedelta(days=3))}]}
    with pytest.raises(Refusal) as refused:
        report_route = STRATEGY_ROUTES["POST", "/v1/customers/{customer_id}/overdue"]
        report_route(StrategyEndpoints(store, PROCEDURE), ERP, {"customer_id": "C-1"}, asked)
    assert (refused.value.status, refused.value.field) == (422, "items.paid_on")
    file = tmp_path / "overdue.csv"
    pd.DataFrame([
        {"customer_id": "C-1", **TOLD_ITEM, "paid_on": str(late + timedelta(days=3))},
        {"customer_id": "C-1", **TOLD_ITEM, "item_id": "I-2"},
    ]).to_csv(file, index=False)  # fmt: skip
    taken = take_down(store, ERP, file)
    assert (taken.became, taken.rejected) == ({Reported.NEW: 1}, [(2, "paid_on: lies in the future")])
    with store.reading() as connection:
        assert ITEM in owed_items(connection, known)
    assert report(store, known, replace(ITEM, paid_on=day + timedelta(days=1))) == [Reported.PAID]


def test_of_an_item_the_last_report_counts(store: Store) -> None:
    known = customer(store)
    report(store, known, ITEM)
    for amount in ("1250.00", "1250", "1250.0000"):
        assert report(store, known, replace(ITEM, amount=Decimal(amount))) == [Reported.SAME], amount
    with store.reading() as connection:
        assert [str(of.amount) for of in owed_items(connection, known)] == ["1250.00"]
    part_paid = replace(ITEM, amount=Decimal("250.00"), due_on=ITEM.due_on + timedelta(days=20))
    assert report(store, known, part_paid) == [Reported.CHANGED]
    assert keep_up(store, START + timedelta(days=20)) == 0
    assert keep_up(store, START + timedelta(days=21)) == 1
    with store.reading() as connection:
        assert owed_items(connection, known) == [part_paid]
        rows = connection.execute(select(overdue_items)).all()
    assert not any(secret in row.sealed for row in rows for secret in (b"I-1", b"250"))


def test_an_erased_customer_is_asked_for_nothing(store: Store) -> None:
    known = customer(store)
    report(store, known, ITEM, replace(ITEM, item_id="I-2", paid_on=START.date()))
    keep_up(store, START + timedelta(days=2))
    with store.writing("dpo", START + timedelta(days=3)) as writing:
        erase_customer(writing, known.id)
    assert keep_up(store, START + timedelta(days=100)) == 0
    assert stages_of(store, known) == [("reminder", TaskState.WITHDRAWN)]
    with store.reading() as connection:
        rows = connection.execute(select(overdue_items).order_by(overdue_items.c.settled_at)).all()
    assert [(row.due_on, row.settled_at) for row in rows] == [
        (None, START), (None, START + timedelta(days=3)),
    ]  # fmt: skip


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    due=st.lists(st.integers(0, 120), min_size=1, max_size=4),
    paid=st.dictionaries(st.integers(0, 3), st.integers(0, 200), max_size=3),
    looks=st.lists(st.integers(0, 250), max_size=4),
)
def test_stages_are_those_reached_when_somebody_looked_before_it_was_paid(
    store: Store, due: list[int], paid: dict[int, int], looks: list[int]
) -> None:
    with store.reading() as connection:
        place = len(connection.execute(select(overdue_items.c.id)).all())
    known = customer(store, f"C-{place}-{due}-{paid}-{looks}")
    items = [
        OverdueItem(f"I-{number}", Decimal(100), "CNY", START.date() + timedelta(days=days))
        for number, days in enumerate(due)
    ]
    report(store, known, *items)
    expected: Counter[tuple[str, TaskState]] = Counter()
    acts = [(day, 0, None) for day in looks] + [(day, 1, number) for number, day in paid.items()]
    open_stages: dict[int, set[str]] = {number: set() for number in range(len(due))}
    for day, _, number in sorted(acts, key=lambda act: act[:2]):
        at = START + timedelta(days=day)
        if number is None:
            keep_up(store, at)
            for which, owed in open_stages.items():
                owed |= {stage.id for stage in STAGES if day - due[which] >= stage.after_days}
        elif number in open_stages:
            report(store, known, replace(items[number], paid_on=at.date()), at=at)
            expected.update((stage, TaskState.SETTLED) for stage in open_stages.pop(number))
    expected.update((stage, TaskState.OPEN) for owed in open_stages.values() for stage in owed)
    assert Counter(stages_of(store, known)) == expected
    # What is left is paid, so that it does not count in the next example.
    for number in open_stages:
        report(store, known, replace(items[number], paid_on=START.date()))


def test_a_table_of_items_is_taken_down_and_what_is_wrong_is_named_by_its_row(
    store: Store, tmp_path: Path
) -> None:
    known = customer(store)
    rows = [
        ("C-1", "I-1", "1250.00", "CNY", "2026-01-01", ""),
        ("C-1", "I-2", "12.5", "CNY", "2025-12-01", "2025-12-20"),
        ("C-9", "I-3", "1", "CNY", "2026-01-01", ""),
        ("C-1", "", "1", "CNY", "2026-01-01", ""),
        ("C-1", "I-5", "much", "CNY", "2026-01-01", ""),
        ("C-1", "I-6", "-1", "CNY", "2026-01-01", ""),
        ("C-1", "I-7", "1", "yuan", "2026-01-01", ""),
        ("C-1", "I-8", "1", "CNY", "soon", ""),
        ("C-1", "I-9", "1", "CNY", "2026-01-01", "perhaps"),
        ("", "I-10", "1", "CNY", "2026-01-01", ""),
        ("C-1", "I-11" * 51, "1", "CNY", "2026-01-01", ""),
        ("C-1", "I-12", "1.00001", "CNY", "2026-01-01", ""),
        ("C-1", "I-13", "1", "CNY", "0026-01-01", ""),
        ("C-1", "I-14", "1", "CNY", "2026-01-01", "9999-12-31"),
    ]
    columns = ["customer_id", "item_id", "amount", "currency", "due_on", "paid_on"]
    frame = pd.DataFrame(rows, columns=columns)
    file = tmp_path / "overdue.csv"
    frame.to_csv(file, index=False)
    taken = take_down(store, ERP, file)
    assert taken.became == {Reported.NEW: 1, Reported.PAID: 1}
    assert [text.partition(":")[0] for _, text in sorted(taken.rejected)] == [
        "the customer is not registered", "item_id", "amount", "amount", "currency", "due_on", "paid_on",
        "customer_id", "item_id", "amount", "due_on", "paid_on",
    ]  # fmt: skip
    assert sorted(number for number, _ in taken.rejected) == list(range(4, 16))
    assert not any(
        value in text for _, text in taken.rejected for value in ("much", "yuan", "perhaps", "C-9")
    )
    with store.reading() as connection:
        assert owed_items(connection, known) == [ITEM]
    assert take_down(store, ERP, file).became == {Reported.SAME: 1, Reported.PAID_BEFORE: 1}
    frame.drop(columns="currency").to_csv(file, index=False)
    with pytest.raises(TableError, match="column currency is absent"):
        take_down(store, ERP, file)
    with store.reading() as connection:
        assert connection.execute(select(tasks)).all() == []
