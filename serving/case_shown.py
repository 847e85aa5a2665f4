"""A case's head as the command line prints it: what it is about, came from and rests on, where it stands."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from features.terminal import counted
from features.terms import Language
from serving.confidential.keyring import Keyring
from serving.procedure import Procedure
from serving.reviews.case_origin import events_in, hold_of
from serving.reviews.cases import Case, CaseKind, Opened
from serving.store.customers import id_of

_KINDS = {
    CaseKind.SINGLE: "case of one customer",
    CaseKind.LIST: "list of a run",
    CaseKind.PROCEDURE: "adoption of a procedure",
    CaseKind.MODEL: "adoption of a model",
    CaseKind.CHALLENGER: "adoption of a challenger",
    CaseKind.MONITORING: "alarm of monitoring",
}


def head_of(case: Case) -> str:
    """Return a case's state in a line."""
    parts = [f"{case.kind} case ({_KINDS[case.kind]}), {case.reason}, {case.state}, version {case.version}"]
    if case.proposed_tier is not None:
        parts.append(f"{case.old_tier or 'no tier'} to {case.proposed_tier}")
    elif case.kind is CaseKind.SINGLE:
        parts.append(f"{case.old_tier or 'no tier'} as it was opened, no other proposed yet")
    if case.override is not None:
        parts.append(f"as an override until {case.override.until:%Y-%m-%d}, {case.override.reason}")
    parts.append(f"needs {counted(case.needed, 'approval')}")
    if case.due_at is not None:
        parts.append(f"due {case.due_at:%Y-%m-%d}")
    return "; ".join(parts) + "."


def origin_of(
    connection: Connection,
    keyring: Keyring,
    procedure: Procedure,
    case: Case,
    opened: Opened,
    justification: str | None,
    at: datetime,
) -> Iterator[str]:
    """Yield, in lines, who opened a case and why, what its proposer wrote, and of one customer's more.

    That is who it is and what has happened. What is proposed about an alarm is what the proposer wrote.
    """
    if case.customer is not None:
        yield f"Customer: {id_of(connection, keyring, case.customer)}"
    because = "" if opened.because is None else f"; because: {opened.because}"
    yield f"Opened by {opened.actor}, {opened.at:%Y-%m-%d %H:%M}{because}"
    if justification is not None:
        proposed = "Proposed" if case.kind is CaseKind.MONITORING else "Proposed because"
        yield f"{proposed}: {justification}"
    for of in events_in(connection, keyring, procedure, case):
        words = of.type if of.names is None else f"{of.names.in_language(Language.EN)} ({of.type})"
        remark = "" if of.remark is None else f"; remark: {of.remark}"
        yield (
            f"Event: {words}, {of.severity}, of {of.occurred_on}, came {of.received_at:%Y-%m-%d %H:%M} "
            f"from {of.reported_by}{remark}"
        )
    hold = hold_of(connection, case, at)
    if hold is not None:
        since = f"{hold.valid_from:%Y-%m-%d %H:%M}"
        yield f"Hold: {hold.tier} since {since}, until a tier is approved in this case"
