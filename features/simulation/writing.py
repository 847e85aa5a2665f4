"""Writes the tables of a simulation block by block, in large row groups, marked as synthetic."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.synthetic import MARK

_ROW_GROUP = 1 << 17


class Writer:
    """One Parquet file for each table; the same rows in the same order make the same bytes."""

    def __init__(self, stack: ExitStack, files: Mapping[str, Path]) -> None:
        self._stack, self._files = stack, dict(files)
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._waiting: dict[str, list[pa.Table]] = {}
        self.rows: dict[str, int] = dict.fromkeys(files, 0)

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Add rows to some tables; they are written once they make a row group."""
        for name, table in tables.items():
            waiting = self._waiting.setdefault(name, [])
            waiting.append(table)
            self.rows[name] += table.num_rows
            if sum(part.num_rows for part in waiting) >= _ROW_GROUP:
                self._flush(name)

    def finish(self) -> None:
        """Write what waits."""
        for name, waiting in self._waiting.items():
            if waiting:
                self._flush(name)

    def _flush(self, name: str) -> None:
        table = pa.concat_tables(self._waiting[name])
        self._waiting[name] = []
        if name not in self._writers:
            schema = table.schema.with_metadata(MARK)
            # A column whose texts are all different gains nothing from a dictionary.
            repeated = [field.name for field in schema if not field.name.endswith("_no")]
            file = pq.ParquetWriter(
                self._files[name], schema, compression="zstd", compression_level=1, use_dictionary=repeated
            )
            self._writers[name] = self._stack.enter_context(file)
        self._writers[name].write_table(
            table.replace_schema_metadata(MARK), row_group_size=max(len(table), 1)
        )


@contextmanager
def writing(files: Mapping[str, Path]) -> Iterator[Writer]:
    """Open a writer of some tables, in folders that exist; what waits is written at the end."""
    with ExitStack() as stack:
        writer = Writer(stack, files)
        yield writer
        writer.finish()
