"""Material events (M20): recorded once, the customer evaluated at once, and where risk is concerned a hold.

What a customer's indicators are after events does not depend on the order in which they came: the last
periodic evaluation is the ground, and over it lie the events' indicators in the order of their days, each
only where the ground's own evidence is not newer.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from features.catalog import Catalog
from features.customer import Customer, InvalidCustomer, parse_customer
from features.portfolio import Portfolio
from features.terms import Tier
from serving.access.roles import Actor
from serving.confidential.sealing import keyed_hash, open_sealed, seal
from serving.procedure import Severity
from serving.reviews.adoptions import require_procedure, require_served
from serving.reviews.cases import CaseReason
from serving.reviews.decision_rows import EVENT, NEWEST_FIRST, decision_row
from serving.reviews.justification import (
    EvidenceLine,
    Justification,
    justify,
    open_justification,
    read_justification,
)
from serving.reviews.office import Office
from serving.reviews.proposals import proposals_after
from serving.reviews.standings import Change, Layer, put_in_force, standing_of
from serving.served import Served
from serving.store.customers import KnownCustomer, find_customers
from serving.store.documents import keep_served
from serving.store.event_tables import events
from serving.store.store import Writing
from serving.store.tables import decisions

# Of which kind ids and contents are, where the customer's key hashes them.
_KIND = b"event"
LONGEST_ID, LONGEST_REMARK = 200, 2000
_INDICATOR = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Of unknown indicators so many are named.
_NAMED = 3


class EventError(ValueError):
    """An event cannot be taken; one line with the field, never a value."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class EventConflict(EventError):
    """An event of this id was taken before, and said something else."""


class UnknownEventCustomer(EventError):
    """The event is about a customer who is not registered."""


@dataclass(frozen=True)
class Event:
    """A material event as its sender reports it.

    `indicators` are the values that have changed by it, by indicator; a None takes a value away.
    """

    event_id: str
    type: str
    customer_id: str
    occurred_on: date
    indicators: Mapping[str, float | bool | str | None]
    remark: str | None = None

    def content(self) -> str:
        """Return all that was said, in one form."""
        said = {
            "event_id": self.event_id, "type": self.type, "customer_id": self.customer_id,
            "occurred_on": self.occurred_on.isoformat(), "indicators": dict(self.indicators),
            "remark": self.remark,
        }  # fmt: skip
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Taken:
    """What came of an event: the decision on it, the case that it opened or joined, the tier that counts.

    `repeated`: it was taken before, and nothing was done again. `change` is the hold's, if the tier changed.
    """

    event: str
    decision: str | None
    case: str | None
    tier: Tier | None
    repeated: bool
    change: Change | None = None


