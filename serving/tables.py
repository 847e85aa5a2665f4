"""Reading customer tables in chunks: CSV, Parquet and Excel, each row with its number in the file."""

import csv
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import pandas as pd

from features.catalog import Catalog, Kind

CHUNK_ROWS = 5000
IDENTITY = ("customer_id", "nature", "as_of")

# What float() reads beyond this (nan, inf, 1_000, other scripts' digits) is no number in a table.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class TableError(ValueError):
    """A table cannot be read or written as a whole; one line with the file, the place and what to do."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table.

    `frame` has the columns that are known, typed by the catalog's kinds; what is of the wrong type is left
    as it was given, for the evaluation to refuse. `rows` are their numbers as a spreadsheet shows them (the
    header is row 1). `misshapen` are rows with too many or too few cells: number and reason. `share` is how
    much of the file has been read (0–1).
    """

    frame: pd.DataFrame
    rows: Sequence[int]
    misshapen: Sequence[tuple[int, str]]
    share: float


@dataclass(frozen=True)
class Table:
    """A table that is being read: the columns it has that nobody asked for, and its chunks."""

    ignored: tuple[str, ...]
    chunks: Iterator[Chunk]


@contextmanager
def open_table(path: Path, catalog: Catalog) -> Iterator[Table]:
    """Open a table by its ending: .csv (UTF-8), .parquet or .xlsx (its first sheet).

    Cells of a CSV are texts, read by the kind of their indicator; Parquet and Excel have types of their own.
    An empty cell is missing; a row of nothing but empty cells is no row.

    Raises:
        TableError: it cannot be read, has another ending, no header, a column twice, or lacks one of
            customer_id, nature, as_of.
    """
    readers: dict[str, Callable[[Path, Catalog], AbstractContextManager[Table]]]
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".xlsx": _read_excel}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TableError(f"{path}: give a .csv, .parquet or .xlsx file")
    with ExitStack() as stack:
        try:
            table = stack.enter_context(reader(path, catalog))
        except OSError as error:
            raise TableError(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from None
        yield table


def _columns(header: Sequence[str], path: Path, catalog: Catalog) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the place of each known column, and the names of the others."""
    named = [name for name in header if name]
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise TableError(f"{path}: column {twice[0]} stands there twice")
    absent = [name for name in IDENTITY if name not in named]
    if absent:
        raise TableError(f"{path}: column {absent[0]} is absent; give {', '.join(IDENTITY)} and indicators")
    known = set(IDENTITY) | set(catalog.columns)
    places = {name: place for place, name in enumerate(header) if name in known}
    return places, tuple(name for name in named if name not in known)


@contextmanager
def _read_csv(path: Path, catalog: Catalog) -> Iterator[Table]:
    size = max(path.stat().st_size, 1)
    with path.open("rb") as raw:
        # Lines are counted by the reader, and kept as they are within quotes.
        text = _decoded(raw, path)
        reader = csv.reader(text, strict=True)
        lines = _lines(reader, path)
        header = next(lines, None)
        if header is None:
            raise TableError(f"{path}: is empty; the first line names the columns")
        places, ignored = _columns([name.strip() for name in header], path, catalog)

        def chunks() -> Iterator[Chunk]:
            for numbered in _batched(enumerate(lines, start=2)):
                frame, rows, misshapen = _shaped(numbered, len(header), places)
                typed = {name: _from_text(cells, catalog, name) for name, cells in frame.items()}
                yield Chunk(pd.DataFrame(typed), rows, misshapen, min(raw.tell() / size, 1.0))

        yield Table(ignored, chunks())


def _decoded(raw: Iterable[bytes], path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, without a byte order mark."""
    for number, line in enumerate(raw, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise TableError(f"{path}: line {number} is not UTF-8; save the file as CSV UTF-8") from None


def _lines(reader: Any, path: Path) -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(f"{path}: line {reader.line_num} is no CSV ({error})") from None


def _batched(numbered: Iterable[tuple[int, Sequence[Any]]]) -> Iterator[list[tuple[int, Sequence[Any]]]]:
    """Yield rows that are not blank, by CHUNK_ROWS, with their numbers."""
    chunk = []
    for number, cells in numbered:
        if any(cell not in ("", None) for cell in cells):
            chunk.append((number, cells))
        if len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _shaped(
    numbered: Sequence[tuple[int, Sequence[Any]]], width: int, places: dict[str, int]
) -> tuple[dict[str, list[Any]], list[int], list[tuple[int, str]]]:
    """Return the known columns and numbers of the rows that have as many cells as the header."""
    misshapen = [
        (number, f"has {len(cells)} cells, the header {width}")
        for number, cells in numbered
        if len(cells) != width
    ]
    whole = [(number, cells) for number, cells in numbered if len(cells) == width]
    columns = {name: [cells[place] for _, cells in whole] for name, place in places.items()}
    return columns, [number for number, _ in whole], misshapen


def _from_text(cells: list[str], catalog: Catalog, name: str) -> pd.Series:
    """Return a column of texts by the kind of its indicator; texts of another kind are left as they are."""
    placed = catalog.by_id.get(name)
    if placed is not None and placed.indicator.kind is Kind.NUMBER:
        return _column([_number(cell) for cell in cells])
    if placed is not None and placed.indicator.kind is Kind.FLAG:
        return _column([_flag(cell) for cell in cells])
    if placed is not None:
        return _column([cell.strip() or None for cell in cells])
    return _column([cell or None for cell in cells])


def _number(cell: str) -> float | str | None:
    stripped = cell.strip()
    return float(stripped) if _NUMBER.fullmatch(stripped) else stripped or None


def _flag(cell: Any) -> Any:
    """Return a text or a whole number as the truth value it stands for."""
    word = str(cell).strip().lower() if isinstance(cell, str | int | float) else ""
    if isinstance(cell, float) and cell.is_integer():
        word = str(int(cell))
    return _FLAGS.get(word, cell) if word else (None if isinstance(cell, str) else cell)


def _column(cells: list[Any]) -> pd.Series:
    """Return a column: of floats where all are, which is quick to evaluate, else of objects as given."""
    if all(cell is None or type(cell) is float for cell in cells):
        return pd.Series(np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64))
    return pd.Series(cells, dtype=object)


@contextmanager
def _read_parquet(path: Path, catalog: Catalog) -> Iterator[Table]:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowException:
        raise TableError(f"{path}: is no Parquet file") from None
    with file:
        places, ignored = _columns(file.schema_arrow.names, path, catalog)

        def chunks() -> Iterator[Chunk]:
            read, total = 0, max(file.metadata.num_rows, 1)
            try:
                for batch in file.iter_batches(CHUNK_ROWS, columns=list(places)):
                    frame = pyarrow.Table.from_batches([_plain(batch)]).to_pandas()
                    frame["customer_id"] = _ids(frame["customer_id"])
                    rows = range(read + 2, read + 2 + len(frame))
                    read += len(frame)
                    yield Chunk(frame, rows, (), read / total)
            except pyarrow.ArrowException:
                raise TableError(f"{path}: is damaged after row {read + 1}") from None

        yield Table(ignored, chunks())


def _plain(batch: Any) -> Any:
    """Return a batch with decimals as floats and dictionaries as what they stand for."""
    import pyarrow

    columns = []
    for column in batch.columns:
        if pyarrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pyarrow.types.is_decimal(column.type):
            column = column.cast(pyarrow.float64())
        columns.append(column)
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


@contextmanager
def _read_excel(path: Path, catalog: Catalog) -> Iterator[Table]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that do not matter here
            # Values only: of a formula the result that was saved with it.
            book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError):
        raise TableError(f"{path}: is no Excel workbook (.xlsx)") from None
    try:
        sheet = book.worksheets[0]
        lines = _undamaged(sheet.iter_rows(values_only=True), path)
        header = ["" if name is None else str(name).strip() for name in next(lines, ())]
        if not any(header):
            raise TableError(f"{path}: is empty; the first row of the first sheet names the columns")
        places, ignored = _columns(header, path, catalog)
        total, empty = max(sheet.max_row or 1, 1), [None] * len(header)
        flags = [p for p in places if p in catalog.by_id and catalog.by_id[p].indicator.kind is Kind.FLAG]

        def chunks() -> Iterator[Chunk]:
            for numbered in _batched(enumerate(lines, start=2)):
                # Short rows are the writer's way to save empty cells, not a mistake.
                padded = [(number, [*cells, *empty[len(cells) :]]) for number, cells in numbered]
                frame, rows, misshapen = _shaped(padded, len(header), places)
                for name in flags:
                    frame[name] = [_flag(cell) for cell in frame[name]]
                typed = {name: _column([_native(cell) for cell in cells]) for name, cells in frame.items()}
                typed["customer_id"] = _ids(pd.Series(frame["customer_id"], dtype=object))
                yield Chunk(pd.DataFrame(typed), rows, misshapen, min(rows[-1] / total, 1.0) if rows else 1.0)

        yield Table(ignored, chunks())
    finally:
        book.close()


def _undamaged(lines: Iterator[tuple[Any, ...]], path: Path) -> Iterator[tuple[Any, ...]]:
    number = 0
    while True:
        try:
            number += 1
            yield next(lines)
        except StopIteration:
            return
        except (ParseError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError):
            raise TableError(f"{path}: the workbook is damaged at row {number}") from None


def _native(cell: Any) -> Any:
    """Return an Excel cell as evaluated: whole numbers are numbers like any other, no text is missing."""
    if type(cell) is int:
        try:
            return float(cell)
        except OverflowError:
            return cell
    return None if cell == "" else cell


def _ids(cells: pd.Series) -> pd.Series:
    """Return customer ids with whole numbers as their digits: spreadsheets make numbers of them."""

    def text(cell: Any) -> Any:
        if isinstance(cell, float | np.floating) and float(cell).is_integer():
            cell = int(cell)
        return str(cell) if isinstance(cell, int | np.integer) and not isinstance(cell, bool) else cell

    return pd.Series([text(cell) for cell in cells.to_numpy(dtype=object)], dtype=object, index=cells.index)
