"""Inspection (M24): decisions drawn at random, what an inspector found, and what was done about it.

Whoever made a decision, or took part in a case of its customer since, does not inspect it.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Row, func, insert, not_, or_, select, union, update

from serving.access.roles import Actor
from serving.confidential.sealing import open_sealed, seal
from serving.procedure import Procedure
from serving.reviews.adoptions import require_procedure
from serving.store.case_tables import case_acts, case_items, cases
from serving.store.customers import open_customer, open_customers
from serving.store.event_tables import events
from serving.store.store import Store, Writing
from serving.store.supervision_tables import inspection_items, inspections
from serving.store.tables import audit_entries, customers, decisions, runs
from serving.supervision.period import Period
from serving.supervision.sampling import drawn, drawn_by_stratum
from serving.supervision.words import Severity

_LONGEST_TEXT = 4000
_MOST_DAYS = 366
MOST_SEED = 2**31 - 1
MOST_DRAWN = 10_000
_INSERTED = 500


class Result(StrEnum):
    """What an inspection comes to."""

    OK = "ok"
    FINDING = "finding"


class InspectionError(ValueError):
    """Something cannot be drawn or recorded; one line that says why."""


class NotIndependent(InspectionError):
    """Whoever is to inspect had a part in what is inspected."""


@dataclass(frozen=True)
class Draw:
    """What is drawn from the decisions of a period, and by what seed."""

    period: Period
    size: int
    seed: int
    stratified: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            InspectionError: size or seed is out of range.
        """
        if not 1 <= self.size <= MOST_DRAWN:
            raise InspectionError(f"size: give 1 to {MOST_DRAWN:,}")
        if not 0 <= self.seed <= MOST_SEED:
            raise InspectionError(f"seed: give 0 to {MOST_SEED:,}")


@dataclass(frozen=True)
class Drawn:
    """A sample: its id, how many decisions there were to draw from, and the items; `again` if it was drawn
    before."""

    inspection: str
    population: int
    items: int
    again: bool


@dataclass(frozen=True)
class Finding:
    """What is wrong with a decision, how much it matters, and what is to be done within so many days."""

    text: str
    severity: Severity
    remedy: str
    days: int | None = None


@dataclass(frozen=True)
class Item:
    """A decision that was drawn, and how far its inspection is; texts are None where nobody can read them."""

    id: str
    inspection: str
    decision: str
    customer: str
    tier: str
    result: Result | None
    severity: Severity | None
    inspected_by: str | None
    finding: str | None
    remedy: str | None
    remedy_due_at: datetime | None
    remedied_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """Items in their order, how many there are in all, and how many cannot be inspected any more.

    The last are those not inspected whose customers were erased; they are in neither of the others.
    """

    items: list[Item]
    total: int
    erased: int


