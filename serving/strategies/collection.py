"""Collecting overdue amounts (M18): items as they are reported, and a task for each stage they reach."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, exists, insert, select, update

from serving.access.roles import Actor
from serving.confidential.sealing import keyed_hash, open_sealed, seal
from serving.store.customers import KnownCustomer
from serving.store.store import Writing
from serving.store.strategy_tables import overdue_items, tasks
from serving.strategies.declared import Stage
from serving.strategies.plan import StrategyPlan
from serving.strategies.tasks import Task, TaskState, digest_of_tasks, insert_tasks, task_of_item

# Made in one transaction.
PART = 500

# Of which kind ids and contents are, where the customer's key hashes them.
_KIND = b"overdue"


@dataclass(frozen=True)
class OverdueItem:
    """An item that a customer owes, such as an invoice; `paid_on` where it is paid."""

    item_id: str
    amount: Decimal
    currency: str
    due_on: date
    paid_on: date | None = None

    def content(self) -> str:
        """Return all that was reported, in one form."""
        said = {
            "item_id": self.item_id, "amount": str(self.amount), "currency": self.currency,
            "due_on": self.due_on.isoformat(), "paid_on": self.paid_on and self.paid_on.isoformat(),
        }  # fmt: skip
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def meaning(self) -> str:
        """Return what two reports of the same have in common, however many noughts an amount ends in."""
        return replace(self, amount=self.amount.normalize()).content()


class ItemError(ValueError):
    """An item cannot be taken down; one line with the field, never a value."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def check_paid(item: OverdueItem, today: date) -> None:
    """Check that an item has been paid by today; where the sender's day has begun, ours may not have.

    Raises:
        ItemError: it has not; paid is final, so that a slip of the pen would end the collection for good.
    """
    if item.paid_on is not None and (item.paid_on - today).days > 1:
        raise ItemError("paid_on", "lies in the future")


class Reported(StrEnum):
    """What came of a report. Paid is final: a report that comes late cannot make an item owed again."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    PAID = "paid"
    PAID_BEFORE = "paid_before"


def report_items(
    writing: Writing, actor: Actor, known: KnownCustomer, items: Sequence[OverdueItem]
) -> Counter[Reported]:
    """Take down a customer's overdue items; of an item the last report counts, and a paid one is closed.

    Returns:
        How many items became what.

    Raises:
        ItemError: an item is paid in the future.
    """
    for item in items:
        check_paid(item, writing.at.date())
    became: Counter[Reported] = Counter()
    for item in items:
        became[_report(writing, actor, known, item)] += 1
    writing.record("overdue.reported", known.id, {
        "items": len(items), **{str(what): number for what, number in sorted(became.items())},
        "content": keyed_hash(known.data_key, _KIND, "\n".join(item.meaning() for item in items)),
    })  # fmt: skip
    return became


def _report(writing: Writing, actor: Actor, known: KnownCustomer, item: OverdueItem) -> Reported:
    content = item.content()
    id_, content_hash = (
        keyed_hash(known.data_key, _KIND, text) for text in (f"id {item.item_id}", item.meaning())
    )
    row = {
        "due_on": item.due_on, "reported_at": writing.at, "reported_by": actor.name,
        "content_hash": content_hash, "sealed": seal(known.data_key, content.encode(), _purpose(id_)),
        "settled_at": None if item.paid_on is None else writing.at,
    }  # fmt: skip
    found = writing.connection.execute(select(overdue_items).where(overdue_items.c.id == id_)).one_or_none()
    if found is None:
        writing.connection.execute(insert(overdue_items).values(id=id_, customer=known.id, **row))
        return Reported.NEW if item.paid_on is None else Reported.PAID
    if found.settled_at is not None:
        return Reported.PAID_BEFORE
    if found.content_hash == content_hash:
        return Reported.SAME
    writing.connection.execute(update(overdue_items).where(overdue_items.c.id == id_).values(**row))
    if item.paid_on is None:
        return Reported.CHANGED
    writing.connection.execute(
        update(tasks)
        .where(tasks.c.item == id_, tasks.c.state == str(TaskState.OPEN))
        .values(state=str(TaskState.SETTLED), closed_at=writing.at)
    )
    return Reported.PAID


def owed_items(connection: Connection, known: KnownCustomer) -> list[OverdueItem]:
    """Return what a customer owes, the longest due first.

    Raises:
        SealError: what is kept was changed.
    """
    rows = connection.execute(
        select(overdue_items)
        .where(overdue_items.c.customer == known.id, overdue_items.c.settled_at.is_(None))
        .order_by(overdue_items.c.due_on, overdue_items.c.id)
    )
    found = []
    for row in rows:
        said: dict[str, Any] = json.loads(open_sealed(known.data_key, row.sealed, _purpose(row.id)))
        paid = said["paid_on"] and date.fromisoformat(said["paid_on"])
        due = date.fromisoformat(said["due_on"])
        found.append(OverdueItem(said["item_id"], Decimal(said["amount"]), said["currency"], due, paid))
    return found


def stages_wait(connection: Connection, plan: StrategyPlan, today: date) -> bool:
    """Whether an item has reached a stage that has no task yet."""
    return any(
        connection.execute(_reached(stage, today).limit(1)).one_or_none() is not None
        for stage in plan.collection
    )


def make_stages(writing: Writing, plan: StrategyPlan, most: int = PART) -> int:
    """Make the tasks of the stages that items have reached; a stage counts once for an item.

    Returns:
        How many tasks were made.
    """
    today = writing.at.date()
    made: list[Task] = []
    for stage in plan.collection:
        rows = writing.connection.execute(_reached(stage, today).limit(most - len(made))).all()
        made += [task_of_item(row.id, row.customer, stage, writing.at) for row in rows]
        if len(made) == most:
            break
    if made:
        insert_tasks(writing, made)
        writing.record("collection.staged", None, {"tasks": len(made), "digest": digest_of_tasks(made)})
    return len(made)


def credit_is_suspended(connection: Connection, plan: StrategyPlan, customer: str, today: date) -> bool:
    """Whether a customer owes an item that has reached a stage in which there is no credit."""
    after = [stage.after_days for stage in plan.collection if stage.suspends_credit]
    if not after:
        return False
    owed = exists().where(
        overdue_items.c.customer == customer,
        overdue_items.c.settled_at.is_(None),
        overdue_items.c.due_on <= today - timedelta(days=min(after)),
    )
    return bool(connection.execute(select(owed)).scalar_one())


def _reached(stage: Stage, today: date) -> Select[Any]:
    """Return the query for unpaid items that have reached a stage and have no task of it, oldest first."""
    has_task = exists().where(tasks.c.item == overdue_items.c.id, tasks.c.strategy == stage.id)
    query: Select[Any] = (
        select(overdue_items.c.id, overdue_items.c.customer)
        .where(
            overdue_items.c.settled_at.is_(None),
            overdue_items.c.due_on <= today - timedelta(days=stage.after_days),
            ~has_task,
        )
        .order_by(overdue_items.c.due_on, overdue_items.c.id)
    )
    return query


def _purpose(item: str) -> str:
    return f"overdue item {item}"