class EventDesk:
    """Takes events for what is served."""

    def __init__(self, office: Office, served: Served) -> None:
        self._office, self._served = office, served
        self._store, self._procedure = office.store, office.procedure

    def take(
        self, writing: Writing, actor: Actor, event: Event, reason: CaseReason = CaseReason.EVENT
    ) -> Taken:
        """Take an event: record it, evaluate, put a hold on and open a case, as its type demands.

        Args:
            writing: the transaction, which must be committed before the sender is told.
            actor: who reports it.
            event: what is reported.
            reason: of a case that is opened.

        Raises:
            EventError: a field is wrong, or the day lies in the future.
            UnknownEventCustomer: the customer is not registered.
            EventConflict: the id was taken with other content.
            NotAdopted: the procedure, catalog, policy or model is not the one adopted.
        """
        self._check(event, writing.at.date())
        require_procedure(writing.connection, self._procedure, writing.at)
        require_served(writing.connection, self._served, writing.at)
        keyring = self._store.keyring
        known = find_customers(writing.connection, keyring, [event.customer_id]).get(event.customer_id)
        if known is None:
            raise UnknownEventCustomer("customer_id", "is not registered; evaluate the customer first")
        content = event.content()
        id_, content_hash = (keyed_hash(known.data_key, _KIND, text) for text in (event.event_id, content))
        found = writing.connection.execute(select(events).where(events.c.id == id_)).one_or_none()
        if found is not None:
            return self._repeated(writing, found, content_hash)
        severity = self._procedure.events[event.type].severity
        row = {
            "id": id_, "customer": known.id, "type": event.type, "severity": str(severity),
            "occurred_on": event.occurred_on, "received_at": writing.at, "received_from": actor.name,
            "content_hash": content_hash, "sealed": seal(known.data_key, content.encode(), _purpose(id_)),
        }  # fmt: skip
        decision = self._decide_again(writing, known, id_, event)
        change, case = None, None
        if severity is Severity.ADVERSE:
            case = self._office.open(writing, actor, known.id, reason, decision).id
            change = put_in_force(
                writing, known.id, Layer.HOLD, Tier.RISK, decision=decision, case=case, reason=event.type
            )
        elif severity is Severity.NOTABLE and decision is not None:
            (after,) = proposals_after(writing.connection, self._procedure, [decision], writing.at)
            if after.steady is not after.old:
                case = self._office.open(writing, actor, known.id, reason, decision).id
        writing.connection.execute(insert(events).values(decision=decision, case=case, **row))
        writing.record("event.taken", known.id, {
            "event": id_, "type": event.type, "severity": str(severity), "decision": decision, "case": case,
        })  # fmt: skip
        tier = standing_of(writing.connection, known.id, writing.at).tier
        return Taken(id_, decision, case, tier, False, change)

    def _check(self, event: Event, today: date) -> None:
        if not 0 < len(event.event_id) <= LONGEST_ID or not event.event_id.isprintable():
            raise EventError("event_id", f"must be a printable text of 1 to {LONGEST_ID} characters")
        if event.type not in self._procedure.events:
            raise EventError("type", f"must be one of {', '.join(self._procedure.events)}")
        # Where the sender's day has begun, ours may not have.
        if (event.occurred_on - today).days > 1:
            raise EventError("occurred_on", "lies in the future")
        if event.remark is not None and not 0 < len(event.remark) <= LONGEST_REMARK:
            raise EventError("remark", f"must have 1 to {LONGEST_REMARK} characters")
        unknown = set(event.indicators) - set(self._served.scorer.catalog.by_id)
        if unknown:
            # What is no id at all may be anything, and is counted alone.
            named = sorted(id_ for id_ in unknown if _INDICATOR.fullmatch(id_))[:_NAMED]
            others = len(unknown) - len(named)
            more = [f"{others} others" if others > 1 else "another"] if others and named else []
            told = " and ".join([", ".join(named), *more]) if named else f"such indicators ({len(unknown)})"
            raise EventError("indicators", f"the catalog has no {told}")

    def _repeated(self, writing: Writing, found: Row[Any], content_hash: str) -> Taken:
        if found.content_hash != content_hash:
            raise EventConflict("event_id", "was taken before with other content; give a new event a new id")
        tier = standing_of(writing.connection, found.customer, writing.at).tier
        writing.record("event.repeated", found.customer, {"event": found.id})
        return Taken(found.id, found.decision, found.case, tier, True)

    def _decide_again(
        self, writing: Writing, known: KnownCustomer, event_id: str, event: Event
    ) -> str | None:
        """Decide on a customer with all events over the last periodic evaluation; None without one."""
        ground = ground_of(writing.connection, known)
        if ground is None:
            return None
        told = [*told_events(writing.connection, known), (event.occurred_on, event_id, event.content())]
        inputs, evidence = laid_over(ground, told)
        catalog = self._served.scorer.catalog
        customer = _fitting(inputs, event.indicators, catalog)
        if customer is None:
            return None
        decided = self._served.scorer.decide(Portfolio.from_customers([customer], catalog))
        justification = justify(decided, 0, self._served.model_version, evidence)
        id_ = hashlib.sha256(f"event {event_id}".encode()).hexdigest()[:32]
        row = decision_row(
            id_, EVENT, known, justification, decided_at=writing.at,
            artefact_hash=keep_served(writing, self._served.scorer, self._served.artefact),
            model_version=self._served.model_version,
        )  # fmt: skip
        writing.connection.execute(insert(decisions).values(row))
        writing.record("decision.made", known.id, {
            "decision": id_, "kind": EVENT, "tier": row["tier"], "digest": row["digest"],
        })  # fmt: skip
        return id_


