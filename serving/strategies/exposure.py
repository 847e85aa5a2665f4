"""Exposure limits (M18): whether an order may be taken, by the tier that counts; every answer is kept."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, insert, select

from features.terms import Tier
from serving.access.roles import Actor
from serving.confidential.sealing import open_sealed, seal
from serving.procedure import Procedure
from serving.reviews.adoptions import require_procedure
from serving.reviews.standings import Layer, standing_of
from serving.store.customers import KnownCustomer
from serving.store.store import Writing
from serving.store.strategy_tables import limit_checks
from serving.strategies.collection import credit_is_suspended
from serving.strategies.declared import Form, Limit


@dataclass(frozen=True)
class Order:
    """An order: its amount, form of payment and, on credit, term; `outstanding` is owed without it."""

    amount: Decimal
    currency: str
    form: Form
    outstanding: Decimal
    credit_days: int | None = None

    @property
    def exposure(self) -> Decimal:
        """What is at stake with the order."""
        return self.outstanding + self.amount


class Refused(StrEnum):
    """Why an order is refused; of several reasons the first named here."""

    FORM = "form"
    SUSPENDED = "suspended"
    CREDIT_DAYS = "credit_days"
    CURRENCY = "currency"
    CAP = "cap"


EXPLANATIONS = {
    Refused.FORM: "the form of payment is not allowed for the tier",
    Refused.SUSPENDED: "credit is suspended until what is overdue is paid",
    Refused.CREDIT_DAYS: "the term of credit is longer than allowed for the tier",
    Refused.CURRENCY: "the cap is in another currency; give the amounts in that of the cap",
    Refused.CAP: "outstanding and order together exceed the cap",
}


@dataclass(frozen=True)
class Verdict:
    """What was answered to an order: why it was refused, None where it is allowed; and by which limit."""

    check: str
    at: datetime
    tier: Tier | None
    layer: Layer | None
    order: Order
    limit: Limit
    reason: Refused | None

    @property
    def allowed(self) -> bool:
        """Whether the order may be taken."""
        return self.reason is None


def judge(order: Order, limit: Limit, *, suspended: bool = False) -> Refused | None:
    """Return why an order is refused by a limit; None where it is allowed. What is exactly the cap is."""
    if order.form not in limit.forms:
        return Refused.FORM
    if order.form is Form.CREDIT:
        if suspended:
            return Refused.SUSPENDED
        if limit.credit_days is not None and (order.credit_days or 0) > limit.credit_days:
            return Refused.CREDIT_DAYS
    if limit.cap is not None:
        if order.currency != limit.currency:
            return Refused.CURRENCY
        if order.exposure > limit.cap:
            return Refused.CAP
    return None


def check_order(
    writing: Writing, actor: Actor, procedure: Procedure, known: KnownCustomer, order: Order
) -> Verdict:
    """Answer whether a customer's order may be taken by the procedure's limits, and keep the answer.

    Raises:
        NotAdopted: the procedure is not the one adopted.
    """
    require_procedure(writing.connection, procedure, writing.at)
    plan = procedure.strategies
    standing = standing_of(writing.connection, known.id, writing.at)
    limit = plan.limit_for(standing.tier)
    suspended = credit_is_suspended(writing.connection, plan, known.id, writing.at.date())
    layer = None if standing.counts is None else standing.counts.layer
    verdict = Verdict(
        token_hex(16), writing.at, standing.tier, layer, order, limit,
        judge(order, limit, suspended=suspended),
    )  # fmt: skip
    reason = None if verdict.reason is None else str(verdict.reason)
    tier = None if standing.tier is None else str(standing.tier)
    writing.connection.execute(
        insert(limit_checks).values(
            id=verdict.check, customer=known.id, at=writing.at, asked_by=actor.name, tier=tier,
            allowed=verdict.allowed, reason=reason,
            sealed=seal(known.data_key, _content(verdict), _purpose(verdict.check)),
        )
    )  # fmt: skip
    writing.record("limit.checked", known.id, {
        "check": verdict.check, "tier": tier, "allowed": verdict.allowed, "reason": reason,
    })  # fmt: skip
    return verdict


def checks_of(connection: Connection, known: KnownCustomer, most: int) -> list[Verdict]:
    """Return what was answered to a customer's orders, the newest first.

    Raises:
        SealError: what is kept was changed.
    """
    rows = connection.execute(
        select(limit_checks)
        .where(limit_checks.c.customer == known.id)
        .order_by(limit_checks.c.at.desc(), limit_checks.c.id)
        .limit(most)
    )
    found = []
    for row in rows:
        content = json.loads(open_sealed(known.data_key, row.sealed, _purpose(row.id)))
        asked = content["order"]
        found.append(
            Verdict(
                check=row.id,
                at=row.at,
                tier=None if row.tier is None else Tier(row.tier),
                layer=None if content["layer"] is None else Layer(content["layer"]),
                order=Order(
                    Decimal(asked["amount"]), asked["currency"], Form(asked["form"]),
                    Decimal(asked["outstanding"]), asked["credit_days"],
                ),
                limit=Limit.model_validate_json(json.dumps(content["limit"])),
                reason=None if row.reason is None else Refused(row.reason),
            )
        )  # fmt: skip
    return found


def _content(verdict: Verdict) -> bytes:
    order = verdict.order
    content: dict[str, Any] = {
        "layer": verdict.layer and str(verdict.layer),
        "order": {
            "amount": str(order.amount), "currency": order.currency, "form": str(order.form),
            "outstanding": str(order.outstanding), "credit_days": order.credit_days,
        },
        "limit": verdict.limit.model_dump(mode="json"),
    }  # fmt: skip
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _purpose(check: str) -> str:
    return f"order of limit check {check}"
