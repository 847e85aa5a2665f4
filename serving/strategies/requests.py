"""The requests of the routes for strategies, read strictly: amounts are texts, so that none is rounded."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from features.terms import Declared
from serving.request_fields import VOCABULARY, Day
from serving.strategies.collection import OverdueItem
from serving.strategies.declared import Form
from serving.strategies.exposure import Order

MOST_ITEMS = 1000
_LONGEST_ID = 200

Amount = Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?$", examples=["1250.00"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["CNY"])]


class OrderRequest(Declared):
    """An order to check: amounts as texts such as "1250.00"; `credit_days` with credit and only then."""

    amount: Amount
    currency: Currency
    form: Form = Field(description="The form of payment.", examples=["prepayment"])
    outstanding: Amount = Field(description="What is owed without the order.", examples=["0.00"])
    credit_days: int | None = Field(
        default=None, ge=0, le=3660, description="The term of credit: with form credit, and only then."
    )

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

    item_id: str = Field(min_length=1, max_length=_LONGEST_ID, examples=["INV-1001"])
    amount: Amount
    currency: Currency
    due_on: Day
    paid_on: Day | None = Field(default=None, description="Where it is paid.")

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

    evidence: str = Field(description="What was done.", examples=["visited on Monday, minutes in the file"])
    kpi: float | None = Field(default=None, description="The task's KPI as measured.")
    person: str | None = Field(
        default=None, description="The account manager whom it names: where the task is to name one."
    )


class PageQuery(Declared):
    """After which of an answer before, by its `next`, to go on; from the beginning without it."""

    after: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{32}$", description="`next` of an answer before."
    )


class TasksQuery(PageQuery):
    """Which open tasks: of a department or person, and whether only those whose time is over."""

    owner: str | None = Field(
        default=None, max_length=_LONGEST_ID, description="A department, or the person whom a task falls to.",
        json_schema_extra={VOCABULARY: "departments"},
    )  # fmt: skip
    overdue: str = Field(
        default="false", pattern="^(true|false)$", description="`true` for those whose time is over."
    )


class ListQuery(PageQuery):
    """Who stood on a list at the end of which day, in UTC; now without one."""

    on: Day | None = None
