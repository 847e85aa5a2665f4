"""What is proposed after decisions that are kept: who leaves risk has passed the probation."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from features.terms import Nature, Tier
from serving.procedure import Procedure, months_after
from serving.reviews.decision_rows import EVENT, PERIODIC
from serving.reviews.proposals import proposals_after
from serving.reviews.standings import Layer, put_in_force
from serving.store.customers import register_customers
from serving.store.documents import keep_served
from serving.store.store import Store
from serving.store.tables import decisions
from tests.overseen import scorer
from tests.stores import database_url, store

__all__ = ["database_url", "store"]

AT_RISK_SINCE = datetime(2025, 1, 15, 9, tzinfo=UTC)


def decided(customer: str, day: date, tier: Tier, random: np.random.Generator, kind: str) -> dict[str, Any]:
    served = scorer()
    return {
        "id": random.bytes(16).hex(), "run": None, "customer": customer, "kind": kind, "as_of": day,
        "decided_at": datetime(day.year, day.month, day.day, 8, tzinfo=UTC),
        "nature": "enterprise", "score": 40.0 if tier is Tier.RISK else 60.0,
        "probability": None, "tier": str(tier), "completeness": 1.0,
        "catalog_hash": served.catalog.hash, "policy_hash": served.policy.hash, "artefact_hash": None,
        "model_version": None, "sealed": b"-", "digest": "0" * 64,
    }  # fmt: skip


@pytest.mark.parametrize("months", [0, 3, 12])
def test_nobody_is_proposed_to_leave_risk_before_nothing_spoke_of_risk_for_so_long(
    store: Store, months: int
) -> None:
    random = np.random.default_rng(months)
    procedure = Procedure(probation_months=months)
    with store.writing("ann", AT_RISK_SINCE) as writing:
        keep_served(writing, scorer(), None)
        names = {f"C-{place}": Nature.ENTERPRISE for place in range(12)}
        known = [of.id for of in register_customers(writing, store.keyring, names).values()]
        for id_ in known:
            put_in_force(writing, id_, Layer.APPROVED, Tier.RISK)
    # One was better than risk before management put it there all the same.
    rows = [decided(known[0], date(2024, 1, 10), Tier.GENERAL, random, PERIODIC)]
    for id_ in known:
        for month in range(15):
            tier = random.choice(list(Tier), p=[0, 0, 0.84, 0.1, 0.06])
            day = months_after(date(2025, 1, 31), month)
            kind = PERIODIC if random.random() < 0.8 else EVENT
            rows.append(decided(id_, day, Tier(tier), random, kind))
    at = datetime.combine(max(row["as_of"] for row in rows), datetime.min.time(), UTC) + timedelta(days=1)
    with store.writing("ann", at) as writing:
        writing.connection.execute(insert(decisions), rows)
        writing.record("decisions.made_up", None, {"decisions": len(rows)})
        found = proposals_after(writing.connection, procedure, [row["id"] for row in rows[1:]], at)
    left = 0
    for proposal, row in zip(found, rows[1:], strict=True):
        since = None
        for other in sorted(
            (of for of in rows if of["customer"] == row["customer"]), key=lambda of: of["as_of"]
        ):
            if other["as_of"] < AT_RISK_SINCE.date() or other["as_of"] > row["as_of"]:
                continue
            since = (since or other["as_of"]) if other["tier"] == Tier.GENERAL else None
        passed = since is not None and months_after(since, months) <= row["as_of"]
        expected = Tier(row["tier"])
        if expected is Tier.GENERAL and not passed:
            expected = Tier.RISK
        assert proposal.steady is expected, (row["as_of"], since)
        left += passed
    assert left
