"""Deterioration: what has worsened since the last evaluation is an event, found as by hand, and once."""

from collections import Counter
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from features.catalog import load_catalog
from features.terms import Tier
from serving.access.roles import Actor
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason, Override, open_case_of
from serving.reviews.events import Event, EventDesk, Taken
from serving.reviews.office import Office
from serving.reviews.periodic import evaluate_periodically
from serving.reviews.proposals import newest_decision, proposals_after
from serving.reviews.standings import Layer, standing_of
from serving.served import Served
from serving.store.customers import find_customers
from serving.store.event_tables import events
from serving.store.store import Store, Writing
from serving.store.tables import audit_entries
from serving.strategies.deliveries import Checked, DeliveryDesk, broken_rules, usable_rules
from serving.strategies.rules import RULES, DeteriorationRule, Step
from tests.reviewed import acting
from tests.reviewed import served_alone as load_served
from tests.stores import database_url, store

__all__ = ["database_url", "store"]

ERP = acting("erp", "key 1")
GROUND, DELIVERED = date(2025, 6, 30), date(2025, 9, 30)
CUSTOMERS = [f"C-{place}" for place in range(9)]
# By indicator, what may stand there: around the values that the rules name.
LEVELS: dict[str, list[float | bool | None]] = {
    "net_assets": [-4.0, 0.0, 3.0, 10.0, 30.0, None],
    "operating_revenue": [0.0, 50.0, 70.0, 100.0, None],
    "current_ratio": [0.5, 0.6, 1.0, 2.0, None],
    "quick_ratio": [0.5, 1.0, 2.0],
    "net_profit_margin": [-0.05, 0.05, 0.15, 0.2, None],
    "debt_to_asset_ratio": [0.4, 0.6, 0.7, None],
    "on_time_payment_rate": [0.6, 0.8, 1.0, None],
    "overdue_days_max_12m": [0.0, 90.0, 91.0, 200.0, None],
    "insolvency_filing": [False, False, False, True, None],
    "severe_breach_24m": [False, False, False, True, None],
}
Values = dict[tuple[str, str], Any]
Facts = dict[tuple[str, str], date | None]


def drawn(rng: np.random.Generator, newest: date) -> tuple[Values, Facts]:
    """Return random values, and the day of the newest fact behind each; None where there is none."""
    values: Values = {}
    facts: Facts = {}
    for customer in CUSTOMERS:
        for name in LEVELS:
            value = LEVELS[name][int(rng.integers(len(LEVELS[name])))]
            values[customer, name] = value
            day = newest - timedelta(days=int(rng.integers(0, 180)))
            facts[customer, name] = None if value is None else day
    return values, facts


def built(folder: Path, day: date, values: Values, facts: Facts | None) -> Path:
    """Write a table of indicators and, with the facts, their evidence, as a build does."""
    folder.mkdir(parents=True)
    columns: dict[str, Any] = {
        "customer_id": CUSTOMERS, "nature": "enterprise", "as_of": [day] * len(CUSTOMERS),
    }  # fmt: skip
    columns |= {name: [values[customer, name] for customer in CUSTOMERS] for name in LEVELS}
    pd.DataFrame(columns).to_parquet(folder / "indicators.parquet")
    if facts is not None:
        lines = [
            (customer, name, "finance", facts[customer, name],
             "no_record" if values[customer, name] is None else "known", False)
            for customer in CUSTOMERS
            for name in LEVELS
        ]  # fmt: skip
        names = ["customer_id", "indicator", "department", "evidence", "status", "stale"]
        pd.DataFrame(lines, columns=names).to_parquet(folder / "evidence.parquet")
    return folder / "indicators.parquet"


