"""The tier to propose after a decision: the decision's own, made steady by what was before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, func, or_, select

from features.terms import Tier
from models.policy import Policy
from serving.procedure import Procedure, months_after
from serving.reviews.decision_rows import NEWEST_FIRST, PERIODIC
from serving.reviews.standings import Layer, standings_of
from serving.reviews.steadiness import Before, steady_tier
from serving.served import read_declared
from serving.store.documents import load_document
from serving.store.tables import decisions

_LOOKED_UP = 500
_COLUMNS = tuple(
    decisions.c[name] for name in ("id", "customer", "kind", "as_of", "score", "tier", "policy_hash")
)


@dataclass(frozen=True)
class Proposal:
    """A decision, the tier that management approved last (`old`), and the steady one to propose."""

    decision: str
    customer: str
    score: float
    decided: Tier
    old: Tier | None
    steady: Tier


def proposals_after(
    connection: Connection, procedure: Procedure, decision_ids: Iterable[str], at: datetime
) -> list[Proposal]:
    """Return what to propose after decisions, in their order.

    Raises:
        StoreError: the policy of a decision is not in the store.
    """
    wanted = list(decision_ids)
    rows: dict[str, Row[Any]] = {}
    for start in range(0, len(wanted), _LOOKED_UP):
        query = select(*_COLUMNS).where(decisions.c.id.in_(wanted[start : start + _LOOKED_UP]))
        rows |= {row.id: row for row in connection.execute(query)}
    standings = standings_of(connection, {row.customer for row in rows.values()}, at)
    policies: dict[str, Policy] = {}
    found = []
    for id_ in wanted:
        row = rows[id_]
        if row.policy_hash not in policies:
            content = load_document(connection, row.policy_hash)
            policies[row.policy_hash] = read_declared(Policy, content, "the kept policy")
        approved = standings[row.customer].layers.get(Layer.APPROVED)
        old, decided = None if approved is None else approved.tier, Tier(row.tier)
        review, periodic = None, row.kind == PERIODIC
        if periodic and old is not None and decided is not old:
            review = _periodic_before(connection, row.customer, row.as_of, row.id)
        passed = (
            approved is not None
            and old is Tier.RISK is not decided
            and _probation_passed(connection, row, approved.valid_from.date(), procedure.probation_months)
        )
        steady = steady_tier(
            decided, row.score, Before(old, review, passed), policies[row.policy_hash], procedure.margin,
            periodic=periodic,
        )  # fmt: skip
        found.append(Proposal(row.id, row.customer, row.score, decided, old, steady))
    return found


def newest_decision(connection: Connection, customer: str) -> str | None:
    """Return the newest decision on a customer: of the latest day, of several the one made last."""
    id_: str | None = connection.execute(
        select(decisions.c.id).where(decisions.c.customer == customer).order_by(*NEWEST_FIRST).limit(1)
    ).scalar_one_or_none()
    return id_


def newer_decision(of: Table) -> ColumnElement[bool]:
    """Return the condition that there is a newer decision on a decision's customer."""
    newer = decisions.alias("newer")
    later = or_(
        newer.c.as_of > of.c.as_of,
        and_(newer.c.as_of == of.c.as_of, newer.c.decided_at > of.c.decided_at),
    )
    return exists().where(newer.c.customer == of.c.customer, later)


def _periodic_before(connection: Connection, customer: str, as_of: object, decision: str) -> Tier | None:
    row = connection.execute(
        select(decisions.c.tier)
        .where(
            decisions.c.customer == customer,
            decisions.c.kind == PERIODIC,
            decisions.c.as_of < as_of,
            decisions.c.id != decision,
        )
        .order_by(*NEWEST_FIRST)
        .limit(1)
    ).one_or_none()
    return None if row is None else Tier(row.tier)


def _probation_passed(connection: Connection, row: Row[Any], at_risk_from: date, months: int) -> bool:
    """Whether since risk was approved, for so many months until this decision, none said risk or unrated."""
    earlier = select(decisions.c.as_of).where(
        decisions.c.customer == row.customer,
        decisions.c.as_of <= row.as_of,
        decisions.c.as_of >= at_risk_from,
    )
    last = connection.execute(
        select(func.max(decisions.c.as_of)).where(
            decisions.c.customer == row.customer,
            decisions.c.as_of <= row.as_of,
            decisions.c.tier.in_([str(Tier.RISK), str(Tier.UNRATED)]),
        )
    ).scalar_one()
    if last is not None:
        earlier = earlier.where(decisions.c.as_of > last)
    first = connection.execute(earlier.order_by(decisions.c.as_of).limit(1)).scalar_one_or_none()
    return first is not None and months_after(first, months) <= row.as_of
