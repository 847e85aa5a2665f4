"""The ledger of a year: what was asked for beside what store and receivers have, to the last customer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from benchmarks.year_parts.story import Story
from features.terms import Tier
from serving.audit.verification import verify
from serving.notices.outbox import NoticeState
from serving.notices.rendering import Channel
from serving.procedure import Severity
from serving.reviews.cases import FINAL
from serving.reviews.standings import Layer, standings_of
from serving.store.case_tables import cases, changes, standings
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
        lines = (
            *_of_runs(connection, story, len(everybody)),
            *_of_tiers(told, standing),
            *_of_events(connection, story),
            *_of_notices(connection, story, told),
            *_of_tasks(connection, story, {change.customer: change.id for change in told}),
            *_of_oversight(connection, story),
            Line("faults in the audit trail", 0, int(verified.bad_entry is not None)),
        )
    moved = Counter(f"{of.layer}: {_name(of.before)} → {_name(of.after)}" for of in told)
    return Ledger(lines, dict(Counter(standing.values())), dict(sorted(moved.items())), verified.entries)


def _of_runs(connection: Connection, story: Story, registered: int) -> Iterator[Line]:
    read, decided, rejected = (sum(part) for part in zip(*story.told.runs, strict=True))
    of_runs = decisions.c.run.is_not(None)
    ever = connection.execute(select(func.count(decisions.c.customer.distinct())).where(of_runs)).scalar_one()
    yield Line("customers evaluated = registered", ever, registered)
    yield Line("rows read in runs = decided + rejected", read, decided + rejected)
    yield Line("decisions of runs", decided, _count(connection, decisions, of_runs))
    yield Line("rejected rows kept apart", rejected, _count(connection, run_rejects))


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
    closed = _count(connection, cases, cases.c.state.in_([str(state) for state in FINAL]))
    open_ = _count(connection, cases, cases.c.closed_at.is_(None))
    yield Line("cases = closed + open", _count(connection, cases), closed + open_)


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
    yield Line(
        "notices left to send", 0, _count(connection, notices, notices.c.state == str(NoticeState.PENDING))
    )
    objections = _count(connection, feedback, feedback.c.objection.is_not(None))
    yield Line("objections", story.told.counts["objections"], objections)


def _of_tasks(connection: Connection, story: Story, newest: Mapping[str, str]) -> Iterator[Line]:
    counts = story.told.counts
    running = connection.execute(
        select(tasks.c.customer, tasks.c.change).where(
            tasks.c.state == str(TaskState.OPEN), tasks.c.change.is_not(None)
        )
    ).all()
    theirs = sum(newest[of.customer] == of.change for of in running)
    yield Line("open tasks = those of the tier in force", len(running), theirs)
    yield Line(
        "tasks done", counts["tasks done"], _count(connection, tasks, tasks.c.state == str(TaskState.DONE))
    )
    listed = connection.execute(select(list_entries).where(list_entries.c.until.is_(None))).all()
    yield Line(
        "places on lists = those of the tier in force",
        len(listed),
        sum(newest[of.customer] == of.change for of in listed),
    )
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
