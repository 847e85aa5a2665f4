"""What came of the departments' rows: how many are valid, and where their sources contradict each other."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

import duckdb

from features.catalog import Catalog
from features.expressions import sql
from features.quality_columns import Columns
from features.quality_figures import ColumnFailures, TableQuality
from features.sources.engine import count_of, pattern_of, quoted
from features.sources.record_table import CUSTOMERS, NATURE
from features.sources.rejects import WHOLE_ROW
from features.sources.staging import Staged

_NATURES = """
SELECT count(*) FROM (
    SELECT customer_id FROM {rows} WHERE {nature} IS NOT NULL
    GROUP BY customer_id HAVING min({nature}) <> max({nature}))
"""

# The versions of records that several sources told on one day.
_SEVERAL = """
CREATE OR REPLACE TEMP TABLE several AS
SELECT {version} FROM {rows} GROUP BY {version} HAVING min(source) <> max(source)
"""

# Two rows of different sources that differ in a column exist exactly where the rows that have something in it
# come from two sources and hold two values.
_DIFFERS = (
    "coalesce(min(r.{column}) <> max(r.{column}) AND min(r.source) FILTER (r.{column} IS NOT NULL)"
    " <> max(r.source) FILTER (r.{column} IS NOT NULL), FALSE) AS {name}"
)

_CONFLICTS = """
SELECT {counts}
FROM (SELECT {records} FROM (
        SELECT {version}, {differs} FROM {rows} r JOIN several s ON {same} GROUP BY {version})
      GROUP BY {record})
"""


def validity(columns: Columns, staged: Staged) -> float | None:
    """Return the accepted share of the cells of some columns (0–1); None where nothing was read.

    Of each column the rows count that were read less those in which it failed; a row without the right number
    of cells fails in every column. A row that fails for two reasons counts twice, but a column fails in no
    more rows than were read.
    """
    failed: Counter[tuple[str, str]] = Counter()
    for failure in staged.failures:
        failed[failure.table, failure.column] += failure.rows
    read = accepted = 0
    for table, column in columns:
        rows = staged.tables[table].read
        read += rows
        accepted += rows - min(rows, failed[table, column] + failed[table, WHOLE_ROW])
    return accepted / read if read else None


class Records:
    """The staged rows as they were seen on the last as-of day."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, catalog: Catalog, staged: Staged, last: date | None
    ) -> None:
        self._connection, self._catalog, self._staged, self._last = connection, catalog, staged, last

    def tables(self, conflicts: Mapping[str, int]) -> tuple[TableQuality, ...]:
        """Return the figures of every table, in the catalog's order, given its records in conflict."""
        failures: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for failure in self._staged.failures:
            failures[failure.table][failure.column, failure.reason] += failure.rows
        return tuple(
            TableQuality(
                name=name,
                department=declared.department,
                delivered=name not in self._staged.without_source,
                read=staged.read,
                accepted=staged.accepted,
                rejected=staged.rejected,
                unmatched=staged.unmatched,
                repeated=staged.repeated,
                conflicts=conflicts[name],
                failures=_sorted(failures[name]),
            )
            for name, declared in self._catalog.tables.items()
            for staged in (self._staged.tables[name],)
        )

    def conflicts(self, read: Mapping[str, Columns]) -> tuple[dict[str, int], dict[str, int]]:
        """Count the records in conflict of each table, and of each indicator by the columns it rests on.

        A record is in conflict where rows of it that are known since the same day come from different sources
        and differ in a column other than the key. An empty cell contradicts nothing.
        """
        by_table, by_indicator = {}, dict.fromkeys(read, 0)
        for name, declared in self._catalog.tables.items():
            asked = {
                id_: frozenset(column for table, column in columns if table == name)
                for id_, columns in read.items()
            }
            distinct = [frozenset(declared.columns), *dict.fromkeys(asked.values())]
            counts = self._conflicts(name, distinct)
            by_table[name] = counts[0]
            of_columns = dict(zip(distinct, counts, strict=True))
            for id_, columns in asked.items():
                by_indicator[id_] += of_columns[columns]
        return by_table, by_indicator

    def _conflicts(self, name: str, asked: Sequence[Collection[str]]) -> list[int]:
        """Count a table's records in conflict in one of the columns, for each of some collections of them."""
        declared, rows = self._catalog.tables[name], self._rows(name)
        owner = quoted("customer_id" if declared.key_of is None else declared.key)
        record = list(dict.fromkeys([owner, *map(quoted, declared.record)]))
        version = list(dict.fromkeys([*record, "known_at"]))
        compared = [
            column for column in declared.columns if quoted(column) not in version and column != declared.key
        ]
        if not declared.record or not compared or not self._has_several_sources(rows):
            return [0] * len(asked)
        self._connection.execute(_SEVERAL.format(version=", ".join(version), rows=rows))
        differ = {column: f"differs_{place}" for place, column in enumerate(compared)}
        query = _CONFLICTS.format(
            counts=", ".join(_counted([differ[column] for column in differ if column in of]) for of in asked),
            records=", ".join(f"bool_or({differs}) AS {differs}" for differs in differ.values()),
            version=", ".join(f"s.{column}" for column in version),
            differs=", ".join(_DIFFERS.format(column=quoted(c), name=name) for c, name in differ.items()),
            rows=rows,
            same=" AND ".join(f"r.{column} IS NOT DISTINCT FROM s.{column}" for column in version),
            record=", ".join(record),
        )
        return [int(count) for count in self._connection.execute(query).fetchall()[0]]

    def natures_in_conflict(self) -> int:
        """Count the customers of whom rows of the table of customers name more than one nature."""
        rows = self._rows(CUSTOMERS)
        return count_of(self._connection, _NATURES.format(rows=rows, nature=quoted(NATURE)))

    def _rows(self, name: str) -> str:
        source = f"read_parquet({sql.text(pattern_of(self._staged.tables[name].file))})"
        if self._last is None:
            return source
        day = f"{sql.text(self._last.isoformat())}::DATE"
        return f"(SELECT * FROM {source} WHERE effective <= {day} AND known_at <= {day})"

    def _has_several_sources(self, rows: str) -> bool:
        found = self._connection.execute(f"SELECT min(source) <> max(source) FROM {rows}").fetchall()
        return bool(found[0][0])


def _sorted(failures: Counter[tuple[str, str]]) -> tuple[ColumnFailures, ...]:
    counted = (ColumnFailures(column, reason, rows) for (column, reason), rows in failures.items())
    return tuple(sorted(counted, key=lambda failure: (-failure.rows, failure)))


def _counted(differs: Sequence[str]) -> str:
    return f"count(*) FILTER ({' OR '.join(differs)})" if differs else "0"
