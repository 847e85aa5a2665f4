"""Who is due for a periodic review (M19)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select

from features.terms import Tier
from serving.procedure import Procedure
from serving.reviews.decision_rows import NEWEST_FIRST, PERIODIC
from serving.store.tables import customers, decisions


@dataclass(frozen=True, order=True)
class Due:
    """A customer who is due, under the pseudonym, and since when; None for one never reviewed."""

    since: date
    customer: str
    tier: Tier | None
    reviewed: date | None


def due_on(
    connection: Connection, procedure: Procedure, day: date, *, at: datetime | None = None
) -> list[Due]:
    """Return the customers who are due on a day, the longest overdue first; erased ones are never due.

    Args:
        connection: to the store.
        procedure: says how often customers are reviewed.
        day: the day.
        at: by what the store knew before this moment, else by all that it knows.
    """
    made: list[ColumnElement[bool]] = [] if at is None else [decisions.c.decided_at < at]
    there: list[ColumnElement[bool]] = [customers.c.erased_at.is_(None)]
    if at is not None:
        there = [customers.c.registered_at < at, or_(*there, customers.c.erased_at >= at)]
    newest = (
        select(
            decisions.c.customer,
            decisions.c.tier,
            decisions.c.as_of,
            func.row_number()
            .over(
                partition_by=decisions.c.customer,
                order_by=NEWEST_FIRST,
            )
            .label("place"),
        )
        .where(decisions.c.kind == PERIODIC, decisions.c.as_of <= day, *made)
        .subquery()
    )
    rows = connection.execute(
        select(customers.c.id, customers.c.registered_at, newest.c.tier, newest.c.as_of)
        .select_from(customers)
        .outerjoin(newest, (newest.c.customer == customers.c.id) & (newest.c.place == 1))
        .where(*there)
    )
    found = []
    for row in rows:
        if row.as_of is None:
            found.append(Due(row.registered_at.date(), row.id, None, None))
            continue
        tier = Tier(row.tier)
        since = procedure.due_on(tier, row.as_of)
        if since <= day:
            found.append(Due(since, row.id, tier, row.as_of))
    return sorted(found, key=lambda due: (due.since, due.customer))
