"""The outbox: notices derived from changes, each once, and kept until they are handed over or given up.

A change is told when its notices are rows here, in one transaction with the entry in the audit trail; which
changes are not told yet, their rows say. Hence nothing is lost wherever the process stops.
"""

import hashlib
import logging
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from features.terms import Text
from serving.confidential.keyring import Keyring, KeyringError, MasterMissing
from serving.confidential.sealing import SealError, open_sealed, seal
from serving.notices.causes import Causes, TierChange
from serving.notices.contacts import Contact, contact_of
from serving.notices.delivery import FINAL, Reason
from serving.notices.links import sign_link
from serving.notices.rendering import (
    CUSTOMER,
    NO_CONTACT,
    Answering,
    Channel,
    Content,
    Recipient,
    recipients_of,
    render,
)
from serving.procedure import Procedure
from serving.reviews.adoptions import require_procedure
from serving.store.case_tables import changes
from serving.store.customers import KnownCustomer, UnknownCustomer, open_customer
from serving.store.notice_tables import notice_attempts, notices
from serving.store.store import Store, Writing

logger = logging.getLogger("tierwise.notices")

_CHANGES_AT_ONCE = 100
SENT = "sent"
TOO_OLD, NO_SENDER, NO_RECIPIENT = "too_old", "no_sender", "no_recipient"
REASONS = (*map(str, Reason), NO_CONTACT, NO_SENDER, NO_RECIPIENT, TOO_OLD)
"""Why a notice waits, was given up, or has nobody to go to."""
_GIVEN_UP = ("dead", "undeliverable")


