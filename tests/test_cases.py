"""Cases: the whole workflow driven at random, and after every step nobody has approved their own proposal."""

import shutil
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from features.terms import RATED_TIERS, Tier
from serving.access.roles import Actor
from serving.audit.state import compare
from serving.audit.verification import verify
from serving.procedure import Approvals, Procedure
from serving.reviews.cases import (
    FINAL,
    Case,
    CaseError,
    CaseKind,
    CaseReason,
    CaseState,
    NotAllowed,
    Opened,
    Override,
    items_of,
    load_case,
)
from serving.reviews.office import Office
from serving.reviews.standings import Layer, end_expired, put_in_force, standing_of, standings_of
from serving.store.case_tables import case_acts, cases, changes, standings
from serving.store.customers import erase_customer
from serving.store.instants import now
from tests.reviewed import CUSTOMERS, PERSONS, acting, copy_of, newest, office, runs_of, store, template

__all__ = ["office", "store", "template"]

ACTORS = st.builds(
    acting,
    st.sampled_from(PERSONS),
    st.sampled_from(["token", "key 1", "key 2"]),
) | st.builds(acting, st.sampled_from(PERSONS), st.just("token"), st.sampled_from(PERSONS))


class Workflow(RuleBasedStateMachine):
    """Random persons do random things, alone, by keys and by delegation; a plain record says what may be."""

    backend: str
    template: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = copy_of(self.template, self.backend, self.folder / "store")
        self.office = Office(self.store, Procedure(approvals=Approvals(ordinary=2, to_premium=3)))
        self.newest = newest(self.store)
        self.customers = sorted(self.newest)
        self.makers: dict[str, set[str]] = {}
        self.openers: dict[str, set[str]] = {}
        self.approved: dict[tuple[str, int], list[frozenset[str]]] = {}
        self.effective: set[str] = set()

    def teardown(self) -> None:
        with self.store.reading() as connection:
            assert verify(connection, self.store.keyring, self.store.heads).bad_entry is None
            assert compare(connection, self.store.keyring).difference is None
        self.store.close()
        shutil.rmtree(self.folder)

    def case(self, id_: str) -> Case:
        with self.store.reading() as connection:
            return load_case(connection, id_)

    def pick(self, data: st.DataObject, *states: CaseState) -> str:
        """Return a case, mostly one for which the act is meant."""
        fitting = [id_ for id_ in self.makers if self.case(id_).state in states]
        likely = fitting * 5 + list(self.makers)
        return data.draw(st.sampled_from(likely))

    @initialize(actor=ACTORS)
    def first_list(self, actor: Actor) -> None:
        with self.store.writing(actor.name) as writing:
            case = self.office.open_list(writing, actor, runs_of(self.store)[-1])
        assert case is not None
        self.makers[case.id] = self.openers[case.id] = set(actor.persons)

    @rule(actor=ACTORS, place=st.integers(0, CUSTOMERS - 1))
    def open(self, actor: Actor, place: int) -> None:
        with self.store.writing(actor.name) as writing:
            case = self.office.open(writing, actor, self.customers[place], CaseReason.REQUEST, None)
            if case.opened_at != writing.at:
                writing.record("case.found", case.id, {})
        self.makers.setdefault(case.id, set())
        self.openers.setdefault(case.id, set(actor.persons))

    @rule(data=st.data(), actor=ACTORS, place=st.integers(0, CUSTOMERS - 1))
    def pull_out(self, data: st.DataObject, actor: Actor, place: int) -> None:
        id_ = self.pick(data, CaseState.PROPOSED)
        customer = self.customers[place]
        case = self.case(id_)
        with self.store.reading() as connection:
            inside = [item.customer for item in items_of(connection, id_) if item.pulled_out is None]
        possible = case.kind is CaseKind.LIST and case.state is CaseState.PROPOSED and customer in inside
        try:
            with self.store.writing(actor.name) as writing:
                single = self.office.pull_out(writing, actor, id_, customer)
        except CaseError:
            assert not possible
            return
        assert possible
        # Those who have approved the list have approved what is left of it.
        assert self.case(id_).version == case.version
        self.makers[single.id], self.openers[single.id] = set(), set(actor.persons)

    @rule(data=st.data(), actor=ACTORS, tier=st.sampled_from(RATED_TIERS), overriding=st.booleans())
    def propose(self, data: st.DataObject, actor: Actor, tier: Tier, overriding: bool) -> None:
        id_ = self.pick(data, CaseState.COLLECTING)
        case = self.case(id_)
        if case.customer is None:
            decision, decided = "0" * 32, Tier.GOOD
        else:
            decision, decided = self.newest[case.customer]
        override = Override("strategic", now() + timedelta(days=30)) if overriding else None
        open_ = case.kind is CaseKind.SINGLE and case.state not in FINAL
        try:
            with self.store.writing(actor.name) as writing:
                self.office.propose(
                    writing, actor, id_, tier, "because", decision=decision, override=override
                )
        except CaseError:
            assert not open_ or (not overriding and tier is not decided)
            return
        assert open_
        assert overriding or tier is decided
        self.makers[id_] |= actor.persons

    @rule(data=st.data(), actor=ACTORS, behind=st.sampled_from([0, 0, 0, 1]))
    def approve(self, data: st.DataObject, actor: Actor, behind: int) -> None:
        id_ = self.pick(data, CaseState.PROPOSED)
        case = self.case(id_)
        version = case.version - behind
        earlier = self.approved.setdefault((id_, version), [])
        may = (
            case.state is CaseState.PROPOSED
            and behind == 0
            and self.makers[id_].isdisjoint(actor.persons)
            and not any(persons & actor.persons for persons in earlier)
        )
        try:
            with self.store.writing(actor.name) as writing:
                after, _ = self.office.approve(writing, actor, id_, version)
        except CaseError:
            assert not may
            return
        assert may
        earlier.append(actor.persons)
        assert (after.state is CaseState.EFFECTIVE) == (len(earlier) >= after.needed)
        if after.state is CaseState.EFFECTIVE:
            self.effective.add(id_)

    @rule(data=st.data(), actor=ACTORS)
    def second_approval(self, data: st.DataObject, actor: Actor) -> None:
        self.approve(data, actor, 0)

    @precondition(lambda self: len(self.makers) > 3)
    @rule(data=st.data(), actor=ACTORS)
    def reject(self, data: st.DataObject, actor: Actor) -> None:
        id_ = self.pick(data, CaseState.PROPOSED)
        case = self.case(id_)
        may = case.state is CaseState.PROPOSED and self.makers[id_].isdisjoint(actor.persons)
        earlier = self.approved.get((id_, case.version), [])
        may = may and not any(persons & actor.persons for persons in earlier)
        try:
            with self.store.writing(actor.name) as writing:
                self.office.reject(writing, actor, id_, case.version, "not convincing")
        except CaseError:
            assert not may
            return
        assert may

    @precondition(lambda self: len(self.makers) > 3)
    @rule(data=st.data(), actor=ACTORS)
    def withdraw(self, data: st.DataObject, actor: Actor) -> None:
        id_ = self.pick(data, CaseState.COLLECTING)
        case = self.case(id_)
        theirs = self.openers[id_] | self.makers[id_]
        may = case.state not in FINAL and not theirs.isdisjoint(actor.persons)
        try:
            with self.store.writing(actor.name) as writing:
                self.office.withdraw(writing, actor, id_)
        except CaseError:
            assert not may
            return
        assert may

    @precondition(lambda self: self.effective)
    @invariant()
    def every_effect_was_approved_by_others(self) -> None:
        with self.store.reading() as connection:
            for row in connection.execute(select(cases).where(cases.c.state == "effective")):
                assert row.id in self.effective
                acts = connection.execute(select(case_acts).where(case_acts.c.case == row.id)).all()
                makers = [set(act.persons.split("\n")) for act in acts if act.act == "proposed"]
                checkers = [
                    set(act.persons.split("\n"))
                    for act in acts
                    if act.act == "approved" and act.version == row.version
                ]
                assert len(checkers) >= row.needed
                assert sum(len(persons) for persons in checkers) == len(set().union(*checkers))
                assert set().union(*makers).isdisjoint(set().union(*checkers))

    @invariant()
    def a_tier_is_in_force_only_by_an_effective_case(self) -> None:
        with self.store.reading() as connection:
            rows = connection.execute(select(standings)).all()
            assert {row.case for row in rows} <= self.effective
            open_ = [(row.customer, row.layer) for row in rows if row.valid_to is None]
            assert len(open_) == len(set(open_))
            found = standings_of(connection, self.customers, now())
            told = connection.execute(select(changes).order_by(changes.c.at)).all()
        for customer, standing in found.items():
            last = [change.after for change in told if change.customer == customer]
            assert (last[-1] if last else None) == (standing.tier and str(standing.tier))


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_nobody_approves_their_own_proposal(backend: str, template: dict[str, Any]) -> None:
    machine = type("OnBackend", (Workflow,), {"backend": backend, "template": template})
    examples = {"sqlite": 25, "postgresql": 10}[backend]
    # A violation is told as it was found: making it smaller takes longer than reading it.
    phases = [Phase.explicit, Phase.generate]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=40, phases=phases)
    )


