"""Opening a table as it was delivered: CSV in its encoding and delimiter, Parquet or Excel, in raw chunks."""

import codecs
import csv
import gzip
import io
import itertools
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from xml.etree.ElementTree import ParseError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CHUNK_ROWS = 50_000
ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".parquet", ".xlsx")

_SAMPLE_BYTES = 1 << 18
_SAMPLE_ROWS = 50
_DELIMITERS = (",", "\t", ";", "|")
# Asked for in this order: bytes that are UTF-8 are hardly ever anything else.
_CHINESE = ("gb18030", "big5hkscs")
_LARGEST_CELL = 1 << 20
_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "gb18030": "GB18030",
    "big5hkscs": "Big5",
}


class TableError(ValueError):
    """A table cannot be read or written as a whole; one line with the file, the place and what to do."""


@dataclass(frozen=True, eq=False)
class RawChunk:
    """n rows as delivered.

    `frame` has one column per place in the header, named 0 to k − 1: texts of a CSV, native values of Parquet
    and Excel, None or NaN where empty. `rows`, shape (n,), are their numbers as a spreadsheet shows them (the
    header is row 1). `misshapen` are further rows with too many or too few cells, number and reason. `share`
    is how much of the file has been read (0–1).
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    misshapen: tuple[tuple[int, str], ...]
    share: float


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table that is being read: its headers, stripped, and its chunks."""

    header: tuple[str, ...]
    chunks: Iterator[RawChunk]