def was_taken(connection: Connection, known: KnownCustomer, event_id: str) -> bool:
    """Whether an event of a customer was taken, by its sender's id."""
    id_ = keyed_hash(known.data_key, _KIND, event_id)
    return connection.execute(select(events.c.id).where(events.c.id == id_)).one_or_none() is not None


def ground_of(connection: Connection, known: KnownCustomer) -> Justification | None:
    """Return the last periodic evaluation of a customer; None without one."""
    row = connection.execute(
        select(decisions)
        .where(decisions.c.customer == known.id, decisions.c.run.is_not(None))
        .order_by(*NEWEST_FIRST)
        .limit(1)
    ).one_or_none()
    return None if row is None else read_justification(open_justification(row.sealed, known.data_key, row.id))


def told_events(connection: Connection, known: KnownCustomer) -> list[tuple[date, str, str]]:
    """Return the day, id and content of every event of a customer."""
    rows = connection.execute(select(events).where(events.c.customer == known.id))
    return [
        (row.occurred_on, row.id, open_sealed(known.data_key, row.sealed, _purpose(row.id)).decode())
        for row in rows
    ]


def remark_in(known: KnownCustomer, event_id: str, sealed: bytes) -> str | None:
    """Return the remark of a kept event; None where its sender gave none.

    Raises:
        SealError: it was changed.
    """
    remark: str | None = json.loads(open_sealed(known.data_key, sealed, _purpose(event_id)))["remark"]
    return remark


def laid_over(
    ground: Justification, told: list[tuple[date, str, str]]
) -> tuple[dict[str, Any], dict[str, EvidenceLine]]:
    """Return a customer's inputs and evidence with events laid over a periodic evaluation.

    Args:
        ground: the evaluation.
        told: day, id and content of each event, in any order.

    Returns:
        The inputs, as of the newest day of all of them, and the evidence.
    """
    inputs = dict(ground["inputs"])
    indicators, evidence = dict(inputs["indicators"]), dict(ground["evidence"])
    as_of = inputs["as_of"]
    for day, _, content in sorted(told):
        text = day.isoformat()
        if text > as_of:
            inputs["as_of"] = max(inputs["as_of"], text)
        for id_, value in json.loads(content)["indicators"].items():
            line = evidence.get(id_)
            known_on = as_of if line is None else line["evidence"]
            if known_on is not None and text < known_on:
                continue
            indicators.pop(id_, None)
            if value is not None:
                indicators[id_] = value
            evidence[id_] = {
                "department": EVENT, "evidence": text,
                "status": "no_record" if value is None else "known", "stale": False,
            }  # fmt: skip
    inputs["indicators"] = indicators
    return inputs, evidence


def _fitting(inputs: dict[str, Any], given: Mapping[str, object], catalog: Catalog) -> Customer | None:
    """Return a customer without what the catalog has no place for any more; None where nothing fits.

    Raises:
        EventError: what does not fit is the event's own.
    """
    indicators = dict(inputs["indicators"])
    while True:
        try:
            return parse_customer({**inputs, "indicators": indicators}, catalog, 0)
        except InvalidCustomer as error:
            id_ = error.field.removeprefix("indicator ")
            if id_ in given:
                raise EventError("indicators", f"{error.field} {error.reason}") from None
            if id_ not in indicators:
                unknown = [name for name in indicators if name not in catalog.by_id]
                if not unknown:
                    return None
                id_ = unknown[0]
            del indicators[id_]


def _purpose(event: str) -> str:
    return f"content of event {event}"
