"""The order of the work in DuckDB: staged tables, customers on days, their indicators bucket by bucket."""

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from features.expressions import sql
from features.expressions.aggregates import OwnSummaries, bound, offsets
from features.expressions.cells import Cells
from features.expressions.groups import GroupSummaries
from features.expressions.plan import Plan, own_of
from features.expressions.staged import BuildError, StagedTable, load_newest, load_versions, open_staged
from features.expressions.successions import Succession, ownerships
from features.expressions.summaries import Cell, Ground
from features.expressions.syntax import Aggregate, Over
from features.sources.engine import count_of
from features.sources.record_table import CUSTOMERS

# Cells of `frame`: known, and the reasons why one is missing.
KNOWN, NO_RECORD, UNDEFINED, NOT_DECLARED = range(4)

# A bucket may take this share of the memory; what a record and a cell of an aggregate take of it, in bytes.
_BUCKET_SHARE, _RECORD_BYTES, _CELL_BYTES = 0.25, 80, 24


def memory_bytes(limit: str) -> float:
    """Return a memory limit such as 2GB in bytes.

    Raises:
        BuildError: it is not a number with MB, GB or TB.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MB|GB|TB)", limit)
    if found is None:
        raise BuildError("memory_limit: write a number with MB, GB or TB, such as 2GB")
    return float(found[1]) * {"MB": 1e6, "GB": 1e9, "TB": 1e12}[found[2]]


class Engine:
    """One build in one DuckDB connection; its methods are called in their order."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: Plan, staged: Mapping[str, Path]) -> None:
        """Find the staged tables that the plan reads.

        Raises:
            BuildError: names the table and what is wrong with its files.
        """
        self._connection = connection
        self._plan = plan
        tables = plan.checked.catalog.tables
        self._staged = {
            name: open_staged(connection, staged, name, place, tables[name], plan.columns(name))
            for name, place in plan.tables.items()
        }
        self._grounds = {name: self._ground(name, staged) for name, staged in self._staged.items()}
        self._own = {
            name: OwnSummaries(self._staged[name], aggregates, self._grounds[name])
            for name, aggregates in plan.own.items()
        }
        self._groups: dict[tuple[str, Over], GroupSummaries] = {}
        self._moved = False

    def _ground(self, name: str, staged: StagedTable) -> Ground:
        newest = _newest(staged)
        nothing = f"({newest} IS NOT NULL)"
        if name in self._plan.links:
            nothing = f"({newest} IS NOT NULL AND {_column(self._plan.links[name], self._plan)} IS NOT NULL)"
        return Ground(
            staged.index, len(self._plan.tables), nothing if staged.table.complete else None, newest
        )

    def _group_ground(self, name: str, over: Over) -> Ground:
        staged = self._staged[name]
        newest = _newest(staged)
        there = " AND ".join(f"{column} IS NOT NULL" for column in (newest, *self._own_columns(over)))
        return Ground(
            staged.index, len(self._plan.tables), f"({there})" if staged.table.complete else None, newest
        )

    def _own_columns(self, over: Over) -> list[str]:
        return [_column(own_of(pair), self._plan) for pair in over]

    def load(self, successions: list[Succession], last: date) -> None:
        """Read what is seen by the `last` day of every table.

        Raises:
            BuildError: successions go in a circle.
        """
        owned = ownerships(successions, last)
        self._moved = bool(owned)
        everywhere = {CUSTOMERS, *(name for name, _ in self._plan.groups)}
        sources = [
            f"SELECT customer_id FROM {staged.source}"
            for name, staged in self._staged.items()
            if name in everywhere and staged.table.key_of is None
        ]
        run = self._connection.execute
        run("CREATE TABLE named (customer VARCHAR, owner VARCHAR, from_ DATE, until_ DATE)")
        if owned:
            columns = zip(
                *((move.customer, move.owner, move.since, move.until) for move in owned), strict=True
            )
            run("INSERT INTO named SELECT unnest(?), unnest(?), unnest(?), unnest(?)", [*map(list, columns)])
        sources += ["SELECT customer FROM named", "SELECT owner FROM named"]
        run(
            "CREATE TABLE who AS SELECT (row_number() OVER (ORDER BY customer_id) - 1)::INTEGER AS code,"
            f" customer_id FROM ({' UNION '.join(sources)}) WHERE customer_id IS NOT NULL"
        )
        run(
            "CREATE TABLE moves AS SELECT w.code, o.code AS owner, n.from_,"
            " coalesce(n.until_, 'infinity'::DATE) AS until_"
            " FROM named n JOIN who w ON w.customer_id = n.customer JOIN who o ON o.customer_id = n.owner"
        )
        for staged in self._staged.values():
            load_versions(self._connection, staged, last, self._moved)
            load_newest(self._connection, staged, last)
        for place, ((name, over), aggregates) in enumerate(self._plan.groups.items()):
            staged, ground = self._staged[name], self._group_ground(name, over)
            ends = self._moved or bool(staged.table.record)
            self._groups[name, over] = GroupSummaries(place, staged, over, aggregates, ground, ends)

    def evaluate(self, asked: str) -> int:
        """Settle who is evaluated when, of the `asked` relation of customer_id and as_of; return how many.

        A customer is there on a day on which a record of the table of customers is seen.
        """
        run = self._connection.execute
        customers = self._staged[CUSTOMERS].live
        run(
            "CREATE TABLE pairs AS SELECT (row_number() OVER (ORDER BY owner, as_of) - 1)::INTEGER AS pair, *"
            f" FROM (SELECT DISTINCT r.owner, a.as_of FROM {asked} a JOIN who w USING (customer_id)"
            f" JOIN {customers} r ON r.owner = w.code AND a.as_of >= r.from_ AND a.as_of < r.until_)"
        )
        aggregates = [aggregate for of_table in self._plan.own.values() for aggregate in of_table]
        backs = [
            f", {sql.back_from('as_of', o)} AS {bound(o)}" for o in sorted(offsets(aggregates), key=bound)
        ]
        days = f"(SELECT as_of{''.join(backs)} FROM (SELECT DISTINCT as_of FROM pairs))"
        for staged in self._staged.values():
            days = (
                f"(SELECT d.*, n.effective AS {_newest(staged)} FROM {days} d"
                f" ASOF LEFT JOIN {staged.newest} n ON d.as_of >= n.day)"
            )
        run(f"CREATE TABLE days AS SELECT * FROM {days}")
        for group in self._groups.values():
            for statement in group.statements():
                run(statement)
        return count_of(self._connection, "SELECT count(*) FROM pairs")

    def compute(self, memory: float) -> None:
        """Create the table `frame`: by pair the nature, and of each indicator value, status, evidence."""
        pairs = count_of(self._connection, "SELECT count(*) FROM pairs")
        aggregates = [*self._plan.own.values(), *self._plan.groups.values()]
        cells = sum(map(len, aggregates)) + len(self._declared)
        size = pairs * cells * _CELL_BYTES + self._most_records() * _RECORD_BYTES
        buckets = max(1, math.ceil(size / (memory * _BUCKET_SHARE)))
        for bucket in range(buckets):
            self._compute_bucket(pairs * bucket // buckets, pairs * (bucket + 1) // buckets, bucket == 0)

    @property
    def _declared(self) -> dict[str, tuple[str, ...]]:
        catalog = self._plan.checked.catalog
        return {
            id_: tuple(nature for nature in catalog.natures if catalog.by_id[id_].applies_to(nature))
            for id_ in self._plan.checked.expressions
        }

    def _most_records(self) -> int:
        """Return for how many records, at most, customers on days look into one table."""
        most = 0
        for name in self._plan.own:
            staged = self._staged[name]
            asked = "SELECT owner, count(*) AS n FROM pairs GROUP BY owner"
            if staged.table.key_of is not None:
                asked = f"SELECT DISTINCT owner, (SELECT count(*) FROM days) AS n FROM {staged.live}"
            looks = f"SELECT coalesce(sum(n), 0) FROM {staged.live} JOIN ({asked}) USING (owner)"
            most = max(most, count_of(self._connection, looks))
        return most

    def _compute_bucket(self, first: int, end: int, create: bool) -> None:
        run = self._connection.execute
        run(
            "CREATE OR REPLACE TEMP TABLE bucket AS"
            " SELECT p.pair AS subject, p.owner, d.*"
            f" FROM pairs p JOIN days d USING (as_of) WHERE p.pair >= {first} AND p.pair < {end}"
        )
        linked = [name for name in self._plan.own if name in self._plan.links]
        of_customers = [name for name in self._plan.own if name not in linked]
        joins = [
            f"LEFT JOIN {made} USING (subject)"
            for name in of_customers
            for made in self._summarise(name, "bucket")
        ]
        self._extend("base", f"bucket {' '.join(joins)}", "bucket.*", of_customers)
        joins = [self._summarise_linked(name) for name in linked]
        self._extend("wide", f"base {' '.join(joins)}", "base.*", linked)
        pieces, joins = ["wide.*"], []
        for (_, over), group in self._groups.items():
            own = self._own_columns(over)
            for statement in group.lookups("wide", own):
                run(statement)
            pieces.append(group.columns)
            joins.append(group.hung("wide", own))
        self._insert(f"(SELECT {', '.join(pieces)} FROM wide {' '.join(joins)})", create)

    def _summarise(self, name: str, subjects: str) -> list[str]:
        """Create the tables of pieces of one table's aggregates; return their names."""
        staged = self._staged[name]
        backs = sorted({bound(offset) for offset in offsets(self._plan.own[name])})
        columns = [f"b.{column}" for column in ("subject", "as_of", *backs)]
        columns += [f"r.{column}" for column in ("effective", "order_", *staged.cells.values())]
        # A successor is who its own record says; one taken over speaks only where there is none.
        own_first = ""
        if name == CUSTOMERS and self._moved:
            own_first = " QUALIFY r.own OR NOT bool_or(r.own) OVER (PARTITION BY b.subject)"
        joined = (
            f"(SELECT {', '.join(columns)} FROM {subjects} b JOIN {staged.live} r"
            f" ON r.owner = b.owner AND b.as_of >= r.from_ AND b.as_of < r.until_{own_first})"
        )
        summaries = self._own[name]
        for statement in summaries.statements(joined):
            self._connection.execute(statement)
        return summaries.tables

    def _summarise_linked(self, name: str) -> str:
        """Do the same for a table of other things than customers; return how it hangs on `base`."""
        link, keys = _column(self._plan.links[name], self._plan), f"keys_{self._staged[name].index}"
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {keys} AS SELECT row_number() OVER () AS subject, k.owner, d.*"
            f" FROM (SELECT DISTINCT {link} AS owner, as_of FROM base WHERE {link} IS NOT NULL) k"
            " JOIN days d USING (as_of)"
        )
        subjects = f"(SELECT subject, owner AS key, as_of AS day FROM {keys}) {keys}"
        hung = f"LEFT JOIN {subjects} ON {keys}.key = base.{link} AND {keys}.day = base.as_of"
        made = (
            f"LEFT JOIN {made} ON {made}.subject = {keys}.subject" for made in self._summarise(name, keys)
        )
        return " ".join([hung, *made])

    def _extend(self, made: str, relation: str, kept: str, tables: list[str]) -> None:
        """Create a table with the cells of some tables' aggregates beside what there was."""
        columns = [kept]
        for name in tables:
            for aggregate, cell in self._own[name].cells.items():
                column = _column(aggregate, self._plan)
                columns += [f"{cell.value} AS {column}", f"{cell.undefined} AS {column}_undefined"]
                columns.append(f"{cell.evidence} AS {column}_evidence")
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {made} AS SELECT {', '.join(columns)} FROM {relation}"
        )

    def _insert(self, relation: str, create: bool) -> None:
        nature = _column(self._plan.nature, self._plan)
        aggregates: dict[Aggregate, Cell] = {}
        for group in self._groups.values():
            aggregates |= group.cells
        for of_table in self._plan.own.values():
            for aggregate in of_table:
                column = _column(aggregate, self._plan)
                aggregates[aggregate] = Cell(column, f"{column}_undefined", f"{column}_evidence")
        natures = dict.fromkeys(self._declared.values())
        applies = {some: f"declared_{i}" for i, some in enumerate(natures)}
        cells = Cells(aggregates, {id_: applies[some] for id_, some in self._declared.items()})
        columns = [f"subject AS pair, owner, as_of, {nature} AS nature"]
        for place, (id_, expression) in enumerate(self._plan.checked.expressions.items()):
            cell, declared = cells.indicator(id_, expression), applies[self._declared[id_]]
            status = (
                f"CASE WHEN NOT {declared} THEN {NOT_DECLARED} WHEN {cell.value} IS NOT NULL THEN {KNOWN}"
                f" WHEN {cell.undefined} THEN {UNDEFINED} ELSE {NO_RECORD} END::TINYINT"
            )
            columns.append(f"{cell.value} AS v{place}, {status} AS s{place}, {cell.evidence} AS e{place}")
        listed = [f"{_one_of(nature, some)} AS {column}" for some, column in applies.items()]
        relation = cells.over(f"(SELECT *, {', '.join(listed)} FROM {relation})")
        what = "CREATE TABLE frame AS" if create else "INSERT INTO frame"
        self._connection.execute(f"{what} SELECT {', '.join(columns)} FROM {relation}")


def _newest(staged: StagedTable) -> str:
    return f"newest_day_{staged.index}"


def _column(aggregate: Aggregate, plan: Plan) -> str:
    """Return the name of the column of an aggregate of customers' own records."""
    return f"a{plan.tables[aggregate.table]}_{plan.own[aggregate.table].index(aggregate)}"


def _one_of(value: str, options: tuple[str, ...]) -> str:
    if not options:
        return "FALSE"
    return f"coalesce({value} IN ({', '.join(sql.text(option) for option in options)}), FALSE)"
