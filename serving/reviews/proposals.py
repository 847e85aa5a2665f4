"""The tier to propose after a decision: the decision's own, made steady by what was before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, or_, select

from features.terms import Tier
from models.policy import Policy
from serving.procedure import Procedure
from serving.reviews.decision_rows import NEWEST_FIRST, PERIODIC
from serving.reviews.standings import Layer, standings_of
from serving.reviews.steadiness import Steady, steady_tier
from serving.served import read_declared
from serving.store.documents import load_document
from serving.store.tables import decisions

_LOOKED_UP = 500
_COLUMNS = tuple(
    decisions.c[name] for name in ("id", "customer", "kind", "as_of", "score", "tier", "policy_hash")
)


@dataclass(frozen=True)
class Proposal:
    """A decision and what to propose after it; `old` is the tier that management approved last."""

    decision: str
    customer: str
    score: float
    decided: Tier
    old: Tier | None
    steady: Steady


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
        before = None
        if row.kind == PERIODIC and old is not None and decided is not old:
            before = _periodic_before(connection, row.customer, row.as_of, row.id)
        steady = steady_tier(decided, row.score, old, before, policies[row.policy_hash], procedure.margin)
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
