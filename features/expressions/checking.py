"""Expressions against the catalog: every type fits its indicator, and none reads itself."""

from dataclasses import dataclass

from features.catalog import Catalog, Indicator
from features.expressions.parsing import parse
from features.expressions.syntax import Expression, ExpressionError, IndicatorValue, walk
from features.expressions.value_types import COLUMN_TYPES, KIND_TYPES, Types, ValueType
from features.sources.record_table import CUSTOMERS, RecordTable

# Columns that a staged table has beside the declared ones, and the columns of the frame beside indicators.
_STAGED = ("effective", "known_at")
_FRAME = ("customer_id", "nature", "as_of", "group_id", "outcome", "outcome_status")


@dataclass(frozen=True)
class CheckedExpressions:
    """The expressions of a catalog's indicators by id, each after those that it reads."""

    catalog: Catalog
    expressions: dict[str, Expression]


def check(catalog: Catalog) -> CheckedExpressions:
    """Parse and check the `value` of every indicator that has one.

    Raises:
        ExpressionError: names the indicator (or the table) and, within its expression, place and reason.
    """
    for name, table in catalog.tables.items():
        _check_table(name, table, catalog)
    expressions: dict[str, Expression] = {}
    for placed in catalog.placed:
        if placed.indicator.value is None:
            continue
        if placed.id in _FRAME:
            raise ExpressionError(f"indicator {placed.id}: the name is taken by a column of the frame")
        try:
            expression = parse(placed.indicator.value)
            _check_kind(expression, placed.indicator, Types(catalog))
        except ExpressionError as error:
            raise ExpressionError(f"indicator {placed.id}: value: {error}") from None
        expressions[placed.id] = expression
    return CheckedExpressions(catalog, {id_: expressions[id_] for id_ in _in_order(expressions)})


def _check_table(name: str, table: RecordTable, catalog: Catalog) -> None:
    lower = [column.lower() for column in table.columns]
    twice = sorted({column for column in lower if lower.count(column) > 1})
    if twice:
        raise ExpressionError(f"table {name}: column {twice[0]} is declared twice, in other letter case")
    for staged, meant in zip(_STAGED, (table.effective, table.known_at), strict=True):
        if staged in lower and meant != staged:
            raise ExpressionError(f"table {name}: column {staged} must be what `{staged}:` names; rename it")
    if table.key_of is None:
        return
    if name == CUSTOMERS:
        raise ExpressionError(f"table {name}: it lists the customers, so it has no key_of; take it out")
    of_table, column = table.key_of.split(".")
    if catalog.tables[of_table].key_of is not None:
        raise ExpressionError(f"table {name}: key_of must name a column of a table of customers")
    if COLUMN_TYPES[catalog.tables[of_table].columns[column].type] is not ValueType.TEXT:
        raise ExpressionError(f"table {name}: key_of: {table.key_of} must be a text or a key")


def _check_kind(expression: Expression, indicator: Indicator, types: Types) -> None:
    found, expected = types.of(expression), KIND_TYPES[indicator.kind]
    if found is not expected:
        raise ExpressionError(f"is a {found}, but the indicator is a {indicator.kind}: give a {expected}")


def _in_order(expressions: dict[str, Expression]) -> list[str]:
    """Return the ids so that each stands after those it reads."""
    order: dict[str, None] = {}
    path: list[str] = []

    def place(id_: str) -> None:
        if id_ in path:
            circle = " → ".join([*path[path.index(id_) :], id_])
            raise ExpressionError(f"indicator {id_}: value: reads itself ({circle}); break the circle")
        if id_ in order:
            return
        path.append(id_)
        for part in walk(expressions[id_]):
            if isinstance(part, IndicatorValue):
                place(part.id)
        path.pop()
        order[id_] = None

    for id_ in expressions:
        place(id_)
    return list(order)
