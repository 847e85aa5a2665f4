"""Which indicators are computed from the same cells, so that in truth one hardly moves without the other."""

from collections import defaultdict

from features.catalog import Catalog
from features.expressions.parsing import parse
from features.expressions.syntax import Aggregate, Column, IndicatorValue, walk


def related(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Return for each indicator the others that read a column of the departments' tables that it reads too.

    A count of records reads none of their columns, and counts as reading which there are. Indicators without
    `value` come as they are, and nothing is known of how they hang together.

    Raises:
        ExpressionError: a `value` is no expression.
    """
    reads = {placed.id: _reads(placed.indicator.value, catalog, ()) for placed in catalog.placed}
    readers = defaultdict(set)
    for id_, cells in reads.items():
        for cell in cells:
            readers[cell].add(id_)
    return {
        id_: tuple(other for other in reads if other != id_ and any(other in readers[cell] for cell in cells))
        for id_, cells in reads.items()
    }


def _reads(value: str | None, catalog: Catalog, within: tuple[str, ...]) -> set[tuple[str, str | None]]:
    """Return the columns that an expression and the indicators within it read, by table and name."""
    found: set[tuple[str, str | None]] = set()
    for part in walk(parse(value)) if value is not None else ():
        if isinstance(part, IndicatorValue) and part.id not in within and part.id in catalog.by_id:
            found |= _reads(catalog.by_id[part.id].indicator.value, catalog, (*within, part.id))
        if isinstance(part, Aggregate):
            argument = part.argument
            columns = [inner for inner in walk(argument) if isinstance(inner, Column)] if argument else []
            found |= {(column.table, column.name) for column in columns} or {(part.table, None)}
    return found
