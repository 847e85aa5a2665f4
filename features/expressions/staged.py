"""Staged tables in DuckDB: from when until when each row is what is known of a record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features.expressions import sql
from features.sources.engine import quoted
from features.sources.record_table import ColumnType, RecordTable

_TYPES = {
    ColumnType.KEY: "VARCHAR",
    ColumnType.TEXT: "VARCHAR",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.FLAG: "BOOLEAN",
    ColumnType.DATE: "DATE",
}
_SYSTEM = {"customer_id": "VARCHAR", "effective": "DATE", "known_at": "DATE", "row": "BIGINT"}
_SEEN = "greatest(s.effective, s.known_at)"

# Records are put in one order by one number: effective day, own before taken over, day known, place.
_EPOCH = "DATE '1970-01-01'"
_ORDER = (
    f"(((effective - {_EPOCH}) * 2 + own::INTEGER)::HUGEINT * {2**32}::HUGEINT"
    f" + (known_at - {_EPOCH}) + {2**31}) * {2**63}::HUGEINT + row_"
)
ORDER = "order_"
# The same with the oldest effective day last; of one day still the record known last.
OLDEST_ORDER = f"({ORDER} - (effective - {_EPOCH})::HUGEINT * {2**97}::HUGEINT)"


class BuildError(ValueError):
    """Something that a build was given is wrong; the message says what, and what to do, in one line."""


@dataclass(frozen=True)
class StagedTable:
    """One declared table (by its place among those used), its Parquet files, its columns' names."""

    index: int
    table: RecordTable
    source: str
    cells: Mapping[str, str]

    @property
    def live(self) -> str:
        """The table of records: owner, from_ and until_ (while the row is seen), effective, order_, cells."""
        return f"live_{self.index}"

    @property
    def newest(self) -> str:
        """The table of the newest effective day seen by a day: day, effective."""
        return f"newest_{self.index}"


def open_staged(
    connection: duckdb.DuckDBPyConnection,
    staged: Mapping[str, Path],
    name: str,
    index: int,
    table: RecordTable,
    columns: Iterable[str],
) -> StagedTable:
    """Find the files of one table and check the columns that are to be read.

    Raises:
        BuildError: the table is not staged, cannot be read, or lacks a column (of the declared type).
    """
    if name not in staged:
        raise BuildError(f"table {name}: is not staged; stage it, with no rows if nothing was delivered")
    source = sql.parquet(staged[name])
    wanted = sorted({*columns, *table.record, *(c for c in (table.withdrawn,) if c is not None)})
    if table.key_of is not None:
        wanted = sorted({*wanted, table.key})
    expected = dict(_SYSTEM)
    for column in wanted:
        if column not in _SYSTEM:
            expected[column] = _TYPES[table.columns[column].type]
    check_columns(connection, source, expected, f"table {name}")
    return StagedTable(index, table, source, {column: f"c{i}" for i, column in enumerate(wanted)})


def check_columns(
    connection: duckdb.DuckDBPyConnection, source: str, expected: Mapping[str, str], what: str
) -> None:
    """Check that Parquet files have some columns, with their types in SQL.

    Raises:
        BuildError: names the table and the column.
    """
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error:
        raise BuildError(f"{what}: its Parquet files are absent or cannot be read; write them anew") from None
    found = {column: type_ for column, type_, *_ in described}
    for column, type_ in expected.items():
        if found.get(column) != type_:
            actual = f"is {found[column]}" if column in found else "is absent"
            raise BuildError(f"{what}: column {column} {actual}; it must be there as {type_}")


def load_versions(
    connection: duckdb.DuckDBPyConnection, staged: StagedTable, last: date, moved: bool
) -> None:
    """Create the table of records seen by the `last` day, each with the days on which it stands.

    A row stands from the day it is known and effective until a row of the same record, known later (at a
    tie, delivered later), is seen. `moved`: whether records go over to successors by the table `moves`.
    """
    table = staged.table
    of_customers = table.key_of is None
    owner = "w.code" if of_customers else f"s.{quoted(table.key)}"
    joined = "JOIN who w ON w.customer_id = s.customer_id" if of_customers else ""
    cells = [f"{_cell(table, column)} AS {short}" for column, short in staged.cells.items()]
    rows = (
        f"SELECT {', '.join([f'{owner} AS owner', 's.effective', 's.known_at', 's.row AS row_', *cells])},"
        f" {_SEEN} AS seen FROM {staged.source} s {joined}"
        f" WHERE {_SEEN} <= {sql.text(last.isoformat())}::DATE AND {owner} IS NOT NULL"
        " AND s.effective IS NOT NULL AND s.known_at IS NOT NULL"
    )
    replaced = "NULL::DATE"
    if table.record:
        record = ", ".join(["owner", *(staged.cells[column] for column in table.record)])
        replaced = (
            f"min(seen) OVER (PARTITION BY {record} ORDER BY known_at, row_"
            " ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
        )
    standing = "TRUE"
    if table.withdrawn is not None:
        standing = f"NOT coalesce({staged.cells[table.withdrawn]}, FALSE)"
    versions = (
        "SELECT * EXCLUDE (seen, replaced), seen AS from_, coalesce(replaced, 'infinity'::DATE) AS until_"
        f" FROM (SELECT *, {replaced} AS replaced FROM ({rows})) WHERE {standing}"
    )
    if moved and of_customers:
        owned = (
            "SELECT v.* REPLACE (coalesce(m.owner, v.owner) AS owner,"
            " greatest(v.from_, coalesce(m.from_, v.from_)) AS from_,"
            " least(v.until_, coalesce(m.until_, v.until_)) AS until_),"
            " coalesce(m.owner = v.owner, TRUE) AS own"
            f" FROM ({versions}) v LEFT JOIN moves m ON m.code = v.owner"
        )
    else:
        owned = f"SELECT *, TRUE AS own FROM ({versions})"
    connection.execute(
        f"CREATE TABLE {staged.live} AS SELECT * EXCLUDE (known_at, row_), {_ORDER} AS {ORDER}"
        f" FROM ({owned}) WHERE from_ < until_"
    )


def load_newest(connection: duckdb.DuckDBPyConnection, staged: StagedTable, last: date) -> None:
    """Create the table of the newest effective day that any row of a table had, by the day it was seen."""
    connection.execute(
        f"CREATE TABLE {staged.newest} AS SELECT day, max(newest) OVER (ORDER BY day) AS effective"
        f" FROM (SELECT {_SEEN} AS day, max(s.effective) AS newest FROM {staged.source} s"
        " WHERE s.effective IS NOT NULL AND s.known_at IS NOT NULL GROUP BY 1)"
        f" WHERE day <= {sql.text(last.isoformat())}::DATE"
    )


def _cell(table: RecordTable, column: str) -> str:
    cell = f"s.{quoted(column)}"
    return sql.in_range(cell) if table.columns[column].type is ColumnType.NUMBER else cell
