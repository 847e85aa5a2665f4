"""Tasks and list entries follow from changes of the tier that counts, each exactly once (M15 to M18).

They are made behind the changes, in parts of their own, by a place in the order of changes that moves on in
the same transaction. What there is at a moment is the same whenever the parts ran, and however often one was
killed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from features.terms import Tier
from serving.store.case_tables import changes
from serving.store.store import Writing
from serving.store.strategy_tables import list_entries, strategy_progress, tasks
from serving.store.tables import customers
from serving.strategies.plan import StrategyPlan
from serving.strategies.tasks import (
    Task,
    TaskState,
    digest_of_tasks,
    insert_tasks,
    managers_of,
    task_of,
    task_of_change,
)

# Followed in one transaction: well under a second.
PART = 500


def changes_wait(connection: Connection) -> bool:
    """Whether there are changes from which tasks have not followed yet."""
    return bool(connection.execute(select(exists().where(changes.c.sequence > _followed()))).scalar_one())


def follow_changes(writing: Writing, plan: StrategyPlan, most: int = PART) -> int:
    """Make the tasks and list entries of the next changes, and close those of the tiers that ended.

    Returns:
        How many changes were followed; 0 where none waits.
    """
    rows = writing.connection.execute(
        select(changes).where(changes.c.sequence > _followed()).order_by(changes.c.sequence).limit(most)
    ).all()
    if not rows:
        return 0
    book = _Book(writing.connection, plan, {row.customer for row in rows})
    for row in rows:
        book.end(row.customer, row.at)
        if row.after is not None:
            book.begin(row)
    book.write(writing)
    writing.connection.execute(update(strategy_progress).values(sequence=rows[-1].sequence))
    writing.record("strategies.followed", None, {
        "changes": len(rows), "last": rows[-1].id, "tasks": len(book.written),
        "digest": digest_of_tasks(book.written.values()),
    })  # fmt: skip
    return len(rows)


def recurrences_wait(connection: Connection, at: datetime) -> bool:
    """Whether a recurring task is to be made again at a moment."""
    return bool(connection.execute(select(exists().where(tasks.c.next_at <= at))).scalar_one())


def make_recurring(writing: Writing, plan: StrategyPlan, most: int = PART) -> int:
    """Make the next occurrences of recurring tasks; those before stay open until they are done.

    Only where every change has been followed: a tier that has ended asks for nothing more.

    Returns:
        How many tasks had a next one due.
    """
    heads = writing.connection.execute(
        select(tasks).where(tasks.c.next_at <= writing.at).order_by(tasks.c.next_at, tasks.c.id).limit(most)
    ).all()
    if not heads:
        return 0
    last = [task_of(row) for row in heads]
    managers = managers_of(writing.connection, plan, last)
    found = [later_occurrences(plan, task, writing.at, managers) for task in last]
    _update(writing, [first for first, *_ in found])
    made = [task for _, *later in found for task in later]
    insert_tasks(writing, made)
    writing.record("strategies.recurred", None, {"tasks": len(made), "digest": digest_of_tasks(made)})
    return len(heads)


def later_occurrences(
    plan: StrategyPlan, task: Task, until: datetime, managers: Mapping[str, str]
) -> list[Task]:
    """Return a recurring task and the occurrences after it that have begun by a moment.

    The last of them is the one from which it goes on; where the procedure asks for it no more, none is. What
    falls to the account manager is that of whom `managers` has by the change.
    """
    found = [task]
    while (begins := found[-1].next_at) is not None and begins <= until:
        last = found[-1]
        found[-1] = replace(last, next_at=None)
        strategy = plan.strategy(last.tier, last.strategy)
        if strategy is None or not strategy.recurring or last.tier is None or last.change is None:
            break
        again = task_of_change(
            last.change, last.customer, last.tier, strategy, begins, occurrence=last.occurrence + 1
        )
        found.append(replace(again, person=managers.get(last.change) if strategy.by_manager else None))
    return found


class UnknownList(ValueError):
    """There is no list of a name, and never was; one line that names those there are."""


@dataclass(frozen=True)
class Listed:
    """A customer, by the pseudonym, on a list: since when, until when where that is over, by which change."""

    list: str
    customer: str
    since: datetime
    until: datetime | None
    change: str


def require_list(connection: Connection, plan: StrategyPlan, name: str) -> None:
    """Refuse a list that the strategies do not have, unless there was one under strategies before.

    An unknown name would read as a list on which nobody stands.

    Raises:
        UnknownList: it is none.
    """
    if name in plan.lists:
        return
    if not connection.execute(select(exists().where(list_entries.c.list == name))).scalar_one():
        there = f"one of {', '.join(plan.lists)}" if plan.lists else "none: the procedure has no lists"
        raise UnknownList(f"there is no such list; give {there}")


def on_list(
    connection: Connection, name: str, at: datetime, *, after: Listed | None = None, most: int | None = None
) -> Sequence[Listed]:
    """Return who stood on a list at a moment, the longest there first.

    Args:
        connection: the transaction.
        name: the list.
        at: the moment.
        after: only those who come after this one.
        most: how many at most.
    """
    since, customer = list_entries.c.since, list_entries.c.customer
    query = select(list_entries).where(*_there(name, at)).order_by(since, customer)
    if after is not None:
        query = query.where(or_(since > after.since, and_(since == after.since, customer > after.customer)))
    return [_listed(row) for row in connection.execute(query if most is None else query.limit(most))]


def count_on_list(connection: Connection, name: str, at: datetime) -> int:
    """Return how many stood on a list at a moment."""
    query = select(func.count()).select_from(list_entries).where(*_there(name, at))
    return int(connection.execute(query).scalar_one())


def list_entry(connection: Connection, name: str, change: str) -> Listed | None:
    """Return what stands on a list by a change; None where nothing does."""
    row = connection.execute(
        select(list_entries).where(list_entries.c.change == change, list_entries.c.list == name)
    ).one_or_none()
    return None if row is None else _listed(row)


def _there(name: str, at: datetime) -> list[ColumnElement[bool]]:
    return [
        list_entries.c.list == name,
        list_entries.c.since <= at,
        or_(list_entries.c.until.is_(None), list_entries.c.until > at),
    ]


def _listed(row: Row[Any]) -> Listed:
    return Listed(row.list, row.customer, row.since, row.until, row.change)


class _Book:
    """The tasks and list entries of some customers, while changes are followed; written at the end.

    `written` are the tasks that are new or different, by id.
    """

    def __init__(self, connection: Connection, plan: StrategyPlan, pseudonyms: set[str]) -> None:
        self._plan = plan
        self.written: dict[str, Task] = {}
        self._kept: set[str] = set()
        self._running: dict[str, list[Task]] = {}
        self._entries: dict[str, list[dict[str, Any]]] = {}
        self._ended: dict[str, datetime] = {}
        among = sorted(pseudonyms)
        erased = select(customers.c.id).where(customers.c.id.in_(among), customers.c.erased_at.is_not(None))
        self._erased = set(connection.execute(erased).scalars())
        running = select(tasks).where(
            tasks.c.customer.in_(among),
            tasks.c.change.is_not(None),
            or_(tasks.c.state == str(TaskState.OPEN), tasks.c.next_at.is_not(None)),
        )
        for row in connection.execute(running):
            self._kept.add(row.id)
            self._running.setdefault(row.customer, []).append(task_of(row))
        kept = [task for of_customer in self._running.values() for task in of_customer]
        self._managers = managers_of(connection, plan, kept)
        entries = select(list_entries.c.customer, list_entries.c.change).where(
            list_entries.c.customer.in_(among), list_entries.c.until.is_(None)
        )
        self._listed = {row.customer: row.change for row in connection.execute(entries)}

    def end(self, customer: str, at: datetime) -> None:
        """Close what a customer's tier has asked for, after all that it asked for until then."""
        for task in self._running.pop(customer, ()):
            for of in later_occurrences(self._plan, task, at, self._managers):
                closed = replace(of, next_at=None)
                if of.state is TaskState.OPEN:
                    closed = replace(closed, state=TaskState.SUPERSEDED, closed_at=at)
                self.written[of.id] = closed
        change = self._listed.pop(customer, None)
        if change is not None:
            self._ended[change] = at

    def begin(self, change: Row[Any]) -> None:
        """Open what a customer's new tier asks for."""
        if change.customer in self._erased:
            return
        tier = Tier(change.after)
        strategies = self._plan.of(tier)
        made = [task_of_change(change.id, change.customer, tier, of, change.at) for of in strategies]
        self._running[change.customer] = made
        self.written |= {task.id: task for task in made}
        lists = [of.on_list for of in strategies if of.on_list is not None]
        if lists:
            self._listed[change.customer] = change.id
            self._entries[change.id] = [
                {"change": change.id, "list": name, "customer": change.customer, "since": change.at}
                for name in lists
            ]

    def write(self, writing: Writing) -> None:
        """Write all of it."""
        insert_tasks(writing, (task for id_, task in self.written.items() if id_ not in self._kept))
        _update(writing, [task for id_, task in self.written.items() if id_ in self._kept])
        entries = [
            {**entry, "until": self._ended.get(change)}
            for change, made in self._entries.items()
            for entry in made
        ]
        if entries:
            writing.connection.execute(insert(list_entries), entries)
        ended = [
            {"its_change": change, "its_end": at}
            for change, at in self._ended.items()
            if change not in self._entries
        ]
        if ended:
            writing.connection.execute(
                update(list_entries)
                .where(list_entries.c.change == bindparam("its_change"))
                .values(until=bindparam("its_end")),
                ended,
            )


def _update(writing: Writing, changed: Iterable[Task]) -> None:
    """Write how tasks that are kept stand now."""
    rows = [
        {"its_id": of.id, "its_state": str(of.state), "its_end": of.closed_at, "its_next": of.next_at}
        for of in changed
    ]
    if rows:
        writing.connection.execute(
            update(tasks)
            .where(tasks.c.id == bindparam("its_id"))
            .values(
                state=bindparam("its_state"), closed_at=bindparam("its_end"), next_at=bindparam("its_next")
            ),
            rows,
        )


def _followed() -> Any:
    return select(strategy_progress.c.sequence).scalar_subquery()
