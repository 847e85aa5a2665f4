"""Strict JSON: UTF-8 only, no key twice, never an error that quotes the document."""

import json
import math
from typing import Any

from serving.refusal import Refusal

# A name longer than this, or no identifier, is not repeated to the caller: it may be a customer's value.
_MAX_NAME = 64


class Repeated(dict[str, Any]):
    """An object in which a key stood twice; `name` is that key, where it may be named.

    It is refused by `refuse_repeated`, which knows where in the document it stands.
    """

    name: str | None = None


def parse(body: bytes) -> Any:
    """Return the document in a body.

    The tokens NaN, Infinity and -Infinity, and numbers too large for a float, become floats that are not
    finite: whoever reads a number refuses them and names the place. Objects with a key given twice are
    marked as `Repeated`.

    Raises:
        Refusal: 400 where it is no JSON in UTF-8, 422 where it is nested too deeply or a number has too
            many digits.
    """
    if not body.strip():
        raise Refusal(400, "the body is empty; send a JSON object", "body")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8 at byte {error.start}", "body") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refusal(400, f"the body is no JSON at {place}", "body") from None
    except RecursionError:
        raise Refusal(422, "the body is nested too deeply", "body") from None
    except ValueError:  # Python's guard against integers whose conversion takes quadratic time
        raise Refusal(422, "a number has too many digits", "body") from None


def refuse_repeated(value: object, field: str, customer: int | None = None) -> None:
    """Refuse an object in which a key stood twice.

    Raises:
        Refusal: 422 with the place.
    """
    if isinstance(value, Repeated):
        key = f"key {value.name}" if value.name else "a key"
        raise Refusal(422, f"{key} is given twice", field, customer)


def refuse_unkept(document: object, field: str) -> None:
    """Refuse texts that no database keeps: with the character NUL, or with half of a pair of surrogates.

    Raises:
        Refusal: 422 with the field.
    """
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
            raise Refusal(422, "has a text with the character NUL or a lone surrogate", field)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    result, seen = Repeated(plain), set[str]()
    for key, _ in pairs:
        if key in seen:
            result.name = key if key.isidentifier() and len(key) <= _MAX_NAME else None
            break
        seen.add(key)
    return result


def _constant(token: str) -> float:
    return math.nan if token == "NaN" else float(token)
