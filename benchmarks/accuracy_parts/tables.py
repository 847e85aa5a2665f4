"""A data set as one numeric matrix, and its rows as a fold's methods see them."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Days = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Table:
    """A data set: n customers, k indicators.

    Attributes:
        matrix: shape (n, k): numbers, NaN where missing; a category's column holds any number per level.
        bad: shape (n,), the adverse outcome happened.
        groups: shape (n,): rows of one group never stand on both sides of a fold drawn at random.
        categories: which columns are categories.
        directions: of each column, which way it is declared to move the risk (−1, 0, +1).
        days, matured_on: shape (n,), when each was evaluated and its outcome known; None without dates.
    """

    name: str
    features: tuple[str, ...]
    matrix: Floats
    bad: Bools
    groups: NDArray[np.int64]
    categories: tuple[int, ...] = ()
    directions: tuple[int, ...] = ()
    days: Days | None = None
    matured_on: Days | None = None

    def __len__(self) -> int:
        return len(self.bad)

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 of everything that a method can see."""
        digest = hashlib.sha256(repr((self.features, self.categories, self.directions)).encode())
        for array in (self.matrix, self.bad, self.groups, self.days, self.matured_on):
            if array is not None:
                digest.update(np.ascontiguousarray(array).view(np.uint8).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Rows:
    """Training customers, shape (n, k), their categories coded by the levels seen among them: 0 … m − 1.

    `levels` says m for each category's column; a level not seen here gets the code m elsewhere.
    """

    features: tuple[str, ...]
    matrix: Floats
    bad: Bools
    groups: NDArray[np.int64]
    directions: tuple[int, ...]
    days: Days | None = None
    levels: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.bad)

    @property
    def categories(self) -> tuple[int, ...]:
        """Which columns are categories."""
        return tuple(self.levels)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which columns are numbers."""
        return tuple(column for column in range(self.matrix.shape[1]) if column not in self.levels)

    @property
    def directed(self) -> bool:
        """Whether any direction of risk is declared."""
        return any(self.directions)

    def take(self, rows: Indices) -> "Rows":
        """Return some of the rows, the codes as they are."""
        days = None if self.days is None else self.days[rows]
        return Rows(
            self.features,
            self.matrix[rows],
            self.bad[rows],
            self.groups[rows],
            self.directions,
            days,
            self.levels,
        )


def fold_of(table: Table, training: Indices, test: Indices) -> tuple[Rows, Floats]:
    """Return a fold's training rows and its test matrix, categories coded by what the training rows hold."""
    inside, outside = table.matrix[training].copy(), table.matrix[test].copy()
    levels = {}
    for column in table.categories:
        seen = np.unique(inside[~np.isnan(inside[:, column]), column])
        levels[column] = len(seen)
        for matrix in (inside, outside):
            matrix[:, column] = _coded(matrix[:, column], seen)
    rows = Rows(
        features=table.features,
        matrix=inside,
        bad=table.bad[training],
        groups=table.groups[training],
        directions=table.directions or (0,) * len(table.features),
        days=None if table.days is None else table.days[training],
        levels=levels,
    )
    return rows, outside


def _coded(column: Floats, seen: Floats) -> Floats:
    codes = np.searchsorted(seen, column)
    known = codes < len(seen)
    known[known] = seen[codes[known]] == column[known]
    return np.where(np.isnan(column), np.nan, np.where(known, codes, len(seen)))


class Filled:
    """For methods that take neither: missing numbers filled with the median and flagged, categories one-hot.

    The columns are the numbers, a 0/1 flag for each column of which the training rows miss values, and a 0/1
    column for each level seen (all 0 for an unseen or missing one).
    """

    def __init__(self, rows: Rows) -> None:
        missing = np.isnan(rows.matrix)
        self.numbers, self.levels = rows.numbers, rows.levels
        self.medians = np.array([_median(rows.matrix[:, column]) for column in self.numbers])
        self.flagged = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
        of_numbers = [rows.directions[column] for column in self.numbers]
        self.directions = of_numbers + [0] * (len(self.flagged) + sum(self.levels.values()))

    def __call__(self, matrix: Floats) -> Floats:
        """Return shape (n, the number of columns described above)."""
        numbers = matrix[:, list(self.numbers)]
        flags = np.isnan(matrix[:, self.flagged]).astype(np.float64)
        hot = [
            (matrix[:, column, None] == np.arange(count)).astype(np.float64)
            for column, count in self.levels.items()
        ]
        return np.column_stack([np.where(np.isnan(numbers), self.medians, numbers), flags, *hot])


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0
