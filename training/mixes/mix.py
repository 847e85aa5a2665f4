"""How customers spread over the values of one thing: counts by cell, none so small as to tell of anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from features.portfolio import Floats
from features.terms import Declared
from models.disclosure import MINIMUM_AGGREGATE
from models.rounding import shortest_between

Counts = NDArray[np.int64]

# A range holds at least so many times the fewest customers that may be told of, so that its bounds can give
# way to shorter numbers on either side and leave enough within.
_ROOM = 5


class Cell(Declared):
    """Customers of like value: those above one number up to another, of some levels, or with nothing known.

    A cell may join several of these where one alone would hold too few. `unseen` is a level that the catalog
    does not have. A bound that is None is open.
    """

    count: int = Field(ge=MINIMUM_AGGREGATE)
    ranged: bool = False
    above: float | None = None
    up_to: float | None = None
    levels: tuple[str, ...] = ()
    unseen: bool = False
    missing: bool = False


class Mix(Declared):
    """Cells that take in every value that there may be: ranges rising, or levels, and what is missing."""

    cells: tuple[Cell, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        ranges = [cell for cell in self.cells if cell.ranged]
        bounds = [(None if i == 0 else ranges[i - 1].up_to) for i in range(len(ranges))]
        if [cell.above for cell in ranges] != bounds or (ranges and ranges[-1].up_to is not None):
            raise ValueError("the ranges must follow each other and leave nothing out")
        inner = [cell.up_to for cell in ranges[:-1] if cell.up_to is not None]
        if len(inner) < len(ranges) - 1 or inner != sorted(set(inner)):
            raise ValueError("the ranges' bounds must rise")
        if [cell.missing for cell in self.cells].count(True) != 1:
            raise ValueError("one cell must hold what is missing")
        if not ranges and [cell.unseen for cell in self.cells].count(True) != 1:
            raise ValueError("one cell must hold what the catalog does not know")
        return self

    @property
    def counts(self) -> Counts:
        """How many customers each cell holds, shape (cells,)."""
        return np.array([cell.count for cell in self.cells], dtype=np.int64)

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return int(np.sum(self.counts))

    def share_missing(self) -> float | None:
        """Return the share of whom nothing is known; None where they share a cell with others."""
        (cell,) = (cell for cell in self.cells if cell.missing)
        alone = not (cell.ranged or cell.levels or cell.unseen)
        return cell.count / self.customers if alone else None

    def count(self, values: Floats, levels: Sequence[str] = ()) -> Counts:
        """Count other customers by the same cells, shape (cells,).

        Args:
            values: shape (n,): numbers, or the places of levels; NaN where nothing is known.
            levels: what the places mean; a place behind the last is a level that is not known.
        """
        places = self._place_of_missing() + np.zeros(len(values), dtype=np.intp)
        known = ~np.isnan(values)
        ranges = [place for place, cell in enumerate(self.cells) if cell.ranged]
        if ranges:
            bounds = [bound for place in ranges if (bound := self.cells[place].up_to) is not None]
            places[known] = np.array(ranges)[np.searchsorted(bounds, values[known], side="left")]
        else:
            of_level = {level: place for place, cell in enumerate(self.cells) for level in cell.levels}
            unseen = next(place for place, cell in enumerate(self.cells) if cell.unseen)
            of_code = np.array([*(of_level[level] for level in levels), unseen], dtype=np.intp)
            places[known] = of_code[values[known].astype(np.intp)]
        return np.bincount(places, minlength=len(self.cells)).astype(np.int64)

    def _place_of_missing(self) -> int:
        return next(place for place, cell in enumerate(self.cells) if cell.missing)

    @classmethod
    def of_numbers(cls, values: Floats, bins: int) -> "Mix":
        """Count n customers, at least `MINIMUM_AGGREGATE`, by ranges of about equal count; NaN is missing."""
        known = np.sort(values[~np.isnan(values)])
        missing = len(values) - len(known)
        if len(known) < MINIMUM_AGGREGATE:
            return cls(cells=(Cell(count=len(values), ranged=True, missing=True),))
        bounds = bounds_of(known, bins)
        edges = [None, *bounds, None]
        counts = np.bincount(np.searchsorted(bounds, known, side="left"), minlength=len(bounds) + 1)
        alone = missing >= MINIMUM_AGGREGATE
        smallest = int(np.argmin(counts))
        cells = []
        for place, count in enumerate(counts):
            joins = not alone and place == smallest
            cells.append(
                Cell(
                    count=int(count) + (missing if joins else 0),
                    ranged=True,
                    above=edges[place],
                    up_to=edges[place + 1],
                    missing=joins,
                )
            )
        if alone:
            cells.append(Cell(count=missing, missing=True))
        return cls(cells=tuple(cells))

    @classmethod
    def of_levels(cls, values: Floats, levels: Sequence[str]) -> "Mix":
        """Count n customers, at least `MINIMUM_AGGREGATE`, by levels.

        Those that fewer have are one cell, with what is unseen or missing if that is as rare; if the cell is
        still too small it joins the smallest other.

        Args:
            values: shape (n,): places of levels, one behind the last for what is unseen, NaN where missing.
            levels: the names that the catalog declares.
        """
        known = ~np.isnan(values)
        *counts, unseen = np.bincount(values[known].astype(np.intp), minlength=len(levels) + 1).tolist()
        parts = [_Part(count, (level,)) for count, level in zip(counts, levels, strict=True)]
        parts += [_Part(unseen, unseen=True), _Part(int(np.sum(~known)), missing=True)]
        groups = [[part] for part in parts if part.count >= MINIMUM_AGGREGATE]
        rare = [part for part in parts if part.count < MINIMUM_AGGREGATE]
        if groups and sum(part.count for part in rare) < MINIMUM_AGGREGATE:
            min(groups, key=lambda group: group[0].count).extend(rare)
        else:
            groups.append(rare)
        return cls(
            cells=tuple(
                Cell(
                    count=sum(part.count for part in group),
                    levels=tuple(level for part in group for level in part.levels),
                    unseen=any(part.unseen for part in group),
                    missing=any(part.missing for part in group),
                )
                for group in groups
            )
        )


@dataclass(frozen=True)
class _Part:
    """Customers of one level, of an unseen one, or of whom nothing is known."""

    count: int
    levels: tuple[str, ...] = ()
    unseen: bool = False
    missing: bool = False


def bounds_of(known: Floats, bins: int) -> list[float]:
    """Return inclusive bounds that part sorted numbers into at most so many ranges of about equal count.

    A quantile is a customer's value. So a bound is the shortest number between the values `MINIMUM_AGGREGATE`
    customers below the quantile and as many above: no single customer decides on it, and where it is
    somebody's value that is so because many have it, or by its shortness.
    """
    n = len(known)
    wanted = max(1, min(bins, n // (_ROOM * MINIMUM_AGGREGATE)))
    found: list[float] = []
    begun = 0
    for number in range(1, wanted):
        at = n * number // wanted
        bound = shortest_between(float(known[at - MINIMUM_AGGREGATE]), float(known[at + MINIMUM_AGGREGATE]))
        ended = int(np.searchsorted(known, bound, side="right"))
        if ended - begun >= MINIMUM_AGGREGATE and n - ended >= MINIMUM_AGGREGATE:
            found.append(bound)
            begun = ended
    return found
