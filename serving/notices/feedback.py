"""What customers answer to a notice: how satisfied they are, and an objection, which becomes a case (M23)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, and_, false, func, insert, not_, select

from features.terms import RATED_TIERS, Language, Tier
from serving.access.roles import Actor
from serving.confidential.keyring import Keyring
from serving.confidential.sealing import open_sealed, seal
from serving.notices.contacts import contact_of
from serving.notices.links import notice_of_link
from serving.notices.rendering import CUSTOMER
from serving.reviews.cases import CaseReason, CaseState
from serving.reviews.office import Office
from serving.reviews.proposals import newest_decision
from serving.store.case_tables import cases, changes
from serving.store.customers import KnownCustomer, UnknownCustomer, open_customer
from serving.store.notice_tables import feedback, notices
from serving.store.store import Writing

LONGEST_OBJECTION = 4000
SATISFACTION = range(1, 6)
REFERENCE_LENGTH = 8
# Whoever changes their mind more often is not heard any more.
_MOST_ANSWERS = 20


class UnknownLink(LookupError):
    """A link is forged, has expired, or its customer was erased: which of them, nobody is told."""


class AnsweredOtherwise(ValueError):
    """An objection was received before and said something else."""


class AnsweredOften(ValueError):
    """A satisfaction was changed too often, and is not changed any more."""


class Outcome(StrEnum):
    """What came of an objection."""

    OPEN = "open"
    UPHELD = "upheld"
    NOT_UPHELD = "not_upheld"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, repr=False)
class Answered:
    """What a customer answered; None for what was left out."""

    satisfaction: int | None
    objection: str | None


@dataclass(frozen=True, repr=False)
class Linked:
    """The notice that a link leads to: its customer, and the language to speak.

    `given_at` is when it was sent, or made where it is not sent yet; `changed_at` is since when what it tells
    is so; `until` is the last moment for an answer, None where it is not known.
    """

    notice: str
    customer: KnownCustomer
    language: Language | None
    given_at: datetime
    changed_at: datetime
    until: datetime | None


@dataclass(frozen=True)
class Receipt:
    """By what a customer asks after an objection: its case, and the day by which that is to be decided.

    `due_at` is None once the case is closed.
    """

    case: str
    due_at: datetime | None

    @property
    def reference(self) -> str:
        """The first characters of the case's id: enough to find it by, and easily read out."""
        return self.case[:REFERENCE_LENGTH]


@dataclass(frozen=True, repr=False)
class Objection:
    """An objection: what it says, the case that it opened or joined, and what came of it."""

    id: str
    at: datetime
    case: str
    outcome: Outcome
    text: str | None


