"""The quality report (M3, M11): how complete, valid, fresh and free of contradiction the records are."""

import csv
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from features.building import Built
from features.catalog import Catalog
from features.expressions.checking import check
from features.expressions.engine import memory_bytes
from features.quality_cells import CellCounts, count_cells
from features.quality_columns import Columns, columns_read
from features.quality_comprehensiveness import COMPREHENSIVENESS, summarise, write_comprehensiveness
from features.quality_figures import (
    DepartmentQuality,
    IndicatorQuality,
    NatureQuality,
    OfNature,
    Quality,
    TableQuality,
    means,
    offence,
)
from features.quality_frame import Frame
from features.quality_page import to_html
from features.quality_records import Records, validity
from features.sources.engine import MEMORY_LIMIT, engine
from features.sources.staging import Staged
from features.spreadsheet import guarded

PAGE, TABLE = "quality.html", "quality.csv"

_COLUMNS = (
    "indicator",
    "name",
    "name_zh_hant",
    "name_zh_hans",
    "nature",
    "department",
    "weight",
    "applying",
    "known",
    "no_record",
    "undefined",
    "completeness",
    "stale",
    "stale_share",
    "median_age_days",
    "impossible",
    "validity",
    "repeated",
    "conflicts",
    "offence",
)


def measure(
    catalog: Catalog,
    built: Built,
    staged: Staged | None,
    *,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
) -> Quality:
    """Measure the records of a portfolio by what a build made of them.

    Args:
        catalog: the catalog of the build.
        built: the build, on whatever days.
        staged: the staging that it was made from; None where that is not known, and then nothing is said of
            validity, repeated rows, conflicts and tables.
        memory_limit: for DuckDB, such as 2GB; beyond it, it writes beside the build and cleans up after.
        threads: for DuckDB; None for one by core.

    Raises:
        BuildError: a file of the build is absent, damaged or not of this catalog, or the limit is no size.
        ExpressionError: an indicator's expression is wrong.
    """
    read = columns_read(check(catalog))
    frame = Frame(catalog, built)
    with _connected(built, memory_limit, threads) as connection:
        frame.check(connection)
        cells = count_cells(connection, frame)
        comprehensiveness, of_natures = summarise(connection, frame)
        records = None if staged is None else Records(connection, catalog, staged, cells.last)
        in_tables, in_indicators = ({}, {}) if records is None else records.conflicts(read)
        tables = None if records is None else records.tables(in_tables)
        disagreeing = None if records is None else records.natures_in_conflict()
    indicators = [
        IndicatorQuality(
            placed=placed,
            counts=cells.by_indicator[placed.id],
            by_nature=_by_nature(placed.id, catalog, cells),
            validity=None if staged is None else validity(read.get(placed.id, frozenset()), staged),
            repeated=None if tables is None else _repeated(read.get(placed.id, frozenset()), tables),
            conflicts=None if tables is None else in_indicators.get(placed.id, 0),
        )
        for placed in catalog.placed
    ]
    return Quality(
        catalog=catalog,
        built=built,
        first=cells.first,
        last=cells.last,
        customers=cells.rows,
        indicators=tuple(sorted(indicators, key=lambda each: (-offence(each, cells.rows), each.id))),
        natures=tuple(
            NatureQuality(nature, cells.customers[nature], of_natures.get(nature), means(indicators, nature))
            for nature in catalog.natures
        ),
        departments=tuple(_department(id_, indicators, cells, tables or ()) for id_ in catalog.departments),
        tables=tables,
        means=means(indicators),
        comprehensiveness=comprehensiveness,
        natures_in_conflict=disagreeing,
    )


def write_quality(quality: Quality, folder: Path, *, memory_limit: str = MEMORY_LIMIT) -> None:
    """Write `quality.html`, `quality.csv` and `comprehensiveness.parquet` into a folder, over former ones.

    The page refers to nothing outside itself. The table has a line for each indicator and nature for which it
    is declared, the worst first; shares are from 0 to 1, and a cell is empty where there is nothing to take a
    share of. Neither holds anything of a single customer. The Parquet file has a row for each customer on a
    day: customer_id, as_of, comprehensiveness (0–1); it is read from the build, which has to be there still.

    Raises:
        BuildError: a file of the build is absent or not of this catalog any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame = Frame(quality.catalog, quality.built)
    with tempfile.TemporaryDirectory(prefix=".quality-", dir=folder) as scratch:
        work = Path(scratch)
        with _connected(quality.built, memory_limit, None) as connection:
            frame.check(connection)
            write_comprehensiveness(connection, frame, work / COMPREHENSIVENESS)
        (work / PAGE).write_text(to_html(quality), encoding="utf-8")
        _write_table(quality, work / TABLE)
        for name in (COMPREHENSIVENESS, TABLE, PAGE):
            (work / name).replace(folder / name)


@contextmanager
def _connected(built: Built, memory_limit: str, threads: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    memory_bytes(memory_limit)
    with (
        tempfile.TemporaryDirectory(prefix=".measuring-", dir=built.indicators.parent) as spill,
        engine(Path(spill), memory_limit=memory_limit, threads=threads) as connection,
    ):
        yield connection


def _by_nature(id_: str, catalog: Catalog, cells: CellCounts) -> tuple[OfNature, ...]:
    parts = []
    for nature in catalog.natures:
        if (id_, nature) in cells.by_nature:
            weight = math.prod(catalog.weights(nature).get(id_, (0.0,)))
            counts = cells.by_nature[id_, nature]
            parts.append(OfNature(nature, cells.customers[nature], weight, counts))
    return tuple(parts)


def _repeated(columns: Columns, tables: tuple[TableQuality, ...]) -> int:
    read = {table for table, _ in columns}
    return sum(table.repeated for table in tables if table.name in read)


def _department(
    id_: str, indicators: list[IndicatorQuality], cells: CellCounts, tables: tuple[TableQuality, ...]
) -> DepartmentQuality:
    answers_for = [indicator for indicator in indicators if indicator.department == id_]
    rests, stale = cells.evidence.get(id_, (0, 0))
    return DepartmentQuality(
        department=id_,
        indicators=len(answers_for),
        means=means(answers_for),
        rests=rests,
        rests_stale=stale,
        tables=tuple(table for table in tables if table.department == id_),
    )


def _write_table(quality: Quality, file: Path) -> None:
    natures = {nature: place for place, nature in enumerate(quality.catalog.natures)}
    parts = [(indicator, part) for indicator in quality.indicators for part in indicator.by_nature]
    parts.sort(key=lambda pair: (-pair[1].offence, pair[0].id, natures[pair[1].nature]))
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_line(indicator, part) for indicator, part in parts)


def _line(indicator: IndicatorQuality, part: OfNature) -> dict[str, object]:
    names, counts = indicator.placed.indicator.names, part.counts
    return {
        "indicator": indicator.id,
        "name": guarded(names.en),
        "name_zh_hant": guarded(names.zh_hant),
        "name_zh_hans": guarded(names.zh_hans),
        "nature": str(part.nature),
        "department": indicator.department,
        "weight": part.weight,
        "applying": counts.applying,
        "known": counts.known,
        "no_record": counts.no_record,
        "undefined": counts.undefined,
        "completeness": counts.completeness,
        "stale": counts.stale,
        "stale_share": counts.stale_share,
        "median_age_days": counts.median_age_days,
        "impossible": counts.impossible,
        "validity": indicator.validity,
        "repeated": indicator.repeated,
        "conflicts": indicator.conflicts,
        "offence": part.offence,
    }
