"""Years made up at random, with a plain record of what happened beside the store."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import insert

from features.terms import RATED_TIERS, Nature, Tier
from models.decision import Scorer
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason, Override
from serving.reviews.decision_rows import PERIODIC
from serving.reviews.office import Office
from serving.reviews.standings import Layer, put_in_force
from serving.store.customers import KnownCustomer, register_customers
from serving.store.documents import keep_served
from serving.store.store import Store
from serving.store.tables import decisions
from serving.supervision.outcome_import import import_outcomes
from tests.reviewed import acting, served_alone

CUSTOMERS = 60
MONTHS = 5
START = datetime(2025, 1, 1, 9, tzinfo=UTC)
IMPORTED = datetime(2025, 9, 1, 12, tzinfo=UTC)
CASES_FROM = datetime(2025, 6, 1, 9, tzinfo=UTC)

Rows = list[dict[str, Any]]


@dataclass
class Told:
    """What happened, by pseudonym: decisions, outcomes, tiers put in force, requests, cases, approvals."""

    customers: dict[str, KnownCustomer]
    decisions: Rows = field(default_factory=list)
    outcomes: Rows = field(default_factory=list)
    standings: Rows = field(default_factory=list)
    requests: Rows = field(default_factory=list)
    cases: Rows = field(default_factory=list)
    approvals: Rows = field(default_factory=list)


@cache
def scorer() -> Scorer:
    """Return the bundled catalog and policy, read once."""
    return served_alone().scorer


def made_up(store: Store, folder: Path, seed: int) -> Told:
    """Fill a fresh store with the first months of a year, and say what was put in."""
    random = np.random.default_rng(seed)
    with store.writing("ann", START) as writing:
        keep_served(writing, scorer(), None)
        natures = {f"C-{place}": Nature.ENTERPRISE for place in range(CUSTOMERS)}
        told = Told(register_customers(writing, store.keyring, natures))
    for month in range(1, MONTHS + 1):
        _decide(store, told, random, date(2025, month, 10))
        _classify(store, told, random, datetime(2025, month, 20, 9, tzinfo=UTC))
    _import(store, told, random, folder)
    _work(store, told, random)
    return told


def _tier_of(score: float, random: np.random.Generator) -> Tier:
    if random.random() < 0.05:
        return Tier.UNRATED
    cut_offs = scorer().policy.cut_offs
    return RATED_TIERS[sum(score < cut for cut in cut_offs)]


def _decide(store: Store, told: Told, random: np.random.Generator, as_of: date) -> None:
    """Decide on most customers as of a day, and on some of them a second time a month later."""
    for late, part in ((2, 0.9), (35, 0.15)):
        at = datetime(as_of.year, as_of.month, as_of.day, 8, tzinfo=UTC) + timedelta(days=late)
        rows = []
        for known in told.customers.values():
            if random.random() > part:
                continue
            score = float(random.integers(0, 101))
            rows.append({
                "id": random.bytes(16).hex(), "run": None, "customer": known.id, "kind": PERIODIC,
                "as_of": as_of, "decided_at": at, "nature": "enterprise", "score": score,
                "probability": None if random.random() < 0.2 else float(random.random()),
                "tier": str(_tier_of(score, random)), "completeness": 1.0,
                "catalog_hash": scorer().catalog.hash, "policy_hash": scorer().policy.hash,
                "artefact_hash": None, "model_version": None, "sealed": b"-", "digest": "0" * 64,
            })  # fmt: skip
        with store.writing("ann", at) as writing:
            writing.connection.execute(insert(decisions), rows)
            writing.record("decisions.made_up", None, {"decisions": len(rows)})
        told.decisions += rows


def _classify(store: Store, told: Told, random: np.random.Generator, at: datetime) -> None:
    """Put tiers in force: of most customers as decided, of some another one by an override that ends."""
    for number, known in enumerate(told.customers.values()):
        mine = [row for row in told.decisions if row["customer"] == known.id and row["decided_at"] < at]
        if not mine or random.random() > 0.4:
            continue
        newest = max(mine, key=lambda row: (row["as_of"], row["decided_at"]))
        moment = at + timedelta(minutes=number)
        layer, tier, expires, reason = Layer.APPROVED, newest["tier"], None, "periodic"
        if random.random() < 0.4:
            layer, tier = Layer.OVERRIDE, str(random.choice(list(RATED_TIERS)))
            expires = moment + timedelta(days=int(random.integers(20, 200)))
            reason = str(random.choice(["strategic", "other"]))
        with store.writing("bob", moment) as writing:
            put_in_force(
                writing, known.id, layer, Tier(tier), decision=newest["id"], reason=reason, expires_at=expires
            )
        told.standings.append({
            "customer": known.id, "layer": str(layer), "tier": tier, "at": moment, "expires": expires,
            "decision": newest["id"], "reason": reason,
        })  # fmt: skip


def _import(store: Store, told: Told, random: np.random.Generator, folder: Path) -> None:
    names = {known.id: name for name, known in told.customers.items()}
    days = sorted({(row["customer"], row["as_of"]) for row in told.decisions})
    for customer, as_of in days:
        if random.random() < 0.8:
            known_on = as_of + timedelta(days=int(random.integers(1, 110)))
            told.outcomes.append({
                "customer": customer, "as_of": as_of, "bad": bool(random.random() < 0.4),
                "known_on": known_on,
            })  # fmt: skip
    table = folder / "outcomes.csv"
    frame = pd.DataFrame(told.outcomes)
    frame.insert(0, "customer_id", frame.pop("customer").map(names))
    frame.to_csv(table, index=False)
    store.clock = lambda: IMPORTED
    imported = import_outcomes(store, table, "ann")
    assert (imported.new, imported.read, len(imported.rejected)) == (len(frame), len(frame), 0)


def _work(store: Store, told: Told, random: np.random.Generator) -> None:
    """Open cases, ask departments, have answers early, late or never, and withdraw some cases."""
    procedure = Procedure()
    office = Office(store, procedure)
    for place, known in enumerate(list(told.customers.values())[:24]):
        opened = CASES_FROM + timedelta(days=place)
        reason = list(CaseReason)[place % 3]
        department = ("finance", "sales", "marketing")[place % 3]
        with store.writing("ann", opened) as writing:
            case = office.open(writing, acting("ann"), known.id, reason, None)
            asked = office.request(writing, acting("ann"), case.id, department, "what is new?")
        due = opened + timedelta(days=procedure.request_days)
        answered, complete, person = None, None, f"{department}-{place % 2}"
        in_vain = place % 8 == 3
        if not in_vain and random.random() < 0.7:
            answered = opened + timedelta(days=float(random.choice([1, procedure.request_days, 9])))
            complete = bool(random.random() < 0.6)
            with store.writing(person, answered) as writing:
                office.answer(writing, acting(person), asked, "this", complete=complete)
        closed = None
        if place % 5 == 0:
            closed = opened + timedelta(days=12)
            _override(store, told, office, known, case.id, closed)
        elif in_vain or random.random() < 0.6:
            closed = opened + timedelta(
                days=2 if in_vain else float(random.choice([10, procedure.case_days, 20]))
            )
            with store.writing("ann", closed) as writing:
                office.withdraw(writing, acting("ann"), case.id)
        told.requests.append({
            "department": department, "due": due, "answered": answered, "complete": complete,
            "person": person, "closed": closed,
        })  # fmt: skip
        told.cases.append({
            "reason": str(reason), "due": opened + timedelta(days=procedure.case_days), "closed": closed,
        })  # fmt: skip


def _override(
    store: Store, told: Told, office: Office, known: KnownCustomer, case: str, at: datetime
) -> None:
    """Have one person propose another tier than the decided one, and another person approve it."""
    mine = [row for row in told.decisions if row["customer"] == known.id]
    newest = max(mine, key=lambda row: (row["as_of"], row["decided_at"]))
    until, person = at + timedelta(days=30), ("carl", "dora")[len(told.approvals) % 2]
    with store.writing("ann", at) as writing:
        proposed = office.propose(
            writing, acting("ann"), case, Tier.GENERAL, "because",
            decision=newest["id"], override=Override("strategic", until),
        )  # fmt: skip
        office.approve(writing, acting(person), case, proposed.version)
    told.approvals.append({"person": person, "at": at})
    told.standings.append({
        "customer": known.id, "layer": "override", "tier": "general", "at": at, "expires": until,
        "decision": newest["id"], "reason": "strategic",
    })  # fmt: skip
