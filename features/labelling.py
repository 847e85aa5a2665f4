"""The outcome of each evaluated customer, read off the departments' records by a rule once it is there."""

import ast
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features.building import build
from features.catalog import (
    Catalog,
    Confidentiality,
    Dimension,
    FlagPoints,
    Group,
    Indicator,
    Kind,
    Source,
)
from features.curve import Better
from features.expressions import sql
from features.expressions.checking import check
from features.expressions.parsing import parse
from features.expressions.syntax import Aggregate, Expression, ExpressionError, Summary, Window, walk
from features.sources.engine import count_of, engine, pattern_of
from features.sources.layout import FIRST_DAY
from features.sources.outcomes import (
    IMMATURE,
    KNOWN,
    OUTCOME,
    OUTCOME_KNOWN_ON,
    OUTCOME_STATUS,
    UNKNOWN,
    OutcomeRule,
)
from features.sources.record_table import CUSTOMERS

_ADVERSE = "adverse"
_LONGEST_WINDOW = 3700


@dataclass(frozen=True)
class Labels:
    """Outcomes read off the records, and the file that holds them: customer_id, as_of, outcome, its
    status, and the day from which it can be known.

    Of `known` customers on days `adverse` had the adverse outcome. `immature` are those whose window was not
    over on the day `known_until`; `unknown` those of whom the records do not tell, or who were merged into
    another customer before their window was over.
    """

    file: Path
    known_until: date
    known: int
    adverse: int
    immature: int
    unknown: int


def check_rule(rule: OutcomeRule, catalog: Catalog) -> None:
    """Refuse a rule that cannot be computed from a catalog's tables.

    Raises:
        ExpressionError: says what is wrong in it.
    """
    expression = parse(rule.value)
    if any(isinstance(part, Aggregate) and part.window != Window() for part in walk(expression)):
        raise ExpressionError("leave months, days and ending_months_ago out: the window is the rule's months")
    try:
        check(_catalog_of(rule, catalog, _LONGEST_WINDOW))
    except ExpressionError as error:
        raise ExpressionError(str(error).removeprefix(f"indicator {_ADVERSE}: value: ")) from None


