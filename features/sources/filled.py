"""Rows of a wide source that are none of a table's, since nothing stands under the header that matters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.sources.cells import is_missing
from features.sources.headers import Headers
from features.sources.layout import Layout
from features.sources.opening import RawChunk, TableError
from features.sources.record_table import Column, ColumnType
from features.sources.typed_rows import without_codes


@dataclass(frozen=True)
class Filled:
    """The place of the header that matters, and the declared column that is read from it, if one is."""

    place: int
    column: Column | None

    def narrowed(self, chunk: RawChunk) -> RawChunk:
        """Return a chunk without the rows that have nothing there, judged as the column's cells are read.

        So 無 or none says something in a text, and nothing where a number or a day should stand.
        """
        cells, text = chunk.frame[self.place], True
        if self.column is not None:
            cells = without_codes(cells, self.column)
            text = self.column.type in (ColumnType.KEY, ColumnType.TEXT)
        kept = np.array([not is_missing(cell, text=text) for cell in cells], dtype=np.bool_)
        return replace(chunk, frame=chunk.frame[kept].reset_index(drop=True), rows=chunk.rows[kept])


def filled_in(header: str, table: Sequence[str], layout: Layout, headers: Headers, where: str) -> Filled:
    """Return what finds the rows of a table that have something under a header.

    Raises:
        TableError: the table has no such header.
    """
    if header not in table:
        raise TableError(f"{where}: filled: there is no column {header}; correct it")
    place = table.index(header)
    read = (id_ for id_, at in headers.places.items() if at == place)
    return Filled(place, next((layout.columns[id_] for id_ in read), None))
