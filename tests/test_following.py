"""Tasks and lists follow from changes exactly once, whatever is killed, and end with the tier that asked."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from features.terms import Nature, Tier
from serving.audit.verification import verify
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.reviews.standings import Layer, lift, put_in_force, standing_of
from serving.store.case_tables import changes
from serving.store.customers import UnknownCustomer, erase_customer, ids_of, register_customers
from serving.store.store import Store, create_store
from serving.store.strategy_tables import list_entries, tasks
from serving.store.tables import audit_entries
from serving.strategies.declared import Kpi, Strategy
from serving.strategies.endpoints import STRATEGY_ROUTES, StrategyEndpoints
from serving.strategies.following import Listed, follow_changes, on_list
from serving.strategies.plan import StrategyPlan
from serving.strategies.tasks import (
    Task,
    TaskError,
    TaskState,
    UnknownTask,
    complete,
    count_open,
    evidence_of,
    load_task,
    open_tasks,
    tasks_for,
)
from serving.strategies.upkeep import Done, Upkeep
from tests.killed_work import upkeep_in_process
from tests.killing import finish_although_killed
from tests.reviewed import acting
from tests.stores import ACTOR, database_url, store

__all__ = ["database_url", "store"]

PROCEDURE = Procedure()
PLAN = PROCEDURE.strategies
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
ANN = acting("ann")


class Killed(Exception):
    """What a crash looks like from within a transaction."""


def customer_in(store: Store, name: str, at: datetime = START) -> str:
    with store.writing("ann", at) as writing:
        return register_customers(writing, store.keyring, {name: Nature.ENTERPRISE})[name].id


def put(
    store: Store, customer: str, tier: Tier, at: datetime, layer: Layer = Layer.APPROVED, days: int = 30
) -> None:
    until = at + timedelta(days=days) if layer is Layer.OVERRIDE else None
    with store.writing("ann", at) as writing:
        put_in_force(writing, customer, layer, tier, expires_at=until)


def keep_up(store: Store, at: datetime, procedure: Procedure = PROCEDURE) -> Done:
    return Upkeep(store, procedure).run(at)


def all_tasks(store: Store, customer: str) -> list[Task]:
    with store.reading() as connection:
        return tasks_for(connection, customer)


def entries(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(audit_entries)).scalar_one())


def prescribed(
    store: Store, customer: str, at: datetime, plan: StrategyPlan, done: dict[str, datetime]
) -> tuple[list[Task], list[Listed]]:
    """Return by a plain loop what there must be for a customer at a moment, after its changes."""
    with store.reading() as connection:
        rows = connection.execute(
            select(changes).where(changes.c.customer == customer).order_by(changes.c.sequence)
        ).all()
    found, lists = [], []
    for place, row in enumerate(rows):
        if row.after is None:
            continue
        end = rows[place + 1].at if place + 1 < len(rows) else None
        for strategy in plan.of(Tier(row.after)):
            period, occurrence = timedelta(days=strategy.days), 1
            opened = row.at
            while True:
                found.append(
                    Task(
                        id="", customer=customer, change=row.id, item=None, strategy=strategy.id,
                        tier=Tier(row.after), occurrence=occurrence, department=strategy.department,
                        person=None, kpi=strategy.kpi.id, opened_at=opened, due_at=opened + period,
                        state=TaskState.OPEN if end is None else TaskState.SUPERSEDED, closed_at=end,
                    )
                )  # fmt: skip
                opened, occurrence = opened + period, occurrence + 1
                if not strategy.recurring or opened > (end or at):
                    break
            if strategy.on_list is not None:
                lists.append(Listed(strategy.on_list, customer, row.at, end, row.id))
    return [_as_done(task, done) for task in found], lists


def _key(task: Task) -> str:
    return f"{task.change} {task.strategy} {task.occurrence}"


def _as_done(task: Task, done: dict[str, datetime]) -> Task:
    at = done.get(_key(task))
    return task if at is None else replace(task, state=TaskState.DONE, closed_at=at)


def comparable(task: Task) -> Task:
    return replace(task, id="", person=None, next_at=None, closed_by=None, evidence=None, kpi_value=None)


def check(store: Store, customer: str, at: datetime, done: dict[str, datetime]) -> None:
    expected, lists = prescribed(store, customer, at, PLAN, done)
    assert Counter(map(comparable, all_tasks(store, customer))) == Counter(expected)
    with store.reading() as connection:
        rows = connection.execute(select(list_entries).where(list_entries.c.customer == customer)).all()
        standing = standing_of(connection, customer, at)
    found = (Listed(row.list, row.customer, row.since, row.until, row.change) for row in rows)
    assert Counter(found) == Counter(lists)
    still_open = [task for task in expected if task.state is TaskState.OPEN]
    assert all(task.tier is standing.tier for task in still_open)


@dataclass
class Course:
    """What has happened to two customers so far."""

    customers: list[str]
    at: datetime = START
    done: list[dict[str, datetime]] = field(default_factory=lambda: [{}, {}])


MOST = st.integers(1, 3)
TIERS = st.sampled_from([Tier.PREMIUM, Tier.GOOD, Tier.GENERAL, Tier.RISK, Tier.RISK, Tier.UNRATED])
PUT = st.tuples(st.just("put"), st.integers(0, 1), st.sampled_from(Layer), TIERS)
STEPS = st.lists(
    st.one_of(
        PUT,
        PUT,
        st.tuples(st.just("lift"), st.integers(0, 1), st.sampled_from([Layer.HOLD, Layer.OVERRIDE])),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 45, 100])),
        st.tuples(st.just("keep_up"), MOST, st.integers(1, 3)),
        st.tuples(st.just("killed"), MOST),
        st.tuples(st.just("done"), st.integers(0, 1), st.integers(0, 2)),
    ),
    min_size=20,
    max_size=20,
)


def take(store: Store, course: Course, step: tuple[Any, ...]) -> None:
    match step:
        case "put", who, layer, tier:
            tier = Tier.RISK if layer is Layer.HOLD else tier
            put(store, course.customers[who], tier, course.at, layer)
        case "lift", who, layer:
            with store.writing("ann", course.at) as writing:
                lift(writing, course.customers[who], layer)
        case "wait", days:
            course.at += timedelta(days=days, seconds=1)
        case "keep_up", part, parts:
            upkeep = Upkeep(store, PROCEDURE, part=part)
            for _ in range(parts):
                upkeep.next_part(course.at)
        case "killed", part:
            with contextlib.suppress(Killed), store.writing("upkeep", course.at) as writing:
                Upkeep(store, PROCEDURE, part=part).advance(writing)
                raise Killed
        case "done", who, place:
            finish(store, course, who, place)


def finish(store: Store, course: Course, who: int, place: int) -> None:
    waiting = [task for task in all_tasks(store, course.customers[who]) if task.state is TaskState.OPEN]
    if place >= len(waiting):
        return
    task = waiting[place]
    person = "mei" if task.strategy == "account_manager" else None
    with store.writing("ann", course.at) as writing:
        complete(writing, ANN, store.keyring, PROCEDURE, task.id, evidence="called", person=person)
    course.done[who][_key(task)] = course.at


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_every_change_has_exactly_its_tiers_tasks_whatever_is_killed(
    store: Store, steps: list[tuple[Any, ...]]
) -> None:
    names = [f"C-{entries(store)}-{place}" for place in range(2)]
    course = Course([customer_in(store, name) for name in names])
    for step in steps:
        take(store, course, step)
    keep_up(store, course.at)
    for customer, done in zip(course.customers, course.done, strict=True):
        check(store, customer, course.at, done)
    before = entries(store)
    assert keep_up(store, course.at) == Done()
    assert entries(store) == before, "what has nothing to do writes nothing"
    # Nothing recurs for them in the next example, which begins at the same moment.
    for customer in course.customers:
        for layer in Layer:
            with store.writing("ann", course.at) as writing:
                lift(writing, customer, layer)
    keep_up(store, course.at)
    with store.reading() as connection:
        assert count_open(connection) == 0
        assert verify(connection, store.keyring, store.heads).bad_entry is None


def test_the_tasks_of_a_tier_that_ended_are_closed_as_superseded_and_not_lost(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.GOOD, START)
    keep_up(store, START)
    later = START + timedelta(days=10)
    put(store, customer, Tier.RISK, later, Layer.HOLD)
    assert keep_up(store, later).followed == 1
    by_tier = {tier: [task for task in all_tasks(store, customer) if task.tier is tier] for tier in Tier}
    assert [len(by_tier[tier]) for tier in (Tier.GOOD, Tier.RISK)] == [3, 3]
    assert {(task.state, task.closed_at) for task in by_tier[Tier.GOOD]} == {(TaskState.SUPERSEDED, later)}
    assert {task.state for task in by_tier[Tier.RISK]} == {TaskState.OPEN}
    with store.reading() as connection:
        assert [of.customer for of in on_list(connection, "early_warning", later)] == [customer]
        assert on_list(connection, "early_warning", later - timedelta(seconds=1)) == []


def test_a_tier_that_ends_before_anybody_looked_has_had_its_tasks_and_its_place_on_lists(
    store: Store,
) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.GENERAL, START)
    put(store, customer, Tier.PREMIUM, START + timedelta(days=100))
    keep_up(store, START + timedelta(days=101))
    visits = sorted(
        (task.occurrence, task.state)
        for task in all_tasks(store, customer)
        if task.strategy == "follow_up_visit"
    )
    assert visits == [(1, TaskState.SUPERSEDED), (2, TaskState.SUPERSEDED)]
    with store.reading() as connection:
        for days, name, there in ((99, "upward_watch", 1), (100, "upward_watch", 0), (100, "priority", 1)):
            assert len(on_list(connection, name, START + timedelta(days=days))) == there, (days, name)


def test_an_expired_override_ends_its_tasks_when_the_time_is_over(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.RISK, START)
    put(store, customer, Tier.GOOD, START + timedelta(days=1), Layer.OVERRIDE, days=10)
    end = START + timedelta(days=11)
    assert keep_up(store, end - timedelta(seconds=1)).expired == 0
    assert keep_up(store, end + timedelta(hours=5)).expired == 1
    check(store, customer, end + timedelta(hours=5), {})
    assert {task.opened_at for task in all_tasks(store, customer)} == {
        START, START + timedelta(days=1), end,
    }  # fmt: skip


def test_what_is_not_done_stays_and_is_overdue_when_the_next_begins(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.GOOD, START)
    at = START + timedelta(days=125)
    keep_up(store, at)
    with store.reading() as connection:
        late = open_tasks(connection, overdue_at=at)
        assert Counter(task.strategy for task in late) == {
            "regular_contact": 2, "upgrade_offer": 1, "guidance": 1,
        }  # fmt: skip
        assert all(task.overdue(at) for task in late)
        assert count_open(connection) == 7
        assert count_open(connection, owner="sales") == 3
        assert count_open(connection, owner="sales", overdue_at=at) == 2
        assert [task.due_at for task in open_tasks(connection, most=2)] == sorted(
            task.due_at for task in open_tasks(connection)
        )[:2]
    assert not open_tasks_at(store, START + timedelta(days=60))


def open_tasks_at(store: Store, at: datetime) -> list[Task]:
    with store.reading() as connection:
        return open_tasks(connection, overdue_at=at)


def test_a_task_is_done_once_with_evidence_that_only_the_customers_key_opens(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.GOOD, START)
    keep_up(store, START)
    task = next(task for task in all_tasks(store, customer) if task.strategy == "regular_contact")
    with store.writing("ann", START + timedelta(days=2)) as writing:
        done = complete(
            writing,
            ANN,
            store.keyring,
            PROCEDURE,
            task.id,
            evidence="met Ms Wu; no complaints",
            kpi_value=1.0,
        )
    assert (done.state, done.closed_by, done.closed_at, done.kpi_value) == (
        TaskState.DONE, "ann", START + timedelta(days=2), 1.0,
    )  # fmt: skip
    assert done.evidence is not None
    assert b"Wu" not in done.evidence
    with store.reading() as connection:
        assert evidence_of(connection, store.keyring, done) == "met Ms Wu; no complaints"
        facts = connection.execute(
            select(audit_entries.c.facts).where(audit_entries.c.action == "task.done")
        ).scalar_one()
    assert "Wu" not in facts
    with pytest.raises(TaskError, match="done already"), store.writing("bob") as writing:
        complete(writing, acting("bob"), store.keyring, PROCEDURE, task.id, evidence="again")
    keep_up(store, START + timedelta(days=61))
    contacts = [task for task in all_tasks(store, customer) if task.strategy == "regular_contact"]
    assert sorted((task.occurrence, task.state) for task in contacts) == [
        (1, TaskState.DONE), (2, TaskState.OPEN),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"evidence": ""}, "evidence"),
        ({"evidence": "x" * 4001}, "evidence"),
        ({"evidence": "done", "kpi_value": float("nan")}, "kpi"),
        ({"evidence": "done", "person": "mei"}, "naming a manager only"),
    ],
)
def test_a_task_is_not_done_without_what_it_asks_for(store: Store, told: dict[str, Any], reason: str) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.GENERAL, START)
    keep_up(store, START)
    task = all_tasks(store, customer)[0]
    before = entries(store)
    with pytest.raises(TaskError, match=reason), store.writing("ann") as writing:
        complete(writing, ANN, store.keyring, PROCEDURE, task.id, **told)
    with pytest.raises(UnknownTask), store.writing("ann") as writing:
        complete(writing, ANN, store.keyring, PROCEDURE, "0" * 32, evidence="done")
    assert entries(store) == before


def test_a_named_account_manager_owns_what_is_theirs_from_then_on(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.PREMIUM, START)
    keep_up(store, START)
    naming = next(task for task in all_tasks(store, customer) if task.strategy == "account_manager")
    for person in (None, "no name"):
        with pytest.raises(TaskError, match="person"), store.writing("ann", START) as writing:
            complete(writing, ANN, store.keyring, PROCEDURE, naming.id, evidence="named", person=person)
    with store.writing("ann", START) as writing:
        complete(writing, ANN, store.keyring, PROCEDURE, naming.id, evidence="named", person="mei")
    keep_up(store, START + timedelta(days=70))
    owners = {(task.strategy, task.owner) for task in all_tasks(store, customer)}
    assert owners == {
        ("account_manager", "mei"), ("one_to_one_service", "mei"), ("joint_development", "mei"),
        ("priority", "customer_service"), ("loyalty_incentives", "marketing"),
    }  # fmt: skip
    with store.reading() as connection:
        assert count_open(connection, owner="mei") == 4
        assert count_open(connection, owner="sales") == 3


def test_an_erased_customer_asks_for_nothing_more(store: Store) -> None:
    gone, stays = customer_in(store, "C-1"), customer_in(store, "C-2")
    for customer in (gone, stays):
        put(store, customer, Tier.GENERAL, START)
    keep_up(store, START)
    task = all_tasks(store, gone)[0]
    with store.writing("ann", START) as writing:
        complete(writing, ANN, store.keyring, PROCEDURE, task.id, evidence="a secret", kpi_value=4711.0)
        writing.connection.execute(update(tasks).where(tasks.c.id == task.id).values(person="mei"))
    put(store, gone, Tier.RISK, START, Layer.HOLD)
    with store.writing("dpo", START) as writing:
        erase_customer(writing, gone)
    keep_up(store, START + timedelta(days=200))
    states = Counter(task.state for task in all_tasks(store, gone))
    assert states == {TaskState.DONE: 1, TaskState.WITHDRAWN: 1}
    assert {(task.person, task.kpi_value) for task in all_tasks(store, gone)} == {(None, None)}
    assert len(all_tasks(store, stays)) == 5
    with store.reading() as connection:
        assert [of.customer for of in on_list(connection, "visits", START)] == [stays]
        with pytest.raises(UnknownCustomer):
            evidence_of(connection, store.keyring, load_task(connection, task.id))


def test_what_was_done_before_a_manager_was_named_stays_whose_it_was(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.PREMIUM, START)
    keep_up(store, START)
    by_strategy = {task.strategy: task for task in all_tasks(store, customer)}
    for strategy, person in (("one_to_one_service", None), ("account_manager", "mei")):
        with store.writing("ann", START) as writing:
            task = by_strategy[strategy]
            complete(writing, ANN, store.keyring, PROCEDURE, task.id, evidence="done", person=person)
    service = PLAN.strategy(Tier.PREMIUM, "one_to_one_service")
    assert service is not None
    assert service.recurring
    keep_up(store, START + timedelta(days=service.days))
    put(store, customer, Tier.GOOD, START + timedelta(days=3 * service.days))
    keep_up(store, START + timedelta(days=3 * service.days))
    found = sorted(
        (task.occurrence, task.state, task.person)
        for task in all_tasks(store, customer)
        if task.strategy == "one_to_one_service"
    )
    assert found == [
        (1, TaskState.DONE, None),
        *((occurrence, TaskState.SUPERSEDED, "mei") for occurrence in (2, 3, 4)),
    ]


def pages_of(work: Any, part: str, of: str, query: dict[str, str]) -> list[list[str]]:
    """Return what the pages of an answer show, one after the other."""
    pages: list[list[str]] = []
    after: dict[str, str] = {}
    while True:
        answer = work(ANN, {"list": "visits", "customer_id": "C-0"}, {**query, **after})
        pages.append([one[of] for one in answer[part]])
        if answer["next"] is None:
            return pages
        after = {"after": answer["next"]}


def test_lists_and_tasks_are_read_to_their_end_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [customer_in(store, f"C-{place}") for place in range(5)]
    for place, customer in enumerate(found):
        put(store, customer, Tier.GENERAL, START + timedelta(days=place // 3))
    with store.writing("dpo", START + timedelta(days=2)) as writing:
        follow_changes(writing, PLAN)
    listed, tasks, of_customer = (
        partial(STRATEGY_ROUTES["GET", path], StrategyEndpoints(store, PROCEDURE))
        for path in ("/v1/lists/{list}", "/v1/tasks", "/v1/customers/{customer_id}/tasks")
    )
    names = {"C-0", "C-1", "C-2", "C-3", "C-4"}
    whole = [
        pages_of(listed, "customers", "customer_id", {}),
        pages_of(tasks, "tasks", "task", {"owner": "sales"}),
        pages_of(of_customer, "tasks", "task", {}),
    ]
    assert [len(pages) for pages in whole] == [1, 1, 1]
    assert (set(whole[0][0]), len(whole[1][0]), len(whole[2][0])) == (names, 5, 2)
    monkeypatch.setattr("serving.strategies.endpoints.MOST_SHOWN", 2)
    paged = pages_of(listed, "customers", "customer_id", {})
    assert [len(page) for page in paged] == [2, 2, 1]
    assert list(chain(*paged)) == whole[0][0]
    assert listed(ANN, {"list": "visits"}, {})["listed"] == 5
    assert list(chain(*pages_of(tasks, "tasks", "task", {"owner": "sales"}))) == whole[1][0]
    monkeypatch.setattr("serving.strategies.endpoints.MOST_SHOWN", 1)
    assert pages_of(of_customer, "tasks", "task", {}) == [[task] for task in whole[2][0]]
    for work in (listed, tasks, of_customer):
        for after in ("0" * 32, "x"):
            with pytest.raises(Refusal) as refused:
                work(ANN, {"list": "visits", "customer_id": "C-0"}, {"after": after})
            assert (refused.value.status, refused.value.field) == (422, "after")
    with store.writing("dpo", START + timedelta(days=2)) as writing:
        erase_customer(writing, found[0])
    with store.reading() as connection:
        ids = ids_of(connection, store.keyring, found)
    assert list(ids.values()) == ["erased", "C-1", "C-2", "C-3", "C-4"]


def test_what_the_procedure_asks_for_no_more_is_not_made_again(store: Store) -> None:
    customer = customer_in(store, "C-1")
    put(store, customer, Tier.GOOD, START)
    keep_up(store, START)
    name = PLAN.tiers[Tier.GOOD][0].names
    only = Strategy(
        id="guidance", names=name, department="marketing", days=10, recurring=True,
        kpi=Kpi(id="offers", names=name),
    )  # fmt: skip
    changed = PROCEDURE.model_copy(update={"strategies": StrategyPlan(tiers={Tier.GOOD: (only,)})})
    keep_up(store, START + timedelta(days=125), changed)
    counts = Counter(task.strategy for task in all_tasks(store, customer))
    assert counts == {"regular_contact": 1, "upgrade_offer": 1, "guidance": 2}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"tiers": {Tier.GOOD: PLAN.tiers[Tier.GOOD][:1] * 2}}, "given twice"),
        ({"tiers": {Tier.PREMIUM: PLAN.tiers[Tier.PREMIUM][1:]}}, "must name the account manager"),
        ({"collection": PLAN.collection[::-1]}, "order of their days"),
        ({"collection": PLAN.collection[:1] * 2}, "given twice"),
        ({"upkeep_minutes": 0}, "greater than or equal to 1"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        StrategyPlan(**wrong)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Store, list[str]]]:
    """Return a store with many changes that nobody has followed, and its customers."""
    made = create_store(None, tmp_path / "busy", ACTOR)
    names = [f"C-{place}" for place in range(40)]
    with made.writing("ann", START) as writing:
        found = register_customers(writing, made.keyring, dict.fromkeys(names, Nature.ENTERPRISE))
    pseudonyms = [found[name].id for name in names]
    for days, tiers in ((0, list(Tier)), (40, list(Tier)[::-1]), (95, list(Tier)[2:])):
        with made.writing("ann", START + timedelta(days=days)) as writing:
            for place, customer in enumerate(pseudonyms):
                put_in_force(writing, customer, Layer.APPROVED, tiers[place % len(tiers)])
    yield made, pseudonyms
    made.close()


def test_several_at_once_do_everything_once(store: Store) -> None:
    found = [customer_in(store, f"C-{place}") for place in range(6)]
    for customer, tier in zip(found, [*Tier, Tier.GOOD], strict=True):
        put(store, customer, tier, START)
    end = START + timedelta(days=95)
    threads = [threading.Thread(target=Upkeep(store, PROCEDURE, part=2).run, args=(end,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for customer in found:
        check(store, customer, end, {})


def test_killed_by_the_system_again_and_again_it_does_everything_exactly_once(
    busy: tuple[Store, list[str]], tmp_path: Path
) -> None:
    store, pseudonyms = busy
    end = START + timedelta(days=170)
    kills = finish_although_killed(upkeep_in_process, tmp_path / "busy", end, 4, kills=4, attempts=8)
    assert kills >= 3
    for customer in pseudonyms:
        check(store, customer, end, {})
    with store.reading() as connection:
        assert verify(connection, store.keyring, store.heads).bad_entry is None