def by_hand(
    before: Values, before_facts: Facts | None, now: Values, now_facts: Facts | None
) -> set[tuple[str, str]]:
    """Return rule and customer of everything that has worsened, spelled out without the rules' own code."""
    found = set()
    for customer in CUSTOMERS:

        def pair(name: str, of: str = customer) -> tuple[float, float] | None:
            """Return the values before and now, where the fact behind the latter is newer."""
            judged = GROUND if before_facts is None else before_facts[of, name]
            fact = DELIVERED if now_facts is None else now_facts[of, name]
            if fact is None or (judged is not None and fact <= judged) or now[of, name] is None:
                return None
            old = before[of, name]
            return (float("nan") if old is None else float(old)), float(now[of, name])

        def add(rule: str, name: str, worse: Any, of: str = customer) -> None:
            values = pair(name, of)
            if values is not None and worse(*values):
                found.add((rule, of))

        add("negative_net_assets", "net_assets", lambda old, new: new < 0 and not old < 0)
        add("net_assets_fall", "net_assets", lambda old, new: old - new - 0.5 * abs(old) > 1e-9)
        add("revenue_falls", "operating_revenue", lambda old, new: old - new - 0.3 * abs(old) > 1e-9)
        add("current_ratio_falls", "current_ratio", lambda old, new: old - new - 0.4 * abs(old) > 1e-9)
        add("quick_ratio_falls", "quick_ratio", lambda old, new: old - new - 0.4 * abs(old) > 1e-9)
        add("margin_falls", "net_profit_margin", lambda old, new: old - new - 0.1 > 1e-9)
        add("debt_rises", "debt_to_asset_ratio", lambda old, new: new - old - 0.2 > 1e-9)
        add("punctuality_falls", "on_time_payment_rate", lambda old, new: old - new - 0.2 > 1e-9)
        add("long_overdue", "overdue_days_max_12m", lambda old, new: new > 90 and not old > 90)
        add("insolvency_found", "insolvency_filing", lambda old, new: new == 1 and old != 1)
        add("severe_breach_found", "severe_breach_24m", lambda old, new: new == 1 and old != 1)
    return found


@cache
def served_alone() -> Served:
    return load_served()


def office_of(store: Store) -> Office:
    return Office(store, Procedure())


def check(store: Store, table: Path, day: date = DELIVERED) -> Checked:
    return DeliveryDesk(office_of(store), served_alone()).check(ERP, table, day)


def told(store: Store) -> Counter[tuple[str, str]]:
    """Return type and pseudonym of every event that was taken."""
    with store.reading() as connection:
        return Counter((row.type, row.customer) for row in connection.execute(select(events)))


def expected_events(store: Store, broken: set[tuple[str, str]]) -> Counter[tuple[str, str]]:
    types = {rule.id: rule.event for rule in RULES}
    with store.reading() as connection:
        known = find_customers(connection, store.keyring, CUSTOMERS)
    return Counter((types[rule], known[customer].id) for rule, customer in broken)


@pytest.mark.parametrize(("seed", "evidence"), [(1, (True, True)), (2, (True, False)), (3, (False, True))])
def test_what_has_worsened_is_what_is_found_by_hand_and_is_told_once(
    store: Store, tmp_path: Path, seed: int, evidence: tuple[bool, bool]
) -> None:
    rng = np.random.default_rng(seed)
    before, before_facts = drawn(rng, GROUND)
    now, now_facts = drawn(rng, DELIVERED)
    first, second = (
        facts if given else None for facts, given in zip((before_facts, now_facts), evidence, strict=True)
    )
    evaluate_periodically(store, served_alone(), built(tmp_path / "a", GROUND, before, first), GROUND, "ann")
    broken = by_hand(before, first, now, second)
    assert len(broken) >= 4
    table = built(tmp_path / "b", DELIVERED, now, second)
    checked = check(store, table)
    assert checked.broken == Counter(rule for rule, _ in broken)
    assert (checked.read, checked.compared, checked.taken) == (len(CUSTOMERS), len(CUSTOMERS), len(broken))
    assert (checked.repeated, checked.refused, checked.ignored) == (0, [], {})
    assert told(store) == expected_events(store, broken)
    entries = trail_length(store)
    again = check(store, table)
    assert (again.broken, again.taken, again.repeated) == (checked.broken, 0, len(broken))
    assert trail_length(store) == entries, "the same again writes nothing"
    assert_held(store, broken)


