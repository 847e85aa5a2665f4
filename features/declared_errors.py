"""What is wrong with what somebody declared or sent: in our words, not pydantic's, and without values."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic_core import ErrorDetails

_WORDS = {
    "missing": "is absent",
    "extra_forbidden": "is not known here: take it out, or correct its name",
    "string_type": "must be a text",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be an object of names and values",
    "mapping_type": "must be an object of names and values",
    "model_type": "must be an object of names and values",
    "model_attributes_type": "must be an object of names and values",
    "dataclass_type": "must be an object of names and values",
    "none_required": "must be null, or absent",
    "date_type": "must be a day such as 2026-01-31",
    "date_parsing": "must be a day such as 2026-01-31",
    "date_from_datetime_parsing": "must be a day such as 2026-01-31",
    "date_from_datetime_inexact": "must be a day such as 2026-01-31",
    "datetime_type": "must be a moment such as 2026-01-31T09:00:00Z",
    "datetime_parsing": "must be a moment such as 2026-01-31T09:00:00Z",
    "json_invalid": "is no JSON",
    "recursion_loop": "refers to itself",
}
# Of these the limit is told, by the name that pydantic gives it.
_LIMITS = {
    "greater_than": ("must be more than {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be less than {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
    "string_too_short": ("must have at least {} character{}", "min_length"),
    "string_too_long": ("must have at most {} character{}", "max_length"),
    "too_short": ("must have at least {} part{}", "min_length"),
    "too_long": ("must have at most {} part{}", "max_length"),
}
_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "must be a name of small letters, digits and _, beginning with a letter",
    r"^[A-Z]{3}$": "must be a currency's three capital letters, such as CNY",
    r"^[A-Z][A-Z0-9_]{0,60}$": "must be a code of capital letters, digits and _, beginning with a letter",
    r"^[0-9]{1,15}(\.[0-9]{1,4})?$": 'must be an amount such as "1250.00", with at most 4 decimals',
    r"^[0-9a-f]{32}$": "must be an id of 32 digits and letters a to f",
    r"^(true|false)$": "must be true or false",
    r"^https?://[!-~]{1,200}$": "must be an address such as https://example.com",
}


def reason_of(details: ErrorDetails | Mapping[str, Any]) -> str:
    """Return one of pydantic's errors as a reason to put behind the place, never with the value."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        limit = context[name]
        return words.format(limit, "" if limit == 1 else "s")
    if kind in ("enum", "literal_error"):
        return f"must be one of {context['expected'].replace(' or ', ', ')}".replace("'", "")
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], "is not written as it must be")
    if kind.startswith("date_"):
        return "must be a day such as 2026-01-31"
    reason: str = details["msg"]
    return reason.removeprefix("Value error, ")


def unknown_fields(number: int, known: Collection[str]) -> str:
    """Return the reason for which fields are refused; their names may be a customer's values."""
    unknown = f"has {number} unknown field{'' if number == 1 else 's'}"
    return f"{unknown}; give only {', '.join(known)}" if known else f"{unknown}; there are none to give"
