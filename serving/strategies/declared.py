"""What a procedure declares of strategies: what a tier asks for, what it limits, how debts are collected."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from features.terms import Declared, Text

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]


class Kpi(Declared):
    """By what something done is measured.

    Attributes:
        id: by which tasks name it.
        names: what it is called.
    """

    id: Id
    names: Text


class Strategy(Declared):
    """What a tier in force asks for, as a task (M15 to M18).

    Attributes:
        id: by which tasks name it.
        names: what it is called.
        department: which does it, unless it falls to the account manager.
        days: within which it is to be done.
        recurring: whether it is to be done again every so many days while the tier is in force.
        kpi: by which it is measured.
        on_list: the list on which the customer stands while the tier is in force.
        names_manager: whether it is done by naming the customer's account manager.
        by_manager: whether the account manager does it, once one is named.
    """

    id: Id
    names: Text
    department: Id
    days: int = Field(ge=1, le=3660)
    recurring: bool = False
    kpi: Kpi
    on_list: Id | None = None
    names_manager: bool = False
    by_manager: bool = False


class Form(StrEnum):
    """The form of payment of an order."""

    PREPAYMENT = "prepayment"
    ON_DELIVERY = "on_delivery"
    LETTER_OF_CREDIT = "letter_of_credit"
    CREDIT = "credit"


class Limit(Declared):
    """What limits the size and form of cooperation (M18).

    Attributes:
        cap: the most that may be outstanding with the order, whatever its form of payment, for what is made
            or bought for a customer is at risk before it is paid; None for no cap.
        currency: of the cap.
        forms: of payment that are allowed.
        credit_days: the longest term of credit; None for any.
    """

    cap: Decimal | None = Field(default=None, ge=0)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    forms: tuple[Form, ...] = Field(default=tuple(Form), min_length=1)
    credit_days: int | None = Field(default=None, ge=0)


class Stage(Declared):
    """A stage of collecting an overdue item.

    Attributes:
        id: by which tasks name it.
        names: what it is called.
        after_days: days overdue from which it begins.
        department: which does it.
        days: within which it is to be done.
        kpi: by which it is measured.
        suspends_credit: whether the customer gets no credit from then on until the item is paid.
    """

    id: Id
    names: Text
    after_days: int = Field(ge=0)
    department: Id
    days: int = Field(ge=1, le=366)
    kpi: Kpi
    suspends_credit: bool = False
