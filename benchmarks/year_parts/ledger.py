"""The ledger of a year: what was asked for beside what store and receivers have, to the last customer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from benchmarks.year_parts.story import Story
from features.terms import Tier
from serving.audit.state import compare
from serving.audit.verification import verify
from serving.notices.outbox import NoticeState
from serving.notices.rendering import Channel
from serving.procedure import Severity
from serving.reviews.standings import Layer, standings_of
from serving.store.case_tables import changes, standings
from serving.store.event_tables import events
from serving.store.notice_tables import feedback, notices
from serving.store.strategy_tables import limit_checks, list_entries, overdue_items, tasks
from serving.store.supervision_tables import inspection_items, outcomes
from serving.store.tables import customers, decisions, run_rejects
from serving.strategies.tasks import TaskState

_NOBODY = "none"


@dataclass(frozen=True)
class Line:
    """Two ways to count one thing, which must come out alike."""

    what: str
    asked: int
    found: int

    @property
    def holds(self) -> bool:
        """Whether they do."""
        return self.asked == self.found


@dataclass(frozen=True)
class Ledger:
    """The lines, the tiers in force at the end, and the changes by layer and direction."""

    lines: tuple[Line, ...]
    tiers: Mapping[str, int]
    changes: Mapping[str, int]
    audit_entries: int

    @property
    def holds(self) -> bool:
        """Whether every line does."""
        return all(line.holds for line in self.lines)


def ledger_of(story: Story) -> Ledger:
    """Reconcile a year."""
    store = story.store
    with store.reading() as connection:
        told = connection.execute(select(changes).order_by(changes.c.sequence)).all()
        everybody = connection.execute(select(customers.c.id)).scalars().all()
        standing = {
            customer: _name(of.tier)
            for customer, of in standings_of(connection, everybody, store.clock()).items()
        }
        verified = verify(connection, store.keyring, store.heads)
        compared = compare(connection, store.keyring)
        lines = (
            *_of_runs(connection, story, len(everybody)),
            *_of_tiers(told, standing),
            *_of_events(connection, story),
            *_of_notices(connection, story, told),
            *_of_tasks(connection, story, {of.customer: of.id for of in told}, standing),
            *_of_oversight(connection, story),
            Line("faults in the audit trail", 0, int(verified.bad_entry is not None)),
            Line("rows that the audit trail does not vouch for", 0, compared.unvouched),
            Line("differences between state and audit trail", 0, int(compared.difference is not None)),
        )
    moved = Counter(f"{of.layer}: {_name(of.before)} → {_name(of.after)}" for of in told)
    return Ledger(lines, dict(Counter(standing.values())), dict(sorted(moved.items())), verified.entries)


def _of_runs(connection: Connection, story: Story, registered: int) -> Iterator[Line]:
    counts = story.told.counts
    decided = _count(connection, decisions, decisions.c.run.is_not(None))
    yield Line("customers in the tables = registered", len(story.told.customers), registered)
    yield Line("rows given = read", counts["rows given"], counts["rows read"])
    kept = decided + _count(connection, run_rejects)
    yield Line("rows given = decisions + rejected rows", counts["rows given"], kept)
    yield Line("contacts given = taken", counts["contacts given"], counts["contacts taken"])
    erased = _count(connection, customers, customers.c.erased_at.is_not(None))
    yield Line("customers erased", counts["erased"], erased)


def _of_tiers(told: Sequence[Row[Any]], standing: Mapping[str, str]) -> Iterator[Line]:
    at_end = Counter(standing.values())
    for tier in (*map(str, Tier), _NOBODY):
        begun = len(standing) if tier == _NOBODY else 0
        moved_in = sum(_name(of.after) == tier for of in told)
        moved_out = sum(_name(of.before) == tier for of in told)
        yield Line(
            f"customers {tier}: moved in − moved out = in force", begun + moved_in - moved_out, at_end[tier]
        )
    last = {of.customer: _name(of.after) for of in told}
    alike = sum(last.get(customer, _NOBODY) == tier for customer, tier in standing.items())
    yield Line("customers whose last change is what is in force", alike, len(standing))


def _of_events(connection: Connection, story: Story) -> Iterator[Line]:
    counts = story.told.counts
    kept = _count(connection, events)
    yield Line(
        "events reported + deteriorations", counts["events taken"] + counts["deterioration events"], kept
    )
    adverse = _count(connection, events, events.c.severity == str(Severity.ADVERSE))
    holds = _count(connection, standings, standings.c.layer == str(Layer.HOLD))
    yield Line("adverse events = holds put on", adverse, holds)


def _of_notices(connection: Connection, story: Story, told: Sequence[Row[Any]]) -> Iterator[Line]:
    departments = story.procedure.notices.departments.values()
    wanted = sum(
        1 + sum(department.wants(_tier(of.before), _tier(of.after)) for department in departments)
        for of in told
    )
    there = _count(connection, notices)
    yield Line("notices that the changes ask for", wanted, there)
    yield Line("notices queued as told", story.told.counts["notices queued"], there)
    sent = notices.c.state == str(NoticeState.SENT)
    mail, web = story.mail.ids, story.web.ids
    for what, channel, received in (("e-mails", Channel.EMAIL, mail), ("webhooks", Channel.WEBHOOK, web)):
        number = _count(connection, notices, sent, notices.c.channel == str(channel))
        yield Line(f"{what} sent = different ones received", number, len(received))
        yield Line(f"{what} received = different ones received", received.total(), len(received))
    unreachable = sum(of.customer in story.told.unreachable for of in told)
    undeliverable = _count(connection, notices, notices.c.state == str(NoticeState.UNDELIVERABLE))
    yield Line("notices to customers without an address = undeliverable", unreachable, undeliverable)
    yield Line("notices = received + undeliverable", there, len(mail) + len(web) + undeliverable)
    answers = _count(connection, feedback, feedback.c.satisfaction.is_not(None))
    yield Line("answers", story.told.counts["answers"], answers)
    objections = _count(connection, feedback, feedback.c.objection.is_not(None))
    yield Line("objections", story.told.counts["objections"], objections)


def _of_tasks(
    connection: Connection, story: Story, newest: Mapping[str, str], standing: Mapping[str, str]
) -> Iterator[Line]:
    counts = story.told.counts
    plan = story.procedure.strategies
    made = connection.execute(
        select(tasks.c.customer, tasks.c.change, tasks.c.strategy, tasks.c.state).where(
            tasks.c.change.is_not(None)
        )
    ).all()
    wanted = sum(len(plan.of(_tier(tier))) for tier in standing.values() if tier != _NOBODY)
    begun = {(of.change, of.strategy) for of in made if newest[of.customer] == of.change}
    yield Line("strategies of the tiers in force = those with tasks", wanted, len(begun))
    left = [of for of in made if of.state == TaskState.OPEN and newest[of.customer] != of.change]
    yield Line("open tasks of tiers that ended", 0, len(left))
    yield Line(
        "tasks done", counts["tasks done"], _count(connection, tasks, tasks.c.state == str(TaskState.DONE))
    )
    listed = connection.execute(select(list_entries).where(list_entries.c.until.is_(None))).all()
    erased = (
        connection.execute(select(customers.c.id).where(customers.c.erased_at.is_not(None))).scalars().all()
    )
    places = sum(
        of.on_list is not None
        for customer, tier in standing.items()
        if tier != _NOBODY and customer not in erased
        for of in plan.of(_tier(tier))
    )
    theirs = sum(newest[of.customer] == of.change for of in listed)
    yield Line("places on lists that the tiers in force ask for", places, theirs)
    yield Line("places on lists of tiers that ended", 0, len(listed) - theirs)
    checked = counts["orders allowed"] + counts["orders refused"]
    yield Line("orders checked", checked, _count(connection, limit_checks))
    yield Line("overdue items", counts["overdue items"], _count(connection, overdue_items))


def _of_oversight(connection: Connection, story: Story) -> Iterator[Line]:
    counts = story.told.counts
    kept = counts["outcomes kept"] + counts["outcomes rejected"]
    yield Line("outcomes read = kept + set aside", counts["outcomes read"], kept)
    yield Line("outcomes kept", counts["outcomes kept"], _count(connection, outcomes))
    inspected = _count(connection, inspection_items, inspection_items.c.result.is_not(None))
    yield Line("decisions inspected", counts["inspected"], inspected)
    yield Line("decisions replayed = reproduced to the byte", counts["replayed"], counts["reproduced"])


def _name(tier: str | None) -> str:
    return _NOBODY if tier is None else str(tier)


def _tier(name: str | None) -> Tier | None:
    return None if name is None else Tier(name)


def _count(connection: Connection, table: Table, *conditions: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())
