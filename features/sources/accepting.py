"""A table's sources are read in chunks: what keeps the contract goes to Parquet, the rest to the rejects."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.sources.constants import with_constants
from features.sources.contract import Contract, Failure
from features.sources.currencies import Rates, converted
from features.sources.database import open_database
from features.sources.delivery import Delivery, Source, TableSource, files_of
from features.sources.filled import filled_in
from features.sources.headers import Headers, match_headers
from features.sources.layout import EFFECTIVE, KNOWN_AT, Layout
from features.sources.opening import RawChunk, RawTable, open_raw
from features.sources.record_table import ColumnType
from features.sources.rejects import Rejects
from features.sources.typed_rows import days_of, read_cells

Progress = Callable[[str], None]

# Beside the declared columns in an accepted table; declared names begin with a letter.
FILE_ROW = "_file_row"

_ARROW = {
    ColumnType.KEY: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.DATE: pa.date32(),
}


class RowsLost(RuntimeError):
    """Rows were counted that are neither accepted nor rejected, or both: a defect of this program."""


@dataclass(frozen=True)
class PartCount:
    """What came of one file, sheet or query: accepted + rejected = read.

    `passed_over` are further rows, none of the table's: they have nothing under the source's `filled`.
    `unknown` are headers that nobody asked for, `absent` columns that no header stood for.
    """

    source: str
    read: int
    accepted: int
    rejected: int
    passed_over: int
    unknown: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One file, sheet or query, with the layout of its rows."""

    name: str
    layout: Layout
    source: Source
    opened: Callable[[], AbstractContextManager[RawTable]] = field(repr=False)


@dataclass(frozen=True)
class Accepted:
    """A table's accepted rows: a Parquet file with the columns of `schema_of`, and counts by part."""

    file: Path
    parts: tuple[PartCount, ...]

    @property
    def rows(self) -> int:
        return sum(part.accepted for part in self.parts)


def parts_of(source: Source, layout: Layout, delivery: Delivery, where: str) -> list[Part]:
    """Return the parts of a source: a file for each match of its path, or one query.

    Raises:
        DeclarationError: no file matches.
    """
    constants = source.constants if isinstance(source, TableSource) else {}
    if source.url is not None:
        name = source.table_name or f"query of {where.rpartition(': ')[2]}"
        described = f"{where}: {name}"
        rows = with_constants(lambda: open_database(source, delivery.folder, described), constants)
        return [Part(name, layout, source, rows)]
    suffix = "" if source.sheet is None else f" [{source.sheet}]"
    files = files_of(source, delivery.folder, where)
    names = [file.name for file in files]
    if len(set(names)) < len(names):  # of several folders
        names = [file.as_posix() for file in files]
    return [
        Part(name + suffix, layout, source, with_constants(_opener(file, source), constants))
        for name, file in zip(names, files, strict=True)
    ]


def _opener(file: Path, source: Source) -> Callable[[], AbstractContextManager[RawTable]]:
    return lambda: open_raw(file, sheet=source.sheet, encoding=source.encoding, delimiter=source.delimiter)


def schema_of(layout: Layout) -> pa.Schema:
    """Return the columns of an accepted table: of records the days and a running number, then as declared."""
    fields = [(FILE_ROW, pa.int64()), ("source", pa.string())]
    if layout.days is not None:
        fields += [(EFFECTIVE, pa.date32()), (KNOWN_AT, pa.date32()), ("row", pa.int64())]
    fields += [(id_, _ARROW[column.type]) for id_, column in layout.staged.items()]
    return pa.schema(fields)


def accept(
    layout: Layout, parts: Sequence[Part], file: Path, rejects: Rejects, rates: Rates, progress: Progress
) -> Accepted:
    """Read all parts of a table, write accepted rows to a Parquet file and set the others aside.

    Raises:
        TableError: a part cannot be read, or its headers do not fit.
        RowsLost: accepted + rejected is not what was read.
    """
    schema, counts, row = schema_of(layout), [], 0
    with pq.ParquetWriter(file, schema, compression="lz4") as writer:
        for part in parts:
            reader = _PartReader(part, rejects, rates)
            for chunk in reader.chunks(progress):
                writer.write_table(_arrow(chunk, schema, part, row))
                row += chunk.read
            counts.append(reader.count())
    written, told = pq.read_metadata(file).num_rows, sum(count.accepted for count in counts)
    if written != told:
        raise RowsLost(f"table {layout.name}: {told} rows are accepted, {written} written")
    return Accepted(file, tuple(counts))


@dataclass(frozen=True, eq=False)
class _Chunk:
    """The accepted rows of a chunk: `kept` are their positions among the `read` ones."""

    read: int
    kept: NDArray[np.intp]
    rows: NDArray[np.int64]
    effective: NDArray[Any]
    known_at: NDArray[Any]
    values: dict[str, NDArray[Any]]