def proposed(office: Office, by: Actor, place: int = 0, tier: Tier | None = None) -> Case:
    """Open a case and propose the decision's tier, or another as an override."""
    customer, (decision, decided) = sorted(newest(office.store).items())[place]
    override = Override("strategic", now() + timedelta(days=30)) if tier is not None else None
    with office.store.writing(by.name) as writing:
        case = office.open(writing, by, customer, CaseReason.REQUEST, None)
        return office.propose(
            writing, by, case.id, tier or decided, "because", decision=decision, override=override
        )


def test_a_name_typed_otherwise_is_the_same_person(office: Office) -> None:
    case = proposed(office, acting("root"))
    with pytest.raises(NotAllowed), office.store.writing("Root") as writing:
        office.approve(writing, acting("Root", "key 1"), case.id, case.version)
    with office.store.writing("bob") as writing:
        because, customer = "its bank asked", sorted(newest(office.store))[1]
        single = office.open(writing, acting("Bob"), customer, CaseReason.REQUEST, None, because=because)
    with office.store.reading() as connection:
        assert office.opened(connection, single) == Opened("Bob", single.opened_at, because)


def test_of_two_approvals_at_once_by_one_person_only_one_counts(office: Office) -> None:
    case = proposed(office, acting("ann"), tier=Tier.PREMIUM)
    assert case.needed == 2
    refused: list[Exception] = []

    def approve(way: str) -> None:
        try:
            with office.store.writing("bob") as writing:
                office.approve(writing, acting("bob", way), case.id, case.version)
        except NotAllowed as error:
            refused.append(error)

    threads = [threading.Thread(target=approve, args=(way,)) for way in ("token", "key 1", "key 2", "key 3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    with office.store.reading() as connection:
        assert load_case(connection, case.id).state is CaseState.PROPOSED
        assert connection.execute(select(standings)).all() == []


def test_an_approver_of_what_was_changed_meanwhile_is_told_so(office: Office) -> None:
    case = proposed(office, acting("ann"))
    proposed(office, acting("ann"))
    with pytest.raises(CaseError, match="version 2"), office.store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version)


def test_an_override_counts_above_the_approved_tier_and_ends(office: Office) -> None:
    store = office.store
    for tier in (None, Tier.RISK):
        case = proposed(office, acting("ann"), tier=tier)
        for approver in ("bob", "carl")[: case.needed]:
            with store.writing(approver) as writing:
                _, told = office.approve(writing, acting(approver), case.id, case.version)
    customer = case.customer
    assert customer is not None
    decided = newest(store)[customer][1]
    with store.reading() as connection:
        standing = standing_of(connection, customer, now())
        later = standing_of(connection, customer, now() + timedelta(days=31))
    assert (standing.tier, later.tier) == (Tier.RISK, decided)
    assert [change.after for change in told] == ([Tier.RISK] if decided is not Tier.RISK else [])
    with store.writing("clock", now() + timedelta(days=31)) as writing:
        ended = end_expired(writing)
        writing.record("expired.ended", None, {"changes": len(ended)})
    assert [(change.before, change.after) for change in ended] == (
        [(Tier.RISK, decided)] if decided is not Tier.RISK else []
    )


def test_a_hold_counts_above_everything_until_a_case_lifts_it(office: Office) -> None:
    store = office.store
    case = proposed(office, acting("ann"), tier=Tier.GOOD)
    customer = case.customer
    assert customer is not None
    with store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version)
    with store.writing("service") as writing:
        change = put_in_force(writing, customer, Layer.HOLD, Tier.RISK, reason="payment_default")
    assert change is not None
    assert (change.before, change.after) == (Tier.GOOD, Tier.RISK)
    again = proposed(office, acting("ann"))
    with store.writing("bob") as writing:
        _, told = office.approve(writing, acting("bob"), again.id, again.version)
    with store.reading() as connection:
        standing = standing_of(connection, customer, now())
    assert set(standing.layers) == {Layer.APPROVED}
    assert told == [] or told[-1].after is standing.tier


