"""Writing answers: CSV and Parquet as flat tables; Excel is in `serving.workbook`."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from features.catalog import Catalog
from features.spreadsheet import guarded
from models.answer import Answer
from serving.flat import flat_columns, flat_line


class Output(Protocol):
    """Takes answers in chunks; as a context manager it finishes the file."""

    def write(self, answers: Sequence[Answer]) -> None:
        """Add explained answers."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LinesOfCsv:
    """A CSV file: UTF-8, floats written so that reading them back gives the same, texts guarded."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="")
        self._columns = columns
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(columns)

    def line(self, values: dict[str, Any]) -> None:
        """Write one line; None and what is absent is an empty cell."""
        self._writer.writerow([guarded(values.get(column)) for column in self._columns])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class CsvOutput(LinesOfCsv):
    """Answers as a CSV file."""

    def __init__(self, path: Path, catalog: Catalog) -> None:
        super().__init__(path, tuple(flat_columns(catalog)))

    def write(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.line(dict(flat_line(answer)))


class ParquetOutput:
    """Answers as a Parquet file, a row group a chunk."""

    def __init__(self, path: Path, catalog: Catalog) -> None:
        import pyarrow
        from pyarrow import parquet

        types = {str: pyarrow.string(), float: pyarrow.float64()}
        self._schema = pyarrow.schema([(name, types[kind]) for name, kind in flat_columns(catalog).items()])
        self._writer = parquet.ParquetWriter(path, self._schema)

    def write(self, answers: Sequence[Answer]) -> None:
        import pyarrow

        lines = [flat_line(answer) for answer in answers]
        columns = {name: [line.get(name) for line in lines] for name in self._schema.names}
        self._writer.write_table(pyarrow.table(columns, schema=self._schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
