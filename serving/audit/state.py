"""Comparing the state with what the trail says of it: every row as it was written, none gone, none invented.

The trail speaks of every row that is written (`serving.audit.touched`). What a version that did not yet do so
wrote is compared with what its entries say: tiers in force, cases that are closed, adoptions; and decisions
with what is sealed in them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, or_, select

from serving.audit.earlier import EarlierRows
from serving.audit.rows import Read, RowReader, Said, columns_of, covered_tables, id_of_key, in_parts
from serving.audit.touched import GONE, ROWS_VOUCHED, ROWS_WRITTEN, STORE_CREATED, VOUCHED
from serving.confidential.keyring import Keyring, KeyringError
from serving.confidential.sealing import SealError
from serving.store.customers import ids_of
from serving.store.database import StoreError
from serving.store.store import Writing
from serving.store.tables import audit_entries, customers

_LOOKED_UP = 500
_FIRST = (
    "customers", "standings", "changes", "decisions", "cases", "case_items", "case_acts", "adoptions",
    "events", "tasks", "notices",
)  # fmt: skip


class NothingToVouchFor(StoreError):
    """The trail speaks of every row already; one line."""


@dataclass(frozen=True)
class Difference:
    """The first place where the state is not what the trail says: a table, a row's id, and what differs."""

    table: str
    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.table} {self.id}: {self.what}"


@dataclass(frozen=True)
class Compared:
    """How many rows were compared, for how many the trail does not vouch, and the first difference.

    `unvouched` rows were written by an earlier version; they are 0 in a store that this version made.
    """

    rows: int
    unvouched: int
    difference: Difference | None


@dataclass
class Told:
    """What the trail says of rows: by table and id, None of one that was deleted; and whether of all rows."""

    rows: dict[str, dict[str, Said | None]]
    whole: bool


def compare(connection: Connection, keyring: Keyring) -> Compared:
    """Compare the state with the trail, which must have been verified in the same transaction.

    Raises:
        AuditError, KeyringError: see `serving.audit.verification.verify`.
    """
    told = read_told(connection)
    earlier = EarlierRows(connection, keyring)
    counted = _Counted()
    difference = next(_differences(connection, keyring, told, earlier, counted), None)
    return Compared(counted.rows, counted.unvouched, difference)


def read_told(connection: Connection) -> Told:
    """Return what the trail says of rows, the newest word on each."""
    query = (
        select(audit_entries.c.action, audit_entries.c.facts)
        .where(audit_entries.c.action.in_([ROWS_WRITTEN, STORE_CREATED, VOUCHED]))
        .order_by(audit_entries.c.sequence)
        .execution_options(yield_per=_LOOKED_UP)
    )
    told, known = Told({}, False), dict[str, tuple[str, ...]]()
    with connection.execute(query) as entries:
        for entry in entries:
            facts = json.loads(entry.facts)
            if entry.action != ROWS_WRITTEN:
                told.whole = told.whole or bool(facts.get(ROWS_VOUCHED))
                continue
            for table, (names, *lines) in facts.items():
                columns = known.setdefault(names, tuple(names.split(" ")))
                of_table = told.rows.setdefault(table, {})
                for line in lines:
                    # An id may hold blanks, what follows it does not.
                    if line.endswith(f" {GONE}"):
                        of_table[line.removesuffix(f" {GONE}")] = None
                    else:
                        id_, digest, marks = line.rsplit(" ", 2)
                        of_table[id_] = Said(columns, digest, marks)
    return told


def vouch_for_rows(writing: Writing) -> int:
    """Let the trail speak of all rows as they are now; returns how many an earlier version had written.

    What was changed in them before is not found any more: compare first.

    Raises:
        NothingToVouchFor: it does already.
    """
    told = read_told(writing.connection)
    if told.whole:
        raise NothingToVouchFor("the audit trail vouches for every row already")
    known = sum(said is not None for of_table in told.rows.values() for said in of_table.values())
    rows = writing.touched.everything() - known
    writing.record(VOUCHED, None, {"rows": rows, ROWS_VOUCHED: True})
    return rows


@dataclass
class _Counted:
    rows: int = 0
    unvouched: int = 0


def _differences(
    connection: Connection, keyring: Keyring, told: Told, earlier: EarlierRows, counted: _Counted
) -> Iterator[Difference]:
    tables = {table.name: table for table in covered_tables()}
    reader = RowReader(connection, keyring)
    for name in (*_FIRST, *sorted(tables.keys() - set(_FIRST))):
        table, of_table = tables[name], told.rows.get(name, {})
        unvouched: list[Row[Any]] = []
        try:
            for row, read in reader.all(table):
                counted.rows += 1
                if read.id not in of_table:
                    unvouched.append(row)
                    if told.whole:
                        yield Difference(name, read.id, "is in no entry: it was not written by Tierwise")
                    continue
                what = _fault(reader, table, row, read, of_table.pop(read.id))
                if what is not None:
                    yield Difference(name, read.id, what)
        except (ValueError, TypeError):
            yield Difference(name, _unreadable(reader, connection, table), "holds what its columns cannot")
        gone = [id_ for id_, said in of_table.items() if said is not None]
        if gone:
            yield Difference(name, min(gone), "is gone")
        if not told.whole:
            counted.unvouched += len(unvouched)
            for id_, what in earlier.differences(name, unvouched):
                yield Difference(name, id_, what)
        if table is customers:
            yield from _misplaced(connection, keyring)


def _fault(reader: RowReader, table: Table, row: Row[Any], read: Read, said: Said | None) -> str | None:
    if said is None:
        return "was deleted, and is here again"
    if said.columns != columns_of(table):
        # It was written when the table had other columns.
        (read,) = reader.read(table, said.columns, [row])
    if read.digest == said.digest:
        return None
    return f"{', '.join(read.differing(said)) or 'what it holds'}: not as written"


def _unreadable(reader: RowReader, connection: Connection, table: Table) -> str:
    for key in connection.execute(select(*table.primary_key)).all():
        try:
            reader.by_keys(table, [tuple(key)])
        except (ValueError, TypeError):
            return id_of_key(key)
    return "?"


def _misplaced(connection: Connection, keyring: Keyring) -> Iterator[Difference]:
    """Find customers who are found by another's id, or whose key is another's or came back when erased."""
    of = customers.c
    back = select(of.id).where(
        of.erased_at.is_not(None), or_(of.lookup.is_not(None), of.data_key.is_not(None))
    )
    for id_ in connection.execute(back).scalars():
        yield Difference("customers", id_, "lookup, data_key: were erased, and are here again")
    rows = connection.execute(select(of.id, of.lookup).where(of.erased_at.is_(None))).all()
    for part in in_parts(rows, _LOOKED_UP):
        try:
            found = ids_of(connection, keyring, [row.id for row in part])
        except (SealError, KeyringError):
            found = {}
        for row in part:
            id_ = found[row.id] if found else _id_of(connection, keyring, row.id)
            if keyring.blind_index(id_) != row.lookup:
                yield Difference("customers", row.id, "lookup or data_key: not as written")


def _id_of(connection: Connection, keyring: Keyring, pseudonym: str) -> str:
    try:
        return ids_of(connection, keyring, [pseudonym])[pseudonym]
    except (SealError, KeyringError):
        return ""
