"""Adjustment cases as they are kept: what they are about, where they stand, who did what (M21, M22)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from features.terms import Tier
from serving.reviews.proposals import newer_decision
from serving.store.case_tables import case_items, cases
from serving.store.tables import decisions


class CaseKind(StrEnum):
    """What a case is about: one customer, all whom a run classifies anew, or what governs all of them.

    A model case is about catalog, policy and model, which are adopted together; a challenger case about those
    that are to be tried beside them; a monitoring case about an alarm.
    """

    SINGLE = "single"
    LIST = "list"
    PROCEDURE = "procedure"
    MODEL = "model"
    CHALLENGER = "challenger"
    MONITORING = "monitoring"


class CaseReason(StrEnum):
    """Why a case was opened."""

    PERIODIC = "periodic"
    EVENT = "event"
    DETERIORATION = "deterioration"
    OBJECTION = "objection"
    REQUEST = "request"
    GOVERNANCE = "governance"
    ROLLBACK = "rollback"
    MONITORING = "monitoring"


class CaseState(StrEnum):
    """Where a case stands. Effective, rejected and withdrawn are final."""

    COLLECTING = "collecting"
    PROPOSED = "proposed"
    EFFECTIVE = "effective"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What was done in a case."""

    OPENED = "opened"
    REQUESTED = "requested"
    ANSWERED = "answered"
    PROPOSED = "proposed"
    PULLED_OUT = "pulled_out"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


FINAL = frozenset({CaseState.EFFECTIVE, CaseState.REJECTED, CaseState.WITHDRAWN})
GOVERNING = frozenset({CaseKind.PROCEDURE, CaseKind.MODEL, CaseKind.CHALLENGER})
OF_MODELS = frozenset({CaseKind.MODEL, CaseKind.CHALLENGER})


class CaseError(ValueError):
    """An act is not possible in a case as it stands; one line that says why."""


class UnknownCase(CaseError):
    """There is no case of an id."""


class NoFindings(CaseError):
    """A model is approved or rejected without a word on what was found."""


class NotAllowed(CaseError):
    """Whoever acts had a part in what is to be approved."""


@dataclass(frozen=True)
class Judgement:
    """What an approver found, and on what conditions they approve or will; in their words."""

    findings: str | None = None
    conditions: str | None = None


@dataclass(frozen=True)
class Judged:
    """An approval or rejection, by whom and when; texts are None where none was given or is readable."""

    act: Act
    actor: str
    at: datetime
    version: int
    because: str | None
    judgement: Judgement


@dataclass(frozen=True)
class Opened:
    """Who opened a case, when, and why in their words; None where none were given or can be read."""

    actor: str
    at: datetime
    because: str | None


@dataclass(frozen=True)
class Override:
    """A person's tier instead of the decision's: why, and until when."""

    reason: str
    until: datetime


@dataclass(frozen=True)
class Case:
    """A case as it stands. `version` is the proposal's; an approver names the one that they have read."""

    id: str
    kind: CaseKind
    reason: CaseReason
    state: CaseState
    customer: str | None
    run: str | None
    version: int
    decision: str | None
    old_tier: Tier | None
    proposed_tier: Tier | None
    override: Override | None
    needed: int
    opened_at: datetime
    due_at: datetime | None
    # Of a case on what governs: the hash of the document that is to be adopted; of one on an alarm, of that.
    subject: str | None = None


@dataclass(frozen=True)
class Item:
    """A customer of a list case."""

    customer: str
    decision: str
    old_tier: Tier | None
    proposed_tier: Tier
    pulled_out: str | None


def load_case(connection: Connection, case_id: str) -> Case:
    """Return a case.

    Raises:
        UnknownCase: there is none of this id.
    """
    row = connection.execute(select(cases).where(cases.c.id == case_id)).one_or_none()
    if row is None:
        raise UnknownCase("there is no such case")
    return _case(row)


def open_case_of(connection: Connection, customer: str) -> Case | None:
    """Return the case of a customer that is not closed, if there is one."""
    row = connection.execute(
        select(cases).where(cases.c.customer == customer, cases.c.closed_at.is_(None))
    ).one_or_none()
    return None if row is None else _case(row)


def list_of_run(connection: Connection, run: str) -> Case | None:
    """Return the list case of a run that is proposed or effective; None where it has none."""
    failed = [str(CaseState.REJECTED), str(CaseState.WITHDRAWN)]
    row = connection.execute(
        select(cases).where(cases.c.run == run, cases.c.state.not_in(failed))
    ).one_or_none()
    return None if row is None else _case(row)


def open_cases(connection: Connection) -> list[Case]:
    """Return the cases that are not closed, those due first."""
    rows = connection.execute(
        select(cases)
        .where(cases.c.closed_at.is_(None))
        .order_by(cases.c.due_at, cases.c.opened_at, cases.c.id)
    )
    return [_case(row) for row in rows]


def items_of(connection: Connection, case_id: str) -> list[Item]:
    """Return the customers of a list case, by pseudonym."""
    rows = connection.execute(
        select(case_items).where(case_items.c.case == case_id).order_by(case_items.c.customer)
    )
    return [
        Item(row.customer, row.decision, _tier(row.old_tier), Tier(row.proposed_tier), row.pulled_out)
        for row in rows
    ]


def outdated_items(connection: Connection, case_id: str) -> list[str]:
    """Return the customers of a list on whom there is a newer decision than the list's, by pseudonym."""
    rows = connection.execute(
        select(case_items.c.customer)
        .join(decisions, decisions.c.id == case_items.c.decision)
        .where(case_items.c.case == case_id, case_items.c.pulled_out.is_(None), newer_decision(decisions))
        .order_by(case_items.c.customer)
    )
    return [row.customer for row in rows]


def _case(row: Row[Any]) -> Case:
    override = None
    if row.override_reason is not None:
        override = Override(row.override_reason, row.override_until)
    return Case(
        row.id, CaseKind(row.kind), CaseReason(row.reason), CaseState(row.state), row.customer, row.run,
        row.version, row.decision, _tier(row.old_tier), _tier(row.proposed_tier), override, row.needed,
        row.opened_at, row.due_at, row.subject,
    )  # fmt: skip


def _tier(name: str | None) -> Tier | None:
    return None if name is None else Tier(name)