class NoticeState(StrEnum):
    """Where a notice stands. Of the dead and the undeliverable somebody has to take care."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"
    UNDELIVERABLE = "undeliverable"


class NoticeError(ValueError):
    """What is asked of a notice is not possible; one line."""


@dataclass(frozen=True)
class Notice:
    """A notice as it may be listed: whom it is for, where it stands, and nothing of what it says."""

    id: str
    change: str
    customer: str
    recipient: str
    state: NoticeState
    reason: str | None
    channel: Channel | None
    attempts: int
    attempts_before: int
    queued_at: datetime
    due_at: datetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> "Notice":
        """Return a row of the table."""
        return cls(
            row.id, row.change, row.customer, row.recipient, NoticeState(row.state), row.reason,
            None if row.channel is None else Channel(row.channel), row.attempts, row.attempts_before,
            row.queued_at, row.due_at,
        )  # fmt: skip


@dataclass(frozen=True)
class Queued:
    """How many notices were derived, how many mails wait for a sender, how much was skipped."""

    notices: int
    unsigned: int
    skipped: int


@dataclass(frozen=True, repr=False)
class _About:
    """Whom a change is about and why it came about; where that cannot be read, `missing` says why."""

    customer: KnownCustomer | None
    contact: Contact | None
    causes: Sequence[Text]
    missing: str


class Outbox:
    """The notices of a store, given as a procedure says."""

    def __init__(self, store: Store, procedure: Procedure) -> None:
        self.store, self.rules = store, procedure.notices
        self._procedure = procedure
        self._causes = Causes(procedure)

    def queue(self, actor: str) -> Queued:
        """Derive the notices of every change that has none yet; one that fails keeps no other back.

        Raises:
            StoreError: the store cannot be read or written.
            NotAdopted: there are such changes, and the procedure is not the one adopted.
        """
        with self.store.reading() as connection:
            untold = list(connection.execute(_untold(select(changes.c.id))).scalars())
        queued = skipped = 0
        for start in range(0, len(untold), _CHANGES_AT_ONCE):
            with self.store.writing(actor) as writing:
                require_procedure(writing.connection, self._procedure, writing.at)
                part = changes.c.id.in_(untold[start : start + _CHANGES_AT_ONCE])
                # Asked again, for somebody else may have been quicker.
                rows = writing.connection.execute(_untold(select(changes)).where(part)).all()
                told = 0
                for row in rows:
                    try:
                        told += self._queue_change(writing, TierChange.of(row))
                    except SQLAlchemyError:
                        raise
                    except Exception as error:
                        # It has written nothing, and is tried again with the next round.
                        log_failure(error)
                        skipped += 1
                if not told:
                    writing.record("notice.none", None, {})
                queued += told
        unsigned, failed = self._sign(actor)
        return Queued(queued, unsigned, skipped + failed)

    def _sign(self, actor: str) -> tuple[int, int]:
        """Make the mails that waited for a sender; return how many still do, and how many were skipped."""
        pending = (notices.c.state == str(NoticeState.PENDING), notices.c.sealed.is_(None))
        with self.store.reading() as connection:
            ids = list(connection.execute(select(notices.c.id).where(*pending)).scalars())
        if self.rules.sender is None:
            return len(ids), 0
        skipped = 0
        for start in range(0, len(ids), _CHANGES_AT_ONCE):
            with self.store.writing(actor) as writing:
                part = notices.c.id.in_(ids[start : start + _CHANGES_AT_ONCE])
                rows = writing.connection.execute(select(notices).where(part, *pending)).all()
                for row in rows:
                    try:
                        self._put_again(writing, row, self._made_again(writing, row), "notice.made")
                    except SQLAlchemyError:
                        raise
                    except Exception as error:
                        log_failure(error)
                        skipped += 1
                if skipped or not rows:
                    writing.record("notice.none", None, {})
        return 0, skipped

    def _queue_change(self, writing: Writing, change: TierChange) -> int:
        if change.at < writing.at - timedelta(days=self.rules.tell_within_days):
            # From before notices were run, or were run again: no news any more.
            about = _About(None, None, (), TOO_OLD)
        else:
            about = self._about(writing.connection, change)
        rows = []
        for recipient in recipients_of(self.rules, change, about.contact, about.missing):
            notice = _notice_id(change.id, recipient.key)
            row = {
                "id": notice, "change": change.id, "customer": change.customer, "recipient": recipient.key,
                "attempts": 0, "attempts_before": 0, "queued_at": writing.at,
            }  # fmt: skip
            rows.append({**row, **self._made(writing, notice, change, about, recipient)})
        writing.connection.execute(insert(notices), rows)
        writing.record("notice.queued", change.customer, {
            "change": change.id,
            "notices": [row["id"] for row in rows],
            "states": [row["state"] for row in rows],
            "digests": [row["digest"] or "" for row in rows],
        })  # fmt: skip
        return len(rows)

    def _about(self, connection: Connection, change: TierChange) -> _About:
        try:
            known = open_customer(connection, self.store.keyring, change.customer)
            contact = contact_of(connection, known)
            return _About(known, contact, self._causes.of(connection, known, change), "")
        except UnknownCustomer:
            return _About(None, None, (), str(Reason.ERASED))
        except MasterMissing:
            raise
        except (SealError, KeyringError):
            # One that was tampered with keeps nobody else from being told.
            return _About(None, None, (), str(Reason.UNREADABLE))

    def _made(
        self, writing: Writing, notice: str, change: TierChange, about: _About, recipient: Recipient
    ) -> dict[str, Any]:
        """Return the columns that hold a notice's content, or that say why there is none."""
        if about.customer is None or about.contact is None or recipient.channel is None:
            return {
                "state": str(NoticeState.UNDELIVERABLE), "reason": recipient.undeliverable, "channel": None,
                "sealed": None, "digest": None, "due_at": None, "answer_until": None,
            }  # fmt: skip
        if recipient.channel is Channel.EMAIL and self.rules.sender is None:
            # It is made once there is one; see `_sign`.
            return {
                "state": str(NoticeState.PENDING), "reason": NO_SENDER, "channel": str(recipient.channel),
                "sealed": None, "digest": None, "due_at": writing.at, "answer_until": None,
            }  # fmt: skip
        answering = None
        if recipient.is_customer and self.rules.link_base is not None:
            until = (writing.at + timedelta(days=self.rules.link_days)).replace(microsecond=0)
            token = sign_link(self.store.keyring, notice, until)
            answering = Answering(f"{self.rules.link_base.rstrip('/')}/v1/feedback/{token}", until)
        content = render(
            self.rules, notice, change, about.causes, about.contact, recipient, answering, writing.at
        )
        sealed = seal(about.customer.data_key, content.to_bytes(), _purpose(notice))
        return {
            "state": str(NoticeState.PENDING), "reason": None, "channel": str(recipient.channel),
            "sealed": sealed, "digest": hashlib.sha256(sealed).hexdigest(), "due_at": writing.at,
            "answer_until": answering and answering.until,
        }  # fmt: skip

    def due(self, at: datetime) -> list[str]:
        """Return the notices that are to be sent by a moment, the longest due first."""
        with self.store.reading() as connection:
            return list(
                connection.execute(
                    select(notices.c.id)
                    .where(
                        notices.c.state == str(NoticeState.PENDING),
                        notices.c.due_at <= at,
                        notices.c.sealed.is_not(None),
                    )
                    .order_by(notices.c.due_at, notices.c.queued_at, notices.c.id)
                ).scalars()
            )

    def take(self, notice: str) -> tuple[Notice, Content | Reason] | None:
        """Return a notice and what to send, or why that cannot be read; None if it is not pending.

        Raises:
            MasterMissing: the keyring is not the newest.
        """
        with self.store.reading() as connection:
            row = connection.execute(select(notices).where(notices.c.id == notice)).one_or_none()
            if row is None or row.state != str(NoticeState.PENDING):
                return None
            try:
                content = content_of(connection, self.store.keyring, row)
            except MasterMissing:
                raise
            except (SealError, KeyringError):
                return Notice.of(row), Reason.UNREADABLE
            return Notice.of(row), Reason.ERASED if content is None else content

    def record(self, writing: Writing, notice: Notice, failed: Reason | None) -> NoticeState:
        """Record an attempt: what came of it, and when the next is due."""
        number = notice.attempts + 1
        failures = number - notice.attempts_before
        state, due_at = NoticeState.SENT, None
        if failed is not None:
            state = NoticeState.DEAD
            if failed not in FINAL and failures < self.rules.attempts:
                state = NoticeState.PENDING
                due_at = writing.at + timedelta(minutes=self.rules.wait_after(failures))
        outcome = SENT if failed is None else str(failed)
        writing.connection.execute(
            insert(notice_attempts).values(notice=notice.id, number=number, at=writing.at, outcome=outcome)
        )
        writing.connection.execute(
            update(notices)
            .where(notices.c.id == notice.id)
            .values(
                state=str(state), reason=None if failed is None else str(failed), attempts=number,
                due_at=due_at, sent_at=writing.at if state is NoticeState.SENT else None,
            )
        )  # fmt: skip
        action = "notice.failed" if state is NoticeState.PENDING else f"notice.{state}"
        writing.record(action, notice.customer, {
            "notice": notice.id, "attempt": number, "outcome": outcome,
            "channel": None if notice.channel is None else str(notice.channel),
        })  # fmt: skip
        return state

    def retry(self, writing: Writing, notice: str) -> NoticeState:
        """Have a dead or undeliverable notice tried again, at once and as often as a new one.

        It stays as it was made, unless its recipient's address has changed or its link has expired.

        Raises:
            NoticeError: there is no such notice, it is not dead or undeliverable, or its customer was erased.
            NotAdopted: the procedure is not the one adopted.
        """
        require_procedure(writing.connection, self._procedure, writing.at)
        row = writing.connection.execute(select(notices).where(notices.c.id == notice)).one_or_none()
        if row is None:
            raise NoticeError("there is no such notice")
        if row.state not in _GIVEN_UP:
            raise NoticeError(f"the notice is {row.state}; those dead or undeliverable are tried again")
        values = self._made_again(writing, row)
        if values["reason"] == NO_RECIPIENT:
            raise NoticeError("the procedure has no such department any more, or it is not interested")
        if values["reason"] in (Reason.ERASED, Reason.UNREADABLE):
            raise NoticeError(f"nobody can be told of this any more: {values['reason']}")
        self._put_again(writing, row, values, "notice.retried")
        return NoticeState(values["state"])

    def retry_all(self, actor: str, reason: str | None = None) -> tuple[int, int]:
        """Have every dead or undeliverable notice tried again; returns how many are, and how many cannot be.

        Args:
            actor: who has it done.
            reason: those alone that were given up for it, one of REASONS; without one all but those that are
                TOO_OLD.

        Raises:
            NoticeError: there is no such reason.
        """
        require_reason(reason)
        wanted = notices.c.reason != TOO_OLD if reason is None else notices.c.reason == reason
        given_up = (notices.c.state.in_(_GIVEN_UP), wanted)
        with self.store.reading() as connection:
            query = select(notices.c.id).where(*given_up).order_by(notices.c.queued_at, notices.c.id)
            ids = list(connection.execute(query).scalars())
        tried = 0
        for start in range(0, len(ids), _CHANGES_AT_ONCE):
            with self.store.writing(actor) as writing:
                for notice in ids[start : start + _CHANGES_AT_ONCE]:
                    with suppress(NoticeError):
                        tried += self.retry(writing, notice) is NoticeState.PENDING
                writing.record("notice.retried_all", None, {"reason": reason})
        return tried, len(ids) - tried

    def _made_again(self, writing: Writing, row: Row[Any]) -> dict[str, Any]:
        """Return the columns of a notice for another attempt, by what is known of its recipient now."""
        change = TierChange.of(
            writing.connection.execute(select(changes).where(changes.c.id == row.change)).one()
        )
        about = self._about(writing.connection, change)
        recipient = next(
            (
                of
                for of in recipients_of(self.rules, change, about.contact, about.missing)
                if of.key == row.recipient
            ),
            Recipient(row.recipient, self.rules.language, None, None, undeliverable=NO_RECIPIENT),
        )
        if about.customer is not None and recipient.channel and self._stands(writing, row, recipient):
            return {"state": str(NoticeState.PENDING), "due_at": writing.at, "reason": None}
        return self._made(writing, row.id, change, about, recipient)

    def _put_again(self, writing: Writing, row: Row[Any], values: dict[str, Any], action: str) -> None:
        writing.connection.execute(
            update(notices).where(notices.c.id == row.id).values(**values, attempts_before=row.attempts)
        )
        facts = {"notice": row.id, "state": values["state"], "digest": values.get("digest", row.digest)}
        writing.record(action, row.customer, facts)

    def _stands(self, writing: Writing, row: Row[Any], recipient: Recipient) -> bool:
        """Whether a notice can go as it was made: to the address known now, with a link that opens."""
        try:
            content = content_of(writing.connection, self.store.keyring, row)
        except SealError:
            return False
        if content is None or (row.answer_until is not None and row.answer_until <= writing.at):
            return False
        return (content.channel, content.address) == (recipient.channel, recipient.address)