def write_labels(
    catalog: Catalog,
    rule: OutcomeRule,
    staged: Mapping[str, Path],
    indicators: Path,
    output: Path,
    *,
    successions: Path | None,
    memory_limit: str,
    threads: int | None,
) -> Labels:
    """Read the outcome of each row of the indicators (customer_id, as_of) off the staged tables.

    What is effective after `as_of` and at most the rule's months later counts, as it was known at the end of
    these.

    Args:
        staged, successions, memory_limit, threads: as `features.building.build` takes them.
        output: the Parquet file to write: a row for each row of the indicators.

    Raises:
        ExpressionError, BuildError: see `features.building.build`.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".labelling-", dir=output.parent) as folder,
        engine(Path(folder), memory_limit=memory_limit, threads=threads) as connection,
    ):
        work = Path(folder)
        known_until = rule.known_until or _last_day_told(connection, rule, catalog, staged)
        connection.execute(
            f"CREATE TABLE asked AS SELECT *, last - as_of AS days FROM (SELECT customer_id, as_of,"
            f" (as_of + INTERVAL {rule.months} MONTH)::DATE AS last FROM {sql.parquet(indicators)})"
        )
        connection.execute("CREATE TABLE found (customer_id VARCHAR, as_of DATE, adverse BOOLEAN)")
        over = f"last <= {sql.text(known_until.isoformat())}::DATE"
        # Windows in days, since so many months back from a window's end is not always the day it began.
        lengths = connection.execute(f"SELECT DISTINCT days FROM asked WHERE {over} ORDER BY 1").fetchall()
        for (days,) in lengths:
            evaluations = work / f"{days}.parquet"
            connection.execute(
                f"COPY (SELECT customer_id, last AS as_of FROM asked WHERE {over} AND days = {days})"
                f" TO {sql.text(str(evaluations))} (FORMAT parquet)"
            )
            built = build(
                _catalog_of(rule, catalog, days),
                staged,
                work / f"of_{days}",
                evaluations=evaluations,
                memory_limit=memory_limit,
                threads=threads,
                successions=successions,
            )
            connection.execute(
                f"INSERT INTO found SELECT customer_id, as_of - {days}, {_ADVERSE}"
                f" FROM {sql.parquet(built.indicators)}"
            )
        connection.execute(
            f"COPY (SELECT customer_id, as_of, adverse AS {OUTCOME}, CASE WHEN NOT {over} THEN '{IMMATURE}'"
            f" WHEN adverse IS NULL THEN '{UNKNOWN}' ELSE '{KNOWN}' END AS {OUTCOME_STATUS},"
            f" last AS {OUTCOME_KNOWN_ON} FROM asked LEFT JOIN found USING (customer_id, as_of)"
            " ORDER BY customer_id, as_of)"
            f" TO {sql.text(str(output))} (FORMAT parquet, COMPRESSION zstd)"
        )

        def rows(condition: str) -> int:
            return count_of(connection, f"SELECT count(*) FROM {sql.parquet(output)} WHERE {condition}", [])

        return Labels(
            file=output,
            known_until=known_until,
            known=rows(f"{OUTCOME_STATUS} = '{KNOWN}'"),
            adverse=rows(OUTCOME),
            immature=rows(f"{OUTCOME_STATUS} = '{IMMATURE}'"),
            unknown=rows(f"{OUTCOME_STATUS} = '{UNKNOWN}'"),
        )


def _last_day_told(
    connection: duckdb.DuckDBPyConnection, rule: OutcomeRule, catalog: Catalog, staged: Mapping[str, Path]
) -> date:
    """Return the last day of which all tables that a rule reads tell, as far as their records show.

    That is the smallest of their newest days of becoming known, without what is added to these. What a record
    describes may lie beyond the delivery (the end of a contract), so of a table that says no more it counts
    only up to the newest day on which any table says that a record became known.
    """
    dated = {name for name, table in catalog.tables.items() if table.effective or table.known_at}
    told = [name for name, table in catalog.tables.items() if table.known_at]
    newest = {
        name: _newest_day(connection, staged[name], catalog.tables[name].known_after_days) for name in dated
    }
    days = [newest[name] for name in sorted(dated & _tables_of(parse(rule.value)))]
    if told:
        days.append(max(newest[name] for name in told))
    return min(days, default=FIRST_DAY)


def _newest_day(connection: duckdb.DuckDBPyConnection, file: Path, added: int) -> date:
    """Return the newest day on which a record became known, without the days `added` to it by the catalog.

    A day to come is a mistake of a department's.
    """
    found = connection.execute(
        f"SELECT max(known_at - {added}) FROM {sql.parquet(Path(pattern_of(file)))}"
        f" WHERE known_at - {added} <= current_date"
    ).fetchone()
    return FIRST_DAY if found is None or found[0] is None else found[0]


def _tables_of(expression: Expression) -> set[str]:
    """Return the tables that an expression reads."""
    found = set()
    for part in walk(expression):
        if isinstance(part, Aggregate):
            found |= {part.table, *(shared.own.table for shared in part.over or ())}
    return found


def _catalog_of(rule: OutcomeRule, catalog: Catalog, days: int) -> Catalog:
    """Return a catalog of the same tables whose one indicator is the outcome in a window of so many days."""
    names = catalog.names
    indicator = Indicator(
        id=_ADVERSE,
        names=names,
        kind=Kind.FLAG,
        better=Better.LOWER,
        points=FlagPoints(true=0.0, false=100.0),
        weight=100.0,
        source=Source(department=catalog.tables[CUSTOMERS].department, table=CUSTOMERS),
        confidentiality=Confidentiality.INTERNAL,
        value=_within(rule.value, days),
    )
    group = Group(id="outcomes", names=names, weight=100.0, indicators=(indicator,))
    return Catalog(
        catalog=catalog.catalog,
        version=catalog.version,
        names=names,
        natures=catalog.natures,
        departments=catalog.departments,
        tables=catalog.tables,
        dimensions=(Dimension(id="outcomes", names=names, weight=100.0, groups=(group,)),),
    )


def _within(value: str, days: int) -> str:
    """Return an expression, which can be parsed, with its summaries over so many days."""
    tree = ast.parse(re.sub(r"[\r\n\f\v]", " ", value).strip(), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in set(Summary):
            node.keywords.append(ast.keyword("days", ast.Constant(days)))
    return ast.unparse(tree)