@pytest.mark.parametrize("evidence", [(True, True), (True, False), (False, True), (False, False)])
def test_on_many_random_frames_the_rules_find_what_is_found_by_hand(evidence: tuple[bool, bool]) -> None:
    rules, _ = usable_rules(Procedure(), load_catalog("customer"))
    some = Counter[str]()
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        before, before_facts = drawn(rng, GROUND)
        now, now_facts = drawn(rng, DELIVERED)
        first, second = (
            facts if given else None for facts, given in zip((before_facts, now_facts), evidence, strict=True)
        )
        found = set()
        for customer in CUSTOMERS:
            given = {name: now[customer, name] for name in LEVELS if now[customer, name] is not None}
            ground: Any = {
                "inputs": {
                    "as_of": str(GROUND),
                    "indicators": {
                        name: before[customer, name] for name in LEVELS if before[customer, name] is not None
                    },
                },
                "evidence": lines_of(customer, first),
            }
            lines = None if second is None else lines_of(customer, second)
            broken = broken_rules(rules, ground, given, lines, DELIVERED)
            found |= {(of.rule.id, customer) for of in broken}
        assert found == by_hand(before, first, now, second), seed
        some.update(rule for rule, _ in found)
    # Every rule that can be broken was, so that none was compared in vain.
    assert set(some) == {rule.id for rule in rules if rule.indicator in LEVELS}


def lines_of(customer: str, facts: Facts | None) -> dict[str, Any]:
    """Return the evidence of a customer as a justification has it."""
    if facts is None:
        return {}
    days = {name: facts[customer, name] for name in LEVELS}
    return {name: {"evidence": None if day is None else str(day)} for name, day in days.items()}


def trail_length(store: Store) -> int:
    with store.reading() as connection:
        return len(connection.execute(select(audit_entries.c.sequence)).all())


def assert_held(store: Store, broken: set[tuple[str, str]]) -> None:
    """Whoever has an adverse event is held at risk, with a case of deterioration; nobody else is."""
    procedure = Procedure()
    types = {rule.id: procedure.events[rule.event].severity for rule in RULES}
    adverse = {customer for rule, customer in broken if types[rule] == "adverse"}
    with store.reading() as connection:
        for customer_id, known in find_customers(connection, store.keyring, CUSTOMERS).items():
            standing = standing_of(connection, known.id, store.clock())
            assert (Layer.HOLD in standing.layers) == (customer_id in adverse)
            if customer_id in adverse:
                assert standing.tier is Tier.RISK
                case = open_case_of(connection, known.id)
                assert case is not None
                assert case.reason is CaseReason.DETERIORATION


@pytest.mark.parametrize("way", ["approved", "overridden"])
def test_a_bad_value_that_is_delivered_every_day_is_told_once_and_a_lifted_hold_stays_lifted(
    store: Store, tmp_path: Path, way: str
) -> None:
    desk = DeliveryDesk(office_of(store), served_alone())

    def table_of(day: date, net_assets: float) -> Path:
        columns = {"customer_id": ["C-1"], "nature": "enterprise", "as_of": [day], "net_assets": [net_assets]}
        pd.DataFrame(columns).to_parquet(tmp_path / f"{day}.parquet")
        return tmp_path / f"{day}.parquet"

    days = [DELIVERED + timedelta(days=past) for past in range(5)]
    evaluate_periodically(store, served_alone(), table_of(GROUND, 20.0), GROUND, "ann")
    first = desk.check(ERP, table_of(days[0], -3.0), days[0])
    assert first.broken == {"negative_net_assets": 1, "net_assets_fall": 1}
    with store.reading() as connection:
        known = find_customers(connection, store.keyring, ["C-1"])["C-1"]
        assert Layer.HOLD in standing_of(connection, known.id, store.clock()).layers
    again = desk.check(ERP, table_of(days[1], -3.0), days[1])
    assert (again.compared, again.broken, again.taken) == (1, Counter(), 0)
    decide(store, known.id, Tier.GENERAL if way == "overridden" else None)
    for day in days[2:4]:
        assert desk.check(ERP, table_of(day, -3.0), day).broken == Counter()
    with store.reading() as connection:
        assert Layer.HOLD not in standing_of(connection, known.id, store.clock()).layers
    assert sum(told(store).values()) == 2
    # A further fall is news, beside what was told last.
    assert desk.check(ERP, table_of(days[4], -9.0), days[4]).broken == {"net_assets_fall": 1}


