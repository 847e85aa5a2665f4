"""Sign-offs come from the cases on a set of catalog, policy and model, with what was written in them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from features.catalog import load_catalog
from models.decision import Scorer
from models.policy import load_policy
from models.sign_off import Outcome, SignOff
from serving.governing import governing_procedure
from serving.procedure import Procedure
from serving.promotion.desk import PromotionDesk, RolledBack
from serving.promotion.rules import PromotionRules
from serving.reviews.adoptions import AcceptedFailure, ServedSet
from serving.reviews.cases import Case, Judgement
from serving.reviews.office import Office
from serving.reviews.signed import sign_offs_of
from serving.reviews.subjects import GovernanceDesk
from serving.served import Served
from serving.store.store import Store, create_store
from tests.promoted import FOUND, approve, battery_of, promote, reviewed
from tests.reviewed import acting, served_alone
from tests.strategies import random_model


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = create_store(None, tmp_path / "store", "ann")
    yield made
    made.close()


def test_proposer_and_approvers_stand_in_the_order_of_their_acts(store: Store) -> None:
    served = served_alone()
    hashes = ServedSet.of(served).hashes
    assert sign_offs_of(store, hashes) == []
    procedure = governing_procedure(store, None)
    ann = acting("ann")
    with store.writing("ann") as writing:
        case = GovernanceDesk(store, procedure).propose_served(writing, ann, served, "ready to govern")
    for name in ("bob", "carl"):
        with store.writing(name) as writing:
            said = Judgement("tiers rise", f"{name} looks again in May")
            Office(store, procedure).approve(writing, acting(name), case.id, case.version, said)
    found = sign_offs_of(store, hashes)
    assert [(one.role, one.name, one.decision, one.case) for one in found] == [
        ("proposer", "ann", "proposed", case.id),
        ("approver", "bob", "approved", case.id),
        ("approver", "carl", "approved", case.id),
    ]
    assert found[0].findings == ("ready to govern",)
    assert [(one.findings, one.conditions) for one in found[1:]] == [
        (("tiers rise",), ("bob looks again in May",)),
        (("tiers rise",), ("carl looks again in May",)),
    ]
    assert {one.alias for one in found} == {"champion"}
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert all(isinstance(one, SignOff) and one.at.tzinfo is not None for one in found)
    assert sign_offs_of(store, (hashes[0], hashes[1], "0" * 64)) == []


def test_a_rejection_says_why(store: Store) -> None:
    served = served_alone()
    procedure = governing_procedure(store, None)
    with store.writing("ann") as writing:
        case = GovernanceDesk(store, procedure).propose_served(writing, acting("ann"), served, "because")
    with store.writing("bob") as writing:
        Office(store, procedure).reject(writing, acting("bob"), case.id, case.version, "not yet", FOUND)
    rejected = sign_offs_of(store, ServedSet.of(served).hashes)[-1]
    assert (rejected.name, rejected.decision, rejected.findings) == ("bob", "rejected", ("holds", "not yet"))
    assert replace(rejected, conditions=()) == rejected


def test_failed_checks_that_are_lived_with_stand_with_the_proposer(store: Store) -> None:
    catalog, policy = load_catalog("customer"), load_policy("customer")
    model = random_model(catalog, policy, catalog.natures, seed=3)
    served = Served(Scorer(catalog, policy, model), "customer/1")
    lenient = Procedure(promotion=PromotionRules(exceptions=True, challenger_first=False))
    with store.writing("ann") as writing:
        desk = GovernanceDesk(store, governing_procedure(store, None))
        rules = desk.propose_procedure(writing, acting("ann"), lenient, "because")
    approve(store, rules, "bob", "carl")
    accepted = (AcceptedFailure("calibration.slope", "the year was unlike the others"),)
    case = promote(store, reviewed(served, battery_of(served, "calibration.slope")), accepted=accepted)
    (proposed,) = sign_offs_of(store, (catalog.hash, policy.hash, model.content_hash))
    assert (proposed.alias, proposed.case) == ("champion", case.id)
    assert proposed.findings == ("because", "calibration.slope: the year was unlike the others")


# What came of it


def proposed(store: Store) -> tuple[Office, Case, tuple[str, str, str | None]]:
    """Propose catalog and policy."""
    served, procedure = served_alone(), governing_procedure(store, None)
    with store.writing("ann") as writing:
        case = GovernanceDesk(store, procedure).propose_served(writing, acting("ann"), served, "because")
    return Office(store, procedure), case, ServedSet.of(served).hashes


def told(store: Store, hashes: tuple[str, str, str | None]) -> list[tuple[str, str, Outcome | None, bool]]:
    return [(one.name, one.decision, one.outcome, one.void) for one in sign_offs_of(store, hashes)]


def test_a_proposal_that_was_withdrawn_is_void_and_so_is_an_approval_of_it(store: Store) -> None:
    office, case, hashes = proposed(store)
    with store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version, Judgement("tiers rise"))
    assert told(store, hashes) == [
        ("ann", "proposed", Outcome.OPEN, False), ("bob", "approved", Outcome.OPEN, False),
    ]  # fmt: skip
    assert all(one.undecided for one in sign_offs_of(store, hashes))
    with store.writing("ann") as writing:
        office.withdraw(writing, acting("ann"), case.id)
    assert told(store, hashes) == [
        ("ann", "proposed", Outcome.WITHDRAWN, True), ("bob", "approved", Outcome.WITHDRAWN, True),
        ("ann", "withdrawn", Outcome.WITHDRAWN, False),
    ]  # fmt: skip
    first, _, last = sign_offs_of(store, hashes)
    assert (first.findings, last.findings) == (("because",), ())


def test_what_was_approved_by_one_and_rejected_by_another_is_void(store: Store) -> None:
    office, case, hashes = proposed(store)
    with store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version, Judgement("tiers rise"))
    with store.writing("carl") as writing:
        office.reject(writing, acting("carl"), case.id, case.version, "not yet", Judgement("they do not"))
    assert told(store, hashes) == [
        ("ann", "proposed", Outcome.REJECTED, True), ("bob", "approved", Outcome.REJECTED, True),
        ("carl", "rejected", Outcome.REJECTED, False),
    ]  # fmt: skip


@pytest.fixture
def rolled_back(store: Store) -> RolledBack:
    """Adopt one version, then another, and go back to the first."""
    catalog, policy = load_catalog("customer"), load_policy("customer")
    models = {n: random_model(catalog, policy, catalog.natures, seed=n) for n in (1, 2)}
    lenient = Procedure(promotion=PromotionRules(exceptions=True, challenger_first=False))
    with store.writing("ann") as writing:
        desk = GovernanceDesk(store, governing_procedure(store, None))
        rules = desk.propose_procedure(writing, acting("ann"), lenient, "because")
    approve(store, rules, "bob", "carl")
    for n, model in models.items():
        approve(store, promote(store, Served(Scorer(catalog, policy, model), f"customer/{n}")), "bob", "carl")
    with store.writing("dan") as writing:
        desk_of_models = PromotionDesk(store, governing_procedure(store, None))
        return desk_of_models.roll_back(writing, acting("dan"), "customer", "it drifts")


def test_a_rollback_stands_with_both_versions_and_says_whether_it_is_confirmed(
    store: Store, rolled_back: RolledBack
) -> None:
    case = rolled_back.case
    sides = (
        (rolled_back.after, "governs_again", "customer/2"),
        (rolled_back.before, "rolled_back", "customer/1"),
    )
    for set_, decision, other in sides:
        *signed, last = sign_offs_of(store, set_.hashes)
        assert [one.decision for one in signed] == ["proposed", "approved", "approved"]
        assert not any(one.void for one in signed)
        assert (last.role, last.name, last.decision, last.other) == ("rollback", "dan", decision, other)
        assert (last.findings, last.case, last.outcome) == (("it drifts",), case.id, Outcome.OPEN)
        assert not last.void and not last.undecided
    office = Office(store, governing_procedure(store, None))
    for name in ("bob", "carl"):
        with store.writing(name) as writing:
            office.approve(writing, acting(name), case.id, case.version, Judgement("it does drift"))
    for set_, decision, _ in sides:
        made, *looked = sign_offs_of(store, set_.hashes)[3:]
        assert (made.decision, made.outcome) == (decision, Outcome.EFFECTIVE)
        assert [(one.name, one.decision, one.findings) for one in looked] == [
            (name, "rollback_confirmed", ("it does drift",)) for name in ("bob", "carl")
        ]
    third = (*rolled_back.before.hashes[:2], "0" * 64)
    assert sign_offs_of(store, third) == []


def test_a_rollback_that_is_rejected_was_made_all_the_same(store: Store, rolled_back: RolledBack) -> None:
    case = rolled_back.case
    office = Office(store, governing_procedure(store, None))
    with store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version, Judgement("it does drift"))
    with store.writing("carl") as writing:
        office.reject(writing, acting("carl"), case.id, case.version, "no need", Judgement("it does not"))
    assert told(store, rolled_back.before.hashes)[3:] == [
        ("dan", "rolled_back", Outcome.REJECTED, False),
        ("bob", "rollback_confirmed", Outcome.REJECTED, True),
        ("carl", "rollback_rejected", Outcome.REJECTED, False),
    ]
