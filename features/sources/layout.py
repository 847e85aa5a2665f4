"""What a delivered table must look like, whether the catalog declares it or the product asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from features.catalog import Catalog
from features.sources.keys import compared
from features.sources.natures import nature_of_word
from features.sources.record_table import CUSTOMERS, NATURE, Column, ColumnType

# A record without any day is taken as known, and true, from then on.
FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2199, 12, 31)

EFFECTIVE, KNOWN_AT = "effective", "known_at"


@dataclass(frozen=True)
class Days:
    """Which columns say when: the day that a record describes, and the day on which it became known."""

    effective: str | None
    known_at: str | None
    known_after_days: int = 0
    fixed: date | None = None


@dataclass(frozen=True)
class Layout:
    """The columns of a delivered table.

    Attributes:
        name: what the table is called in messages.
        columns: by id.
        needed: columns without whose header the table cannot be read.
        filled: columns in which every cell must be there.
        matched: texts that are compared as keys are, since another table is joined by them.
        readers: of texts with levels, what finds the level that a text means, None where there is none.
        days: of a table of records; None of others.
        span: two columns of days of which the second must lie after the first.
    """

    name: str
    columns: Mapping[str, Column]
    needed: frozenset[str]
    filled: frozenset[str]
    matched: frozenset[str] = field(default_factory=frozenset)
    readers: Mapping[str, Callable[[str], str | None]] = field(default_factory=dict)
    days: Days | None = None
    span: tuple[str, str] | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The columns that hold keys."""
        return frozenset(name for name, column in self.columns.items() if column.type is ColumnType.KEY)

    @property
    def staged(self) -> dict[str, Column]:
        """The columns that are staged under their ids: all but those that the staged days stand for."""
        days = (EFFECTIVE, KNOWN_AT) if self.days is not None else ()
        return {name: column for name, column in self.columns.items() if name not in days}


def layout_of(catalog: Catalog, name: str, fixed: date | None = None) -> Layout:
    """Return the layout of a table of the catalog; with a `fixed` day of becoming known it needs no other."""
    table = catalog.tables[name]
    known_at = table.known_at if fixed is None else None
    dated = {day for day in (table.effective, known_at) if day is not None}
    required = {id_ for id_, column in table.columns.items() if column.required}
    joined = (other.key_of.split(".") for other in catalog.tables.values() if other.key_of is not None)
    readers = {
        id_: _reader_of(column.levels) for id_, column in table.columns.items() if column.levels is not None
    }
    if name == CUSTOMERS:
        required.add(NATURE)
        readers[NATURE] = _reader_of_natures(table.columns[NATURE].levels, catalog)
    filled = frozenset(required | dated | {table.key})
    return Layout(
        name=name,
        columns=table.columns,
        needed=filled | frozenset(table.record),
        filled=filled,
        matched=frozenset(column for of_table, column in joined if of_table == name),
        readers=readers,
        days=Days(table.effective, known_at, table.known_after_days, fixed),
    )


def _reader_of(levels: Mapping[str, str] | None) -> Callable[[str], str | None]:
    """Return what finds the level that a text means: as declared, or the level itself as delivered."""
    meanings = {compared(level): level for level in (levels or {}).values()}
    meanings |= {compared(cell): level for cell, level in (levels or {}).items()}
    return lambda text: meanings.get(compared(text))


def _reader_of_natures(levels: Mapping[str, str] | None, catalog: Catalog) -> Callable[[str], str | None]:
    declared = _reader_of(levels)

    def nature(text: str) -> str | None:
        found = declared(text) or nature_of_word(text)
        return str(found) if found in catalog.natures else None

    return nature