def decide(store: Store, customer: str, other: Tier | None) -> None:
    """Propose and approve what follows from the newest decision, or another tier as an override."""
    office = office_of(store)
    with store.reading() as connection:
        case, newest = open_case_of(connection, customer), newest_decision(connection, customer)
        assert newest is not None
        (after,) = proposals_after(connection, office.procedure, [newest], store.clock())
    assert case is not None
    override = None if other is None else Override("strategic", store.clock() + timedelta(days=30))
    tier = other or after.steady
    with store.writing("ann") as writing:
        case = office.propose(
            writing, acting("ann"), case.id, tier, "seen", decision=newest, override=override
        )
    for name in ("bob", "carl")[: case.needed]:
        with store.writing(name) as writing:
            office.approve(writing, acting(name), case.id, case.version)


def test_the_newest_event_is_what_new_indicators_are_compared_with() -> None:
    below = rule(below=0.0)
    ground: Any = {"inputs": {"as_of": str(GROUND), "indicators": {"net_assets": 5.0}}, "evidence": {}}

    def broken(now: float, *reported: tuple[str, int, float]) -> bool:
        told = [
            (DELIVERED + timedelta(days=days), id_, Event(id_, "x", "C-1", DELIVERED, {"net_assets": value}))
            for id_, days, value in reported
        ]
        lying = [(day, id_, of.content()) for day, id_, of in told]
        return bool(broken_rules([below], ground, {"net_assets": now}, None, DELIVERED, lying))

    assert broken(-1.0)
    assert not broken(-1.0, ("erp", -1, -2.0))
    assert broken(-1.0, ("erp", -1, -2.0), ("recovery", 0, 4.0))
    assert not broken(-1.0, ("later", 1, 4.0))
    assert not broken(-1.0, ("deterioration r c", -1, -1.0))
    # What the same facts have told already: they are compared with what was before them.
    assert broken(-1.0, ("deterioration r c", 0, -1.0))


def test_a_delivery_that_was_stopped_goes_on_where_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    before, before_facts = drawn(rng, GROUND)
    now, now_facts = drawn(rng, DELIVERED)
    ground = built(tmp_path / "a", GROUND, before, before_facts)
    evaluate_periodically(store, served_alone(), ground, GROUND, "ann")
    broken = by_hand(before, before_facts, now, now_facts)
    table = built(tmp_path / "b", DELIVERED, now, now_facts)
    take, left = EventDesk.take, [5]

    def dying(self: EventDesk, writing: Writing, actor: Actor, event: Event, reason: CaseReason) -> Taken:
        taken = take(self, writing, actor, event, reason)
        left[0] -= 1
        if left[0] < 0:
            raise ZeroDivisionError
        return taken

    with monkeypatch.context() as patch:
        patch.setattr(EventDesk, "take", dying)
        with pytest.raises(ZeroDivisionError):
            check(store, table)
    assert sum(told(store).values()) == 5
    assert check(store, table).taken == len(broken) - 5
    assert told(store) == expected_events(store, broken)


