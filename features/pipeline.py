"""From a portfolio file to indicators as of a day: stage, build, measure quality, join what stands beside."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features.building import Built, build
from features.catalog import Catalog
from features.expressions import sql
from features.expressions.syntax import ExpressionError
from features.labelling import Labels, check_rule, write_labels
from features.quality import PAGE, measure, write_quality
from features.quality_figures import Quality
from features.sources.delivery import Delivery, load_delivered_catalog, load_delivery
from features.sources.engine import MEMORY_LIMIT, count_of, engine
from features.sources.outcomes import OUTCOME, OUTCOME_KNOWN_ON, OUTCOME_STATUS
from features.sources.related import GROUP_ID, related_customers
from features.sources.staging import OUTCOMES_FILE, Staged, stage
from features.synthetic import MARK


@dataclass(frozen=True)
class Prepared:
    """What a portfolio file became: the staged tables, and the indicators and evidence built from them.

    `page` shows their `quality`. Where groups of companies or mergers are delivered, the column `group_id` of
    the indicators says who belongs together. `labelled` customers have an outcome in their column `outcome`;
    None where outcomes are neither delivered nor read off the records, which `labels` tells of.
    """

    delivery: Delivery
    catalog: Catalog
    staged: Staged
    built: Built
    quality: Quality
    page: Path
    labelled: int | None
    labels: Labels | None


def prepare(
    portfolio: str | Path,
    output: Path,
    *,
    as_of: date | None = None,
    evaluations: Path | None = None,
    data: Path | None = None,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Prepared:
    """Read a company's tables and build its indicators.

    Args:
        portfolio: a portfolio file, or the name of a bundled one.
        output: the folder that receives all of it.
        as_of: the day, for all customers there are on it; or
        evaluations: a Parquet file of customer_id and as_of.
        data: where relative paths of sources start; by default beside the portfolio file.
        memory_limit: for DuckDB, such as 2GB.
        threads: for DuckDB; None for one by core.

    Raises:
        DeclarationError, TableError, ChecksDisabled, RowsLost: see `features.sources.staging.stage`.
        ExpressionError, BuildError: see `features.building.build`.
    """
    delivery = load_delivery(portfolio)
    catalog = load_delivered_catalog(delivery)
    rule = delivery.outcome_rule
    if rule is not None:
        try:
            check_rule(rule, catalog)
        except ExpressionError as error:
            raise ExpressionError(f"{delivery.file}: outcomes: value: {error}") from None
    if data is not None:
        delivery = delivery.with_data_in(data)
    staged, built = build_delivered(
        delivery,
        catalog,
        output,
        as_of=as_of,
        evaluations=evaluations,
        memory_limit=memory_limit,
        threads=threads,
        progress=progress,
    )
    progress("measuring quality")
    quality = measure(catalog, built, staged, memory_limit=memory_limit)
    write_quality(quality, output, memory_limit=memory_limit)
    labels = None
    if rule is not None:
        progress("reading outcomes off the records")
        labels = write_labels(
            catalog,
            rule,
            {name: table.file for name, table in staged.tables.items()},
            built.indicators,
            output / OUTCOMES_FILE,
            successions=staged.successions,
            memory_limit=memory_limit,
            threads=threads,
        )
    outcomes = staged.outcomes if labels is None else labels.file
    labelled = None
    beside = staged.groups is not None or staged.successions is not None or outcomes is not None
    if beside or delivery.synthetic:
        progress("joining groups of companies and outcomes")
        with (
            tempfile.TemporaryDirectory(prefix=".joining-", dir=output) as spill,
            engine(Path(spill), memory_limit=memory_limit, threads=threads) as connection,
        ):
            _join(
                connection,
                built.indicators,
                staged,
                outcomes,
                by_rule=labels is not None,
                synthetic=delivery.synthetic,
            )
            if outcomes is not None:
                counted = f"SELECT count({OUTCOME}) FROM {sql.parquet(built.indicators)}"
                labelled = count_of(connection, counted, [])
    return Prepared(delivery, catalog, staged, built, quality, output / PAGE, labelled, labels)


def build_delivered(
    delivery: Delivery,
    catalog: Catalog,
    output: Path,
    *,
    as_of: date | None = None,
    evaluations: Path | None = None,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[Staged, Built]:
    """Stage a company's tables and build its indicators, as `prepare` does, and no more."""
    staged = stage(delivery, catalog, output, progress=progress, memory_limit=memory_limit, threads=threads)
    progress("building indicators")
    built = build(
        catalog,
        {name: table.file for name, table in staged.tables.items()},
        output,
        as_of=as_of,
        evaluations=evaluations,
        memory_limit=memory_limit,
        threads=threads,
        successions=staged.successions,
    )
    return staged, built


def _join(
    connection: duckdb.DuckDBPyConnection,
    indicators: Path,
    staged: Staged,
    outcomes: Path | None,
    by_rule: bool,
    synthetic: bool,
) -> None:
    """Add the columns of groups and outcomes to the indicators, as far as they are known.

    An outcome of the day itself goes before one of any day. What is synthetic is marked as such.
    """
    part = indicators.with_name(f".{indicators.name}.part")
    columns, joins = ["i.*"], []
    if staged.groups is not None or staged.successions is not None:
        connection.register("related", related_customers(staged.groups, staged.successions))
        columns.append(f"related.{GROUP_ID}")
        joins.append("LEFT JOIN related ON related.customer_id = i.customer_id")
    if outcomes is not None:
        known = sql.parquet(outcomes)
        columns.append(f"coalesce(own.{OUTCOME}, any_day.{OUTCOME}) AS {OUTCOME}")
        if by_rule:
            columns += [f"own.{OUTCOME_STATUS}", f"own.{OUTCOME_KNOWN_ON}"]
        joins += [
            f"LEFT JOIN {known} own ON own.customer_id = i.customer_id AND own.as_of = i.as_of",
            f"LEFT JOIN {known} any_day ON any_day.customer_id = i.customer_id AND any_day.as_of IS NULL",
        ]
    mark = ", ".join(f"{key}: {sql.text(value)}" for key, value in MARK.items())
    metadata = f", KV_METADATA {{{mark}}}" if synthetic else ""
    connection.execute(
        f"COPY (SELECT {', '.join(columns)} FROM {sql.parquet(indicators)} i {' '.join(joins)}"
        f" ORDER BY i.customer_id, i.as_of) TO {sql.text(str(part))}"
        f" (FORMAT parquet, COMPRESSION zstd{metadata})"
    )
    part.replace(indicators)
