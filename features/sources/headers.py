"""Which header of a delivered table is which declared column."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.sources.layout import Layout
from features.sources.opening import TableError
from features.sources.record_table import Column

NO_HEADER = "(no header)"
_MAP_IT = "map the right header to it under columns in the portfolio file"
_INSIGNIFICANT = ("P", "Z", "C")


@dataclass(frozen=True)
class Headers:
    """Where the columns stand.

    `places` gives for each column found its place in the header, from 0. `unknown` are headers that nobody
    asked for, `absent` the columns that no header stands for.
    """

    places: dict[str, int]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]


def match_headers(layout: Layout, header: Sequence[str], mapped: Mapping[str, str], where: str) -> Headers:
    """Find the columns of a table by their ids, names in three languages and aliases.

    Headers are compared without regard to width, case, blanks, underscores and punctuation. `mapped` are
    headers that the portfolio file maps to columns; they go first, and another header of such a column is one
    that nobody asked for.

    Raises:
        TableError: a column that is needed is absent, two headers mean one column, one can mean two, or a
            mapped header is not there. The message does not show the table's headers, which may be cells of
            a table without a header.
    """
    places: dict[str, int] = {}
    found = [normalised(name) for name in header]
    for name, column in mapped.items():
        if column not in layout.columns:
            raise TableError(f"{where}: columns: there is no column {column}; correct the mapping of {name}")
        at = [place for place, other in enumerate(found) if other == normalised(name)]
        if len(at) != 1:
            state = "there is no header" if not at else f"{len(at)} headers are"
            raise TableError(f"{where}: columns: {state} {name}; correct the mapping to {column}")
        if at[0] in places.values():
            raise TableError(f"{where}: columns: two mappings mean the header in place {at[0] + 1}; keep one")
        places[column] = at[0]
    taken = set(places.values())
    spelled = _spellings({id_: column for id_, column in layout.columns.items() if id_ not in places})
    for place, name in enumerate(found):
        candidates = spelled.get(name, []) if name and place not in taken else []
        if len(candidates) > 1:
            raise TableError(
                f"{where}: the header in place {place + 1} can mean {candidates[0]} or {candidates[1]}"
                f"; {_MAP_IT}"
            )
        for column in candidates:
            if column in places:
                raise TableError(
                    f"{where}: the headers in places {places[column] + 1} and {place + 1} both mean {column}"
                    f"; {_MAP_IT}"
                )
            places[column] = place
    absent = tuple(id_ for id_ in layout.columns if id_ not in places)
    needed = layout.needed | _currencies(layout, places)
    for column in absent:
        if column in needed:
            raise TableError(
                f"{where}: the first row names the columns, and none of them is {column} (written "
                f"{', '.join(_names(column, layout.columns[column]))}); {_MAP_IT}"
            )
    used = set(places.values())
    unknown = tuple(name or NO_HEADER for place, name in enumerate(header) if place not in used)
    return Headers(places, unknown, absent)


def normalised(name: str) -> str:
    """Return what of a header is compared: NFKC, without case, blanks, underscores and punctuation."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    bare = "".join(c for c in folded if unicodedata.category(c)[0] not in _INSIGNIFICANT)
    return bare or folded.strip()


def _spellings(columns: Mapping[str, Column]) -> dict[str, list[str]]:
    spelled: dict[str, list[str]] = {}
    for id_, column in columns.items():
        for name in dict.fromkeys(normalised(name) for name in _names(id_, column)):
            spelled.setdefault(name, []).append(id_)
    return spelled


def _names(id_: str, column: Column) -> list[str]:
    names = column.names
    written = (names.zh_hant, names.zh_hans, names.en) if names is not None else ()
    return list(dict.fromkeys((id_, *written, *column.aliases)))


def _currencies(layout: Layout, places: Mapping[str, int]) -> set[str]:
    """Return the columns that say in which currency an amount of the table is."""
    declared = (layout.columns[id_].currency for id_ in places)
    return {currency.removeprefix("column:") for currency in declared if currency and ":" in currency}
