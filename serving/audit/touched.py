"""Which rows a transaction writes, found by listening to its statements, so that none can be forgotten."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Table, Update, event, select

from serving.audit.chain import Fact
from serving.audit.rows import Key, Read, RowReader, columns_of, covered_tables, id_of_key, in_parts
from serving.confidential.keyring import Keyring

ROWS_WRITTEN = "rows.written"
"""The entry that says of every row that a transaction wrote how it left it.

Its facts: by table, first the names of the columns; then for each row its id, the hash of its contents and
the columns' marks, and for one that was deleted `-`.
"""
GONE = "-"
STORE_CREATED, VOUCHED = "store.created", "rows.vouched"
ROWS_VOUCHED = "rows_vouched_for"
"""The fact that says, in either of the two entries, that from it on the trail speaks of every row."""
_ROWS_OF_AN_ENTRY = 500


class Touched:
    """The rows that a transaction inserts, updates or deletes, of the tables that are covered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._covered = set(covered_tables())
        self._keys: dict[Table, dict[Key, None]] = {}
        event.listen(connection, "before_execute", self._before)
        event.listen(connection, "after_execute", self._after)

    def everything(self) -> int:
        """Take all rows that are there for written; returns how many they are."""
        for table in self._covered:
            self._add(table, map(tuple, self._connection.execute(select(*table.primary_key)).all()))
        return sum(map(len, self._keys.values()))

    def facts(self, keyring: Keyring) -> Iterator[dict[str, Fact]]:
        """Yield the facts of the entries that say how these rows are now; none where there are none."""
        reader = RowReader(self._connection, keyring)
        lines = []
        for table in sorted(self._keys, key=lambda table: table.name):
            found = reader.by_keys(table, self._keys[table])
            lines += [(table, _line(key, found.get(key))) for key in self._keys[table]]
        for part in in_parts(lines, _ROWS_OF_AN_ENTRY):
            facts: dict[str, list[str]] = {}
            for table, line in part:
                facts.setdefault(table.name, [" ".join(columns_of(table))]).append(line)
            yield {**facts}

    def _before(self, connection: Connection, statement: Any, many: Any, one: Any, options: Any) -> None:
        """Find what an update or a deletion is about to meet: afterwards its condition may hold no more."""
        if not isinstance(statement, Update | Delete) or statement.table not in self._covered:
            return
        query = select(*statement.table.primary_key)
        if statement.whereclause is not None:
            query = query.where(statement.whereclause)
        for parameters in many or [one]:
            self._add(statement.table, map(tuple, connection.execute(query, parameters).all()))

    def _after(
        self, connection: Connection, statement: Any, many: Any, one: Any, options: Any, result: Any
    ) -> None:
        if not isinstance(statement, Insert) or statement.table not in self._covered:
            return
        if many:
            names = [column.name for column in statement.table.primary_key]
            self._add(statement.table, (tuple(row[name] for name in names) for row in many))
        else:
            self._add(statement.table, [tuple(result.inserted_primary_key)])

    def _add(self, table: Any, keys: Any) -> None:
        self._keys.setdefault(table, {}).update(dict.fromkeys(keys))


def _line(key: Key, read: Read | None) -> str:
    if read is None:
        return f"{id_of_key(key)} {GONE}"
    return f"{read.id} {read.digest} {read.marks}"
