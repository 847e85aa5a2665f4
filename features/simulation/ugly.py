"""Rewrites tables as departments often deliver them: CSV in mixed encodings, scripts, units, dates."""

import csv
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.catalog import Catalog
from features.sources.record_table import Column, ColumnType, RecordTable
from features.terms import Language

# Above this a table in pure text grows unwieldy.
MOST_UGLY = 20_000
_WAN = 1e4
_ROC = 1911
_BATCH = 20_000


# Every so many rows one comes again, with words in the place of its amounts.
_ANNOTATED = 1000


@dataclass(frozen=True)
class _Style:
    """How a department writes: encoding, language of headers and texts, form of days, amounts in 萬.

    `note` is written in the place of an amount, `total` in a last line that is no row.
    """

    encoding: str
    language: Language
    day: Callable[[date], str]
    in_wan: bool
    note: str
    total: str


_STYLES = (
    _Style("utf-8-sig", Language.ZH_HANT, lambda day: _chinese(day, day.year), True, "詳見附件", "合計"),
    _Style("gb18030", Language.ZH_HANS, lambda day: f"{day:%Y/%m/%d}", True, "详见附件", "合计"),
    _Style("big5hkscs", Language.ZH_HANT, lambda day: f"民國{_chinese(day, day.year - _ROC)}", False,
           "詳見附件", "合計"),
    _Style("utf-8", Language.EN, lambda day: f"{day:%d %b %Y}", False, "see annex", "Total"),
)  # fmt: skip


def uglify(files: Mapping[str, Path], catalog: Catalog) -> dict[str, Path]:
    """Replace the Parquet files of declared tables by CSV files, and return these by table."""
    result = {}
    for (name, file), style in zip(files.items(), itertools.cycle(_STYLES), strict=False):
        result[name] = file.with_name(f"{name}.synthetic.csv")
        _rewrite(file, result[name], catalog.tables[name], style)
        file.unlink()
    return result


def _rewrite(source: Path, target: Path, table: RecordTable, style: _Style) -> None:
    writers = {name: _writer_of(column, style) for name, column in table.columns.items()}
    amounts = [name for name, column in table.columns.items() if column.currency is not None]
    with target.open("w", encoding=style.encoding, newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(_header(name, column, style) for name, column in table.columns.items())
        for number, row in enumerate(_rows(source), start=1):
            written = {name: writers[name](cell) for name, cell in row.items()}
            lines.writerow(written.values())
            if number % _ANNOTATED == 0 and amounts:
                lines.writerow({**written, **dict.fromkeys(amounts, style.note)}.values())
        lines.writerow([style.total])


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(_BATCH):
            yield from batch.to_pylist()


def _header(name: str, column: Column, style: _Style) -> str:
    return name if column.names is None else column.names.in_language(style.language)


def _writer_of(column: Column, style: _Style) -> Callable[[Any], str]:
    """Return how the cells of a column are written; what is missing is an empty cell."""
    match column.type:
        case ColumnType.DATE:
            return lambda cell: "" if cell is None else style.day(cell)
        case ColumnType.FLAG:
            yes, no = ("Y", "N") if style.language is Language.EN else ("是", "否")
            return lambda cell: "" if cell is None else yes if cell else no
        case ColumnType.NUMBER:
            in_wan = style.in_wan and column.currency is not None
            return lambda cell: "" if cell is None else _amount(cell, in_wan=in_wan)
        case ColumnType.TEXT | ColumnType.KEY:
            words = _words(column, style)
            return lambda cell: "" if cell is None else words.get(cell, cell)


def _amount(value: float, *, in_wan: bool) -> str:
    # Six decimals of 萬 keep the last two of the amount.
    return f"{value / _WAN:,.6f}萬" if in_wan else f"{value:,}"


def _words(column: Column, style: _Style) -> dict[str, str]:
    """Return the word for each level: its cells stand in the order id, Traditional, Simplified."""
    cells: dict[str, list[str]] = {}
    for cell, level in (column.levels or {}).items():
        cells.setdefault(level, []).append(cell)
    place = {Language.EN: 0, Language.ZH_HANT: 1, Language.ZH_HANS: 2}[style.language]
    return {level: words[min(place, len(words) - 1)] for level, words in cells.items()}


def _chinese(day: date, year: int) -> str:
    return f"{year}年{day.month}月{day.day}日"
