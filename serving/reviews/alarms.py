"""Cases about alarms of monitoring, one for each kind and model, worked as other cases are (M22, M24).

Somebody proposes what to do about it, in words; others approve, and the case is closed. What is then done,
such as a model trained again, is proposed and approved by itself.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, select, update

from serving.access.roles import Actor
from serving.reviews.adoptions import hash_of
from serving.reviews.case_book import CaseBook
from serving.reviews.cases import Act, Case, CaseError, CaseKind, CaseReason, CaseState, load_case
from serving.store.case_tables import cases
from serving.store.documents import keep_document, load_document
from serving.store.store import Writing

_DOCUMENT = "alarm"


@dataclass(frozen=True)
class Alarm:
    """What a case is about: the document that monitoring wrote of one kind of alarm, aggregates only."""

    content: dict[str, Any]

    @classmethod
    def read(cls, document: bytes) -> "Alarm":
        """Return what a document says.

        Raises:
            CaseError: it is none of an alarm.
        """
        try:
            content = json.loads(document)
            known = content["format"], content["format_version"]
            alarm = cls(content)
            whole = bool(alarm.about and alarm.results)
        except (ValueError, KeyError, TypeError):
            raise CaseError("the document tells of no alarm") from None
        if known != ("tierwise-alarm", 1) or not whole:
            raise CaseError("the document tells of no alarm, or is of another version of Tierwise")
        return alarm

    @property
    def about(self) -> tuple[str, str]:
        """The kind of alarm and the model (its SHA-256): of the same two there is one open case."""
        return self.content["alarm"], self.content["subject"]["model_sha256"]

    @property
    def names(self) -> dict[str, str]:
        """What the alarm is called, by language."""
        return dict(self.content["name"])

    @property
    def subject(self) -> dict[str, Any]:
        """Which model was monitored, on how many customers, by which day."""
        return dict(self.content["subject"])

    @property
    def results(self) -> list[dict[str, Any]]:
        """The checks that alarm: id, name by language, value, interval, threshold, n, parts."""
        return list(self.content["results"])


@dataclass(frozen=True)
class OpenedAlarm:
    """The case of an alarm, and whether it was open before."""

    case: Case
    found: bool


class AlarmDesk(CaseBook):
    """Where alarms become cases, and remedies are proposed."""

    def open(self, writing: Writing, actor: Actor, document: bytes) -> OpenedAlarm:
        """Open a case about an alarm, unless one about the same kind and model is open.

        Args:
            writing: the transaction.
            actor: who monitors.
            document: what monitoring wrote of the alarm.

        Raises:
            CaseError: it is no such document.
            NotAdopted: the desk works by another procedure than the one adopted.
        """
        about = Alarm.read(document).about
        for case in open_alarms(writing.connection):
            if alarm_of(writing.connection, case).about == about:
                writing.record("case.found", case.id, {})
                return OpenedAlarm(case, found=True)
        hash_ = hash_of(document)
        keep_document(writing, _DOCUMENT, hash_, document)
        case = Case(
            token_hex(16), CaseKind.MONITORING, CaseReason.MONITORING, CaseState.COLLECTING, None, None, 0,
            None, None, None, None, self.procedure.approvals.ordinary, writing.at,
            writing.at + timedelta(days=self.procedure.case_days), hash_,
        )  # fmt: skip
        self._insert(writing, actor, case)
        return OpenedAlarm(case, found=False)

    def propose(self, writing: Writing, actor: Actor, case_id: str, remedy: str) -> Case:
        """Propose what to do about an alarm; a new proposal takes the place of the one before.

        Args:
            writing: the transaction.
            actor: who proposes; nobody of those behind may approve.
            case_id: the case of an alarm.
            remedy: in the proposer's words, sealed.

        Raises:
            CaseError: the case is closed, or about no alarm, or the text is empty or too long.
        """
        case = self._expect(
            writing, case_id, CaseState.COLLECTING, CaseState.PROPOSED, kind=CaseKind.MONITORING
        )
        proposed = replace(
            case, state=CaseState.PROPOSED, version=case.version + 1, needed=self.procedure.approvals.ordinary
        )
        writing.connection.execute(
            update(cases)
            .where(cases.c.id == case.id)
            .values(
                state=str(proposed.state),
                version=proposed.version,
                needed=proposed.needed,
                justification=self._sealed(writing.connection, proposed, remedy),
            )
        )
        self._act(writing, actor, proposed, Act.PROPOSED)
        return proposed


def open_alarms(connection: Connection) -> list[Case]:
    """Return the cases about alarms that are not closed, the oldest first."""
    ids = connection.execute(
        select(cases.c.id)
        .where(cases.c.kind == str(CaseKind.MONITORING), cases.c.closed_at.is_(None))
        .order_by(cases.c.opened_at, cases.c.id)
    ).scalars()
    return [load_case(connection, id_) for id_ in list(ids)]


def alarm_of(connection: Connection, case: Case) -> Alarm:
    """Return what a case about an alarm is about.

    Raises:
        CaseError: the case is about no alarm.
        StoreError: its document is not in the store.
    """
    if case.kind is not CaseKind.MONITORING or case.subject is None:
        raise CaseError(f"the case is a {case.kind} case, which is about no alarm")
    return Alarm.read(load_document(connection, case.subject))
