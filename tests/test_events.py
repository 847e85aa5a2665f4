"""Material events: each counts once, in whatever order they come, and an adverse one acts at once."""

import tempfile
import threading
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from features.terms import Tier
from serving.procedure import Procedure, Severity
from serving.reviews.cases import CaseReason, CaseState, load_case
from serving.reviews.events import Event, EventConflict, EventDesk, EventError, Taken, UnknownEventCustomer
from serving.reviews.justification import Justification
from serving.reviews.office import Office
from serving.reviews.proposals import newest_decision
from serving.reviews.replay import Replayer
from serving.reviews.standings import Layer, standing_of
from serving.store.customers import find_customers
from serving.store.event_tables import events
from serving.store.instants import now
from serving.store.store import Store
from serving.store.tables import audit_entries, decisions
from tests.reviewed import DAYS, acting, copy_of, newest, office, served_alone, store, template
from tests.test_cases import proposed

__all__ = ["office", "store", "template"]

SERVICE = acting("erp", "key 1")
LAST = DAYS[-1]


def event(number: int = 1, type_: str = "payment_default", day: date = LAST, **indicators: Any) -> Event:
    return Event(f"erp-{number}", type_, "C-1", day, indicators)


def take(office: Office, *told: Event) -> list[Taken]:
    desk, found = EventDesk(office, served_alone()), []
    for one in told:
        with office.store.writing("erp") as writing:
            found.append(desk.take(writing, SERVICE, one))
    return found


def pseudonym(store: Store, customer_id: str = "C-1") -> str:
    with store.reading() as connection:
        return find_customers(connection, store.keyring, [customer_id])[customer_id].id


def newest_justification(store: Store) -> Justification:
    with store.reading() as connection:
        decision = newest_decision(connection, pseudonym(store))
    assert decision is not None
    replayed = Replayer(store).replay(decision)
    assert replayed.reproduced
    return replayed.justification


def test_an_adverse_event_holds_the_customer_at_risk_and_opens_a_case_at_once(office: Office) -> None:
    (taken,) = take(office, event(overdue_days_max_12m=75.0))
    assert taken.tier is Tier.RISK
    assert taken.case is not None
    assert taken.decision is not None
    with office.store.reading() as connection:
        case = load_case(connection, taken.case)
        standing = standing_of(connection, pseudonym(office.store), now())
    assert (case.state, case.reason, case.decision) == (
        CaseState.COLLECTING,
        CaseReason.EVENT,
        taken.decision,
    )
    assert standing.layers[Layer.HOLD].reason == "payment_default"
    assert newest_justification(office.store)["inputs"]["indicators"]["overdue_days_max_12m"] == 75.0


def test_a_hold_acts_also_where_a_persons_override_is_in_force(office: Office) -> None:
    customers = sorted(newest(office.store))
    case = proposed(office, acting("ann"), place=customers.index(pseudonym(office.store)), tier=Tier.GOOD)
    with office.store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version)
    (taken,) = take(office, event())
    assert taken.tier is Tier.RISK
    assert taken.change is not None
    assert taken.change.before is Tier.GOOD


def test_the_same_event_again_does_nothing_and_another_of_its_id_is_refused(office: Office) -> None:
    first, again = take(office, event(), event())
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.decision, again.case, again.tier) == (first.decision, first.case, first.tier)
    with pytest.raises(EventConflict):
        take(office, event(type_="large_order"))
    with office.store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == 1