def test_a_list_is_approved_without_those_pulled_out_and_one_who_gets_a_case_leaves_it(
    office: Office,
) -> None:
    store = office.store
    run = runs_of(store)[-1]
    with store.writing("ann") as writing:
        listed = office.open_list(writing, acting("ann"), run)
        assert listed is not None
        with pytest.raises(CaseError, match="already"):
            office.open_list(writing, acting("ann"), run)
        names = [item.customer for item in items_of(writing.connection, listed.id)]
        office.pull_out(writing, acting("bob"), listed.id, names[0])
        office.open(writing, acting("service"), names[1], CaseReason.EVENT, None)
    with store.reading() as connection:
        listed = load_case(connection, listed.id)
    assert listed.version == 1
    for approver in ("bob", "carl")[: listed.needed]:
        with store.writing(approver) as writing:
            listed_after, told = office.approve(writing, acting(approver), listed.id, listed.version)
    assert listed_after.state is CaseState.EFFECTIVE
    assert {change.customer for change in told} == set(names[2:])
    with store.reading() as connection:
        found = standings_of(connection, names, now())
    assert [found[name].tier is None for name in names] == [True, True] + [False] * (len(names) - 2)


def test_facts_are_asked_for_and_answered_and_can_be_read_with_the_key_alone(office: Office) -> None:
    customer = min(newest(office.store))
    with office.store.writing("ann") as writing:
        case = office.open(writing, acting("ann"), customer, CaseReason.REQUEST, None)
        asked = office.request(writing, acting("ann"), case.id, "finance", "what is overdue?")
    with office.store.writing("fin") as writing:
        office.answer(writing, acting("fin"), asked, "nothing secret", complete=True)
    with pytest.raises(CaseError, match="answered already"), office.store.writing("fin") as writing:
        office.answer(writing, acting("fin"), asked, "again", complete=True)
    with office.store.reading() as connection:
        remark = connection.execute(
            select(case_acts.c.remark).where(case_acts.c.act == "requested")
        ).scalar_one()
        assert b"overdue" not in remark
        assert office.read_text(connection, case, remark) == "what is overdue?"


