"""Who is who: which customer a department's key stood for on a day, by a crosswalk that is valid in time.

Each record is matched once, to the customer whose key it carried on its effective day. It is seen as that
customer's from the day on which both are known, the record and the assignment, so that an assignment known
later changes nothing before. Rows are numbered in the order in which they became known themselves, so that
of two versions that wait for one assignment the later one still prevails.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.sources.engine import count_of, pattern_of, quoted
from features.sources.layout import Layout
from features.sources.opening import TableError
from features.sources.record_table import Column, ColumnType
from features.sources.reference_columns import CUSTOMER_ID, KNOWN_AT, VALID_FROM, VALID_TO

CROSSWALK = Layout(
    name="crosswalk",
    columns={
        "customer_id": CUSTOMER_ID,
        "key_system": Column(type=ColumnType.KEY, aliases=("系統", "系统")),
        "key": Column(type=ColumnType.KEY, aliases=("系統客戶編號", "系统客户编号")),
        "valid_from": VALID_FROM,
        "valid_to": VALID_TO,
        "known_at": KNOWN_AT,
    },
    needed=frozenset({"customer_id", "key_system", "key"}),
    filled=frozenset({"customer_id", "key_system", "key"}),
    span=("valid_from", "valid_to"),
)

# Without a day of becoming known an assignment is known from its first day on, as a record is from the day
# that it describes.
_ASSIGNMENTS = """
CREATE TABLE assignments AS
SELECT key_system, key, customer_id,
       coalesce(valid_from, '-infinity'::DATE) AS valid_from,
       coalesce(valid_to, 'infinity'::DATE) AS valid_to,
       min(coalesce(known_at, valid_from, DATE '1900-01-01')) AS known_at,
       min(_file_row) AS file_row,
       min_by('row ' || _file_row || ' of ' || source, _file_row) AS place
FROM read_parquet($file)
GROUP BY ALL
"""

_OVERLAP = """
SELECT previous, place
FROM (SELECT *, lag(place) OVER placed AS previous, lag(valid_to) OVER placed AS previous_end
      FROM assignments
      WINDOW placed AS (PARTITION BY key_system, key ORDER BY valid_from, valid_to, file_row))
WHERE valid_from < previous_end
ORDER BY file_row
LIMIT 1
"""

_JOIN = """
FROM read_parquet($file) AS r
LEFT JOIN (SELECT * FROM assignments WHERE key_system = $system) AS a
  ON r.{key} = a.key AND r.effective >= a.valid_from AND r.effective < a.valid_to
"""

_UNMATCHED = """
INSERT INTO unmatched
SELECT $place, $table, r.source, r.row, r._file_row,
       CASE WHEN NOT EXISTS (FROM assignments WHERE key_system = $system)
            THEN 'the crosswalk has no key of the system ' || $system
            WHEN r.{key} NOT IN (SELECT key FROM assignments WHERE key_system = $system)
            THEN 'its key is not in the crosswalk'
            {undated}
            ELSE 'its key was nobody''s on its effective day' END
"""

_UNDATED = """
            WHEN r.effective = DATE '1900-01-01'
            THEN 'its key is somebody''s for a time only and the row has no day; give its source a known_at'
"""


@dataclass(frozen=True, order=True)
class UnmatchedCount:
    """How many accepted rows of a source belong to no customer, for a reason."""

    table: str
    source: str
    reason: str
    rows: int


class Crosswalk:
    """Matches accepted tables to customers in a database; without a crosswalk a key is its customer."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, file: Path | None) -> None:
        """Load the accepted rows of a crosswalk.

        Raises:
            TableError: a key is given twice for one day.
        """
        self._connection = connection
        self._matches = file is not None
        connection.execute(
            "CREATE TABLE unmatched (place INTEGER, name VARCHAR, source VARCHAR, row BIGINT, "
            "file_row BIGINT, reason VARCHAR)"
        )
        if file is None:
            return
        connection.execute(_ASSIGNMENTS, {"file": pattern_of(file)})
        overlap = connection.execute(_OVERLAP).fetchone()
        if overlap is not None:
            first, second = overlap
            raise TableError(
                f"crosswalk: {first} and {second} give one key twice for the same days; end the one "
                "(valid_to) on the day on which the other begins (valid_from)"
            )

    def match(
        self, place: int, layout: Layout, key: str, system: str | None, file: Path, output: Path
    ) -> int:
        """Write the matched rows of an accepted table, keep the others apart; return how many match.

        `system` is None of a table of something else than customers, which has no customer_id and matches
        whole.
        """
        columns = ", ".join(f"r.{quoted(id_)}" for id_ in layout.staged)
        if system is None or not self._matches:
            customer = "NULL::VARCHAR" if system is None else f"r.{quoted(key)}"
            staged = (
                f"SELECT {customer} AS customer_id, r.effective, r.known_at, r.row, r.source, {columns} "
                "FROM read_parquet($file) AS r ORDER BY r.row"
            )
            return self._copy(staged, {"file": pattern_of(file)}, output)
        joined = _JOIN.format(key=quoted(key))
        asked: dict[str, object] = {"file": pattern_of(file), "system": system}
        reasons = _UNMATCHED.format(key=quoted(key), undated="" if _is_dated(layout) else _UNDATED)
        self._connection.execute(
            f"{reasons} {joined} WHERE a.customer_id IS NULL", asked | {"place": place, "table": layout.name}
        )
        staged = (
            "SELECT a.customer_id, r.effective, greatest(r.known_at, a.known_at) AS known_at, "
            f"row_number() OVER (ORDER BY r.known_at, r.row) AS row, r.source, {columns} "
            f"{joined} WHERE a.customer_id IS NOT NULL ORDER BY 4"
        )
        return self._copy(staged, asked, output)

    def unmatched_rows(self, table: str) -> int:
        """Return how many rows of a table could not be matched."""
        return count_of(self._connection, "SELECT count(*) FROM unmatched WHERE name = $1", [table])

    def write_unmatched(self, output: Path) -> tuple[UnmatchedCount, ...]:
        """Write which rows could not be matched, and why, as CSV; return their counts."""
        self._connection.execute(
            'COPY (SELECT name AS "table", source, file_row AS row, reason FROM unmatched '
            "ORDER BY place, unmatched.row) TO $1 (FORMAT csv, HEADER)",
            [str(output)],
        )
        counts = self._connection.execute(
            "SELECT name, source, reason, count(*) FROM unmatched GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        return tuple(UnmatchedCount(*count) for count in counts)

    def _copy(self, query: str, asked: dict[str, object], output: Path) -> int:
        # A statement takes its parameters all by name or all by place.
        return count_of(
            self._connection,
            f"COPY ({query}) TO $output (FORMAT parquet, COMPRESSION zstd)",
            asked | {"output": str(output)},
        )


def repeated_rows(connection: duckdb.DuckDBPyConnection, layout: Layout, file: Path) -> int:
    """Return how many accepted rows equal an earlier one in every column."""
    days = ["effective", "known_at"] if layout.days is not None else []
    columns = ", ".join(quoted(id_) for id_ in [*days, *layout.staged])
    return count_of(
        connection,
        "SELECT (SELECT count(*) FROM read_parquet($1)) - "
        f"(SELECT count(*) FROM (SELECT DISTINCT {columns} FROM read_parquet($1)))",
        [pattern_of(file)],
    )


def _is_dated(layout: Layout) -> bool:
    days = layout.days
    return days is None or not (days.effective is None and days.known_at is None and days.fixed is None)
