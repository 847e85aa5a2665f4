"""Comparisons: of every quantity the rows and values compared, the largest difference, and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isnan

import numpy as np

from training.independent.names import NAMES
from training.independent.trees import Floats

# The largest difference of any number, and of a score from the sum of what is shown.
TOLERANCE, EXACT = 1e-6, 1e-9


class Verdict(StrEnum):
    """How a comparison ended."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What became of one quantity.

    `differing` is how many rows differ by more than the tolerance, or at all where `tolerance` is None;
    `largest` the largest difference of a number (infinite where one is absent), `where` what it is of.
    """

    id: str
    name: str
    rows: int
    values: int
    differing: int
    largest: float | None
    tolerance: float | None
    where: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Failed where a row differs, or where nothing could be compared."""
        return Verdict.FAILED if self.differing or not self.rows else Verdict.PASSED


class Tally:
    """Counts the comparisons of one of `NAMES`, row by row; without a tolerance they are of texts."""

    def __init__(self, id_: str, tolerance: float | None = TOLERANCE) -> None:
        self._id, self._name, self._tolerance = id_, NAMES[id_], tolerance
        self._rows = self._values = self._differing = 0
        self._largest = 0.0
        self._where: str | None = None

    def numbers(self, own: Mapping[str, float | None], served: Mapping[str, object]) -> None:
        """Compare one row's numbers by name; None is no number, and must be none on both sides."""
        differences = {name: _difference(own.get(name), served.get(name)) for name in (*own, *served)}
        worst = max(differences.values(), default=0.0)
        self._rows += 1
        self._values += len(own)
        self._differing += worst > (self._tolerance or 0.0)
        if worst > self._largest:
            self._largest, self._where = worst, max(differences, key=lambda name: differences[name])

    def texts(self, own: Sequence[object], served: Sequence[object]) -> None:
        """Compare one row's texts, in their order."""
        self._rows += 1
        self._values += len(own)
        pairs = list(zip(own, served, strict=False))
        same = [type(a) is type(b) and a == b for a, b in pairs]
        if len(own) == len(served) and all(same):
            return
        self._differing += 1
        place = same.index(False) if False in same else len(same)
        self._where = self._where or f"entry {place + 1} of {max(len(own), len(served))}"

    def absent(self) -> None:
        """Count a row whose answer lacks what is compared."""
        self._rows += 1
        self._differing += 1
        self._largest, self._where = inf, "absent"

    def finding(self) -> Finding:
        """Return what was found so far."""
        largest = None if self._tolerance is None else self._largest
        return Finding(
            self._id,
            self._name,
            self._rows,
            self._values,
            self._differing,
            largest,
            self._tolerance,
            self._where,
        )


def of_arrays(
    id_: str, own: Floats, other: Floats, features: Sequence[str], tolerance: float = TOLERANCE
) -> Finding:
    """Compare two arrays of shape (n, k), by features, as one of `NAMES`."""
    differences = np.abs(own - other)
    differences[~np.isfinite(differences)] = inf
    by_feature = differences.max(axis=0, initial=0.0)
    worst = int(np.argmax(by_feature)) if differences.size else 0
    largest = float(by_feature[worst]) if differences.size else 0.0
    return Finding(
        id_,
        NAMES[id_],
        len(own),
        own.size,
        int(np.sum(np.any(differences > tolerance, axis=1))),
        largest,
        tolerance,
        features[worst] if largest > 0 else None,
    )


def of_statement(id_: str, holds: bool, where: str | None = None) -> Finding:
    """Return what became of a statement about the documents, one of `NAMES`."""
    return Finding(id_, NAMES[id_], 1, 1, 0 if holds else 1, None, None, None if holds else where)


def _difference(own: float | None, served: object) -> float:
    if own is None and served is None:
        return 0.0
    if own is None or isinstance(served, bool) or not isinstance(served, int | float):
        return inf
    difference = abs(own - served)
    return inf if isnan(difference) else difference
