"""Rows of a department's table as columns of arrays, before they become Arrow tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.simulation.history import NO_DAY, Bools, Floats, Integers

# A missing code or flag; a missing day is NO_DAY, a missing number NaN.
NO_CODE = -1


@dataclass(frozen=True, eq=False)
class Codes:
    """Texts as places in a vocabulary, NO_CODE where missing; shape (n,)."""

    values: Integers
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Serials:
    """Keys of things that are numbered: a prefix and a number; shape (n,)."""

    prefix: str
    values: Integers


Cells = Floats | Integers | Codes | Serials


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows: `owner`, shape (n,), is the customer's place in the block; `columns` by name, each of length n.

    Days are integers from 1970-01-01, numbers floats, flags integers 0 and 1.
    """

    owner: Integers
    columns: Mapping[str, Cells]

    def __len__(self) -> int:
        return len(self.owner)

    def days(self, name: str) -> Integers:
        """Return a column of days (or of flags)."""
        cells = self.columns[name]
        if isinstance(cells, Codes | Serials):
            raise TypeError(f"column {name} holds no days")
        return cells.astype(np.int64, copy=False)

    def take(self, places: Integers | Bools) -> "Rows":
        """Return some of the rows, by place or by mask."""
        columns = {name: _taken(cells, places) for name, cells in self.columns.items()}
        return Rows(self.owner[places], columns)

    def given(self, **columns: Cells) -> "Rows":
        """Return the same rows with some columns replaced."""
        return Rows(self.owner, {**self.columns, **columns})


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several parts with the same columns, one after the other."""
    first = parts[0]
    columns = {name: _joined([part.columns[name] for part in parts]) for name in first.columns}
    return Rows(np.concatenate([part.owner for part in parts]), columns)


def blanked_texts(rng: np.random.Generator, cells: Codes, share: float) -> Codes:
    """Return texts of which a share is missing."""
    return replace(cells, values=np.where(rng.random(len(cells.values)) < share, NO_CODE, cells.values))


def blanked_numbers(rng: np.random.Generator, cells: Floats, share: float) -> Floats:
    """Return numbers of which a share is missing."""
    return np.where(rng.random(len(cells)) < share, np.nan, cells)


def blanked_days(rng: np.random.Generator, cells: Integers, share: float) -> Integers:
    """Return days of which a share is missing."""
    return np.where(rng.random(len(cells)) < share, NO_DAY, cells)


def blanked_flags(rng: np.random.Generator, flags: Bools, share: float) -> Integers:
    """Return flags as 0 and 1, of which a share is missing."""
    return np.where(rng.random(len(flags)) < share, NO_CODE, flags.astype(np.int64))


def _taken(cells: Cells, places: Integers | Bools) -> Cells:
    if isinstance(cells, Codes | Serials):
        return replace(cells, values=cells.values[places])
    return cells[places]


def _joined(parts: Sequence[Cells]) -> Cells:
    first = parts[0]
    if isinstance(first, Codes):
        return replace(first, values=np.concatenate([p.values for p in parts if isinstance(p, Codes)]))
    if isinstance(first, Serials):
        return replace(first, values=np.concatenate([p.values for p in parts if isinstance(p, Serials)]))
    return np.concatenate([part for part in parts if not isinstance(part, Codes | Serials)])