@contextmanager
def open_raw(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[RawTable]:
    """Open a table by its ending: .csv, .tsv, .txt (also .gz), .parquet or .xlsx (its first sheet).

    The encoding of a CSV (UTF-8, UTF-16, GB18030, Big5 or Western European) and its delimiter are found out
    unless given. Rows of nothing but empty cells are no rows.

    Raises:
        TableError: it cannot be read, has another ending, no header, or is damaged; also while reading.
    """
    reader: AbstractContextManager[RawTable]
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        reader = _read_text(path, encoding, delimiter, chunk_rows)
    elif path.suffix.lower() == ".parquet":
        reader = _read_parquet(path, chunk_rows)
    elif path.suffix.lower() == ".xlsx":
        reader = _read_excel(path, sheet, chunk_rows)
    else:
        raise TableError(f"{path}: give a {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} file")
    with ExitStack() as stack:
        try:
            table = stack.enter_context(reader)
        except OSError as error:
            raise TableError(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from None
        yield table


def places_of(header: Sequence[str], wanted: Sequence[str], path: Path) -> dict[str, int]:
    """Return the places of those of the wanted columns that a table has, by their headers.

    Raises:
        TableError: one of them stands there twice.
    """
    twice = [name for name in wanted if header.count(name) > 1]
    if twice:
        raise TableError(f"{path}: column {twice[0]} stands there twice")
    return {name: header.index(name) for name in wanted if name in header}


def encoding_of(sample: bytes) -> str:
    """Return the encoding of the beginning of a text file."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return name
    if _decodes(sample, "utf-8"):
        return "utf-8"
    candidates = [name for name in _CHINESE if _decodes(sample, name)]
    western = "cp1252" if _decodes(sample, "cp1252") else "utf-8"
    if not candidates:
        return western
    best = max(candidates, key=lambda name: _commonness(sample, name))
    # Western text decodes as Chinese by chance now and then, to characters that nobody uses.
    return best if _commonness(sample, best) >= 0.5 else western


def delimiter_of(text: str) -> str:
    """Return the delimiter at which the first lines fall into the most columns alike; else a comma."""

    def rank(delimiter: str) -> tuple[float, int]:
        rows = [row for row in _some_rows(text, delimiter) if any(row)]
        if not rows or len(rows[0]) < 2:
            return 0.0, 0
        width = len(rows[0])
        alike = sum(len(row) == width for row in rows) / len(rows)
        return (alike, width) if alike >= 0.5 else (0.0, width)

    return max(_DELIMITERS, key=rank)


def _some_rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(itertools.islice(csv.reader(io.StringIO(text), delimiter=delimiter), _SAMPLE_ROWS))
    except csv.Error:
        return []


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        # The last character may be cut off.
        codecs.getincrementaldecoder(encoding)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _commonness(sample: bytes, encoding: str) -> float:
    """Return the share of the characters beyond ASCII that everyday text in the encoding is made of."""
    lead = {"gb18030": range(0xB0, 0xD8), "big5hkscs": range(0xA4, 0xC7)}[encoding]
    text = codecs.getincrementaldecoder(encoding)("strict").decode(sample, final=False)
    beyond = [character for character in text if ord(character) > 0x7F]
    words = [character for character in beyond if character.isalpha()]
    common = sum(character.encode(encoding)[0] in lead for character in words)
    return common / max(1, len(beyond))


@contextmanager
def _read_text(
    path: Path, encoding: str | None, delimiter: str | None, chunk_rows: int
) -> Iterator[RawTable]:
    size = max(path.stat().st_size, 1)
    zipped = path.name.lower().endswith(".gz")
    with path.open("rb") as raw:
        stream: IO[bytes] = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if zipped else raw
        try:
            sample = stream.read(_SAMPLE_BYTES)
            stream.seek(0)
        except (OSError, EOFError, zlib.error):
            raise TableError(f"{path}: is damaged; it cannot be unpacked") from None
        encoding = encoding or encoding_of(sample)
        try:
            beginning = codecs.getincrementaldecoder(encoding)("replace").decode(sample, final=False)
        except LookupError:
            raise TableError(f"{path}: Python knows no encoding of that name") from None
        delimiter = delimiter or delimiter_of(beginning)
        reader = csv.reader(_lines(stream, path, encoding), delimiter=delimiter, strict=True)
        csv.field_size_limit(_LARGEST_CELL)
        rows = _rows(reader, path)
        header = next(rows, None)
        if header is None or not any(name.strip() for name in header):
            raise TableError(f"{path}: is empty; the first line names the columns")
        names = tuple(name.strip() for name in header)

        def chunks() -> Iterator[RawChunk]:
            for numbered in _batched(enumerate(rows, start=2), chunk_rows):
                yield _shaped(numbered, len(names), min(raw.tell() / size, 1.0))

        yield RawTable(names, chunks())


def _lines(stream: IO[bytes], path: Path, encoding: str) -> Iterator[str]:
    """Yield decoded lines, kept as they are within quotes."""
    text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")
    number = 0
    try:
        for line in text:
            number += 1
            yield line.replace("\x00", "")
    except UnicodeDecodeError:
        raise TableError(
            f"{path}: line {number + 1} or one soon after is not {_NAMES.get(encoding, encoding)}; "
            "save the file as CSV UTF-8, or name its encoding"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise TableError(f"{path}: is damaged after line {number}") from None
    finally:
        with suppress(ValueError):  # the file may be closed before a reader that stopped early
            text.detach()


def _rows(reader: Any, path: Path) -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(f"{path}: line {reader.line_num} is no CSV ({error})") from None


def _batched(
    numbered: Iterable[tuple[int, Sequence[Any]]], chunk_rows: int
) -> Iterator[list[tuple[int, Sequence[Any]]]]:
    """Yield rows that are not blank, so many at a time, with their numbers."""
    chunk = []
    for number, cells in numbered:
        if any(cell not in ("", None) for cell in cells):
            chunk.append((number, cells))
        if len(chunk) == chunk_rows:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _shaped(numbered: Sequence[tuple[int, Sequence[Any]]], width: int, share: float) -> RawChunk:
    """Return the rows that have as many cells as the header, and the numbers of the others."""
    whole, misshapen = [], []
    for number, cells in numbered:
        if len(cells) == width:
            whole.append((number, cells))
        else:
            misshapen.append((number, f"has {len(cells)} cells, the header {width}"))
    columns: Iterable[Sequence[Any]] = zip(*(cells for _, cells in whole), strict=True)
    frame = pd.DataFrame(
        {place: pd.Series(list(cells), dtype=object) for place, cells in enumerate(columns)}
        if whole
        else {place: pd.Series([], dtype=object) for place in range(width)}
    )
    rows = np.fromiter((number for number, _ in whole), dtype=np.int64, count=len(whole))
    return RawChunk(frame, rows, tuple(misshapen), share)


@contextmanager
def _read_parquet(path: Path, chunk_rows: int) -> Iterator[RawTable]:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowException:
        raise TableError(f"{path}: is no Parquet file") from None
    with file:

        def chunks() -> Iterator[RawChunk]:
            read, total = 0, max(file.metadata.num_rows, 1)
            try:
                for batch in file.iter_batches(chunk_rows):
                    # Integers stay integers beside a null: as floats long ids would lose their last digits.
                    frame = plain(batch).to_pandas(integer_object_nulls=True)
                    frame.columns = range(frame.shape[1])
                    rows = np.arange(read + 2, read + 2 + len(frame), dtype=np.int64)
                    read += len(frame)
                    yield RawChunk(frame, rows, (), read / total)
            except pyarrow.ArrowException:
                raise TableError(f"{path}: is damaged after row {read + 1}") from None

        yield RawTable(tuple(name.strip() for name in file.schema_arrow.names), chunks())


def plain(batch: Any) -> Any:
    """Return an Arrow batch with dictionaries as what they stand for, and decimals as floats.

    Those of scale 0 are texts: databases hand over integers as such, long ids among them.
    """
    import pyarrow

    columns = []
    for column in batch.columns:
        if pyarrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pyarrow.types.is_decimal(column.type):
            column = column.cast(pyarrow.string() if column.type.scale == 0 else pyarrow.float64())
        columns.append(column)
    names = [str(place) for place in range(len(columns))]  # a name may stand there twice
    return pyarrow.RecordBatch.from_arrays(columns, names=names)


@contextmanager
def _read_excel(path: Path, sheet: str | None, chunk_rows: int) -> Iterator[RawTable]:
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
        if sheet is not None and sheet not in book.sheetnames:
            raise TableError(f"{path}: has no sheet of that name")
        page = book.worksheets[0] if sheet is None else book[sheet]
        lines = _undamaged(page.iter_rows(values_only=True), path)
        header = ["" if name is None else str(name).strip() for name in next(lines, ())]
        while header and not header[-1]:
            header.pop()
        if not any(header):
            raise TableError(f"{path}: is empty; the first row of the sheet names the columns")
        total, width = max(page.max_row or 1, 1), len(header)

        def fitted(cells: Sequence[Any]) -> Sequence[Any]:
            # Short rows are the writer's way to save empty cells, as are empty cells at the end.
            kept = [*cells, *([None] * (width - len(cells)))]
            while len(kept) > width and kept[-1] is None:
                kept.pop()
            return kept

        def chunks() -> Iterator[RawChunk]:
            padded = ((number, fitted(cells)) for number, cells in enumerate(lines, start=2))
            for numbered in _batched(padded, chunk_rows):
                yield _shaped(numbered, width, min(numbered[-1][0] / total, 1.0))

        yield RawTable(tuple(header), chunks())
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