class _PartReader:
    """Reads one part and keeps count."""

    def __init__(self, part: Part, rejects: Rejects, rates: Rates) -> None:
        self._part, self._rejects, self._rates = part, rejects, rates
        self._contract = Contract(part.layout)
        self._read = self._accepted = self._rejected = self._passed_over = 0
        self._headers: Headers | None = None

    def chunks(self, progress: Progress) -> Iterator[_Chunk]:
        """Yield the accepted rows chunk by chunk."""
        part, tenths = self._part, 0
        progress(f"reading {part.layout.name} from {part.name}")
        with part.opened() as table:
            headers = match_headers(part.layout, table.header, part.source.columns, part.name)
            self._headers = headers
            header = part.source.filled if isinstance(part.source, TableSource) else None
            filled = None
            if header is not None:
                filled = filled_in(header, table.header, part.layout, headers, part.name)
            for raw in table.chunks:
                kept = raw if filled is None else filled.narrowed(raw)
                self._passed_over += len(raw.rows) - len(kept.rows)
                yield self._accept(kept, headers)
                if tenths < int(raw.share * 10) < 10:
                    tenths = int(raw.share * 10)
                    progress(f"reading {part.layout.name} from {part.name}: {tenths * 10} %")

    def _accept(self, raw: RawChunk, headers: Headers) -> _Chunk:
        part, read = self._part, len(raw.rows)
        typed = read_cells(raw.frame, part.layout, headers.places, decimal_comma=part.source.decimal_comma)
        nowhere = np.full(read, np.datetime64("NaT", "D"))
        effective, known_at = nowhere, nowhere
        if part.layout.days is not None:
            effective, known_at = days_of(part.layout.days, typed.values, read)
        broken = self._contract.failures(typed.values, effective, known_at)
        broken = _without_unreadable(broken, typed.failures)
        values, unpriced = converted(part.layout, typed.values, effective, self._rates)
        order = {id_: place for place, id_ in enumerate(part.layout.columns)}
        failures = sorted([*typed.failures, *broken, *unpriced], key=lambda failure: order[failure.column])
        rejected = self._rejects.add(part.layout.name, part.name, raw.rows, failures, raw.misshapen)
        kept = np.flatnonzero(~rejected)
        self._read += read + len(raw.misshapen)
        self._accepted += len(kept)
        self._rejected += int(rejected.sum()) + len(raw.misshapen)
        return _Chunk(read, kept, raw.rows, effective, known_at, values)

    def count(self) -> PartCount:
        """Return the counts of the part, read to its end."""
        name = self._part.name
        if self._headers is None:
            raise RuntimeError(f"{name}: has not been read")
        if self._accepted + self._rejected != self._read:
            raise RowsLost(f"{name}: {self._read} rows read are not {self._accepted} + {self._rejected}")
        return PartCount(
            name,
            self._read,
            self._accepted,
            self._rejected,
            self._passed_over,
            self._headers.unknown,
            self._headers.absent,
        )


def _without_unreadable(found: list[Failure], unreadable: list[Failure]) -> list[Failure]:
    """Return failures without those of cells that could not be read, which are missing only for that."""
    known: dict[str, NDArray[np.int64]] = {}
    for failure in unreadable:
        known[failure.column] = np.union1d(known.get(failure.column, failure.places), failure.places)
    nothing = np.empty(0, dtype=np.int64)
    left = [replace(f, places=np.setdiff1d(f.places, known.get(f.column, nothing))) for f in found]
    return [failure for failure in left if len(failure.places)]


def _arrow(chunk: _Chunk, schema: pa.Schema, part: Part, before: int) -> pa.Table:
    kept = chunk.kept
    arrays = [pa.array(chunk.rows[kept]), pa.array([part.name] * len(kept), type=pa.string())]
    if part.layout.days is not None:
        arrays += [
            pa.array(chunk.effective[kept]),
            pa.array(chunk.known_at[kept]),
            pa.array(before + 1 + kept),
        ]
    for id_, column in part.layout.staged.items():
        arrays.append(_array(chunk.values[id_][kept], column.type))
    return pa.table(arrays, schema=schema)


def _array(values: NDArray[Any], type_: ColumnType) -> pa.Array:
    match type_:
        case ColumnType.NUMBER:
            return pa.array(values + 0.0, mask=np.isnan(values))
        case ColumnType.FLAG:
            return pa.array(values == 1.0, mask=np.isnan(values))
        case ColumnType.DATE:
            return pa.array(values.astype("datetime64[D]"), type=pa.date32())
        case ColumnType.KEY | ColumnType.TEXT:
            return pa.array(values, type=pa.string())
