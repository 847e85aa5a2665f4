"""Terms of a catalog: expressions by name, put in the place of the name wherever it is read."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from features.catalog import Catalog
from features.expressions.parsing import parse
from features.expressions.syntax import Call, Expression, ExpressionError, IndicatorValue, walk
from features.expressions.value_types import Types
from features.expressions.vocabulary import WORDS

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


def terms_of(catalog: Catalog) -> dict[str, Expression]:
    """Parse and check the terms of a catalog; each is returned without names of others in it.

    Raises:
        ExpressionError: names the term and, within its expression, place and reason.
    """
    written = {}
    for name, text in catalog.terms.items():
        where = f"term {name}"
        if _IDENTIFIER.fullmatch(name) is None:
            raise ExpressionError(f"{where}: names are lower-case letters, digits and _; rename it")
        if name in WORDS or name in catalog.by_id or name in catalog.tables:
            raise ExpressionError(f"{where}: the name is taken; give it another")
        try:
            written[name] = parse(text)
        except ExpressionError as error:
            raise ExpressionError(f"{where}: {error}") from None
    terms: dict[str, Expression] = {}
    for name in in_order(written, lambda name: f"term {name}"):
        terms[name] = with_terms(written[name], terms)
        try:
            Types(catalog).of(terms[name])
        except ExpressionError as error:
            raise ExpressionError(f"term {name}: {error}") from None
    return terms


def with_terms(expression: Expression, terms: Mapping[str, Expression]) -> Expression:
    """Return an expression with terms in the place of their names."""
    match expression:
        case IndicatorValue(id_, at) if id_ in terms:
            return replace(terms[id_], at=at)
        case Call(function, arguments, at):
            return Call(function, tuple(with_terms(argument, terms) for argument in arguments), at)
        case _:
            return expression


def in_order(expressions: Mapping[str, Expression], called: Callable[[str], str]) -> Iterable[str]:
    """Return the names so that each stands after those that it reads.

    Raises:
        ExpressionError: one reads itself; it begins with what it is `called`.
    """
    order: dict[str, None] = {}
    path: list[str] = []

    def place(name: str) -> None:
        if name in path:
            circle = " → ".join([*path[path.index(name) :], name])
            raise ExpressionError(f"{called(name)}: reads itself ({circle}); break the circle")
        if name in order:
            return
        path.append(name)
        for part in walk(expressions[name]):
            if isinstance(part, IndicatorValue) and part.id in expressions:
                place(part.id)
        path.pop()
        order[name] = None

    for name in expressions:
        place(name)
    return order
