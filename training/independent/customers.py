"""Customers as they were sent to the scorer, read anew: encoded values, and what applies to whom."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.independent.declared import Catalog, Indicator, Json

_LONGEST_LEVEL = 100
_LARGEST = 1.7976931348623157e308


class Unreadable(ValueError):
    """A customer cannot be evaluated as given; names the field, never the value."""


@dataclass(frozen=True)
class Customer:
    """A customer: `given` are all values encoded, by indicator, `texts` the levels of categories as given.

    `applicable` are the indicators that apply; a value of any other is set aside.
    """

    customer_id: str
    nature: str
    as_of: str
    given: dict[str, float]
    texts: dict[str, str]
    applicable: frozenset[str]

    def value(self, id_: str) -> float | None:
        """Return the value that is evaluated; None where it is missing or does not apply."""
        return self.given.get(id_) if id_ in self.applicable else None

    def shown(self, indicator: Indicator) -> float | bool | str | None:
        """Return that value as an answer repeats it."""
        value = self.value(indicator.id)
        if value is None:
            return None
        if indicator.kind == "flag":
            return value == 1.0
        return self.texts[indicator.id] if indicator.kind == "category" else value

    def is_unseen(self, indicator: Indicator) -> bool:
        """Whether a level was given that the catalog does not have."""
        return indicator.kind == "category" and self.given.get(indicator.id) == len(indicator.levels)

    def status(self, indicator: Indicator) -> str:
        """Return known, unseen, missing or not_applicable."""
        if indicator.id not in self.applicable:
            return "not_applicable"
        if indicator.id not in self.given:
            return "missing"
        return "unseen" if self.is_unseen(indicator) else "known"


def read_customer(raw: Mapping[str, Any], catalog: Catalog) -> Customer:
    """Read one customer as it was sent.

    Raises:
        Unreadable: the scorer must refuse it: an unknown indicator, one of another nature, a value of the
            wrong type, not finite or out of bounds.
    """
    nature = raw["nature"]
    if nature not in catalog.natures:
        raise Unreadable("nature")
    given: dict[str, float] = {}
    texts: dict[str, str] = {}
    for id_, value in raw["indicators"].items():
        indicator = catalog.by_id.get(id_)
        if indicator is None:
            raise Unreadable("an indicator that the catalog does not have")
        if value is None or _stands_for_nothing(indicator, value):
            continue
        if not indicator.declared_for(nature):
            raise Unreadable(id_)
        given[id_] = _encoded(indicator, value)
        if indicator.kind == "category":
            texts[id_] = value
    customer = Customer(raw["customer_id"], nature, raw["as_of"], given, texts, frozenset())
    applicable = frozenset(i.id for i in catalog.indicators if _applies(i, customer, catalog))
    return Customer(customer.customer_id, nature, customer.as_of, given, texts, applicable)


def meets(condition: Json, customer: Customer, catalog: Catalog) -> bool | None:
    """Return whether a customer meets a condition; None where the fact is not known, nor is an unseen level.

    It is asked of the values given, also of those that are set aside.
    """
    indicator = catalog.by_id[condition["indicator"]]
    value = customer.given.get(indicator.id)
    if value is None or customer.is_unseen(indicator):
        return None
    wanted = condition.get("is")
    if isinstance(wanted, bool):
        return value == float(wanted)
    if wanted is not None:
        return indicator.levels[int(value)] in wanted
    for test, holds in (
        ("at_least", float.__ge__),
        ("at_most", float.__le__),
        ("above", float.__gt__),
        ("below", float.__lt__),
    ):
        if condition.get(test) is not None:
            return holds(value, float(condition[test]))
    raise Unreadable("a condition without a test")


def _applies(indicator: Indicator, customer: Customer, catalog: Catalog) -> bool:
    """What is not known excuses nothing: only a condition that is known not to be met does."""
    return indicator.declared_for(customer.nature) and all(
        meets(condition, customer, catalog) is not False for condition in indicator.conditions
    )


def _stands_for_nothing(indicator: Indicator, value: object) -> bool:
    codes = indicator.document.get("missing") or ()
    if isinstance(value, str):
        return value.strip() in [code for code in codes if isinstance(code, str)]
    return not isinstance(value, bool) and value in [code for code in codes if not isinstance(code, str)]


def _encoded(indicator: Indicator, value: Any) -> float:
    if indicator.kind == "flag":
        if not isinstance(value, bool):
            raise Unreadable(indicator.id)
        return float(value)
    if indicator.kind == "category":
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_LEVEL or not value.isprintable():
            raise Unreadable(indicator.id)
        levels = indicator.levels
        return float(levels.index(value) if value in levels else len(levels))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(indicator.id)
    number = float(value) if abs(value) <= _LARGEST or value != value else math.inf
    low, high = indicator.document.get("minimum"), indicator.document.get("maximum")
    if (
        not math.isfinite(number)
        or (low is not None and number < low)
        or (high is not None and number > high)
    ):
        raise Unreadable(indicator.id)
    return number if number else 0.0  # not -0.0
