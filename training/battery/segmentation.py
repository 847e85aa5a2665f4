"""Customers parted into segments, none so small that it tells of single customers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog, Kind
from features.portfolio import Bools, Portfolio
from features.terms import Nature, Text
from models.disclosure import MINIMUM_AGGREGATE
from training.battery import words
from training.metrics import equal_count_bins

SIZE_GROUP = "asset_size"
SIZE_BANDS = 3
BANDS = 4


@dataclass(frozen=True, eq=False)
class Segmentation:
    """n customers by segment: `of`, shape (n,), holds the place of each one's name."""

    id: str
    name: Text
    names: tuple[Text, ...]
    of: NDArray[np.intp]

    def large(self, bad: Bools, customers: int, outcomes: int) -> "Segmentation":
        """Return it with the small segments taken together.

        A segment of fewer customers, or fewer outcomes of either kind, is put among the others. If these are
        still too few they join the smallest segment that stands, so that nobody can be told by subtraction;
        its name then says so.
        """
        n = len(self.names)
        counts = np.bincount(self.of, minlength=n)
        bads = np.bincount(self.of, weights=bad, minlength=n).astype(np.int64)
        enough = (counts >= customers) & (np.minimum(bads, counts - bads) >= outcomes)
        small = (counts > 0) & ~enough
        if not small.any():
            return self._kept(np.flatnonzero(enough), None)
        together = int(np.sum(counts[small])), int(np.sum(bads[small]))
        stands = together[0] >= customers and min(together[1], together[0] - together[1]) >= outcomes
        if stands or not enough.any():
            return self._kept(np.flatnonzero(enough), words.OTHERS)
        smallest = int(np.argmin(np.where(enough, counts, np.iinfo(np.int64).max)))
        return self._kept(np.flatnonzero(enough), None, joined=smallest)

    def _kept(self, kept: NDArray[np.intp], others: Text | None, joined: int | None = None) -> "Segmentation":
        names = [self.names[place] for place in kept]
        if others is not None:
            names.append(others)
        places = np.full(len(self.names), len(kept), dtype=np.intp)
        places[kept] = np.arange(len(kept))
        if joined is not None:
            at = int(places[joined])
            names[at] = words.together((names[at], words.OTHERS))
            places[places == len(kept)] = at
        return Segmentation(self.id, self.name, tuple(names), places[self.of])

    def rows(self) -> list[tuple[Text, Bools]]:
        """Return each segment's name and who is in it, shape (n,); without the empty ones."""
        found = [(name, self.of == place) for place, name in enumerate(self.names)]
        return [(name, rows) for name, rows in found if rows.any()]


def by_nature(portfolio: Portfolio) -> Segmentation:
    """Part customers by their nature."""
    natures = list(Nature)
    of = np.array([natures.index(nature) for nature in portfolio.natures], dtype=np.intp)
    return Segmentation("nature", words.NATURE, tuple(words.NATURES[nature] for nature in natures), of)


def by_year(years: NDArray[np.int64]) -> Segmentation:
    """Part customers by the year of their evaluation."""
    labels, of = np.unique(years, return_inverse=True)
    return Segmentation("year", words.YEAR, tuple(words.alike(str(year)) for year in labels), of)


def by_indicator(portfolio: Portfolio, id_: str, bands: int = BANDS) -> Segmentation:
    """Part customers by an indicator as given: a category's levels, a flag's values, a number's bands."""
    indicator = portfolio.catalog.by_id[id_].indicator
    values = portfolio.given[:, portfolio.column(id_)]
    known = ~np.isnan(values)
    names: Sequence[Text]
    match indicator.kind:
        case Kind.CATEGORY:
            names = [*(level.names for level in (indicator.levels or {}).values()), words.UNSEEN]
            places = np.where(known, values, 0.0).astype(np.intp)
        case Kind.FLAG:
            names = [words.NO, words.YES]
            places = np.where(known, values, 0.0).astype(np.intp)
        case Kind.NUMBER:
            places = np.zeros(len(values), dtype=np.intp)
            if np.sum(known) >= MINIMUM_AGGREGATE:
                places[known] = equal_count_bins(values[known], bands, MINIMUM_AGGREGATE)
            count = int(np.max(places, initial=0)) + 1
            names = [words.band(each + 1, count) for each in range(count)]
    of = np.where(known, places, len(names))
    return Segmentation(id_, indicator.names, (*names, words.NOT_KNOWN), of)


def size_indicator(catalog: Catalog, named: str | None) -> str | None:
    """Return the indicator of a customer's size: the one named, else the first number of `asset_size`."""
    if named is not None:
        return named if named in catalog.by_id else None
    sizes = (
        placed.id
        for placed in catalog.placed
        if placed.group.id == SIZE_GROUP and placed.indicator.kind is Kind.NUMBER
    )
    return next(sizes, None)
