"""Importing outcomes from a table: what says nothing new changes nothing, what is wrong is set aside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select

from features.sources import cells
from features.sources.customer_table import RejectedRow
from features.sources.opening import RawChunk, TableError, open_raw, places_of
from serving.store.customers import KnownCustomer, find_customers, open_customers
from serving.store.store import Store, Writing
from serving.store.supervision_tables import outcomes
from serving.store.tables import decisions
from serving.supervision.outcomes import Outcome, open_outcome, seal_outcome

_CHUNK_ROWS = 500
_BAD, _KNOWN_ON, _CUSTOMER, _AS_OF, _DECISION = "bad", "known_on", "customer_id", "as_of", "decision"
_COLUMNS = (_CUSTOMER, _AS_OF, _DECISION, _BAD, _KNOWN_ON)
_NO_DAY = "must be a day such as 2026-01-31"


@dataclass(frozen=True)
class Imported:
    """What became of a table: read = new + corrected + known before + set aside."""

    read: int
    new: int
    corrected: int
    known_before: int
    rejected: Sequence[RejectedRow]


@dataclass(frozen=True)
class _Line:
    """A row as it was read: the customer by the company's id and the day, or the decision by its id."""

    row: int
    customer_id: str | None
    as_of: date | None
    decision: str | None
    bad: bool
    known_on: date


class _Wrong(ValueError):
    """A row that is set aside: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def import_outcomes(store: Store, table: Path, actor: str, *, correct: bool = False) -> Imported:
    """Import outcomes, each chunk of the table in one transaction.

    Args:
        store: where they are kept.
        table: .csv, .parquet or .xlsx with columns bad and known_on, and customer_id and as_of or decision.
        actor: who imports.
        correct: let what differs from an earlier import count instead of setting it aside.

    Raises:
        TableError: it cannot be read, or lacks a column.
    """
    total = Imported(0, 0, 0, 0, [])
    with open_raw(table, chunk_rows=_CHUNK_ROWS) as opened:
        places = _places(opened.header, table)
        for chunk in opened.chunks:
            lines, rejected = _lines(chunk, places)
            with store.writing(actor) as writing:
                done = _keep(store, writing, lines, correct)
                writing.record("outcomes.imported", None, {
                    "new": done.new, "corrected": done.corrected, "known_before": done.known_before,
                    "rejected": len(done.rejected) + len(rejected),
                })  # fmt: skip
            total = Imported(
                total.read + len(chunk.rows) + len(chunk.misshapen),
                total.new + done.new,
                total.corrected + done.corrected,
                total.known_before + done.known_before,
                [*total.rejected, *sorted([*rejected, *done.rejected])],
            )
    return total


def _places(header: Sequence[str], table: Path) -> dict[str, int]:
    places = places_of(header, _COLUMNS, table)
    needed = [_BAD, _KNOWN_ON] if _DECISION in places else [_CUSTOMER, _AS_OF, _BAD, _KNOWN_ON]
    absent = [name for name in needed if name not in places]
    if absent:
        raise TableError(
            f"{table}: column {absent[0]} is absent; give bad, known_on, and customer_id, as_of or decision"
        )
    return places


def _lines(chunk: RawChunk, places: dict[str, int]) -> tuple[list[_Line], list[RejectedRow]]:
    """Read a chunk's cells; what is no outcome is set aside."""
    rejected = [RejectedRow(number, "row", reason) for number, reason in chunk.misshapen]
    column = {name: chunk.frame[place] for name, place in places.items()}
    n = len(chunk.rows)
    nothing = np.full(n, None, dtype=object)
    ids = cells.texts(column[_CUSTOMER]) if _CUSTOMER in column else nothing
    lost = cells.lost_digits(column[_CUSTOMER]) if _CUSTOMER in column else np.zeros(n, dtype=np.bool_)
    named = cells.texts(column[_DECISION]) if _DECISION in column else nothing
    bad, _ = cells.flags(column[_BAD])
    known, _ = cells.dates(column[_KNOWN_ON])
    days = cells.dates(column[_AS_OF])[0] if _AS_OF in column else np.full(n, "NaT", dtype="datetime64[D]")
    lines = []
    for place, row in enumerate(chunk.rows):
        number = int(row)
        try:
            if np.isnan(bad[place]):
                raise _Wrong(_BAD, "must be true or false")
            if np.isnat(known[place]):
                raise _Wrong(_KNOWN_ON, _NO_DAY)
            if named[place] is None and (ids[place] is None or lost[place]):
                raise _Wrong(_CUSTOMER, "is absent, or has lost its last digits")
            if named[place] is None and np.isnat(days[place]):
                raise _Wrong(_AS_OF, _NO_DAY)
        except _Wrong as wrong:
            rejected.append(RejectedRow(number, wrong.field, wrong.reason))
            continue
        as_of = None if np.isnat(days[place]) else days[place].astype(date)
        lines.append(
            _Line(number, ids[place], as_of, named[place], bool(bad[place] == 1), known[place].astype(date))
        )
    return lines, rejected


