"""Which columns of the departments' tables an indicator rests on."""

from collections.abc import Iterator

from features.catalog import Catalog
from features.expressions.checking import CheckedExpressions
from features.expressions.syntax import Aggregate, Column, Expression, IndicatorValue, walk
from features.sources.record_table import RecordTable

Columns = frozenset[tuple[str, str]]


def columns_read(checked: CheckedExpressions) -> dict[str, Columns]:
    """Return for each indicator with an expression the columns, as (table, column), that it rests on.

    These are the columns that it names, itself or through other indicators; of every table among them those
    that say whose a row is, since when, and which record it is of; and what links a table of something else
    to the customers.
    """
    read: dict[str, Columns] = {}
    for id_, expression in checked.expressions.items():  # each after those that it reads
        found = set(_named(expression, checked.catalog))
        for part in walk(expression):
            if isinstance(part, IndicatorValue):
                found |= read[part.id]
        read[id_] = frozenset(found)
    return read


def _named(expression: Expression, catalog: Catalog) -> Iterator[tuple[str, str]]:
    for part in walk(expression):
        if isinstance(part, Column):
            yield part.table, part.name
        elif isinstance(part, Aggregate):
            yield from _of_table(part.table, catalog)
            for pair in part.over or ():
                yield pair.column.table, pair.column.name
                yield pair.own.table, pair.own.name
                yield from _of_table(pair.own.table, catalog)


def _of_table(name: str, catalog: Catalog) -> Iterator[tuple[str, str]]:
    table = catalog.tables[name]
    yield from ((name, column) for column in _placing(table))
    if table.key_of is not None:
        of_table, column = table.key_of.split(".")
        yield of_table, column
        yield from _of_table(of_table, catalog)


def _placing(table: RecordTable) -> set[str]:
    days = (table.effective, table.known_at, table.withdrawn)
    return {table.key, *table.record, *(column for column in days if column is not None)}