def approve(office: Office, case: Case, *names: str) -> None:
    for name in names:
        with office.store.writing(name) as writing:
            office.approve(writing, acting(name), case.id, case.version)


def test_a_list_never_puts_an_older_decision_in_force(office: Office) -> None:
    store = office.store
    early, late = runs_of(store)
    with store.writing("ann") as writing:
        assert office.open_list(writing, acting("ann"), early) is None
        writing.record("list.empty", early, {})
    with store.writing("ann") as writing:
        listed = office.open_list(writing, acting("ann"), late)
    assert listed is not None
    approve(office, listed, *("bob", "carl")[: listed.needed])
    with store.reading() as connection:
        found = standings_of(connection, sorted(newest(store)), now())
    assert all(standing.tier is newest(store)[customer][1] for customer, standing in found.items())


def test_a_list_that_was_rejected_can_be_proposed_again(office: Office) -> None:
    run = runs_of(office.store)[-1]
    first = office.list_of(acting("ann"), run)
    assert first is not None
    with office.store.writing("bob") as writing:
        office.reject(writing, acting("bob"), first.id, first.version, "not now")
    second = office.list_of(acting("ann"), run)
    assert second is not None
    assert second.id != first.id


def test_an_override_that_ends_a_hold_leaves_what_the_newest_facts_say_beneath_it(office: Office) -> None:
    store = office.store
    customer = min(newest(store))
    with store.writing("ann") as writing:
        put_in_force(writing, customer, Layer.APPROVED, Tier.PREMIUM, reason="periodic")
    with store.writing("service") as writing:
        put_in_force(writing, customer, Layer.HOLD, Tier.RISK, reason="payment_default")
    case = proposed(office, acting("ann"), tier=Tier.GENERAL)
    approve(office, case, "bob")
    with store.reading() as connection:
        standing = standing_of(connection, customer, now())
        later = standing_of(connection, customer, now() + timedelta(days=40))
    assert standing.tier is Tier.GENERAL
    assert later.tier is newest(store)[customer][1]


