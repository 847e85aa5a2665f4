"""Reading a request: an object with what is needed, and nothing else than what is possible.

A request is declared as a class, from whose fields it is read here and described in the OpenAPI document.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from features.declaration import declared_within, known_names
from features.declared_errors import reason_of
from features.terms import Declared
from serving.days import day_of
from serving.refusal import Refusal
from serving.strict_json import parse, refuse_repeated, refuse_unkept

Json = dict[str, Any]
R = TypeVar("R", bound=Declared)
Place = tuple[int | str, ...]

VOCABULARY: Final = "vocabulary"
"""What a field's extra schema names of the procedure in force, whose words the document then gives."""


def _day(value: object) -> date:
    """Return a day; a table's cells are days already."""
    with suppress(ValueError):
        if isinstance(value, str | date):
            return day_of(value if isinstance(value, str) else value.isoformat())
    raise ValueError("must be a day such as 2026-01-31, from 1900-01-01 to 9000-12-31")


Day = Annotated[date, BeforeValidator(_day), Field(examples=["2025-06-30"])]


class Nothing(Declared):
    """Nothing: an empty object, or no query."""


def fields(raw: bytes) -> Json:
    """Read a body's object.

    Raises:
        Refusal: 400 where it is no JSON, 422 where it is no object.
    """
    document = parse(raw)
    if not isinstance(document, Mapping):
        raise Refusal(422, "must be an object", "body")
    refuse_repeated(document, "body")
    refuse_unkept(document, "body")
    return dict(document)


def read_request(kind: type[R], body: Mapping[str, Any]) -> R:
    """Read a request.

    Raises:
        Refusal: 422 with the first field that is wrong, never with its value; where one is unknown or absent,
            with all that are wanted.
    """
    for field in known_names(kind):
        value = body.get(field)
        for item in value if isinstance(value, list) else (value,):
            refuse_repeated(item, field)
    try:
        return kind.model_validate_json(json.dumps(body))
    except ValidationError as error:
        raise _refusal(kind, error) from None


def wanted(kind: type[BaseModel]) -> str:
    """Return the names of a request's fields, those that may be left out apart."""
    needed = [name for name, field in known_names(kind).items() if field.is_required()]
    optional = [name for name, field in known_names(kind).items() if not field.is_required()]
    parts = [", ".join(needed)] if needed else []
    if optional:
        parts.append(f"optional: {', '.join(optional)}")
    return "; ".join(parts) or "nothing"


def _refusal(kind: type[Declared], error: ValidationError) -> Refusal:
    """Return why a request is refused: what is unknown before what is absent, and that before the rest."""
    found = error.errors(include_input=False, include_url=False)
    order = {"extra_forbidden": 0, "missing": 1}
    first = min(found, key=lambda details: order.get(details["type"], 2))
    place: Place = first["loc"]
    if first["type"] == "extra_forbidden":
        # The caller's own key may be a customer's value.
        where = place[:-1]
        return Refusal(422, f"has an unknown field; wanted: {_wanted_at(kind, where)}", _named(kind, where))
    if first["type"] == "missing":
        return Refusal(422, f"is absent; wanted: {_wanted_at(kind, place[:-1])}", _named(kind, place))
    return Refusal(422, reason_of(first), _named(kind, place))


def _wanted_at(kind: type[Declared], place: Place) -> str:
    return wanted(declared_within(kind, place) or kind)


def _named(kind: type[Declared], place: Place) -> str:
    """Return a place by the names of fields alone: a key of the caller's own may be a customer's value."""
    shown: list[str] = []
    for length, name in enumerate(place):
        within = declared_within(kind, place[:length])
        if isinstance(name, str) and (within is None or name not in known_names(within)):
            break
        shown.append(str(name))
    return ".".join(shown) or "body"
