"""What is in force when a period ends: tiers, and reviews that are overdue."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, func, or_, select

from features.terms import Tier
from serving.procedure import Procedure
from serving.reviews.due import due_on
from serving.store.tables import customers
from serving.supervision.figures import Figure, Measured, share
from serving.supervision.period import Period
from serving.supervision.soundness import counting_at
from serving.supervision.words import NEVER_REVIEWED


def state(connection: Connection, procedure: Procedure, period: Period) -> Mapping[str, Measured]:
    """Return the figures of the period's end, by what the store knew then."""
    tiers = Counter(of.tier for of in counting_at(connection, period).values())
    due = due_on(connection, procedure, period.last, at=period.end)
    # On its own day a review is due, and not yet overdue.
    overdue = [of for of in due if of.since < period.last]
    by_tier = Counter(of.tier for of in overdue)
    parts = {str(tier): Figure(float(by_tier[tier]), by_tier[tier]) for tier in Tier if by_tier[tier]}
    if by_tier[None]:
        parts[NEVER_REVIEWED] = Figure(float(by_tier[None]), by_tier[None])
    there = connection.execute(
        select(func.count())
        .select_from(customers)
        .where(
            customers.c.registered_at < period.end,
            or_(customers.c.erased_at.is_(None), customers.c.erased_at >= period.end),
        )
    ).scalar_one()
    return {
        "state.tiers": Measured(
            Figure(float(tiers.total()), tiers.total()),
            {str(tier): Figure(float(tiers[tier]), tiers[tier]) for tier in Tier if tiers[tier]},
        ),
        "state.reviews_overdue": Measured(share(len(overdue), there), parts),
    }