def test_two_must_approve_premium_whatever_was_in_force_when_the_case_was_opened(office: Office) -> None:
    store = office.store
    customer = min(newest(store))
    with store.writing("ann") as writing:
        put_in_force(writing, customer, Layer.APPROVED, Tier.GOOD, reason="periodic")
        put_in_force(
            writing, customer, Layer.OVERRIDE, Tier.PREMIUM, reason="strategic",
            expires_at=now() + timedelta(days=1),
        )  # fmt: skip
    with store.writing("ann") as writing:
        office.open(writing, acting("ann"), customer, CaseReason.REQUEST, None)
    again = proposed(office, acting("ann"), tier=Tier.PREMIUM)
    assert again.needed == 2


def test_an_override_that_ends_is_told_before_the_next_begins(office: Office) -> None:
    store = office.store
    customer = min(newest(store))
    start = now()
    with store.writing("ann", start) as writing:
        put_in_force(writing, customer, Layer.APPROVED, Tier.GOOD, reason="periodic")
    for days in (0, 30):
        with store.writing("ann", start + timedelta(days=days, hours=1)) as writing:
            put_in_force(
                writing, customer, Layer.OVERRIDE, Tier.PREMIUM, reason="strategic",
                expires_at=start + timedelta(days=days + 10),
            )  # fmt: skip
    with store.reading() as connection:
        told = connection.execute(select(changes).order_by(changes.c.at)).all()
    assert [(row.before, row.after) for row in told] == [
        (None, "good"), ("good", "premium"), ("premium", "good"), ("good", "premium"),
    ]  # fmt: skip
    assert told[2].at == start + timedelta(days=10)


def test_why_a_tier_was_proposed_is_read_until_the_customer_is_erased(office: Office) -> None:
    case = proposed(office, acting("ann"))
    assert case.customer is not None
    with office.store.reading() as connection:
        assert office.justification(connection, case) == "because"
    with office.store.writing("dpo") as writing:
        erase_customer(writing, case.customer)
    with office.store.reading() as connection:
        assert office.justification(connection, case) is None


def test_an_erasure_closes_the_case_and_leaves_the_list(office: Office) -> None:
    store = office.store
    listed = office.list_of(acting("ann"), runs_of(store)[-1])
    assert listed is not None
    with store.reading() as connection:
        names = [item.customer for item in items_of(connection, listed.id)]
    with store.writing("ann") as writing:
        case = office.open(writing, acting("ann"), names[0], CaseReason.REQUEST, None)
    with store.writing("dpo") as writing:
        erase_customer(writing, names[0])
        erase_customer(writing, names[1])
    with store.reading() as connection:
        assert load_case(connection, case.id).state is CaseState.WITHDRAWN
        assert names[1] not in {item.customer for item in items_of(connection, listed.id)}