def linked(connection: Connection, keyring: Keyring, token: str, at: datetime) -> Linked:
    """Return what a link leads to.

    Raises:
        UnknownLink: nowhere, for whatever reason.
    """
    notice = notice_of_link(keyring, token, at)
    row = connection.execute(
        select(
            notices.c.id, notices.c.customer, notices.c.queued_at, notices.c.sent_at, notices.c.answer_until,
            changes.c.at,
        )
        .join(changes, changes.c.id == notices.c.change)
        .where(notices.c.id == (notice or ""), notices.c.recipient == CUSTOMER)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise UnknownLink("there is no such link, or it has expired")
    try:
        known = open_customer(connection, keyring, row.customer)
    except UnknownCustomer:
        raise UnknownLink("there is no such link, or it has expired") from None
    language = contact_of(connection, known).language
    return Linked(row.id, known, language, row.sent_at or row.queued_at, row.at, row.answer_until)


def receipt_of(connection: Connection, notice: str) -> Receipt | None:
    """Return what a customer is told of the objection to a notice; None where there is none."""
    row = connection.execute(
        select(cases.c.id, cases.c.due_at, cases.c.closed_at)
        .join(feedback, feedback.c.case == cases.c.id)
        .where(feedback.c.notice == notice, feedback.c.objection.is_not(None))
        .order_by(feedback.c.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Receipt(row.id, None if row.closed_at is not None else row.due_at)


def receive(writing: Writing, office: Office, token: str, answered: Answered) -> None:
    """Keep an answer. The same again changes nothing; of several satisfactions the newest counts.

    An objection opens a case, or joins the one that is open, and has it decided by the procedure's deadline.

    Raises:
        UnknownLink: the link leads nowhere.
        AnsweredOtherwise: an objection with other words was received before; nothing is kept then.
        AnsweredOften: the satisfaction was changed too often, and nothing else is new.
    """
    link = linked(writing.connection, office.store.keyring, token, writing.at)
    count, kept = _kept(writing.connection, link)
    satisfied, objected = _new(count, kept, answered)
    new: list[dict[str, Any]] = []
    if satisfied:
        new.append({"id": token_hex(16), "satisfaction": answered.satisfaction})
    if objected and answered.objection is not None:
        new.append(_objected(writing, office, link, answered.objection))
    for number, columns in enumerate(new, start=count + 1):
        row = {
            "notice": link.notice, "number": number, "customer": link.customer.id, "at": writing.at, **columns
        }  # fmt: skip
        writing.connection.execute(insert(feedback).values(row))
        kind = "satisfaction" if "satisfaction" in columns else "objection"
        sealed = columns.get("objection")
        facts = {
            "notice": link.notice, "feedback": columns["id"], "kind": kind, "case": columns.get("case"),
            "digest": None if sealed is None else hashlib.sha256(sealed).hexdigest(),
        }  # fmt: skip
        writing.record("feedback.received", link.customer.id, facts)
    if not new:
        writing.record("feedback.repeated", link.customer.id, {"notice": link.notice})


def is_new(connection: Connection, keyring: Keyring, token: str, at: datetime, answered: Answered) -> bool:
    """Whether an answer says anything that was not said before.

    Raises:
        UnknownLink, AnsweredOtherwise, AnsweredOften: see `receive`.
    """
    return any(_new(*_kept(connection, linked(connection, keyring, token, at)), answered))


def _new(count: int, kept: Answered, answered: Answered) -> tuple[bool, bool]:
    """Return whether the satisfaction is new, and whether the objection is."""
    satisfied = answered.satisfaction is not None and answered.satisfaction != kept.satisfaction
    if answered.objection is not None and kept.objection not in (None, answered.objection):
        raise AnsweredOtherwise("an objection to this notice was received before and is being handled")
    objected = answered.objection is not None and kept.objection is None
    if satisfied and count >= _MOST_ANSWERS:
        if not objected:
            raise AnsweredOften("it was changed often enough; what was said last stays")
        satisfied = False
    return satisfied, objected


def _objected(writing: Writing, office: Office, link: Linked, text: str) -> dict[str, Any]:
    """Have an objection decided on; return its columns."""
    customer = link.customer
    # Whoever has the link: it is for the customer alone.
    actor = Actor(f"customer:{customer.id}", frozenset(), "link", frozenset({f"customer:{customer.id}"}))
    case = office.open(
        writing, actor, customer.id, CaseReason.OBJECTION, newest_decision(writing.connection, customer.id),
        days=office.procedure.notices.objection_days,
    )  # fmt: skip
    id_ = token_hex(16)
    return {"id": id_, "case": case.id, "objection": seal(customer.data_key, text.encode(), _purpose(id_))}


def _kept(connection: Connection, link: Linked) -> tuple[int, Answered]:
    """Return how many answers to a notice there are, and what they say by now."""
    rows = connection.execute(
        select(feedback).where(feedback.c.notice == link.notice).order_by(feedback.c.number)
    ).all()
    satisfactions = [row.satisfaction for row in rows if row.satisfaction is not None]
    objections = [_text(row, link.customer) for row in rows if row.objection is not None]
    return len(rows), Answered(
        satisfactions[-1] if satisfactions else None, objections[-1] if objections else None
    )


def objections_in(connection: Connection, keyring: Keyring, case: str) -> list[Objection]:
    """Return the objections that a case is to decide on, the oldest first; the text None where erased."""
    rows = connection.execute(
        select(feedback, counted().label("counted"), cases.c.state, cases.c.proposed_tier)
        .join(cases, cases.c.id == feedback.c.case)
        .where(feedback.c.case == case, feedback.c.objection.is_not(None))
        .order_by(feedback.c.at, feedback.c.number, feedback.c.id)
    )
    return [
        Objection(
            row.id,
            row.at,
            case,
            outcome_of(row.state, row.proposed_tier, row.counted),
            _text_of(connection, keyring, row),
        )
        for row in rows
    ]


def outcomes(connection: Connection) -> Mapping[Outcome, int]:
    """Return how many objections are open, were upheld, were not, and were never decided on."""
    rows = connection.execute(
        select(counted().label("counted"), cases.c.state, cases.c.proposed_tier)
        .select_from(feedback)
        .join(cases, cases.c.id == feedback.c.case)
        .where(feedback.c.objection.is_not(None))
    )
    found = [outcome_of(row.state, row.proposed_tier, row.counted) for row in rows]
    return {outcome: found.count(outcome) for outcome in Outcome}


def counted() -> ScalarSelect[str | None]:
    """Return the tier that counted when an objection came, for a query of `feedback` joined with `cases`.

    It may be another than its notice told: between the two it may have changed.
    """
    its_own_end = and_(changes.c.case == cases.c.id, changes.c.at == cases.c.closed_at)
    return (
        select(changes.c.after)
        .where(
            changes.c.customer == feedback.c.customer,
            changes.c.at <= feedback.c.at,
            # What the case itself brought about is after the objection, even at one moment of a coarse clock.
            not_(func.coalesce(its_own_end, false())),
        )
        .order_by(changes.c.at.desc(), changes.c.sequence.desc())
        .limit(1)
        .correlate(feedback, cases)
        .scalar_subquery()
    )


def outcome_of(state: str, proposed: str | None, objected: str | None) -> Outcome:
    """Return what came of an objection: upheld where its case has put a better tier in force.

    A case that was withdrawn, also by an erasure, has decided nothing.

    Args:
        state: the case's.
        proposed: the tier that it proposes.
        objected: the tier that counted when the objection came; see `counted`.
    """
    match CaseState(state):
        case CaseState.COLLECTING | CaseState.PROPOSED:
            return Outcome.OPEN
        case CaseState.EFFECTIVE:
            better = _rank(proposed) < _rank(objected)
            return Outcome.UPHELD if better else Outcome.NOT_UPHELD
        case CaseState.REJECTED:
            return Outcome.NOT_UPHELD
        case CaseState.WITHDRAWN:
            return Outcome.WITHDRAWN


def _rank(tier: str | None) -> int:
    return RATED_TIERS.index(Tier(tier)) if tier in RATED_TIERS else len(RATED_TIERS)


def _text_of(connection: Connection, keyring: Keyring, row: Row[Any]) -> str | None:
    try:
        return _text(row, open_customer(connection, keyring, row.customer))
    except UnknownCustomer:
        return None


def _text(row: Row[Any], customer: KnownCustomer) -> str:
    return open_sealed(customer.data_key, row.objection, _purpose(row.id)).decode()


def _purpose(answer: str) -> str:
    return f"objection {answer}"
