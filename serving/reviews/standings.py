"""Tiers in force: what management approved, a person's override above it, a provisional hold above both.

Everything else reads the tier that counts from here. Whatever changes it leaves a change, from which notices
and tasks follow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from features.terms import Tier
from serving.store.case_tables import changes, standings
from serving.store.store import Writing

_LOOKED_UP = 500


class Layer(StrEnum):
    """What a tier in force rests on, from the lowest to the highest."""

    APPROVED = "approved"
    OVERRIDE = "override"
    HOLD = "hold"


@dataclass(frozen=True)
class InForce:
    """One tier in force: since when, by which decision and case, why; an override also until when."""

    layer: Layer
    tier: Tier
    valid_from: datetime
    expires_at: datetime | None
    decision: str | None
    case: str | None
    reason: str | None


@dataclass(frozen=True)
class Standing:
    """What is in force for a customer at a moment; nothing for one never classified."""

    layers: dict[Layer, InForce]

    @property
    def counts(self) -> InForce | None:
        """The layer that counts: the highest that is in force."""
        return next((self.layers[layer] for layer in reversed(Layer) if layer in self.layers), None)

    @property
    def tier(self) -> Tier | None:
        """The tier that counts."""
        return None if self.counts is None else self.counts.tier


@dataclass(frozen=True)
class Change:
    """A change of the tier that counts."""

    id: str
    customer: str
    at: datetime
    before: Tier | None
    after: Tier | None
    layer: Layer
    decision: str | None
    case: str | None


def standing_of(connection: Connection, customer: str, at: datetime) -> Standing:
    """Return what was in force for a customer at a moment."""
    return standings_of(connection, [customer], at)[customer]


def standings_of(connection: Connection, customers: Iterable[str], at: datetime) -> dict[str, Standing]:
    """Return what was in force for customers at a moment, by pseudonym."""
    wanted = list(customers)
    found: dict[str, dict[Layer, InForce]] = {customer: {} for customer in wanted}
    for start in range(0, len(wanted), _LOOKED_UP):
        rows = connection.execute(
            select(standings).where(
                standings.c.customer.in_(wanted[start : start + _LOOKED_UP]),
                *_in_force_at(at),
            )
        )
        for row in rows:
            found[row.customer][Layer(row.layer)] = _in_force(row)
    return {customer: Standing(layers) for customer, layers in found.items()}


def standings_at(connection: Connection, at: datetime) -> dict[str, Standing]:
    """Return what was in force at a moment for every customer for whom something was, by pseudonym."""
    found: dict[str, dict[Layer, InForce]] = {}
    for row in connection.execute(select(standings).where(*_in_force_at(at))):
        found.setdefault(row.customer, {})[Layer(row.layer)] = _in_force(row)
    return {customer: Standing(layers) for customer, layers in found.items()}


def put_in_force(
    writing: Writing,
    customer: str,
    layer: Layer,
    tier: Tier,
    *,
    decision: str | None = None,
    case: str | None = None,
    reason: str | None = None,
    expires_at: datetime | None = None,
) -> Change | None:
    """Put a tier in force from the transaction's moment; what was in force in that layer ends.

    Returns:
        The change of the tier that counts, None where that stays as it was.
    """
    end_expired(writing, customer)
    before = standing_of(writing.connection, customer, writing.at)
    _end(writing, customer, layer)
    writing.connection.execute(
        insert(standings).values(
            id=token_hex(16), customer=customer, layer=str(layer), tier=str(tier), valid_from=writing.at,
            expires_at=expires_at, decision=decision, case=case, reason=reason,
        )
    )  # fmt: skip
    facts = {"layer": str(layer), "tier": str(tier), "decision": decision, "case": case, "reason": reason}
    writing.record("tier.in_force", customer, facts)
    return _changed(writing, customer, layer, before, decision, case)


def lift(writing: Writing, customer: str, layer: Layer, *, case: str | None = None) -> Change | None:
    """End what is in force in a layer, such as a hold.

    Returns:
        The change of the tier that counts, None where that stays as it was.
    """
    end_expired(writing, customer)
    before = standing_of(writing.connection, customer, writing.at)
    _end(writing, customer, layer)
    writing.record("tier.lifted", customer, {"layer": str(layer), "case": case})
    return _changed(writing, customer, layer, before, None, case)


def end_expired(writing: Writing, customer: str | None = None) -> list[Change]:
    """End the overrides whose time is over, of one customer or of all, as of their own last moment.

    Returns:
        The changes of the tier that counts.
    """
    over = (standings.c.valid_to.is_(None), standings.c.expires_at <= writing.at)
    query = select(standings).where(*over).order_by(standings.c.expires_at, standings.c.id)
    if customer is not None:
        query = query.where(standings.c.customer == customer)
    found = []
    for row in writing.connection.execute(query).all():
        layer = Layer(row.layer)
        after = standing_of(writing.connection, row.customer, row.expires_at)
        before = Standing({**after.layers, layer: _in_force(row)})
        writing.connection.execute(
            update(standings).where(standings.c.id == row.id).values(valid_to=row.expires_at)
        )
        writing.record("tier.expired", row.customer, {"layer": row.layer, "case": row.case})
        change = _changed(writing, row.customer, layer, before, None, row.case, row.expires_at)
        if change is not None:
            found.append(change)
    return found


def _in_force_at(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        standings.c.valid_from <= at,
        or_(standings.c.valid_to.is_(None), standings.c.valid_to > at),
        or_(standings.c.expires_at.is_(None), standings.c.expires_at > at),
    )


def _in_force(row: Row[Any]) -> InForce:
    return InForce(
        Layer(row.layer), Tier(row.tier), row.valid_from, row.expires_at, row.decision, row.case, row.reason
    )


def _end(writing: Writing, customer: str, layer: Layer) -> None:
    writing.connection.execute(
        update(standings)
        .where(
            standings.c.customer == customer, standings.c.layer == str(layer), standings.c.valid_to.is_(None)
        )
        .values(valid_to=writing.at)
    )


def _changed(
    writing: Writing,
    customer: str,
    layer: Layer,
    before: Standing,
    decision: str | None,
    case: str | None,
    at: datetime | None = None,
) -> Change | None:
    moment = at or writing.at
    after = standing_of(writing.connection, customer, moment)
    if after.tier is before.tier:
        return None
    change = Change(token_hex(16), customer, moment, before.tier, after.tier, layer, decision, case)
    sequence = select(func.coalesce(func.max(changes.c.sequence), 0) + 1).scalar_subquery()
    writing.connection.execute(
        insert(changes).values(
            id=change.id, sequence=sequence, customer=customer, at=change.at, before=change.before,
            after=change.after, layer=str(layer), decision=decision, case=case,
        )
    )  # fmt: skip
    return change