def require_reason(reason: str | None) -> None:
    """Refuse what is no reason, of which there would seem to be no notices.

    Raises:
        NoticeError: it is none of REASONS.
    """
    if reason is not None and reason not in REASONS:
        raise NoticeError(f"there is no such reason; give one of {', '.join(REASONS)}")


def list_notices(
    connection: Connection, *states: NoticeState, most: int, reason: str | None = None, offset: int = 0
) -> tuple[int, list[Notice]]:
    """Return how many notices there are, of some states or of all, and the newest of them.

    Args:
        connection: to the store.
        states: of these alone.
        most: how many at most.
        reason: with this one alone, of REASONS.
        offset: so many of the newest are left out.

    Raises:
        NoticeError: there is no such reason.
    """
    require_reason(reason)
    chosen: list[ColumnElement[bool]] = [notices.c.state.in_([str(state) for state in states or NoticeState])]
    if reason is not None:
        chosen.append(notices.c.reason == reason)
    count = connection.execute(select(func.count()).select_from(notices).where(*chosen)).scalar_one()
    rows = connection.execute(
        select(notices)
        .where(*chosen)
        .order_by(notices.c.queued_at.desc(), notices.c.id)
        .limit(most)
        .offset(offset)
    )
    return count, [Notice.of(row) for row in rows]


