"""Columns that a source lacks and whose every cell would be the same: the portfolio file says it instead."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pandas as pd

from features.sources.opening import RawChunk, RawTable

Opened = Callable[[], AbstractContextManager[RawTable]]


def with_constants(opened: Opened, constants: Mapping[str, str]) -> Opened:
    """Return what opens the same table with a further column for each constant, under its name."""
    if not constants:
        return opened

    @contextmanager
    def widened() -> Iterator[RawTable]:
        with opened() as table:
            width = len(table.header)
            yield RawTable(
                (*table.header, *constants), (_widened(chunk, width, constants) for chunk in table.chunks)
            )

    return widened


def _widened(chunk: RawChunk, width: int, constants: Mapping[str, str]) -> RawChunk:
    added = {
        width + place: pd.Series([cell] * len(chunk.frame), dtype=object, index=chunk.frame.index)
        for place, cell in enumerate(constants.values())
    }
    return replace(
        chunk, frame=pd.concat([chunk.frame, pd.DataFrame(added, index=chunk.frame.index)], axis=1)
    )
