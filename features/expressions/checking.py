"""Expressions against the catalog: every type fits its indicator, and none reads itself."""

from dataclasses import dataclass

from features.catalog import Catalog, Indicator
from features.expressions.parsing import parse
from features.expressions.syntax import Expression, ExpressionError
from features.expressions.terms import in_order, terms_of, with_terms
from features.expressions.value_types import COLUMN_TYPES, KIND_TYPES, Types, ValueType
from features.expressions.vocabulary import WORDS
from features.sources.record_table import CUSTOMERS, RecordTable

# Columns that a staged table has beside the declared ones, and the columns of the frame beside indicators.
_STAGED = ("effective", "known_at")
_FRAME = ("customer_id", "nature", "as_of", "group_id", "outcome", "outcome_status", "outcome_known_on")


@dataclass(frozen=True)
class CheckedExpressions:
    """The expressions of a catalog's indicators by id, each after those that it reads; terms are put in."""

    catalog: Catalog
    expressions: dict[str, Expression]


def check(catalog: Catalog) -> CheckedExpressions:
    """Parse and check the `terms` and the `value` of every indicator that has one.

    Raises:
        ExpressionError: names the indicator, term or table and, within an expression, place and reason.
    """
    for name, table in catalog.tables.items():
        _check_table(name, table, catalog)
    terms = terms_of(catalog)
    expressions: dict[str, Expression] = {}
    for placed in catalog.placed:
        if placed.indicator.value is None:
            continue
        if placed.id in _FRAME:
            raise ExpressionError(f"indicator {placed.id}: the name is taken by a column of the frame")
        if placed.id in WORDS:
            raise ExpressionError(f"indicator {placed.id}: the name is a word of the expressions; rename it")
        try:
            expression = with_terms(parse(placed.indicator.value), terms)
            _check_kind(expression, placed.indicator, Types(catalog))
        except ExpressionError as error:
            raise ExpressionError(f"indicator {placed.id}: value: {error}") from None
        expressions[placed.id] = expression
    ordered = in_order(expressions, lambda id_: f"indicator {id_}: value")
    return CheckedExpressions(catalog, {id_: expressions[id_] for id_ in ordered})


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