def test_the_same_event_from_many_senders_at_once_counts_once(office: Office) -> None:
    found: list[Taken] = []
    threads = [threading.Thread(target=lambda: found.extend(take(office, event()))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken.repeated for taken in found) == [False, True, True, True, True]
    assert len({taken.decision for taken in found}) == 1


def test_indicators_that_the_catalog_lacks_are_named_up_to_three(office: Office) -> None:
    unknown: dict[str, Any] = {"net_asset": 1.0, "Li Wei": 2.0, "b": 1.0, "c": 1.0, "d": 1.0}
    with pytest.raises(EventError, match="has no b, c, d and 2 others"):
        take(office, event(**unknown))
    with pytest.raises(EventError, match=r"has no net_asset$"):
        take(office, event(net_asset=1.0))
    unnamed: dict[str, Any] = {"Li Wei": 1.0}
    with pytest.raises(EventError, match=r"has no such indicators \(1\)"):
        take(office, event(**unnamed))


TOLD = [
    event(1, "large_order", LAST + timedelta(days=3), order_count_36m=40.0, overdue_days_max_12m=10.0),
    event(2, "payment_default", LAST + timedelta(days=9), overdue_days_max_12m=95.0),
    event(3, "facts_corrected", LAST + timedelta(days=5), overdue_days_max_12m=20.0, net_assets=None),
    event(4, "recovery", LAST - timedelta(days=40), order_count_36m=2.0),
]


def test_late_and_reordered_events_end_in_the_same_decision(template: dict[str, Any]) -> None:
    ends = []
    for order in list(permutations(TOLD))[::3]:
        with tempfile.TemporaryDirectory() as folder:
            copied = copy_of(template, "sqlite", Path(folder) / "store")
            desk = EventDesk(Office(copied, Procedure()), served_alone())
            later = now() + timedelta(days=400)
            for place, one in enumerate((*order, order[0])):
                with copied.writing("erp", later + timedelta(seconds=place)) as writing:
                    desk.take(writing, SERVICE, one)
            end = newest_justification(copied)
            with copied.reading() as connection:
                tier = standing_of(connection, pseudonym(copied), later + timedelta(hours=1)).tier
            ends.append((end["inputs"], end["evidence"], end["answer"], tier))
            copied.close()
    for part in range(4):
        assert all(end[part] == ends[0][part] for end in ends), part
    inputs, evidence, _, tier = ends[0]
    assert inputs["as_of"] == (LAST + timedelta(days=9)).isoformat()
    assert inputs["indicators"]["overdue_days_max_12m"] == 95.0
    assert "net_assets" not in inputs["indicators"]
    # What happened before the ground was evaluated is in the ground.
    assert inputs["indicators"]["order_count_36m"] == 40.0
    assert evidence["overdue_days_max_12m"]["department"] == "event"
    assert tier is Tier.RISK


def test_a_notable_event_opens_a_case_only_where_the_tier_is_to_change(office: Office) -> None:
    customer = pseudonym(office.store)
    customers = sorted(newest(office.store))
    case = proposed(office, acting("ann"), place=customers.index(customer))
    for approver in ("bob", "carl")[: case.needed]:
        with office.store.writing(approver) as writing:
            office.approve(writing, acting(approver), case.id, case.version)
    (same,) = take(office, event(1, "facts_corrected"))
    assert same.case is None
    assert same.decision is not None
    (worse,) = take(office, event(2, "facts_corrected", insolvency_filing=True))
    if newest(office.store)[customer][1] is not case.proposed_tier:
        assert worse.case is not None
    with office.store.reading() as connection:
        assert Layer.HOLD not in standing_of(connection, customer, now()).layers


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"event_id": ""}, "event_id"),
        ({"event_id": "x" * 201}, "event_id"),
        ({"type": "birthday"}, "type"),
        ({"occurred_on": date(2999, 1, 1)}, "occurred_on"),
        ({"indicators": {"shoe_size": 43}}, "indicators"),
        ({"indicators": {"net_assets": "much"}}, "indicators"),
        ({"remark": ""}, "remark"),
        ({"customer_id": "C-999"}, "customer_id"),
    ],
)
def test_a_wrong_event_is_refused_as_a_whole(office: Office, wrong: dict[str, Any], field: str) -> None:
    whole = {
        "event_id": "e1",
        "type": "recovery",
        "customer_id": "C-1",
        "occurred_on": LAST,
        "indicators": {},
    }
    with office.store.reading() as connection:
        before = connection.execute(select(func.count()).select_from(audit_entries)).scalar_one()
    with pytest.raises(EventError) as caught:
        take(office, Event(**{**whole, **wrong}))
    assert caught.value.field == field
    assert isinstance(caught.value, UnknownEventCustomer) == (field == "customer_id")
    assert "\n" not in str(caught.value)
    assert not any(value in str(caught.value) for value in ("birthday", "43", "much", "C-999"))
    with office.store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(audit_entries)).scalar_one() == before
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == 0


def test_what_an_event_says_is_sealed(office: Office) -> None:
    for severity in Severity:
        type_ = next(name for name, of in office.procedure.events.items() if of.severity is severity)
        take(office, Event(f"s-{severity}", type_, "C-2", LAST, {"overdue_days_max_12m": 77.0}, "hush"))
    with office.store.reading() as connection:
        rows = connection.execute(select(events)).all()
        kept = connection.execute(select(decisions.c.sealed)).scalars().all()
    assert not any(b"hush" in row.sealed for row in rows)
    assert not any(b"overdue" in sealed for sealed in kept)