def _keep(store: Store, writing: Writing, lines: Sequence[_Line], correct: bool) -> Imported:
    """Keep what is new of some rows."""
    connection, today = writing.connection, writing.at.date()
    named = _named_decisions(connection, {line.decision for line in lines if line.decision is not None})
    by_id = find_customers(
        connection, store.keyring, {line.customer_id for line in lines if line.customer_id is not None}
    )
    by_pseudonym = {known.id: known for known in by_id.values()}
    by_pseudonym |= open_customers(connection, store.keyring, {customer for customer, _ in named.values()})
    decided = _decided(connection, set(by_pseudonym))
    kept = _kept(connection, by_pseudonym)
    rows: list[dict[str, Any]] = []
    done = Imported(len(lines), 0, 0, 0, [])
    rejected = []
    for line in lines:
        try:
            customer, as_of = _whose(line, named, by_id, by_pseudonym)
            _check_days(line, as_of, today)
            if (customer.id, as_of) not in decided:
                raise _Wrong(_AS_OF, "there is no decision on the customer as of this day")
            outcome = Outcome(customer.id, as_of, line.bad, line.known_on)
            before, number = kept.get((customer.id, as_of), (None, 0))
            if before == outcome:
                done = replace(done, known_before=done.known_before + 1)
                continue
            if before is not None and not correct:
                raise _Wrong(_BAD, "another outcome was imported before; --correct lets this one count")
        except _Wrong as wrong:
            rejected.append(RejectedRow(line.row, wrong.field, wrong.reason))
            continue
        kept[customer.id, as_of] = (outcome, number + 1)
        new, corrected = (1, 0) if before is None else (0, 1)
        done = replace(done, new=done.new + new, corrected=done.corrected + corrected)
        rows.append({
            "customer": customer.id, "as_of": as_of, "number": number + 1, "imported_at": writing.at,
            "imported_by": writing.actor, "sealed": seal_outcome(customer, outcome),
        })  # fmt: skip
    if rows:
        connection.execute(insert(outcomes), rows)
    return replace(done, rejected=rejected)


def _whose(
    line: _Line,
    named: dict[str, tuple[str, date]],
    by_id: dict[str, KnownCustomer],
    by_pseudonym: dict[str, KnownCustomer],
) -> tuple[KnownCustomer, date]:
    """Return the customer and the day that a row speaks of."""
    if line.decision is not None:
        if line.decision not in named:
            raise _Wrong(_DECISION, "there is no decision of this id")
        pseudonym, as_of = named[line.decision]
        if pseudonym not in by_pseudonym:
            raise _Wrong(_DECISION, "its customer was erased")
        customer = by_pseudonym[pseudonym]
        if line.as_of not in (None, as_of):
            raise _Wrong(_AS_OF, "is not the decision's day")
        if line.customer_id is not None and by_id.get(line.customer_id) != customer:
            raise _Wrong(_CUSTOMER, "is not the decision's customer")
        return customer, as_of
    if line.customer_id is None or line.as_of is None:
        raise RuntimeError("a row without decision has a customer and a day")
    if line.customer_id not in by_id:
        raise _Wrong(_CUSTOMER, "is not registered")
    return by_id[line.customer_id], line.as_of


def _check_days(line: _Line, as_of: date, today: date) -> None:
    if line.known_on <= as_of:
        raise _Wrong(_KNOWN_ON, "must lie after as_of: what was known then is no outcome")
    if line.known_on > today:
        raise _Wrong(_KNOWN_ON, "lies in the future")


def _named_decisions(connection: Connection, ids: set[str]) -> dict[str, tuple[str, date]]:
    rows = connection.execute(
        select(decisions.c.id, decisions.c.customer, decisions.c.as_of).where(decisions.c.id.in_(sorted(ids)))
    )
    return {row.id: (row.customer, row.as_of) for row in rows}


def _decided(connection: Connection, pseudonyms: set[str]) -> set[tuple[str, date]]:
    rows = connection.execute(
        select(decisions.c.customer, decisions.c.as_of).where(decisions.c.customer.in_(sorted(pseudonyms)))
    )
    return {(row.customer, row.as_of) for row in rows}


def _kept(
    connection: Connection, by_pseudonym: dict[str, KnownCustomer]
) -> dict[tuple[str, date], tuple[Outcome | None, int]]:
    """Return the outcomes that count now, and their numbers, by customer and day."""
    rows = connection.execute(
        select(outcomes).where(outcomes.c.customer.in_(sorted(by_pseudonym))).order_by(outcomes.c.number)
    )
    return {
        (row.customer, row.as_of): (
            open_outcome(by_pseudonym[row.customer], row.as_of, row.sealed),
            row.number,
        )
        for row in rows
    }