def test_rows_that_cannot_be_compared_are_counted_and_change_nothing(store: Store, tmp_path: Path) -> None:
    before, facts = drawn(np.random.default_rng(6), GROUND)
    ground = built(tmp_path / "a", GROUND, before, facts)
    frame = pd.read_parquet(ground)
    evaluate_periodically(store, served_alone(), ground, GROUND, "ann")
    frame["as_of"] = DELIVERED
    frame.loc[0, "customer_id"] = "C-99"
    frame.loc[1, "nature"] = "planet"
    frame.loc[2, "as_of"] = GROUND
    other = tmp_path / "other.parquet"
    frame.to_parquet(other)
    checked = check(store, other)
    assert (checked.read, checked.not_registered, checked.rejected) == (len(CUSTOMERS), 1, 2)
    assert checked.compared == len(CUSTOMERS) - 3
    # Nothing is newer than the same values were: nothing has worsened.
    assert (checked.broken, told(store)) == (Counter(), Counter())
    earlier = tmp_path / "earlier.parquet"
    frame.assign(as_of=GROUND - timedelta(days=1), nature="enterprise").to_parquet(earlier)
    assert check(store, earlier, GROUND - timedelta(days=1)).not_newer == len(CUSTOMERS) - 1


def test_the_default_rules_fit_the_bundled_catalog_and_others_leave_them_out_by_name() -> None:
    usable, ignored = usable_rules(Procedure(), load_catalog("customer"))
    assert (tuple(usable), ignored) == (RULES, {})
    usable, ignored = usable_rules(Procedure(), load_catalog("sba"))
    assert usable == []
    assert ignored["negative_net_assets"] == "the catalog has no indicator net_assets"
    text = RULES[0].model_copy(update={"indicator": "bank_rating"})
    changed = Procedure().model_copy(update={"deterioration": (text,)})
    assert "neither a number" in usable_rules(changed, load_catalog("customer"))[1][text.id]


def rule(**asked: Any) -> DeteriorationRule:
    whole: dict[str, Any] = {
        "id": "r",
        "names": RULES[0].names,
        "indicator": "net_assets",
        "event": "negative_equity",
    }
    return DeteriorationRule(**whole, **asked)


@pytest.mark.parametrize(
    ("asked", "before", "now", "broken"),
    [
        ({"below": 0.0}, 1.0, 0.0, False),
        ({"below": 0.0}, 0.0, -0.01, True),
        ({"below": 0.0}, None, -0.01, True),
        ({"below": 0.0}, -1.0, -9.0, False),
        ({"below": 0.0}, 1.0, None, False),
        ({"above": 90.0}, 90.0, 90.0, False),
        ({"above": 90.0}, 90.0, 90.5, True),
        ({"above": 90.0}, 91.0, 200.0, False),
        ({"falls_by": Step(share=0.3)}, 1.0, 0.7, False),
        ({"falls_by": Step(share=0.3)}, 1.0, 0.69, True),
        ({"falls_by": Step(share=0.3)}, -1.0, -1.31, True),
        ({"falls_by": Step(share=0.3)}, 0.0, -0.01, True),
        ({"falls_by": Step(share=0.3)}, None, -5.0, False),
        ({"falls_by": Step(amount=0.1)}, 0.3, 0.2, False),
        ({"falls_by": Step(amount=0.1)}, 0.3, 0.19, True),
        ({"rises_by": Step(amount=0.2)}, 0.4, 0.6, False),
        ({"rises_by": Step(amount=0.2)}, 0.4, 0.61, True),
        ({"rises_by": Step(share=0.5)}, 2.0, 3.01, True),
    ],
)
def test_a_rule_is_broken_beyond_its_bound_and_not_at_it(
    asked: dict[str, Any], before: float | None, now: float | None, broken: bool
) -> None:
    assert rule(**asked).broken_by(before, now) is broken


@pytest.mark.parametrize("wrong", [{}, {"below": 0.0, "above": 1.0}])
def test_a_rule_says_one_thing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give one of"):
        rule(**wrong)


def test_a_rule_on_an_event_that_the_procedure_lacks_is_refused_where_it_was_given() -> None:
    some = {name: of for name, of in Procedure().events.items() if name != "negative_equity"}
    ignored = usable_rules(Procedure(events=some), load_catalog("customer"))[1]
    assert set(ignored) == {"negative_net_assets", "negative_personal_net_assets"}
    with pytest.raises(ValueError, match="rule negative_net_assets is none of the events"):
        Procedure(events=some, deterioration=RULES)
