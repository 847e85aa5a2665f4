"""One customer's indicators as a caller gives them, and the checks that every way in shares."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from features.catalog import Catalog, Indicator, Kind
from features.declared_errors import unknown_fields
from features.terms import Nature

MAX_ID = 128
MAX_LEVEL = 100
NOT_A_NUMBER = "must be a number"
_FIELDS = {"customer_id", "nature", "as_of", "indicators"}


class InvalidCustomer(ValueError):
    """A customer cannot be evaluated as given. Names position, field and reason, never the value."""

    def __init__(self, position: int, field: str, reason: str) -> None:
        super().__init__(f"customer {position}: {field}: {reason}")
        self.position = position
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Customer:
    """A checked customer: `codes` are the indicators encoded (see `encode_value`), `levels` the texts
    of its categories as given, unseen ones included."""

    customer_id: str
    nature: Nature
    as_of: date
    codes: Mapping[str, float]
    levels: Mapping[str, str]


def encode_value(indicator: Indicator, value: object) -> float:
    """Return a value as a float: a number itself, a flag 0 or 1, a category its level's code.

    A level that the catalog does not have gets the code behind the last one.

    Raises:
        ValueError: wrong type, not finite, or impossible; the message does not contain the value.
    """
    match indicator.kind:
        case Kind.NUMBER:
            return _encode_number(indicator, value)
        case Kind.FLAG:
            if type(value).__name__ not in ("bool", "bool_"):
                raise ValueError("must be true or false")
            return 1.0 if value else 0.0
        case Kind.CATEGORY:
            if not isinstance(value, str) or not 0 < len(value) <= MAX_LEVEL:
                raise ValueError(f"must be a text of 1 to {MAX_LEVEL} characters")
            if not value.isprintable():  # it is shown again, and half a character cannot even be sent
                raise ValueError("must be printable text")
            return float(indicator.level_codes.get(value, len(indicator.level_codes)))


def _encode_number(indicator: Indicator, value: object) -> float:
    if type(value).__name__ in ("bool", "bool_") or not isinstance(value, numbers.Real):
        raise ValueError(NOT_A_NUMBER)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("must be finite; leave it out or give null where it is not known")
    if indicator.minimum is not None and number < indicator.minimum:
        raise ValueError(f"impossible: must be at least {indicator.minimum:g}")
    if indicator.maximum is not None and number > indicator.maximum:
        raise ValueError(f"impossible: must be at most {indicator.maximum:g}")
    return number + 0.0  # -0.0 becomes 0.0, so that a value is shown the same whichever way it came


def parse_customer(raw: object, catalog: Catalog, position: int = 0) -> Customer:
    """Check one customer given as a mapping with customer_id, nature, as_of and indicators.

    An indicator that is absent, None, or one of its codes for a missing value is missing.

    Raises:
        InvalidCustomer: the first thing that is wrong, with the customer's position.
    """
    if not isinstance(raw, Mapping):
        raise InvalidCustomer(position, "customer", "must be an object")
    unknown = [str(key)[:MAX_ID] for key in raw if key not in _FIELDS]
    if unknown:
        reason = unknown_fields(len(unknown), ("customer_id", "nature", "as_of", "indicators"))
        raise InvalidCustomer(position, "customer", reason)
    nature = _parse_nature(raw.get("nature"), catalog, position)
    indicators = raw.get("indicators")
    if not isinstance(indicators, Mapping):
        raise InvalidCustomer(position, "indicators", "must be an object of indicator ids and values")
    codes, levels = {}, {}
    for id_, value in indicators.items():
        placed = catalog.by_id.get(id_) if isinstance(id_, str) else None
        if placed is None:
            raise _unknown(id_, catalog, position)
        if value is None or placed.indicator.stands_for_nothing(value):
            continue
        if not placed.applies_to(nature):
            raise InvalidCustomer(position, f"indicator {id_}", f"is not declared for nature {nature}")
        try:
            codes[id_] = encode_value(placed.indicator, value)
        except ValueError as error:
            raise InvalidCustomer(position, f"indicator {id_}", str(error)) from None
        if isinstance(value, str):
            levels[id_] = value
    return Customer(
        customer_id=parse_id(raw.get("customer_id"), position),
        nature=nature,
        as_of=parse_as_of(raw.get("as_of"), position),
        codes=codes,
        levels=levels,
    )


def _unknown(key: object, catalog: Catalog, position: int) -> InvalidCustomer:
    """Return how a key that is no indicator's id is refused; of an indicator's name, with its id."""
    meant = [
        placed.id
        for placed in catalog.placed
        if key in (*placed.indicator.aliases, *placed.indicator.names.model_dump().values())
    ]
    if len(meant) == 1:
        return InvalidCustomer(position, f"indicator {meant[0]}", "is given by a name; give it by this id")
    # The caller's key may be personal data: it is named only as far as an identifier goes.
    name = key if isinstance(key, str) and key.isidentifier() and len(key) <= 64 else "(no id)"
    reason = "is not in the catalog; give indicators by id, as GET /v1/catalog or `catalog example` do"
    return InvalidCustomer(position, f"indicator {name}", reason)


def parse_id(value: Any, position: int) -> str:
    """Return a customer id. Raises InvalidCustomer where it is no text of 1 to 128 characters."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID or not value.isprintable():
        raise InvalidCustomer(position, "customer_id", f"must be a text of 1 to {MAX_ID} characters")
    return value


def parse_as_of(value: Any, position: int) -> date:
    """Return an as-of date from a date or an ISO text. Raises InvalidCustomer where it is neither."""
    try:
        if isinstance(value, datetime):
            if value != value:  # pandas' NaT, which is a datetime too
                raise ValueError
            return value.date()
        if isinstance(value, date):
            return value
        day = date.fromisoformat(value) if isinstance(value, str) else None
        if day is None or day.isoformat() != value:  # other ISO forms, such as weeks, are none of ours
            raise ValueError
        return day
    except ValueError:
        raise InvalidCustomer(position, "as_of", "must be a date as YYYY-MM-DD") from None


def _parse_nature(value: Any, catalog: Catalog, position: int) -> Nature:
    if not isinstance(value, str) or value not in catalog.natures:
        raise InvalidCustomer(position, "nature", f"must be one of {', '.join(catalog.natures)}")
    return Nature(value)
