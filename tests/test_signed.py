"""Sign-offs come from the cases on a set of catalog, policy and model, with what was written in them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from features.catalog import load_catalog
from models.decision import Scorer
from models.policy import load_policy
from models.sign_off import SignOff
from serving.governing import governing_procedure
from serving.procedure import Procedure
from serving.promotion.rules import PromotionRules
from serving.reviews.adoptions import AcceptedFailure, ServedSet
from serving.reviews.cases import Judgement
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
    with store.writing("ann") as writing:
        Office(store, procedure).withdraw(writing, acting("ann"), case.id)
    # What was withdrawn signs nothing.
    assert sign_offs_of(store, ServedSet.of(served).hashes) == []
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