class InspectionDesk:
    """Where samples are drawn and findings recorded, by a procedure, which must be the one adopted."""

    def __init__(self, store: Store, procedure: Procedure) -> None:
        self.store, self.procedure = store, procedure

    def draw(self, writing: Writing, actor: Actor, draw: Draw) -> Drawn:
        """Draw a sample of the decisions made in a period whose customers are not erased.

        The same draw from the same decisions is the same sample, and not drawn again.

        Raises:
            InspectionError: no decision was made in the period.
            NotAdopted: the procedure is not the one adopted.
        """
        require_procedure(writing.connection, self.procedure, writing.at)
        connection = writing.connection
        tiers = _population(connection, draw.period, writing.at)
        if not tiers:
            raise InspectionError("no decision was made in the period")
        id_ = _id_of(draw, list(tiers))
        before = connection.execute(select(inspections).where(inspections.c.id == id_)).one_or_none()
        if before is not None:
            writing.record("inspection.drawn_before", id_, {})
            return Drawn(id_, len(tiers), min(draw.size, len(tiers)), True)
        chosen = _chosen(draw, tiers)
        connection.execute(
            insert(inspections).values(
                id=id_, first=draw.period.first, last=draw.period.last, size=draw.size, seed=draw.seed,
                stratified=draw.stratified, population=len(tiers), drawn_at=writing.at, drawn_by=actor.name,
            )
        )  # fmt: skip
        items = [
            {"id": token_hex(16), "inspection": id_, "decision": decision, "tier": tiers[decision]}
            for decision in chosen
        ]
        for start in range(0, len(items), _INSERTED):
            connection.execute(insert(inspection_items), items[start : start + _INSERTED])
        writing.record("inspection.drawn", id_, {
            "from": draw.period.first.isoformat(), "to": draw.period.last.isoformat(), "size": draw.size,
            "seed": draw.seed, "stratified": draw.stratified, "population": len(tiers),
            "drawn": hashlib.sha256("".join(sorted(chosen)).encode()).hexdigest(),
        })  # fmt: skip
        return Drawn(id_, len(tiers), len(items), False)

    def record(self, writing: Writing, actor: Actor, item: str, finding: Finding | None) -> None:
        """Record what the inspection of a decision came to; nothing wrong without a finding.

        Raises:
            InspectionError: there is no such item, it was inspected before, or the finding is not whole.
            NotIndependent: somebody behind the inspector took part in a case of the decision's customer.
            UnknownCustomer: the customer was erased.
            NotAdopted: the procedure is not the one adopted.
        """
        require_procedure(writing.connection, self.procedure, writing.at)
        row = _row(writing.connection, item)
        if row.result is not None:
            raise InspectionError("this decision was inspected before in this sample")
        taken_part = persons_behind(writing.connection, row.decision)
        if actor.shares_a_person(taken_part):
            raise NotIndependent("nobody inspects a decision in whose cases they took part")
        open_customer(writing.connection, self.store.keyring, row.customer)
        result = Result.OK if finding is None else Result.FINDING
        values = {} if finding is None else self._said(writing, row, finding)
        writing.connection.execute(
            update(inspection_items)
            .where(inspection_items.c.id == item)
            .values(
                result=str(result), inspected_at=writing.at, inspected_by=actor.name,
                persons="\n".join(sorted(actor.persons)), **values,
            )
        )  # fmt: skip
        writing.record("inspection.recorded", row.decision, {
            "item": item, "result": str(result), "persons": sorted(actor.persons), "way": actor.way,
            "severity": None if finding is None else str(finding.severity),
        })  # fmt: skip

    def remedied(self, writing: Writing, actor: Actor, item: str) -> None:
        """Record that a finding's remedy is done, as an inspector has seen.

        Raises:
            InspectionError: there is no such item, nothing was found, or it is done already.
            NotIndependent, NotAdopted: see `record`.
        """
        require_procedure(writing.connection, self.procedure, writing.at)
        row = _row(writing.connection, item)
        if row.result != Result.FINDING or row.remedied_at is not None:
            raise InspectionError("there is no remedy to be done")
        if actor.shares_a_person(persons_behind(writing.connection, row.decision)):
            raise NotIndependent("nobody confirms a remedy in whose cases they took part")
        writing.connection.execute(
            update(inspection_items)
            .where(inspection_items.c.id == item)
            .values(remedied_at=writing.at, remedied_by=actor.name)
        )
        writing.record("inspection.remedied", row.decision, {"item": item, "persons": sorted(actor.persons)})

    def items(self, connection: Connection, inspection: str | None = None, most: int | None = None) -> Listed:
        """Return the items of a sample, or all on which there is something to do, the oldest sample first.

        Args:
            connection: to the store.
            inspection: the sample; all of them without one.
            most: how many at most are opened and returned.
        """
        waiting = inspection_items.c.result.is_(None)
        if inspection is not None:
            wanted = inspection_items.c.inspection == inspection
        else:
            to_remedy = (inspection_items.c.result == str(Result.FINDING)) & (
                inspection_items.c.remedied_at.is_(None)
            )
            wanted = or_(waiting, to_remedy)
        never = waiting & customers.c.erased_at.is_not(None)
        drawn_ = (
            inspection_items.join(decisions, decisions.c.id == inspection_items.c.decision)
            .join(customers, customers.c.id == decisions.c.customer)
            .join(inspections, inspections.c.id == inspection_items.c.inspection)
        )
        counted = select(func.count()).select_from(drawn_).where(wanted)
        erased = connection.execute(counted.where(never)).scalar_one()
        total = connection.execute(counted.where(not_(never))).scalar_one()
        rows = connection.execute(
            select(inspection_items, decisions.c.customer)
            .select_from(drawn_)
            .where(wanted, not_(never))
            .order_by(inspections.c.drawn_at, inspection_items.c.inspection, inspection_items.c.decision)
            .limit(most)
        ).all()
        known = open_customers(connection, self.store.keyring, {row.customer for row in rows})
        keys = {pseudonym: of.data_key for pseudonym, of in known.items()}
        return Listed([_item(row, keys.get(row.customer)) for row in rows], total, erased)

    def _said(self, writing: Writing, row: Row[Any], finding: Finding) -> dict[str, object]:
        days = self.procedure.supervision.remedy_days if finding.days is None else finding.days
        if not 1 <= days <= _MOST_DAYS:
            raise InspectionError(f"days: give 1 to {_MOST_DAYS}")
        for text in (finding.text, finding.remedy):
            if not 0 < len(text) <= _LONGEST_TEXT:
                raise InspectionError(
                    f"finding and remedy: give each a text of 1 to {_LONGEST_TEXT} characters"
                )
        key = open_customer(writing.connection, self.store.keyring, row.customer).data_key
        return {
            "severity": str(finding.severity),
            "finding": seal(key, finding.text.encode(), _purpose("finding", row.id)),
            "remedy": seal(key, finding.remedy.encode(), _purpose("remedy", row.id)),
            "remedy_due_at": writing.at + timedelta(days=days),
        }


