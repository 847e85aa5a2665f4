"""The requests of the routes for strategies, read strictly: amounts are texts, so that none is rounded."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self, TypeGuard, TypeVar, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from features.declared_errors import reason_of, unknown_fields
from features.terms import Declared
from serving.days import FIRST_DAY, LAST_DAY
from serving.refusal import Refusal
from serving.strategies.collection import OverdueItem
from serving.strategies.declared import Form
from serving.strategies.exposure import Order
from serving.strict_json import refuse_repeated

MOST_ITEMS = 1000
_LONGEST_ID = 200

Amount = Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
R = TypeVar("R", bound=Declared)


class OrderRequest(Declared):
    """An order to check: amounts as texts such as "1250.00"; `credit_days` with credit and only then."""

    amount: Amount
    currency: Currency
    form: Form
    outstanding: Amount
    credit_days: int | None = Field(default=None, ge=0, le=3660)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.form is Form.CREDIT) != (self.credit_days is not None):
            raise ValueError("give credit_days with credit, and only then")
        return self

    def order(self) -> Order:
        """Return the order."""
        return Order(
            Decimal(self.amount), self.currency, self.form, Decimal(self.outstanding), self.credit_days
        )


class ItemRequest(Declared):
    """An overdue item; `paid_on` where it is paid."""

    item_id: str = Field(min_length=1, max_length=_LONGEST_ID)
    amount: Amount
    currency: Currency
    due_on: Day
    paid_on: Day | None = None

    @field_validator("item_id")
    @classmethod
    def _printable(cls, item_id: str) -> str:
        if not item_id.isprintable():
            raise ValueError("must be printable text")
        return item_id

    def item(self) -> OverdueItem:
        """Return the item."""
        return OverdueItem(self.item_id, Decimal(self.amount), self.currency, self.due_on, self.paid_on)


class OverdueRequest(Declared):
    """A customer's overdue items."""

    items: tuple[ItemRequest, ...] = Field(min_length=1, max_length=MOST_ITEMS)


class DoneRequest(Declared):
    """That a task is done: what was done, the KPI as measured, and the person whom it names."""

    evidence: str
    kpi: float | None = None
    person: str | None = None


class PageQuery(Declared):
    """After which of an answer before, by its `next`, to go on; from the beginning without it."""

    after: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")


class TasksQuery(PageQuery):
    """Which open tasks: of a department or person, and whether only those whose time is over."""

    owner: str | None = Field(default=None, max_length=_LONGEST_ID)
    overdue: str = Field(default="false", pattern="^(true|false)$")


class ListQuery(PageQuery):
    """Who stood on a list at the end of which day, in UTC; now without one."""

    on: Day | None = None


def read_request(kind: type[R], body: Mapping[str, Any]) -> R:
    """Read a request.

    Raises:
        Refusal: 422 with the first field that is wrong, never with its value.
    """
    for item in body["items"] if isinstance(body.get("items"), list) else ():
        refuse_repeated(item, "items")
    try:
        return kind.model_validate_json(json.dumps(body))
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)[0]
        if details["type"] == "extra_forbidden":
            # The caller's own key may be a customer's value.
            where = details["loc"][:-1]
            reason = unknown_fields(1, _part(kind, where).model_fields)
            raise Refusal(422, reason, ".".join(map(str, where)) or "body") from None
        field = ".".join(str(part) for part in details["loc"]) or "body"
        raise Refusal(422, reason_of(details), field) from None


def _part(kind: type[Declared], where: tuple[int | str, ...]) -> type[Declared]:
    """Return what a request has at a place, such as (`items`, 0)."""
    for name in where:
        if isinstance(name, str):
            declared = kind.model_fields[name].annotation
            (kind,) = (of for of in (declared, *get_args(declared)) if _is_declared(of))
    return kind


def _is_declared(of: object) -> TypeGuard[type[Declared]]:
    return isinstance(of, type) and issubclass(of, Declared)
