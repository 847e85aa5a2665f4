"""Tasks as they are kept: what is to be done for a customer, by whom and by when; and doing them."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from features.terms import Tier
from serving.access.roles import PERSON, Actor
from serving.confidential.keyring import Keyring
from serving.confidential.sealing import open_sealed, seal
from serving.procedure import Procedure
from serving.reviews.adoptions import require_procedure
from serving.reviews.justification import digest_of
from serving.store.customers import open_customer
from serving.store.store import Writing
from serving.store.strategy_tables import tasks
from serving.strategies.declared import Stage, Strategy
from serving.strategies.plan import StrategyPlan

_LONGEST_TEXT = 4000


class TaskError(ValueError):
    """A task cannot be done as asked; one line that says why."""


class UnknownTask(TaskError):
    """There is no such task."""


class TaskState(StrEnum):
    """Where a task stands. All but `open` are final.

    `superseded`: the tier that asked for it has ended; `settled`: the overdue item is paid; `withdrawn`: the
    customer was erased.
    """

    OPEN = "open"
    DONE = "done"
    SUPERSEDED = "superseded"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Task:
    """A task, as the columns of the store's table say; its customer is a pseudonym."""

    id: str
    customer: str
    change: str | None
    item: str | None
    strategy: str
    tier: Tier | None
    occurrence: int
    department: str
    person: str | None
    kpi: str
    opened_at: datetime
    due_at: datetime
    next_at: datetime | None = None
    state: TaskState = TaskState.OPEN
    closed_at: datetime | None = None
    closed_by: str | None = None
    kpi_value: float | None = None
    evidence: bytes | None = None

    @property
    def owner(self) -> str:
        """Who is to do it: a person, else a department."""
        return self.person or self.department

    def overdue(self, at: datetime) -> bool:
        """Whether it is still to be done and its time is over."""
        return self.state is TaskState.OPEN and self.due_at < at


def task_of_change(
    change: str, customer: str, tier: Tier, strategy: Strategy, opened_at: datetime, occurrence: int = 1
) -> Task:
    """Return the task that a strategy asks for after a change of tier, the same whenever it is asked."""
    due_at = opened_at + timedelta(days=strategy.days)
    return Task(
        id=_id(change, strategy.id, occurrence), customer=customer, change=change, item=None,
        strategy=strategy.id, tier=tier, occurrence=occurrence, department=strategy.department, person=None,
        kpi=strategy.kpi.id, opened_at=opened_at, due_at=due_at,
        next_at=due_at if strategy.recurring else None,
    )  # fmt: skip


def task_of_item(item: str, customer: str, stage: Stage, opened_at: datetime) -> Task:
    """Return the task of a stage of collecting an overdue item."""
    return Task(
        id=_id(item, stage.id, 1), customer=customer, change=None, item=item, strategy=stage.id, tier=None,
        occurrence=1, department=stage.department, person=None, kpi=stage.kpi.id, opened_at=opened_at,
        due_at=opened_at + timedelta(days=stage.days),
    )  # fmt: skip


def insert_tasks(writing: Writing, made: Iterable[Task]) -> None:
    """Keep new tasks."""
    rows = [{name: _plain(value) for name, value in asdict(task).items()} for task in made]
    if rows:
        writing.connection.execute(insert(tasks), rows)


def digest_of_tasks(made: Iterable[Task]) -> str:
    """Return the SHA-256 (hex) over tasks' ids and states, by which one audit entry vouches for all."""
    return hashlib.sha256("".join(sorted(f"{task.id} {task.state}\n" for task in made)).encode()).hexdigest()


def load_task(connection: Connection, task_id: str) -> Task:
    """Return a task.

    Raises:
        UnknownTask: there is none of this id.
    """
    row = connection.execute(select(tasks).where(tasks.c.id == task_id)).one_or_none()
    if row is None:
        raise UnknownTask("there is no such task")
    return task_of(row)


def open_tasks(
    connection: Connection,
    *,
    owner: str | None = None,
    overdue_at: datetime | None = None,
    after: Task | None = None,
    most: int | None = None,
) -> list[Task]:
    """Return the tasks that are to be done, those due first.

    Args:
        connection: the transaction.
        owner: a department or person; of a department also what falls to persons.
        overdue_at: only those whose time is over at that moment.
        after: only those that come after this one, which may be closed by now.
        most: how many at most.
    """
    query = select(tasks).where(*_open(owner, overdue_at)).order_by(tasks.c.due_at, tasks.c.id)
    if after is not None:
        query = query.where(_due_after(after))
    return [task_of(row) for row in connection.execute(query if most is None else query.limit(most))]


def count_open(
    connection: Connection, *, owner: str | None = None, overdue_at: datetime | None = None
) -> int:
    """Return how many tasks are to be done; see `open_tasks`."""
    query = select(func.count()).select_from(tasks).where(*_open(owner, overdue_at))
    return int(connection.execute(query).scalar_one())


def tasks_for(
    connection: Connection, customer: str, most: int | None = None, *, after: Task | None = None
) -> list[Task]:
    """Return the tasks for a customer, by the pseudonym, the newest first, whatever became of them.

    Args:
        connection: the transaction.
        customer: the pseudonym.
        most: how many at most.
        after: only those that come after this one.
    """
    query = (
        select(tasks)
        .where(tasks.c.customer == customer)
        .order_by(tasks.c.opened_at.desc(), tasks.c.due_at, tasks.c.id)
    )
    if after is not None:
        same = and_(tasks.c.opened_at == after.opened_at, _due_after(after))
        query = query.where(or_(tasks.c.opened_at < after.opened_at, same))
    return [task_of(row) for row in connection.execute(query if most is None else query.limit(most))]