def draw_again(connection: Connection, inspection: str) -> tuple[list[str], list[str]]:
    """Return the decisions of a sample as they were kept, and as they are drawn now, both sorted.

    They differ where an evaluation was gone on with that had been stopped before, or somebody has tampered
    with the store.

    Raises:
        InspectionError: there is no such sample.
    """
    row = connection.execute(select(inspections).where(inspections.c.id == inspection)).one_or_none()
    if row is None:
        raise InspectionError("there is no such sample")
    draw = Draw(Period(row.first, row.last), row.size, row.seed, row.stratified)
    kept = connection.execute(
        select(inspection_items.c.decision).where(inspection_items.c.inspection == inspection)
    ).scalars()
    return sorted(kept), sorted(_chosen(draw, _population(connection, draw.period, row.drawn_at)))


def persons_behind(connection: Connection, decision: str) -> frozenset[str]:
    """Return all who took part in what a decision led to.

    Those are who began its evaluation or went on with it, who reported its event, and whoever acted in a list
    that holds it, or in a case of its customer that was not closed before the decision was made.
    """
    made = connection.execute(
        select(decisions.c.customer, decisions.c.decided_at, decisions.c.run).where(
            decisions.c.id == decision
        )
    ).one()
    makers = connection.execute(
        union(
            select(runs.c.started_by).where(runs.c.id == made.run),
            # Who went on with an evaluation is in the audit trail alone.
            select(audit_entries.c.actor).where(
                audit_entries.c.subject == made.run, audit_entries.c.action.startswith("run.")
            ),
            select(events.c.received_from).where(events.c.decision == decision),
        )
    ).scalars()
    lists = select(case_items.c.case).where(case_items.c.decision == decision)
    acts = connection.execute(
        select(case_acts.c.persons)
        .join(cases, cases.c.id == case_acts.c.case)
        .where(
            or_(
                cases.c.id.in_(lists),
                (cases.c.customer == made.customer)
                & or_(cases.c.closed_at.is_(None), cases.c.closed_at >= made.decided_at),
            )
        )
    ).scalars()
    return frozenset(makers) | {person for persons in acts for person in persons.split("\n")}


def _population(connection: Connection, period: Period, at: datetime) -> dict[str, str]:
    """Return the tiers of the decisions made in a period before a moment, of customers not erased by then."""
    rows = connection.execute(
        select(decisions.c.id, decisions.c.tier)
        .join(customers, customers.c.id == decisions.c.customer)
        .where(
            decisions.c.decided_at >= period.begin,
            decisions.c.decided_at < min(period.end, at),
            or_(customers.c.erased_at.is_(None), customers.c.erased_at > at),
        )
        .order_by(decisions.c.id)
    )
    return {row.id: row.tier for row in rows}


def _chosen(draw: Draw, tiers: dict[str, str]) -> list[str]:
    if not draw.stratified:
        return drawn(tiers, draw.seed, draw.size)
    strata: dict[str, list[str]] = defaultdict(list)
    for decision, tier in tiers.items():
        strata[tier].append(decision)
    return drawn_by_stratum(dict(sorted(strata.items())), draw.seed, draw.size)


def _id_of(draw: Draw, population: list[str]) -> str:
    parts = {**asdict(draw), "population": population}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _row(connection: Connection, item: str) -> Row[Any]:
    row = connection.execute(
        select(inspection_items, decisions.c.customer)
        .join(decisions, decisions.c.id == inspection_items.c.decision)
        .where(inspection_items.c.id == item)
    ).one_or_none()
    if row is None:
        raise InspectionError("there is no such item")
    return row


def _item(row: Row[Any], key: bytes | None) -> Item:
    return Item(
        id=row.id, inspection=row.inspection, decision=row.decision, customer=row.customer, tier=row.tier,
        result=None if row.result is None else Result(row.result),
        severity=None if row.severity is None else Severity(row.severity),
        inspected_by=row.inspected_by,
        finding=_opened(key, row.finding, "finding", row.id),
        remedy=_opened(key, row.remedy, "remedy", row.id),
        remedy_due_at=row.remedy_due_at, remedied_at=row.remedied_at,
    )  # fmt: skip


def _opened(key: bytes | None, sealed: bytes | None, what: str, item: str) -> str | None:
    return None if key is None or sealed is None else open_sealed(key, sealed, _purpose(what, item)).decode()


def _purpose(what: str, item: str) -> str:
    return f"{what} of inspection item {item}"
