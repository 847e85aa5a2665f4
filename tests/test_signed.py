"""Sign-offs come from the cases on a set of catalog, policy and model, with what was written in them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models.sign_off import SignOff
from serving.governing import governing_procedure
from serving.reviews.adoptions import ServedSet
from serving.reviews.cases import Judgement
from serving.reviews.office import Office
from serving.reviews.signed import sign_offs_of
from serving.reviews.subjects import GovernanceDesk
from serving.store.store import Store, create_store
from tests.reviewed import acting, served_alone


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
        Office(store, procedure).reject(writing, acting("bob"), case.id, case.version, "not yet")
    rejected = sign_offs_of(store, ServedSet.of(served).hashes)[-1]
    assert (rejected.name, rejected.decision, rejected.findings) == ("bob", "rejected", ("not yet",))
    assert replace(rejected, conditions=()) == rejected
