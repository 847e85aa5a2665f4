"""Rows of a wide source that are none of a table's, since nothing stands under the header that matters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from features.sources.cells import is_missing
from features.sources.constants import Opened
from features.sources.opening import RawChunk, RawTable, TableError


def with_filled(opened: Opened, header: str | None, where: str) -> Opened:
    """Return what opens the same table without the rows that have nothing under a header.

    What opens it raises TableError where the table has no such header.
    """
    if header is None:
        return opened

    @contextmanager
    def narrowed() -> Iterator[RawTable]:
        with opened() as table:
            if header not in table.header:
                raise TableError(f"{where}: filled: there is no column {header}; correct it")
            place = table.header.index(header)
            yield RawTable(table.header, (_narrowed(chunk, place) for chunk in table.chunks))

    return narrowed


def _narrowed(chunk: RawChunk, place: int) -> RawChunk:
    kept = np.array([not is_missing(cell) for cell in chunk.frame[place]], dtype=np.bool_)
    return replace(chunk, frame=chunk.frame[kept].reset_index(drop=True), rows=chunk.rows[kept])
