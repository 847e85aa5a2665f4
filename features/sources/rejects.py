"""Rows that are set aside: where they stand and why, never what they hold."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.sources.contract import Failure

HEADER = ("table", "source", "row", "column", "reason")
# What stands for the column where a row has too many or too few cells; declared columns have no space.
WHOLE_ROW = "whole row"


@dataclass(frozen=True, order=True)
class FailureCount:
    """In how many rows of a source a column, or WHOLE_ROW, failed for a reason; a row can be in several."""

    table: str
    source: str
    column: str
    reason: str
    rows: int


class Rejects:
    """The file of rejected rows, one line for each with its first reason; and counts of every reason."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(HEADER)
        self._counts: Counter[tuple[str, str, str, str]] = Counter()

    def add(
        self,
        table: str,
        source: str,
        rows: NDArray[np.int64],
        failures: Iterable[Failure],
        misshapen: Iterable[tuple[int, str]] = (),
    ) -> NDArray[np.bool_]:
        """Set rows of a chunk aside.

        `rows`, shape (n,), are the numbers of its rows; a failure names positions among them. Returns which
        of the n rows are rejected. `misshapen` rows are further ones, all rejected.
        """
        failures = list(failures)
        first = np.full(len(rows), -1, dtype=np.int64)
        for number, failure in enumerate(failures):
            self._counts[table, source, failure.column, failure.reason] += len(failure.places)
            unset = failure.places[first[failure.places] < 0]
            first[unset] = number
        lines = [
            (int(rows[place]), failures[first[place]].column, failures[first[place]].reason)
            for place in np.flatnonzero(first >= 0)
        ]
        for row, reason in misshapen:
            self._counts[table, source, WHOLE_ROW, reason] += 1
            lines.append((row, WHOLE_ROW, reason))
        self._writer.writerows((table, source, *line) for line in sorted(lines))
        return first >= 0

    def counts(self) -> Iterator[FailureCount]:
        """Yield the counts so far, sorted."""
        return (FailureCount(*key, rows=rows) for key, rows in sorted(self._counts.items()))

    def close(self) -> None:
        """Write what is left and close the file."""
        self._stream.close()


@contextmanager
def rejects_in(file: Path) -> Iterator[Rejects]:
    """Open a file of rejected rows and close it, whatever happens."""
    rejects = Rejects(file)
    try:
        yield rejects
    finally:
        rejects.close()