def count_by_reason(connection: Connection, *states: NoticeState) -> dict[str, int]:
    """Return how many notices of some states have each reason, the commonest first."""
    number = func.count()
    rows = connection.execute(
        select(notices.c.reason, number.label("number"))
        .where(
            notices.c.state.in_([str(state) for state in states or NoticeState]),
            notices.c.reason.is_not(None),
        )
        .group_by(notices.c.reason)
        .order_by(number.desc(), notices.c.reason)
    )
    return {row.reason: row.number for row in rows}


def content_of(connection: Connection, keyring: Keyring, row: Row[Any]) -> Content | None:
    """Return what a notice sends; None where it was never made, or its customer was erased.

    Raises:
        SealError: it was changed.
        KeyringError: its customer's key was changed, or the keyring is another.
    """
    if row.sealed is None:
        return None
    try:
        known = open_customer(connection, keyring, row.customer)
    except UnknownCustomer:
        return None
    return Content.from_bytes(open_sealed(known.data_key, row.sealed, _purpose(row.id)))


def log_failure(error: Exception) -> None:
    """Log what failed and where, without the error's text, which might hold a customer's value."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("notices: %s at %s:%d", type(error).__name__, frame.filename, frame.lineno)


def _untold(query: Select[Any]) -> Select[Any]:
    """Return a query for changes with those alone whose customer has no notice of them, the oldest first."""
    told = exists().where(notices.c.change == changes.c.id, notices.c.recipient == CUSTOMER)
    return query.where(~told).order_by(changes.c.at, changes.c.id)


def _notice_id(change: str, recipient: str) -> str:
    return hashlib.sha256(f"notice of {change} to {recipient}".encode()).hexdigest()[:32]


def _purpose(notice: str) -> str:
    return f"notice {notice}"
