"""Outcomes as they mature: what became of a customer after a day, and from which day that was known.

An outcome is the customer's own: it is sealed with the customer's key, and an erasure takes it out of every
figure, also of past periods; how many are gone is told beside them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from serving.confidential.keyring import Keyring
from serving.confidential.sealing import open_sealed, seal
from serving.store.customers import KnownCustomer
from serving.store.supervision_tables import outcomes
from serving.store.tables import customers, decisions
from serving.supervision.period import Period


@dataclass(frozen=True)
class Outcome:
    """What became of a customer, by pseudonym, after a day: whether it was bad, and when that was known."""

    customer: str
    as_of: date
    bad: bool
    known_on: date


@dataclass(frozen=True)
class Followed:
    """A decision whose outcome is known; `probability` is None for one made without a model."""

    decision: str
    customer: str
    as_of: date
    score: float
    probability: float | None
    tier: str
    bad: bool
    known_on: date


@dataclass(frozen=True)
class KnownOutcomes:
    """The decisions followed by an outcome that was recorded in a period.

    `erased`: outcomes recorded in the period that nobody can read any more; `undecided`: those of which there
    is no decision that was made before they were known.
    """

    followed: Sequence[Followed]
    erased: int
    undecided: int


def seal_outcome(customer: KnownCustomer, outcome: Outcome) -> bytes:
    """Return an outcome sealed with its customer's key."""
    said = json.dumps({"bad": outcome.bad, "known_on": outcome.known_on.isoformat()})
    return seal(customer.data_key, said.encode(), _purpose(customer.id, outcome.as_of))


def open_outcome(customer: KnownCustomer, as_of: date, sealed: bytes) -> Outcome:
    """Return an outcome that was sealed.

    Raises:
        SealError: it was changed, or belongs to another customer or day.
    """
    said = json.loads(open_sealed(customer.data_key, sealed, _purpose(customer.id, as_of)))
    return Outcome(customer.id, as_of, said["bad"], date.fromisoformat(said["known_on"]))


def known_outcomes(connection: Connection, keyring: Keyring, period: Period) -> KnownOutcomes:
    """Return the decisions whose outcome was recorded in a period, by what was recorded when it ended.

    An outcome belongs to the period in which it was first imported, which is never before it was known: so
    each counts in one period, however late it is imported, and a correction does not move it.
    Of several decisions on a customer as of one day it is the last made before the outcome was known:
    one made later has seen what it should foretell.

    Raises:
        KeyringError, SealError: the store was tampered with.
    """
    found, erased = _outcomes(connection, keyring, period)
    known = {(of.customer, of.as_of): of for of in found}
    followed = {}
    for row in _decisions(connection, period.end):
        outcome = known.get((row.customer, row.as_of))
        if outcome is not None and row.decided_at.date() < outcome.known_on:
            followed[row.customer, row.as_of] = Followed(
                row.id, row.customer, row.as_of, row.score, row.probability, row.tier, outcome.bad,
                outcome.known_on,
            )  # fmt: skip
    return KnownOutcomes([followed[key] for key in sorted(followed)], erased, len(known) - len(followed))


def _outcomes(connection: Connection, keyring: Keyring, period: Period) -> tuple[list[Outcome], int]:
    """Return what counts, when a period ends, of the outcomes recorded in it, and how many are erased."""
    first = outcomes.alias()
    rows = connection.execute(
        select(outcomes, customers.c.data_key, customers.c.master_version)
        .join(customers, customers.c.id == outcomes.c.customer)
        .join(
            first,
            and_(
                first.c.customer == outcomes.c.customer,
                first.c.as_of == outcomes.c.as_of,
                first.c.number == 1,
            ),
        )
        .where(
            first.c.imported_at >= period.begin,
            first.c.imported_at < period.end,
            outcomes.c.imported_at < period.end,
        )
        .order_by(outcomes.c.customer, outcomes.c.as_of, outcomes.c.number)
    )
    newest: dict[tuple[str, date], Row[Any]] = {(row.customer, row.as_of): row for row in rows}
    keys: dict[str, KnownCustomer] = {}
    found, erased = [], 0
    for row in newest.values():
        if row.data_key is None:
            erased += 1
            continue
        if row.customer not in keys:
            data_key = keyring.unwrap(row.master_version, row.data_key, row.customer)
            keys[row.customer] = KnownCustomer(row.customer, data_key)
        found.append(open_outcome(keys[row.customer], row.as_of, row.sealed))
    return found, erased


def _decisions(connection: Connection, end: datetime) -> Iterable[Row[Any]]:
    """Return the decisions as of days that have an outcome, those made last at the end."""
    of = outcomes.c
    return connection.execute(
        select(
            decisions.c.id, decisions.c.customer, decisions.c.as_of, decisions.c.score,
            decisions.c.probability, decisions.c.tier, decisions.c.decided_at,
        )
        .join(
            outcomes,
            and_(of.customer == decisions.c.customer, of.as_of == decisions.c.as_of, of.number == 1),
        )
        .where(decisions.c.decided_at < end)
        .order_by(decisions.c.decided_at, decisions.c.id.desc())
    )  # fmt: skip


def _purpose(customer: str, as_of: date) -> str:
    return f"outcome of customer {customer} as of {as_of}"
