"""What a case of one customer came from: who opened it and why, the events, the hold that waits for it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from features.terms import Text
from serving.confidential.keyring import Keyring
from serving.procedure import Procedure
from serving.reviews.cases import Case
from serving.reviews.events import remark_in
from serving.reviews.standings import InForce, Layer, standing_of
from serving.store.customers import UnknownCustomer, open_customer
from serving.store.event_tables import events


@dataclass(frozen=True)
class CaseEvent:
    """An event that opened a case or joined it.

    `names` are its type's, None of a type that the procedure has no more. `remark` is None where the sender
    gave none, or the customer was erased.
    """

    id: str
    type: str
    names: Text | None
    severity: str
    occurred_on: date
    received_at: datetime
    reported_by: str
    remark: str | None


def events_in(connection: Connection, keyring: Keyring, procedure: Procedure, case: Case) -> list[CaseEvent]:
    """Return the events of a case, the first to come first.

    Raises:
        KeyringError, SealError: the store was tampered with.
    """
    if case.customer is None:
        return []
    rows = connection.execute(
        select(events).where(events.c.case == case.id).order_by(events.c.received_at, events.c.id)
    ).all()
    try:
        known = open_customer(connection, keyring, case.customer)
    except UnknownCustomer:
        known = None
    types = procedure.events
    return [
        CaseEvent(
            row.id, row.type, types[row.type].names if row.type in types else None, row.severity,
            row.occurred_on, row.received_at, row.received_from,
            None if known is None else remark_in(known, row.id, row.sealed),
        )
        for row in rows
    ]  # fmt: skip


def hold_of(connection: Connection, case: Case, at: datetime) -> InForce | None:
    """Return the hold that was put on by a case's event and is in force at a moment."""
    if case.customer is None:
        return None
    hold = standing_of(connection, case.customer, at).layers.get(Layer.HOLD)
    return hold if hold is not None and hold.case == case.id else None
