"""The as-of build: from staged tables to a frame of indicators and the evidence of every cell."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features.catalog import Catalog
from features.expressions import sql
from features.expressions.checking import CheckedExpressions, check
from features.expressions.engine import Engine, memory_bytes
from features.expressions.plan import plan
from features.expressions.staged import BuildError, check_columns
from features.expressions.successions import Succession
from features.expressions.summaries import FIRST_EVIDENCE
from features.sources.engine import MEMORY_LIMIT, count_of, engine, quoted

INDICATORS, EVIDENCE = "indicators.parquet", "evidence.parquet"
STATUSES = ("known", "no_record", "undefined", "not_declared")
_SUCCESSIONS = {"from_customer": "VARCHAR", "to_customer": "VARCHAR", "on": "DATE", "known_at": "DATE"}


@dataclass(frozen=True)
class Built:
    """What a build wrote.

    Attributes:
        indicators: Parquet file, a row for each customer on a day: customer_id, nature, as_of, then a column
            for each indicator that has an expression (DOUBLE, BOOLEAN or VARCHAR; NULL where missing).
        evidence: Parquet file, a row for each cell of the former: customer_id, as_of, indicator, department,
            evidence (the day; NULL where there is none), status (one of STATUSES), stale.
        rows: customers on days.
        absent: customers on days that were asked for but are not there: unknown on that day.
    """

    indicators: Path
    evidence: Path
    rows: int
    absent: int


def build(
    catalog: Catalog,
    staged: Mapping[str, Path],
    output: Path,
    *,
    as_of: date | None = None,
    evaluations: Path | None = None,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
    successions: Path | None = None,
) -> Built:
    """Compute every indicator that has an expression, as of one day or of each customer's own days.

    Args:
        catalog: tables and indicators.
        staged: Parquet file (or glob) of each table: customer_id, effective, known_at, row, its columns.
        output: folder to write to.
        as_of: the day, for all customers there are on it; or
        evaluations: Parquet file of customer_id and as_of (DATE).
        memory_limit: for DuckDB, such as 2GB; beyond it, it writes to `output` and cleans up after.
        threads: for DuckDB; None for one by core.
        successions: Parquet file of from_customer, to_customer, on (DATE), known_at (DATE).

    Raises:
        ExpressionError: an indicator's expression is wrong.
        BuildError: a file lacks something, or the arguments do not go together.
    """
    if as_of is not None and evaluations is not None:
        raise BuildError("as_of, evaluations: give one of them, not both")
    checked = check(catalog)
    if not checked.expressions:
        raise BuildError(
            f"catalog {catalog.catalog}: no indicator has a value; give at least one an expression"
        )
    memory = memory_bytes(memory_limit)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=output) as folder:
        work = Path(folder)
        with _connected(work, memory_limit, threads) as connection:
            work_order = Engine(connection, plan(checked), staged)
            asked, last = _asked(connection, as_of, evaluations)
            work_order.load(_read_successions(connection, successions), last)
            rows = work_order.evaluate(asked)
            work_order.compute(memory)
            _write_indicators(connection, checked, work / INDICATORS)
            _write_evidence(connection, checked, work / EVIDENCE)
            absent = 0
            if evaluations is not None:
                absent = count_of(connection, f"SELECT count(*) FROM {asked}") - rows
        built = Built(output / INDICATORS, output / EVIDENCE, rows, absent)
        (work / INDICATORS).replace(built.indicators)
        (work / EVIDENCE).replace(built.evidence)
    return built


@contextmanager
def _connected(work: Path, memory_limit: str, threads: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with engine(work, memory_limit=memory_limit, threads=threads, on_disk=True) as connection:
            yield connection
    except duckdb.OutOfMemoryException:
        raise BuildError(f"memory_limit: {memory_limit} is too little; give more, or fewer threads") from None


def _asked(
    connection: duckdb.DuckDBPyConnection, as_of: date | None, evaluations: Path | None
) -> tuple[str, date]:
    """Return who is asked for on which day, as a relation, and the last of these days."""
    if as_of is not None:
        return f"(SELECT customer_id, {sql.text(as_of.isoformat())}::DATE AS as_of FROM who)", as_of
    if evaluations is None:
        raise BuildError("as_of, evaluations: give one of them")
    source = sql.parquet(evaluations)
    check_columns(connection, source, {"customer_id": "VARCHAR", "as_of": "DATE"}, "evaluations")
    connection.execute(f"CREATE TABLE asked AS SELECT DISTINCT customer_id, as_of FROM {source}")
    if count_of(connection, "SELECT count(*) FROM asked WHERE customer_id IS NULL OR as_of IS NULL"):
        raise BuildError("evaluations: a row has no customer_id or no as_of; fill both in every row")
    row = connection.execute("SELECT max(as_of) FROM asked").fetchone()
    if row is None or row[0] is None:
        raise BuildError("evaluations: has no rows; give at least one customer_id and as_of")
    return "asked", row[0]


def _read_successions(connection: duckdb.DuckDBPyConnection, successions: Path | None) -> list[Succession]:
    if successions is None:
        return []
    source = sql.parquet(successions)
    check_columns(connection, source, _SUCCESSIONS, "successions")
    rows = connection.execute(f'SELECT from_customer, to_customer, "on", known_at FROM {source}').fetchall()
    if any(None in row for row in rows):
        raise BuildError("successions: a row lacks a customer or a day; fill every column")
    return [Succession(*row) for row in rows]


def _write_indicators(connection: duckdb.DuckDBPyConnection, checked: CheckedExpressions, file: Path) -> None:
    places = {id_: place for place, id_ in enumerate(checked.expressions)}
    ordered = [placed.id for placed in checked.catalog.placed if placed.id in places]
    values = ", ".join(f"f.v{places[id_]} AS {quoted(id_)}" for id_ in ordered)
    connection.execute(
        f"COPY (SELECT w.customer_id, f.nature, f.as_of, {values} FROM frame f JOIN who w ON w.code = f.owner"
        f" ORDER BY f.pair) TO {sql.text(str(file))} (FORMAT parquet, COMPRESSION zstd)"
    )


def _write_evidence(connection: duckdb.DuckDBPyConnection, checked: CheckedExpressions, file: Path) -> None:
    tables = plan(checked).tables
    departments = [sql.text(checked.catalog.tables[name].department) for name in tables]
    statuses = ", ".join(sql.text(status) for status in STATUSES)
    places = {id_: place for place, id_ in enumerate(checked.expressions)}
    cells = []
    for placed in checked.catalog.placed:
        if placed.id not in places:
            continue
        indicator, place = placed.indicator, places[placed.id]
        freshness = "NULL" if indicator.freshness_days is None else str(indicator.freshness_days)
        cells.append(
            f"struct_pack(indicator := {sql.text(placed.id)}, status := s{place}, evidence := e{place},"
            f" department := {sql.text(indicator.source.department)}, freshness := {freshness}::INTEGER)"
        )
    # A cell without evidence is the affair of the department that the indicator names.
    department = (
        f"CASE WHEN cell.evidence IS NULL THEN cell.department"
        f" ELSE [{', '.join(departments)}][cell.evidence % {len(tables)} + 1] END"
    )
    day = f"({FIRST_EVIDENCE} + (cell.evidence // {len(tables)})::INTEGER)"
    connection.execute(
        f"COPY (SELECT customer_id, as_of, cell.indicator AS indicator, {department} AS department,"
        f" {day} AS evidence, [{statuses}][cell.status + 1] AS status,"
        f" coalesce(as_of - {day} > cell.freshness, FALSE) AS stale FROM"
        f" (SELECT customer_id, as_of, unnest([{', '.join(cells)}]) AS cell"
        " FROM (SELECT w.customer_id, f.* FROM frame f JOIN who w ON w.code = f.owner ORDER BY f.pair)))"
        f" TO {sql.text(str(file))} (FORMAT parquet, COMPRESSION zstd)"
    )
