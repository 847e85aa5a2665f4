"""What the trail says of a row: a hash of its contents, and a mark of each column, which names a difference.

Every table is covered but the trail's own. Left out are customers' keys and by what they are found
(`UNSAID`), which are compared with what the key seals. What else an erasure empties goes in hashed with the
customer's own key (`PRIVATE`), so that nothing can be guessed back from the trail once the key is gone.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, select, tuple_

from serving.confidential.keyring import Keyring, KeyringError
from serving.confidential.sealing import keyed_hash
from serving.store.declared import metadata
from serving.store.tables import audit_entries, audit_head, customers

UNSAID = {"customers": frozenset({"lookup", "data_key", "master_version"})}
PRIVATE = {"tasks": frozenset({"person", "kpi_value", "next_at"}), "overdue_items": frozenset({"due_on"})}

_DIGEST_DIGITS = 32
_MARK_BYTES = 2
_LOOKED_UP = 500
_STATE = b"state"

_Any = TypeVar("_Any")

Key = tuple[Any, ...]
"""A row's primary key."""


@dataclass(frozen=True)
class Said:
    """What was said of a row: of which columns, the hash over them, and each one's mark."""

    columns: tuple[str, ...]
    digest: str
    marks: str


@dataclass(frozen=True)
class Read:
    """A row as it is: its id as the trail names it, and a text of each column."""

    id: str
    texts: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The first 128 bits (hex) of the SHA-256 over the texts."""
        return hashlib.sha256(json.dumps(self.texts).encode()).hexdigest()[:_DIGEST_DIGITS]

    @property
    def marks(self) -> str:
        """16 bits (hex) of a hash of each text: enough to name what differs, and no proof."""
        return "".join(
            hashlib.blake2b(text.encode(), digest_size=_MARK_BYTES).hexdigest() for text in self.texts
        )

    def differing(self, said: Said) -> list[str]:
        """Return the columns that are not what was said; none where the marks do not tell."""
        width, marks = 2 * _MARK_BYTES, self.marks
        return [
            name
            for place, name in enumerate(said.columns)
            if marks[place * width : (place + 1) * width] != said.marks[place * width : (place + 1) * width]
        ]


def covered_tables() -> list[Table]:
    """Return the tables of whose rows the trail speaks, by name."""
    apart = {audit_entries.name, audit_head.name}
    return [table for name, table in sorted(metadata.tables.items()) if name not in apart]


def columns_of(table: Table) -> tuple[str, ...]:
    """Return the columns of a table that are said, in their order."""
    return tuple(column.name for column in table.c if column.name not in UNSAID.get(table.name, ()))


class RowReader:
    """Reads rows as the trail speaks of them; customers' keys are unwrapped once."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection, self._keyring = connection, keyring
        self._keys: dict[str, bytes | None] = {}

    def by_keys(self, table: Table, keys: Iterable[Key]) -> dict[Key, Read]:
        """Return the rows of these primary keys that are there."""
        primary, columns = list(table.primary_key), columns_of(table)
        found = {}
        for part in in_parts(list(keys), _LOOKED_UP):
            query = select(table).where(tuple_(*primary).in_(part))
            rows = self._connection.execute(query).all()
            for row, read in zip(rows, self.read(table, columns, rows), strict=True):
                found[tuple(row._mapping[column] for column in primary)] = read
        return found

    def all(self, table: Table) -> Iterator[tuple[Row[Any], Read]]:
        """Yield every row of a table, by the columns that are said now.

        Raises:
            ValueError: a value is none of its column's kind.
        """
        query = select(table).execution_options(yield_per=_LOOKED_UP)
        with self._connection.execute(query) as result:
            for rows in result.partitions():
                yield from zip(rows, self.read(table, columns_of(table), rows), strict=True)

    def read(self, table: Table, columns: Sequence[str], rows: Sequence[Row[Any]]) -> list[Read]:
        """Return rows as the trail speaks of them, by some of their columns."""
        private = PRIVATE.get(table.name, frozenset())
        if private:
            self._open({row.customer for row in rows})
        primary = [column.name for column in table.primary_key]
        reads = []
        for row in rows:
            values = row._mapping
            texts = [
                self._private(values["customer"], values[name])
                if name in private and values[name] is not None
                else _text(values[name])
                for name in columns
            ]
            reads.append(Read(id_of_key([values[name] for name in primary]), tuple(texts)))
        return reads

    def _private(self, customer: str, value: Any) -> str:
        key = self._keys.get(customer)
        return "of a customer who was erased" if key is None else keyed_hash(key, _STATE, _text(value))

    def _open(self, pseudonyms: set[str]) -> None:
        for part in in_parts(sorted(pseudonyms - self._keys.keys()), _LOOKED_UP):
            self._keys |= dict.fromkeys(part)
            query = select(customers.c.id, customers.c.data_key, customers.c.master_version).where(
                customers.c.id.in_(part), customers.c.data_key.is_not(None)
            )
            for row in self._connection.execute(query):
                try:
                    self._keys[row.id] = self._keyring.unwrap(row.master_version, row.data_key, row.id)
                except KeyringError:
                    continue  # Told of by itself: the key is not the customer's.


def in_parts(of: Sequence[_Any], size: int) -> Iterator[Sequence[_Any]]:
    """Yield a sequence in parts of at most a size."""
    for start in range(0, len(of), size):
        yield of[start : start + size]


def id_of_key(key: Iterable[Any]) -> str:
    """Return a row's id as the trail names it: the parts of its primary key."""
    return "/".join(part.isoformat() if isinstance(part, date) else str(part) for part in key)


def _text(value: Any) -> str:
    """Return a text for a value, another one for every value and kind."""
    match value:
        case None:
            return "-"
        case str():
            return f"s{value}"
        case bytes():
            return f"x{hashlib.sha256(value).hexdigest()}"
        case datetime():
            return f"t{value.isoformat(timespec='microseconds')}"
        case date():
            return f"d{value.isoformat()}"
        case _:
            return f"n{value!r}"
