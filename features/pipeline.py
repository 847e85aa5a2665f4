"""From a portfolio file to indicators as of a day: stage, build, measure quality, and join outcomes."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features.building import Built, build
from features.catalog import Catalog
from features.expressions import sql
from features.quality import PAGE, measure, write_quality
from features.quality_figures import Quality
from features.sources.delivery import Delivery, load_delivered_catalog, load_delivery
from features.sources.engine import MEMORY_LIMIT, count_of, engine
from features.sources.staging import Staged, stage

OUTCOME = "outcome"


@dataclass(frozen=True)
class Prepared:
    """What a portfolio file became: the staged tables, and the indicators and evidence built from them.

    `page` shows their `quality`.
    `labelled` customers have an outcome in the column `outcome` of the indicators; None where no outcomes are
    delivered.
    """

    delivery: Delivery
    catalog: Catalog
    staged: Staged
    built: Built
    quality: Quality
    page: Path
    labelled: int | None


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
    labelled = None
    if staged.outcomes is not None:
        progress("joining outcomes")
        with (
            tempfile.TemporaryDirectory(prefix=".joining-", dir=output) as spill,
            engine(Path(spill), memory_limit=memory_limit, threads=threads) as connection,
        ):
            labelled = _join_outcomes(connection, built.indicators, staged.outcomes)
    return Prepared(delivery, catalog, staged, built, quality, output / PAGE, labelled)


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


def _join_outcomes(connection: duckdb.DuckDBPyConnection, indicators: Path, outcomes: Path) -> int:
    """Add the column of outcomes to the indicators; return how many customers have one.

    An outcome of the day itself goes before one of any day.
    """
    part = indicators.with_name(f".{indicators.name}.part")
    frame, known = sql.parquet(indicators), sql.parquet(outcomes)
    connection.execute(
        f"COPY (SELECT i.*, coalesce(own.outcome, any_day.outcome) AS {OUTCOME} FROM {frame} i"
        f" LEFT JOIN {known} own ON own.customer_id = i.customer_id AND own.as_of = i.as_of"
        f" LEFT JOIN {known} any_day ON any_day.customer_id = i.customer_id AND any_day.as_of IS NULL"
        f" ORDER BY i.customer_id, i.as_of) TO {sql.text(str(part))} (FORMAT parquet, COMPRESSION zstd)"
    )
    labelled = count_of(connection, f"SELECT count({OUTCOME}) FROM {sql.parquet(part)}")
    part.replace(indicators)
    return labelled