def complete(
    writing: Writing,
    actor: Actor,
    keyring: Keyring,
    procedure: Procedure,
    task_id: str,
    *,
    evidence: str,
    kpi_value: float | None = None,
    person: str | None = None,
) -> Task:
    """Record that a task is done.

    Where it was to name the account manager, what falls to that person is theirs from now on.

    Args:
        writing: the transaction.
        actor: who has done it.
        keyring: opens the customer's key, with which the evidence is sealed.
        procedure: whose strategies say which tasks name a person.
        task_id: the task.
        evidence: what was done, in words.
        kpi_value: the task's KPI, as measured.
        person: the account manager, where the task is to name one.

    Raises:
        UnknownTask: there is none of this id.
        TaskError: it is closed, a text is empty or too long, or a person is missing or named in vain.
        NotAdopted: the procedure is not the one adopted.
    """
    require_procedure(writing.connection, procedure, writing.at)
    plan = procedure.strategies
    task = load_task(writing.connection, task_id)
    if task.state is not TaskState.OPEN:
        raise TaskError(f"the task is {task.state} already")
    if not 0 < len(evidence) <= _LONGEST_TEXT:
        raise TaskError(f"evidence: give a text of 1 to {_LONGEST_TEXT} characters")
    if kpi_value is not None and not math.isfinite(kpi_value):
        raise TaskError("kpi: must be a finite number")
    strategy = plan.strategy(task.tier, task.strategy)
    naming = strategy is not None and strategy.names_manager
    if naming != (person is not None):
        raise TaskError(f"person: {'name the account manager' if naming else 'is for naming a manager only'}")
    if person is not None and not PERSON.fullmatch(person):
        raise TaskError("person: must be a name without blanks, as keys and tokens have it")
    known = open_customer(writing.connection, keyring, task.customer)
    sealed = seal(known.data_key, evidence.encode(), _purpose(task.id))
    done: dict[str, Any] = {"state": str(TaskState.DONE), "closed_at": writing.at, "closed_by": actor.name}
    done |= {"kpi_value": kpi_value, "evidence": sealed}
    if person is not None:
        done["person"] = person
        theirs = [of.id for of in plan.of(task.tier) if of.by_manager]
        writing.connection.execute(
            update(tasks)
            .where(
                tasks.c.change == task.change,
                tasks.c.strategy.in_(theirs),
                tasks.c.state == str(TaskState.OPEN),
            )
            .values(person=person)
        )
    writing.connection.execute(update(tasks).where(tasks.c.id == task.id).values(**done))
    writing.record("task.done", task.customer, {
        "task": task.id, "strategy": task.strategy, "way": actor.way, "persons": sorted(actor.persons),
        "evidence": digest_of(sealed), "manager": person,
    })  # fmt: skip
    return load_task(writing.connection, task.id)


def managers_of(connection: Connection, plan: StrategyPlan, of: Iterable[Task]) -> dict[str, str]:
    """Return the account managers whom tasks of the same changes of tier have named, by change."""
    naming = {strategy.id for tier in Tier for strategy in plan.of(tier) if strategy.names_manager}
    rows = connection.execute(
        select(tasks.c.change, tasks.c.person)
        .where(
            tasks.c.change.in_({task.change for task in of if task.change is not None}),
            tasks.c.strategy.in_(naming),
            tasks.c.state == str(TaskState.DONE),
            tasks.c.person.is_not(None),
        )
        .order_by(tasks.c.closed_at)
    )
    return {row.change: row.person for row in rows}


def evidence_of(connection: Connection, keyring: Keyring, task: Task) -> str | None:
    """Return what was said when a task was done; None where it was not.

    Raises:
        UnknownCustomer: the customer was erased.
        SealError: it was changed.
    """
    if task.evidence is None:
        return None
    known = open_customer(connection, keyring, task.customer)
    return open_sealed(known.data_key, task.evidence, _purpose(task.id)).decode()


def task_of(row: Row[Any]) -> Task:
    """Return a row of the store's table as a task."""
    kept = dict(row._mapping)
    kept["tier"] = None if row.tier is None else Tier(row.tier)
    kept["state"] = TaskState(row.state)
    return Task(**kept)


def _open(owner: str | None, overdue_at: datetime | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [tasks.c.state == str(TaskState.OPEN)]
    if owner is not None:
        wanted.append(or_(tasks.c.person == owner, tasks.c.department == owner))
    if overdue_at is not None:
        wanted.append(tasks.c.due_at < overdue_at)
    return wanted


def _due_after(task: Task) -> ColumnElement[bool]:
    return or_(tasks.c.due_at > task.due_at, and_(tasks.c.due_at == task.due_at, tasks.c.id > task.id))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StrEnum) else value


def _id(of: str, strategy: str, occurrence: int) -> str:
    return hashlib.sha256(f"task {of} {strategy} {occurrence}".encode()).hexdigest()[:32]


def _purpose(task: str) -> str:
    return f"evidence of task {task}"
