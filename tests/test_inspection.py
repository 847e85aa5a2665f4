"""Inspection: samples that anybody can draw again, inspectors who had no part, findings that are sealed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sqlalchemy import insert, select

from features.terms import Nature, Tier
from serving.audit.verification import verify
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason
from serving.reviews.office import Office
from serving.store.customers import KnownCustomer, erase_customer, ids_of, register_customers
from serving.store.documents import keep_served
from serving.store.event_tables import events
from serving.store.store import Store
from serving.store.supervision_tables import inspection_items
from serving.store.tables import decisions, runs
from serving.supervision.inspected import inspected, never_inspected
from serving.supervision.inspection import (
    Draw,
    Drawn,
    Finding,
    InspectionDesk,
    InspectionError,
    Item,
    NotIndependent,
    draw_again,
    persons_behind,
)
from serving.supervision.period import Period
from serving.supervision.sampling import drawn, drawn_by_stratum
from serving.supervision.words import Severity
from tests.overseen import scorer
from tests.reviewed import acting
from tests.stores import database_url, store

__all__ = ["database_url", "store"]

PERIOD = Period(date(2025, 4, 1), date(2025, 4, 30))
DRAWN_AT = datetime(2025, 5, 10, 9, tzinfo=UTC)
TIERS = (Tier.GOOD, Tier.GENERAL, Tier.RISK)
FINDING = Finding("wrong statement was read", Severity.MAJOR, "evaluate again", 20)


@settings(max_examples=40)
@given(st.sets(st.text(min_size=1, max_size=5), max_size=40), st.integers(0, 2**31 - 1), st.integers(1, 45))
def test_a_sample_depends_on_seed_and_ids_alone(ids: set[str], seed: int, size: int) -> None:
    once = drawn(sorted(ids), seed, size)
    assert once == drawn(sorted(ids, reverse=True), seed, size)
    assert len(once) == len(set(once)) == min(size, len(ids))
    assert set(once) <= set(drawn(ids, seed, size + 3)) <= ids


def test_every_decision_is_drawn_about_equally_often_and_so_is_every_pair() -> None:
    ids, singles, pairs = [f"d{place}" for place in range(12)], Counter[str](), Counter[tuple[str, str]]()
    for seed in range(3000):
        found = sorted(drawn(ids, seed, 4))
        singles.update(found)
        pairs.update((one, other) for one in found for other in found if one < other)
    # Draws without replacement vary less than the test allows for.
    assert chisquare([singles[id_] for id_ in ids]).pvalue > 0.001
    assert len(pairs) == 66
    assert chisquare(list(pairs.values())).pvalue > 0.001


@settings(max_examples=100)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 30), max_size=5),
    st.integers(1, 60),
    st.integers(0, 99),
)
def test_strata_are_drawn_in_proportion_and_of_each_at_least_one(
    sizes: dict[str, int], size: int, seed: int
) -> None:
    strata = {name: [f"{name}{place}" for place in range(n)] for name, n in sizes.items()}
    there = {name: ids for name, ids in strata.items() if ids}
    found = drawn_by_stratum(strata, seed, size)
    whole = sum(map(len, there.values()))
    assert len(found) == len(set(found)) == min(size, whole)
    assert set(found) <= {id_ for ids in there.values() for id_ in ids}
    if size >= len(there):
        for name, ids in there.items():
            mine = sum(id_.startswith(name) for id_ in found)
            assert mine >= 1
            share = (min(size, whole) - len(there)) * (len(ids) - 1) / max(whole - len(there), 1)
            assert abs(mine - 1 - share) < 1


@pytest.fixture
def filled(store: Store) -> Iterator[tuple[Store, dict[str, KnownCustomer]]]:
    """Return a store with two decisions on each of twelve customers, in and around the period."""
    with store.writing("ann", PERIOD.begin - timedelta(days=60)) as writing:
        keep_served(writing, scorer(), None)
        natures = {f"C-{place}": Nature.ENTERPRISE for place in range(12)}
        known = register_customers(writing, store.keyring, natures)
        moments = [
            PERIOD.begin, PERIOD.last_moment, PERIOD.before_begin, PERIOD.end,
            *(PERIOD.begin + timedelta(days=place) for place in range(8)),
        ]  # fmt: skip
        rows: list[dict[str, Any]] = []
        for place, (customer, at) in enumerate(zip(known.values(), moments, strict=True)):
            rows.append({
                "id": f"{place:032x}", "run": None, "customer": customer.id, "kind": "periodic",
                "as_of": date(2025, 3, 31), "decided_at": at, "nature": "enterprise", "score": 50.0,
                "probability": None, "tier": str(TIERS[place % 3]), "completeness": 1.0,
                "catalog_hash": scorer().catalog.hash, "policy_hash": scorer().policy.hash,
                "artefact_hash": None, "model_version": None, "sealed": b"-", "digest": "0" * 64,
            })  # fmt: skip
        writing.connection.execute(insert(decisions), rows)
        writing.record("decisions.made_up", None, {})
    store.clock = lambda: DRAWN_AT
    yield store, known
    with store.reading() as connection:
        assert verify(connection, store.keyring, store.heads).bad_entry is None


def desk(store: Store) -> InspectionDesk:
    return InspectionDesk(store, Procedure())


def draw(store: Store, size: int = 20, seed: int = 7, stratified: bool = False) -> Drawn:
    with store.writing("sue") as writing:
        return desk(store).draw(writing, acting("sue"), Draw(PERIOD, size, seed, stratified))


def items(store: Store, sample: str | None = None) -> list[Item]:
    with store.reading() as connection:
        return desk(store).items(connection, sample).items


def record(store: Store, item: str, finding: Finding | None, by: str = "sue", *behind: str) -> None:
    with store.writing(by) as writing:
        desk(store).record(writing, acting(by, "token", *behind), item, finding)


def test_decisions_of_the_period_are_drawn_and_no_other(filled: tuple[Store, Any]) -> None:
    found = draw(filled[0])
    assert (found.population, found.items, found.again) == (10, 10, False)
    numbers = {int(item.decision, 16) for item in items(filled[0], found.inspection)}
    assert numbers == {0, 1, *range(4, 12)}


@pytest.mark.parametrize("stratified", [False, True])
def test_a_sample_is_recorded_and_can_be_drawn_again_after_an_erasure(
    filled: tuple[Store, dict[str, KnownCustomer]], stratified: bool
) -> None:
    store, known = filled
    first = draw(store, 4, stratified=stratified)
    again = draw(store, 4, stratified=stratified)
    assert (again.inspection, again.again) == (first.inspection, True)
    assert len(items(store)) == 4
    assert draw(store, 4, seed=8, stratified=stratified).inspection != first.inspection
    with store.reading() as connection:
        kept, once_more = draw_again(connection, first.inspection)
    assert kept == once_more
    if stratified:
        assert len({item.tier for item in items(store, first.inspection)}) == 3
    store.clock = lambda: DRAWN_AT + timedelta(days=1)
    with store.writing("dpo") as writing:
        erase_customer(writing, known["C-5"].id)
    with store.reading() as connection:
        kept, once_more = draw_again(connection, first.inspection)
    assert kept == once_more
    assert draw(store).population == 9


@pytest.mark.parametrize(("size", "seed"), [(0, 1), (10_001, 1), (1, -1), (1, 2**31)])
def test_a_draw_out_of_range_is_refused(size: int, seed: int) -> None:
    with pytest.raises(InspectionError):
        Draw(PERIOD, size, seed)


def test_an_empty_period_has_nothing_to_draw(filled: tuple[Store, Any]) -> None:
    with pytest.raises(InspectionError, match="no decision"), filled[0].writing("sue") as writing:
        period = Period(date(2020, 1, 1), date(2020, 1, 2))
        desk(filled[0]).draw(writing, acting("sue"), Draw(period, 1, 1))


def test_nobody_inspects_what_they_had_a_part_in_by_whatever_way(
    filled: tuple[Store, dict[str, KnownCustomer]],
) -> None:
    store, known = filled
    office = Office(store, Procedure())
    with store.writing("ann", PERIOD.end) as writing:
        case = office.open(writing, acting("ann"), known["C-4"].id, CaseReason.REQUEST, None)
        asked = office.request(writing, acting("bob"), case.id, "finance", "what is new?")
    with store.writing("fin", PERIOD.end + timedelta(days=1)) as writing:
        office.answer(writing, acting("fin", "token", "boss"), asked, "nothing", complete=True)
    with store.writing("ann", PERIOD.begin - timedelta(days=9)) as writing:
        old = office.open(writing, acting("carl"), known["C-5"].id, CaseReason.REQUEST, None)
        office.withdraw(writing, acting("carl"), old.id)
    draw(store)
    by_decision = {int(item.decision, 16): item.id for item in items(store)}
    for name, behind in (("ann", ()), ("bob", ()), ("fin", ()), ("boss", ()), ("sue", ("ann",))):
        for finding in (None, FINDING):
            with pytest.raises(NotIndependent):
                record(store, by_decision[4], finding, name, *behind)
    record(store, by_decision[4], FINDING, "sue")
    with pytest.raises(NotIndependent), store.writing("ann") as writing:
        desk(store).remedied(writing, acting("ann"), by_decision[4])
    # A case that was over before the decision was made has nothing to do with it.
    record(store, by_decision[5], None, "carl")
    with pytest.raises(InspectionError, match="inspected before"):
        record(store, by_decision[5], None, "sue")


def test_who_went_on_with_an_evaluation_or_reported_its_event_does_not_inspect(
    filled: tuple[Store, dict[str, KnownCustomer]],
) -> None:
    store, known = filled
    customer, run = known["C-4"].id, "a" * 32
    with store.writing("ann") as writing:
        one = writing.connection.execute(
            select(decisions).where(decisions.c.customer == customer)
        ).one()._asdict()  # fmt: skip
        writing.connection.execute(insert(runs).values(
            id=run, kind="periodic", as_of=one["as_of"], frame_hash="0" * 64, chunk_rows=9, done=0,
            catalog_hash=one["catalog_hash"], policy_hash=one["policy_hash"], started_at=writing.at,
            started_by="ann",
        ))  # fmt: skip
        for id_, of in (("b" * 32, run), ("c" * 32, None)):
            writing.connection.execute(insert(decisions).values({**one, "id": id_, "run": of}))
        writing.connection.execute(insert(events).values(
            id="0" * 64, customer=customer, type="recovery", severity="notable", received_at=writing.at,
            occurred_on=one["as_of"], received_from="crm", content_hash="0" * 64, sealed=b"-",
            decision="c" * 32,
        ))  # fmt: skip
        writing.record("run.started", run, {})
    with store.writing("ben") as writing:
        writing.record("run.chunk_kept", run, {})
        writing.record("other.thing", None, {})
    with store.reading() as connection:
        found = [persons_behind(connection, letter * 32) for letter in "bc"]
        assert found == [{"ann", "ben"}, {"crm"}]
        assert persons_behind(connection, one["id"]) == set()


def test_a_finding_is_sealed_and_an_erasure_makes_it_unreadable(
    filled: tuple[Store, dict[str, KnownCustomer]],
) -> None:
    store, known = filled
    draw(store)
    item = next(item for item in items(store) if item.customer == known["C-6"].id)
    record(store, item.id, FINDING)
    with store.reading() as connection:
        row = connection.execute(select(inspection_items).where(inspection_items.c.id == item.id)).one()
    assert b"statement" not in row.finding and b"again" not in row.remedy
    read = next(one for one in items(store) if one.id == item.id)
    assert (read.finding, read.remedy, read.severity) == (FINDING.text, FINDING.remedy, Severity.MAJOR)
    assert read.remedy_due_at == DRAWN_AT + timedelta(days=20)
    with store.writing("dpo") as writing:
        erase_customer(writing, known["C-6"].id)
    read = next(one for one in items(store) if one.id == item.id)
    assert (read.finding, read.remedy, read.severity) == (None, None, Severity.MAJOR)


def test_what_cannot_be_inspected_any_more_is_left_out_and_counted(
    filled: tuple[Store, dict[str, KnownCustomer]],
) -> None:
    store, known = filled
    sample = draw(store).inspection
    first = next(item for item in items(store) if item.customer == known["C-6"].id)
    record(store, first.id, FINDING)
    later = DRAWN_AT + timedelta(days=1)
    store.clock = lambda: later
    with store.writing("dpo") as writing:
        for name in ("C-6", "C-7", "C-8"):
            erase_customer(writing, known[name].id)
    with store.reading() as connection:
        for which in (None, sample):
            listed = desk(store).items(connection, which, 3)
            assert (len(listed.items), listed.total, listed.erased) == (3, 8, 2)
            ids = ids_of(connection, store.keyring, [of.id for of in known.values()])
            gone = ("C-6", "C-7", "C-8")
            assert ids == {of.id: "erased" if name in gone else name for name, of in known.items()}
        for day, drawn_, erased in ((DRAWN_AT.date(), 10, 0), (later.date(), 8, 2)):
            period = Period(day, day)
            assert inspected(connection, period)["inspection.inspected"].whole.cases == drawn_
            assert never_inspected(connection, period) == erased


@pytest.mark.parametrize(
    "wrong",
    [
        Finding("", Severity.MINOR, "do", 3), Finding("x", Severity.MINOR, "", 3),
        Finding("x", Severity.MINOR, "do", 0), Finding("x" * 4001, Severity.MINOR, "do"),
    ],
)  # fmt: skip
def test_a_finding_is_whole_or_refused(filled: tuple[Store, Any], wrong: Finding) -> None:
    draw(filled[0])
    item = items(filled[0])[0].id
    with pytest.raises(InspectionError):
        record(filled[0], item, wrong)
    assert all(one.result is None for one in items(filled[0]))


def test_findings_and_remedies_are_counted_as_they_stood_when_the_period_ended(
    filled: tuple[Store, Any],
) -> None:
    store = filled[0]
    draw(store)
    first, second, third, *_ = [item.id for item in items(store)]
    for days, item, finding in ((1, first, FINDING), (2, second, FINDING), (3, third, None)):
        at = DRAWN_AT + timedelta(days=days)
        store.clock = partial(datetime.fromisoformat, at.isoformat())
        record(store, item, finding)
    done = DRAWN_AT + timedelta(days=40)
    store.clock = lambda: done
    with store.writing("sue") as writing:
        desk(store).remedied(writing, acting("sue"), first)
    with pytest.raises(InspectionError, match="no remedy"), store.writing("sue") as writing:
        desk(store).remedied(writing, acting("sue"), first)

    def counted(last: date) -> dict[str, tuple[float | None, int]]:
        with store.reading() as connection:
            found = inspected(connection, Period(date(2025, 5, 12), last))
        return {name.partition(".")[2]: (of.whole.value, of.whole.cases) for name, of in found.items()}

    early = counted(date(2025, 5, 31))
    assert early["inspected"] == (0.3, 10)
    # Of the three that were inspected one was before the period.
    assert early["finding_rate"] == (0.5, 2)
    assert early["findings_open"] == (2.0, 2)
    # Due on 31 May and 1 June.
    assert early["remedies_overdue"] == (1.0, 2)
    late = counted(done.date())
    assert late["findings_open"] == (1.0, 2)
    assert late["remedies_overdue"] == (1.0, 2)
    assert counted(date(2025, 5, 31)) == early
