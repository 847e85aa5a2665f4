"""Verifying the trail from the first entry to the last, and against the heads that were exported."""

import hmac
from dataclasses import dataclass

from sqlalchemy import Connection, select

from serving.audit.chain import GENESIS, Entry, Head, entry_of
from serving.audit.heads import Heads
from serving.confidential.keyring import Keyring
from serving.store.tables import audit_entries, audit_head

_ROWS = 5000


@dataclass(frozen=True)
class Verified:
    """What was found: entries read, how many of them lie beyond the last exported head, and the first fault.

    `torn` lines of the heads' file cannot be read: a machine stopped while they were written, or somebody
    changed them.

    `bad_entry` is the place of the first entry that is not what was written there, None where all are.
    """

    entries: int
    unexported: int
    bad_entry: int | None
    fault: str | None
    torn: int = 0


def verify(connection: Connection, keyring: Keyring, heads: Heads) -> Verified:
    """Verify the trail; finds entries edited, deleted, inserted, reordered, cut off and rolled back.

    Entries written after the last exported head can be cut off unnoticed: `unexported` at most, those of a
    transaction whose process was killed between its commit and the export.

    Raises:
        AuditError: the exported heads cannot be read, or a key is not in the keyring.
    """
    exported: dict[int, str] = {}
    told, torn = heads.read()
    for head in told:
        if exported.setdefault(head.sequence, head.mac) != head.mac:
            return Verified(
                0, 0, head.sequence, "two exported heads differ for it: the trail was rolled back"
            )
    last_exported = max(exported, default=0)
    newest, fault = Head(0, GENESIS), None
    query = select(audit_entries).order_by(audit_entries.c.sequence).execution_options(yield_per=_ROWS)
    with connection.execute(query) as rows:
        for row in rows:
            entry = entry_of(row)
            fault = _fault(entry, row.mac, newest, keyring, exported)
            if fault is not None:
                return Verified(newest.sequence, 0, newest.sequence + 1, fault)
            newest = Head(entry.sequence, row.mac)
    if newest.sequence < last_exported:
        fault = f"it was exported and is gone, as is all up to {last_exported}"
    elif newest.sequence and not exported:
        return Verified(
            newest.sequence, 0, 1, "no exported head is there: without them a cut is not found", torn
        )
    elif newest != _head_of(connection):
        fault = "the head names another entry as the newest"
    bad_entry = None if fault is None else newest.sequence + 1
    return Verified(newest.sequence, max(0, newest.sequence - last_exported), bad_entry, fault, torn)


def _fault(entry: Entry, mac: str, before: Head, keyring: Keyring, exported: dict[int, str]) -> str | None:
    if entry.sequence != before.sequence + 1:
        return "it is missing"
    if entry.previous != before.mac:
        return "it does not follow the entry before it"
    if not hmac.compare_digest(entry.mac(keyring), mac):
        return "it is not what was written"
    if exported.get(entry.sequence, mac) != mac:
        return "another entry was exported in its place"
    return None


def _head_of(connection: Connection) -> Head | None:
    rows = connection.execute(select(audit_head.c.sequence, audit_head.c.mac)).all()
    if len(rows) != 1:
        return None
    return Head(rows[0].sequence, rows[0].mac)
