"""The chain: every entry carries a keyed hash of itself and of the entry before it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from serving.confidential.keyring import Keyring
from serving.store.tables import audit_entries, audit_head

Fact = str | int | float | bool | None | list[str]

GENESIS = "0" * 64
"""What the first entry names as the one before it."""
_HEAD = 1


class AuditError(RuntimeError):
    """The audit trail cannot be written or read; one line."""


@dataclass(frozen=True)
class Head:
    """The newest entry's place, from 1, and keyed hash; place 0 of an empty trail."""

    sequence: int
    mac: str


@dataclass(frozen=True)
class Entry:
    """One entry: who did what to whom, when, and the facts, which name customers by pseudonym alone."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str | None
    facts: str
    key_version: int
    previous: str

    def mac(self, keyring: Keyring) -> str:
        """Return the keyed hash (HMAC-SHA256, hex) of the entry and of all before it.

        Raises:
            AuditError: its key is not in the keyring.
        """
        key = keyring.audit.get(self.key_version)
        if key is None:
            raise AuditError(
                f"audit entry {self.sequence}: audit key {self.key_version} is not in the keyring"
            )
        content = [
            self.sequence, self.at.astimezone(UTC).isoformat(timespec="microseconds"), self.actor,
            self.action, self.subject, self.facts, self.key_version, self.previous,
        ]  # fmt: skip
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def belongs(connection: Connection, keyring: Keyring) -> bool:
    """Whether the newest entry was written with a keyring; of an empty trail anybody's may go on."""
    row = connection.execute(
        select(audit_entries).order_by(audit_entries.c.sequence.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return True
    return row.key_version in keyring.audit and is_whole(row, keyring)


def entry_of(row: Row[Any]) -> Entry:
    """Return the entry of a row of the trail."""
    return Entry(
        row.sequence, row.at, row.actor, row.action, row.subject, row.facts, row.key_version, row.previous
    )


def is_whole(row: Row[Any], keyring: Keyring) -> bool:
    """Whether a row of the trail is what was written with a keyring; says nothing of those before it.

    Raises:
        AuditError: its key is not in the keyring.
    """
    return hmac.compare_digest(entry_of(row).mac(keyring), row.mac)


class Chain:
    """The trail as one transaction extends it; the lock on the head makes it the only writer."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        """Lock the head.

        Raises:
            AuditError: there is none, as in a store that nobody set up.
        """
        self._connection, self._keyring = connection, keyring
        row = connection.execute(
            select(audit_head.c.sequence, audit_head.c.mac).where(audit_head.c.id == _HEAD).with_for_update()
        ).one_or_none()
        if row is None:
            raise AuditError("the audit trail has no head; run `tierwise audit verify`")
        self._begin = self.head = Head(row.sequence, row.mac)

    @property
    def grown(self) -> bool:
        """Whether this transaction has written an entry."""
        return self.head != self._begin

    def append(
        self, at: datetime, actor: str, action: str, subject: str | None, facts: Mapping[str, Fact]
    ) -> None:
        """Write an entry after the newest.

        Args:
            at: when it happened.
            actor: the person or system, as the identity provider or the key's owner names it.
            action: such as `decision.made`.
            subject: a pseudonym, or the id of a run, case or key.
            facts: hashes, tiers, counts and pseudonyms; no customer's value.
        """
        text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        entry = Entry(
            self.head.sequence + 1,
            at,
            actor,
            action,
            subject,
            text,
            self._keyring.audit_version,
            self.head.mac,
        )
        mac = entry.mac(self._keyring)
        self._connection.execute(insert(audit_entries).values({**entry.__dict__, "mac": mac}))
        self._connection.execute(
            update(audit_head).where(audit_head.c.id == _HEAD).values(sequence=entry.sequence, mac=mac)
        )
        self.head = Head(entry.sequence, mac)
