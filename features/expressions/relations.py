"""Which indicators are computed from the same cells, so that in truth one hardly moves without the other."""

from collections import defaultdict
from collections.abc import Mapping

from features.catalog import Catalog
from features.expressions.parsing import parse
from features.expressions.syntax import Aggregate, Column, Expression, IndicatorValue, walk
from features.expressions.terms import terms_of, with_terms


def related(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Return for each indicator the others that read a column of the departments' tables that it reads too.

    A summary reads what it is of, and what decides which records count (`where`, `by`, `over`). A count of
    all records reads none of their columns, and counts as reading which there are. Indicators without `value`
    come as they are, and nothing is known of how they hang together.

    Raises:
        ExpressionError: a `value` is no expression.
    """
    terms = terms_of(catalog)
    reads = {placed.id: _reads(placed.indicator.value, catalog, terms, ()) for placed in catalog.placed}
    readers = defaultdict(set)
    for id_, cells in reads.items():
        for cell in cells:
            readers[cell].add(id_)
    return {
        id_: tuple(other for other in reads if other != id_ and any(other in readers[cell] for cell in cells))
        for id_, cells in reads.items()
    }


def _reads(
    value: str | None, catalog: Catalog, terms: Mapping[str, Expression], within: tuple[str, ...]
) -> set[tuple[str, str | None]]:
    """Return the columns that an expression and the indicators within it read, by table and name."""
    found: set[tuple[str, str | None]] = set()
    for part in walk(with_terms(parse(value), terms)) if value is not None else ():
        if isinstance(part, IndicatorValue) and part.id not in within and part.id in catalog.by_id:
            found |= _reads(catalog.by_id[part.id].indicator.value, catalog, terms, (*within, part.id))
        if isinstance(part, Aggregate):
            columns = {(inner.table, inner.name) for inner in walk(part) if isinstance(inner, Column)}
            shared = {(of.table, of.name) for each in part.over or () for of in (each.column, each.own)}
            found |= columns | shared or {(part.table, None)}
    return found
