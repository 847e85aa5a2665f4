"""Reading a request's plain fields: an object with what is needed, and nothing else than what is possible."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from features.declared_errors import unknown_fields
from serving.days import day_of
from serving.refusal import Refusal
from serving.strict_json import parse, refuse_repeated, refuse_unkept

Json = dict[str, Any]

_WORDS = {str: "a text", int: "a whole number", bool: "true or false"}


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


def only(body: Json, needed: Mapping[str, type], possible: Mapping[str, type] | None = None) -> Json:
    """Return a body that has what is needed, and nothing else than what is possible, of the right types.

    Raises:
        Refusal: 422 with the first field that is wrong.
    """
    known = {**needed, **(possible or {})}
    unknown = [field for field in body if field not in known]
    if unknown:
        raise Refusal(422, unknown_fields(len(unknown), known), "body")
    for field, kind in known.items():
        if field not in body:
            if field in needed:
                raise Refusal(422, "is absent", field)
            continue
        # In Python a boolean is an integer, in JSON it is not.
        if not isinstance(body[field], kind) or (kind is int and isinstance(body[field], bool)):
            raise Refusal(422, f"must be {_WORDS[kind]}", field)
    return body


def day(body: Json, field: str) -> date | None:
    """Return a field's day; None where it is absent.

    Raises:
        Refusal: 422 where it is no day.
    """
    if field not in body:
        return None
    try:
        return day_of(body[field])
    except ValueError:
        raise Refusal(422, "must be a day such as 2026-01-31, from 1900 to 9000", field) from None
