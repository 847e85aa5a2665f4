"""A model is challenger or champion only after its reviews have passed and others have approved."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from features.catalog import Catalog
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy
from models.signature import new_key, public_text
from serving.audit.verification import verify
from serving.governing import adopted_to_serve, governing_procedure
from serving.procedure import Procedure
from serving.promotion.battery_told import compared_lines, line_of
from serving.promotion.desk import PromotionDesk, RolledBack
from serving.promotion.gate import summary_of
from serving.promotion.rules import PromotionRules
from serving.promotion.told import LEAST_ASKED, NotPromotable, Told
from serving.promotion.trail import adoptions_against_trail, require_vouched
from serving.reviews.adoptions import (
    AcceptedFailure,
    ServedSet,
    adopted_set,
    adoption_at,
    adoptions_of,
    challenger_at,
    hash_of,
    insert_adoption,
    kept_set,
)
from serving.reviews.cases import (
    Case,
    CaseError,
    CaseKind,
    CaseReason,
    CaseState,
    Judgement,
    NoFindings,
    NotAllowed,
    load_case,
)
from serving.reviews.office import Office
from serving.reviews.signed import sign_offs_of
from serving.reviews.subjects import GovernanceDesk, proposed_changes
from serving.served import Served
from serving.store.case_tables import case_acts
from serving.store.database import StoreError
from serving.store.documents import keep_served
from serving.store.store import Store
from serving.store.tables import ADOPTED, audit_entries, documents
from tests.promoted import (
    FOUND,
    approve,
    battery_of,
    promote,
    reasons_of,
    recalibrated,
    reviewed,
    subject_of,
)
from tests.reviewed import acting
from tests.served_model import catalog, model, policy
from tests.stores import database_url, store

__all__ = ["catalog", "database_url", "model", "policy", "store"]

CHALLENGER, CHAMPION = CaseKind.CHALLENGER, CaseKind.MODEL
STRICT, LENIENT = PromotionRules(), PromotionRules(exceptions=True, challenger_first=False)


@pytest.fixture(scope="module")
def first(catalog: Catalog, policy: Policy, model: Model) -> Served:
    return Served(Scorer(catalog, policy, model), "customer/1")


@pytest.fixture(scope="module")
def second(first: Served) -> Served:
    return recalibrated(first, "customer/2")


def champion(store: Store) -> str | None:
    with store.reading() as connection:
        found = adopted_set(connection, store.clock())
    return None if found is None else found.model_version


def challenger(store: Store) -> str | None:
    with store.reading() as connection:
        found = challenger_at(connection, store.clock())
        return None if found is None else kept_set(connection, found.hash).model_version


def adopt_procedure(store: Store, procedure: Procedure) -> None:
    desk = GovernanceDesk(store, governing_procedure(store, None))
    with store.writing("ann") as writing:
        case = desk.propose_procedure(writing, acting("ann"), procedure, "because")
    approve(store, case, "bob", "carl")


def test_from_candidate_to_challenger_to_champion(store: Store, first: Served, second: Served) -> None:
    assert approve(store, promote(store, first), "bob").state is CaseState.PROPOSED
    assert champion(store) is None
    with pytest.raises(CaseError, match="of this kind is open"):
        promote(store, second)
    with store.reading() as connection:
        (case,) = connection.execute(select(case_acts.c.case).distinct()).scalars()
        waiting = load_case(connection, case)
    assert approve(store, waiting, "carl").state is CaseState.EFFECTIVE
    assert (champion(store), challenger(store)) == ("customer/1", None)
    with pytest.raises(NotPromotable, match="customer/2 is not the challenger: promote it --to challenger"):
        promote(store, second)
    with pytest.raises(NotPromotable, match=r"customer/1 governs here.*its own \(--store, --keys\)"):
        promote(store, recalibrated(second, "other/7"))
    case_of_challenger = approve(store, promote(store, second, CHALLENGER), "bob", "carl")
    assert (case_of_challenger.kind, case_of_challenger.state) == (CHALLENGER, CaseState.EFFECTIVE)
    # What governs stays.
    assert (champion(store), challenger(store)) == ("customer/1", "customer/2")
    served = adopted_to_serve(store)
    assert served is not None and ServedSet.of(served).hashes == ServedSet.of(first).hashes
    with pytest.raises(CaseError, match="customer/2 is the challenger already"):
        promote(store, second, CHALLENGER)
    with pytest.raises(CaseError, match="customer/1 is the champion already"):
        promote(store, first, CHALLENGER)
    approve(store, promote(store, second), "bob", "carl")
    assert (champion(store), challenger(store)) == ("customer/2", None)


@pytest.mark.parametrize("kind", [CHALLENGER, CHAMPION])
def test_nobody_approves_the_model_that_they_proposed(store: Store, first: Served, kind: CaseKind) -> None:
    case = promote(store, first, kind)
    office = Office(store, Procedure())
    delegated = acting("bob", "token", "ann")
    for actor in (acting("ann"), acting("ann", "key 2"), delegated):
        with pytest.raises(NotAllowed, match="had a part in proposing"), store.writing("x") as writing:
            office.approve(writing, actor, case.id, case.version, FOUND)
    approve(store, case, "bob")
    with pytest.raises(NotAllowed, match="each approval needs other persons"):
        approve(store, case, "bob")
    assert (champion(store), challenger(store)) == (None, None)


def test_without_a_promotion_no_model_is_proposed(store: Store, first: Served) -> None:
    desk = GovernanceDesk(store, Procedure())
    with (
        pytest.raises(CaseError, match="promote NAME --to champion"),
        store.writing("ann") as writing,
    ):
        desk.propose_served(writing, acting("ann"), first, "because")


# What reviewers were told


def told(served: Served, battery: Any = None, reasons: Any = None) -> Told:
    given = reviewed(served, battery, reasons)
    return Told.read(given.battery, given.reasons)


def require(of: Told, served: Served, rules: PromotionRules = STRICT, *accepted: AcceptedFailure) -> None:
    hashes = {**subject_of(served), "artefact_sha256": reviewed(served).artefact_sha256}
    of.require_about({name: str(hashes[name]) for name in hashes if name.endswith(("sha256", "hash"))})
    of.require_passed(accepted, rules)


def test_a_passed_battery_and_reasons_that_hold_are_enough(first: Served) -> None:
    require(told(first), first)
    require(told(first, reasons=reasons_of(first, customers=LEAST_ASKED)), first)
    silent = battery_of(first)
    silent["results"][0]["verdict"] = "not_enough_data"
    require(told(first, silent), first)


def without_part(battery: Any, part: str) -> Any:
    return {**battery, "results": [of for of in battery["results"] if not of["id"].startswith(part)]}


@pytest.mark.parametrize(
    ("battery", "reasons", "reason"),
    [
        (
            lambda of: battery_of(of, "calibration.slope"),
            reasons_of,
            r"has not passed: calibration\.slope failed",
        ),
        # A verdict that says otherwise than its checks is not believed.
        (lambda of: {**battery_of(of, "a.b"), "verdict": "passed"}, reasons_of, "has not passed"),
        (lambda of: battery_of(of, verdict="not_enough_data"), reasons_of, "has passed nothing"),
        (lambda of: without_part(battery_of(of), "fairness"), reasons_of, "fairness is absent"),
        (battery_of, lambda of: reasons_of(of, "failed"), "the reasons review has not passed"),
        (
            battery_of,
            lambda of: {**reasons_of(of, "failed"), "verdict": "passed"},
            "the reasons review has not passed",
        ),
        (
            battery_of,
            lambda of: {**reasons_of(of), "findings": []},
            "the reasons review has compared nothing",
        ),
        (battery_of, lambda of: reasons_of(of, customers=LEAST_ASKED - 1), "about fewer than 50 customers"),
        (lambda of: {**battery_of(of), "subject": {}}, reasons_of, "battery review is not of this version"),
        (battery_of, lambda of: {**reasons_of(of), "subject": {}}, "reasons review is not of this version"),
    ],
    ids=[
        "failed",
        "contradictory",
        "silent",
        "partial",
        "reasons",
        "reasons-contradictory",
        "reasons-silent",
        "reasons-of-few",
        "of-nothing",
        "reasons-of-nothing",
    ],
)
def test_what_reviewers_found_wanting_is_not_promoted(
    first: Served, battery: Any, reasons: Any, reason: str
) -> None:
    with pytest.raises(NotPromotable, match=reason):
        require(told(first, battery(first), reasons(first)), first)


@pytest.mark.parametrize("kind", ["battery", "reasons"])
def test_the_review_of_another_version_does_not_count(first: Served, second: Served, kind: str) -> None:
    other = battery_of(second) if kind == "battery" else reasons_of(second)
    with pytest.raises(NotPromotable, match=f"the {kind} review is not of this version .another"):
        require(told(first, **{kind: other}), first)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"verdict": "passed"}', b'{"verdict": 1, "subject": {}}'])
def test_a_review_that_cannot_be_read_is_one_line(first: Served, content: bytes) -> None:
    good = reviewed(first)
    for documents_given in ((content, good.reasons), (good.battery, content)):
        with pytest.raises(NotPromotable, match="cannot be read by this version") as caught:
            Told.read(*documents_given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["counts", "results", "findings"])
def test_a_review_without_what_approvers_are_shown_cannot_be_read(first: Served, name: str) -> None:
    given = {"battery": battery_of(first), "reasons": reasons_of(first)}
    for document in given.values():
        document.pop(name, None)
    with pytest.raises(NotPromotable, match="cannot be read by this version"):
        told(first, **given)


@pytest.mark.parametrize("change", [{"name": {}}, {"name": None}, {"name": {"en": 1}}, {"id": None}])
def test_a_check_without_a_name_cannot_be_read(first: Served, change: Any) -> None:
    battery = battery_of(first)
    battery["results"][-1].update(change)
    with pytest.raises(NotPromotable, match="the battery review cannot be read"):
        told(first, battery)


FAILURES = ("calibration.slope", "fairness.parity.veteran")


@pytest.mark.parametrize(
    ("accepted", "rules", "reason"),
    [
        (FAILURES, STRICT, "the procedure accepts no check that failed"),
        (FAILURES[:1], LENIENT, r"passed: fairness\.parity\.veteran failed"),
        ((*FAILURES, "scope.one"), LENIENT, "scope.one has not failed"),
        ((*FAILURES, FAILURES[0]), LENIENT, "give each failed check once"),
    ],
    ids=["strict", "one-left", "not-failed", "twice"],
)
def test_failures_are_accepted_one_by_one_and_only_where_the_procedure_allows(
    first: Served, accepted: tuple[str, ...], rules: PromotionRules, reason: str
) -> None:
    given = told(first, battery_of(first, *FAILURES))
    with pytest.raises(NotPromotable, match=reason):
        require(given, first, rules, *(AcceptedFailure(check, "why") for check in accepted))
    require(given, first, LENIENT, *(AcceptedFailure(check, "why") for check in FAILURES))


def test_what_is_refused_leaves_nothing_behind(store: Store, first: Served) -> None:
    with pytest.raises(NotPromotable):
        promote(store, reviewed(first, battery_of(first, "calibration.slope")))
    with store.reading() as connection:
        assert connection.execute(select(documents.c.hash)).all() == []


def test_approvers_read_what_is_to_be_lived_with_and_a_stricter_procedure_ends_it(
    store: Store, first: Served
) -> None:
    adopt_procedure(store, Procedure(procedure="lenient", promotion=LENIENT))
    accepted = AcceptedFailure("calibration.slope", "the year was unlike the others")
    failed = battery_of(first, "calibration.slope")
    failed["limits_given"] = ["least_auc"]
    of_indicators = [f"Characteristic stability: {name}" for name in "ABCDEFG"]
    failed["results"] += [
        {"id": "stability.psi.score", "name": {"en": "Population stability"}, "verdict": "not_enough_data",
         "reason": {"en": "no reference customers"}},
        *({"id": f"stability.csi.{place}", "name": {"en": name}, "verdict": "not_enough_data",
           "reason": {"en": "no reference customers"}} for place, name in enumerate(of_indicators)),
        {"id": "fairness.odds", "name": {"en": "Odds"}, "verdict": "not_enough_data", "reason": None},
    ]  # fmt: skip
    case = promote(store, reviewed(first, failed), accepted=(accepted,))
    with store.reading() as connection:
        assert case.subject is not None
        summary = summary_of(connection, case.subject)
        changes = {of.place: of.after for of in proposed_changes(connection, case)}
    assert summary is not None
    assert summary["battery"]["counts"] == {"passed": 7, "failed": 1}
    stability, fairness = summary["battery"]["not_judged"]
    assert stability == {
        "part": "stability", "checks": 9, "names": ["Population stability", *of_indicators],
        "reasons": ["no reference customers"],
    }  # fmt: skip
    assert line_of(stability) == (
        "Not judged: stability (8 of 9): Population stability; Characteristic stability: A, B, C, D, E and 2 "
        "more (no reference customers)"
    )
    assert list(compared_lines(summary["battery"])) == []
    table = {"reference_customers": 30, "reference_hash": "e" * 64}
    (compared,) = compared_lines({**summary["battery"], **table})
    assert compared.startswith(
        "Battery: the mix of customers compared with 30 customers of a table (data eeeeee"
    )
    assert line_of(fairness) == "Not judged: fairness (1 of 2): Odds"
    assert (summary["battery"]["customers"], summary["battery"]["limits_given"]) == (1234, ["least_auc"])
    assert summary["reasons"] == {
        "verdict": "passed", "customers": 200, "variants": 100, "with_model": 200,
    }  # fmt: skip
    assert summary["accepted"] == [
        {"check": accepted.check, "name": "Named calibration.slope", "reason": accepted.reason}
    ]
    assert changes["model_version"] == "customer/1"
    assert changes["artefact_sha256"] == reviewed(first).artefact_sha256
    approve(store, case, "bob")
    adopt_procedure(store, Procedure(procedure="strict"))
    with pytest.raises(NotPromotable, match="accepts no check that failed"):
        approve(store, case, "carl")
    assert champion(store) is None


def test_a_set_adopted_before_there_were_promotions_is_read_as_it_was(first: Served) -> None:
    content = json.dumps(
        {"artefact": "a" * 64, "catalog": "c" * 64, "model_version": "sba/1", "policy": "p" * 64},
        sort_keys=True, separators=(",", ":"),
    ).encode()  # fmt: skip
    old = ServedSet.read(content)
    assert (old.promotion, old.content, old.hash) == (None, content, hash_of(content))
    new = ServedSet.of(first)
    assert ServedSet.read(new.content) == new


# What approvers found


@pytest.mark.parametrize("kind", [CHALLENGER, CHAMPION])
@pytest.mark.parametrize("said", [None, Judgement(conditions="later"), Judgement(""), Judgement(" \n")])
def test_no_model_is_approved_or_rejected_without_findings(
    store: Store, first: Served, kind: CaseKind, said: Judgement | None
) -> None:
    case = promote(store, first, kind)
    office = Office(store, Procedure())
    with pytest.raises(NoFindings, match="--findings"), store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, 1, said)
    with pytest.raises(NoFindings, match="--findings"), store.writing("bob") as writing:
        office.reject(writing, acting("bob"), case.id, 1, "not yet", said)
    with store.reading() as connection:
        assert office.judged(connection, case) == []


def test_findings_and_conditions_are_kept_sealed_and_vouched_for(store: Store, first: Served) -> None:
    case = promote(store, first)
    office = Office(store, Procedure())
    said = Judgement("ranks well, is late in downturns", "watch the level each month")
    for nothing in (Judgement(findings=" \n"), Judgement("holds", conditions=" ")):
        with pytest.raises(CaseError), store.writing("bob") as writing:
            office.approve(writing, acting("bob"), case.id, 1, nothing)
    with store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, 1, said)
    with store.writing("carl") as writing:
        office.reject(writing, acting("carl"), case.id, 1, "not yet", Judgement(findings="too few years"))
    with store.reading() as connection:
        one, other = office.judged(connection, case)
        acts = connection.execute(select(case_acts).where(case_acts.c.case == case.id)).all()
        trail = connection.execute(
            select(audit_entries.c.facts).where(audit_entries.c.action == "case.approved")
        ).scalar_one()
    assert (str(one.act), one.actor, one.because, one.judgement) == ("approved", "bob", None, said)
    assert (str(other.act), other.because) == ("rejected", "not yet")
    assert other.judgement == Judgement("too few years", None)
    assert not [act for act in acts if b"downturns" in (act.findings or b"")]
    (sealed,) = (act for act in acts if act.act == "approved")
    facts = json.loads(trail)
    assert (facts["findings"], facts["conditions"]) == (hash_of(sealed.findings), hash_of(sealed.conditions))


# Rolling back


def roll_back(store: Store, by: str = "ann", name: str = "customer") -> RolledBack:
    desk = PromotionDesk(store, governing_procedure(store, None))
    with store.writing(by) as writing:
        return desk.roll_back(writing, acting(by), name, "it drifts")


@pytest.fixture
def grown(store: Store, first: Served, second: Served) -> Iterator[tuple[Store, list[Case]]]:
    """Return a store that adopted the baseline, then a model, then another, and their cases."""
    adopt_procedure(store, Procedure(procedure="quick", promotion=LENIENT))
    plain = Served(Scorer(first.scorer.catalog, first.scorer.policy), None)
    desk = GovernanceDesk(store, governing_procedure(store, None))
    with store.writing("ann") as writing:
        baseline = desk.propose_served(writing, acting("ann"), plain, "because")
    made = [approve(store, baseline, "bob", "carl")]
    made += [approve(store, promote(store, served), "bob", "carl") for served in (first, second)]
    yield store, made


def test_a_rollback_goes_back_step_by_step_and_never_forward(grown: tuple[Store, list[Case]]) -> None:
    store, (baseline, first_case, _) = grown
    with pytest.raises(CaseError, match="what governs is customer/2, no version of sba; a store governs one"):
        roll_back(store, name="sba")
    done = roll_back(store)
    assert (done.before.model_version, done.after.model_version) == ("customer/2", "customer/1")
    assert champion(store) == "customer/1"
    with store.reading() as connection:
        now = adoption_at(connection, CHAMPION, store.clock())
        assert now is not None and (now.case, now.hash) == (first_case.id, first_case.subject)
    # Once more: to what was there before, not to what was rolled back from.
    assert roll_back(store, "bob").after.model_version is None
    assert champion(store) is None
    with store.reading() as connection:
        last = adoptions_of(connection, CHAMPION)[-1]
        assert last.case == baseline.id
        assert verify(connection, store.keyring, store.heads).bad_entry is None
        assert list(adoptions_against_trail(connection, store)) == []
    with pytest.raises(CaseError, match="what governs is no model"):
        roll_back(store)


def test_the_first_that_was_adopted_has_nothing_before_it(store: Store, first: Served) -> None:
    with pytest.raises(CaseError, match="what governs is no model"):
        roll_back(store)
    approve(store, promote(store, first), "bob", "carl")
    with pytest.raises(CaseError, match="nothing was adopted before it"):
        roll_back(store)
    assert champion(store) == "customer/1"


def test_a_proposal_stands_beside_what_governs_also_after_a_rollback(
    grown: tuple[Store, list[Case]], first: Served
) -> None:
    store, (_, _, second_case) = grown
    case = promote(store, recalibrated(first, "customer/3"))

    def versions(of: Case) -> tuple[str | None, str | None]:
        with store.reading() as connection:
            changes = proposed_changes(connection, load_case(connection, of.id))
        return next((one.before, one.after) for one in changes if one.place == "model_version")

    assert versions(case) == ("customer/2", "customer/3")
    roll_back(store)
    assert versions(case) == ("customer/1", "customer/3")
    approve(store, case, "bob", "carl")
    # Closed, it tells what it changed.
    assert versions(case) == ("customer/1", "customer/3")
    assert versions(second_case) == ("customer/1", "customer/2")


def test_others_look_at_a_rollback_afterwards(grown: tuple[Store, list[Case]], second: Served) -> None:
    store, _ = grown
    case = roll_back(store).case
    office = Office(store, governing_procedure(store, None))
    assert (case.kind, case.reason, case.state) == (CHAMPION, CaseReason.ROLLBACK, CaseState.PROPOSED)
    with store.reading() as connection:
        changes = {of.place: (of.before, of.after) for of in proposed_changes(connection, case)}
        assert office.justification(connection, case) == "it drifts"
    assert changes["model_version"] == ("customer/2", "customer/1")
    with pytest.raises(NotAllowed, match="had a part in proposing"):
        approve(store, case, "ann")
    with pytest.raises(NotAllowed, match="looked at by others"), store.writing("ann") as writing:
        office.withdraw(writing, acting("ann"), case.id)
    # Meanwhile others may be promoted.
    again = promote(store, second, by="eve")
    assert approve(store, case, "bob", "carl").state is CaseState.EFFECTIVE
    with store.reading() as connection:
        assert len(adoptions_of(connection, CHAMPION)) == 4
    assert champion(store) == "customer/1"
    approve(store, again, "bob", "carl")
    assert champion(store) == "customer/2"


def test_a_rollback_that_is_rejected_stays_on_record_and_what_governs_stays(
    grown: tuple[Store, list[Case]],
) -> None:
    store, _ = grown
    done = roll_back(store)
    case, signed = done.case, sign_offs_of(store, done.after.hashes)
    assert [(one.name, one.decision) for one in signed] == [
        ("ann", "proposed"), ("bob", "approved"), ("carl", "approved"), ("ann", "governs_again"),
    ]  # fmt: skip
    office = Office(store, governing_procedure(store, None))
    with store.writing("bob") as writing:
        assert office.reject(writing, acting("bob"), case.id, 1, "no", FOUND).state is CaseState.REJECTED
    assert champion(store) == "customer/1"
    with store.reading() as connection:
        assert [of.because for of in office.judged(connection, case)] == ["no"]
    # The card of what governs says so, and what was signed of it before stands.
    later = sign_offs_of(store, done.after.hashes)
    assert later[:3] == signed[:3]
    assert [(one.name, one.decision) for one in later[3:]] == [
        ("ann", "governs_again"), ("bob", "rollback_rejected"),
    ]  # fmt: skip


def test_an_adoption_that_the_trail_does_not_know_is_found(
    grown: tuple[Store, list[Case]],
) -> None:
    store, (_, first_case, _) = grown
    assert first_case.subject is not None
    with store.writing("eve") as writing:
        insert_adoption(writing, CHAMPION, first_case.subject, first_case.id)
        writing.record("nothing.said", None, {})
    with store.reading() as connection:
        (line,) = adoptions_against_trail(connection, store)
    assert line == "adoptions of kind model: are not those of the audit trail"
    # And nothing is decided by it.
    with pytest.raises(StoreError, match="is not what its audit trail tells"):
        adopted_to_serve(store)
    with pytest.raises(StoreError, match="is not what its audit trail tells"):
        governing_procedure(store, None)


def test_nothing_governs_by_an_entry_of_the_trail_that_was_not_written_with_the_keyring(
    grown: tuple[Store, list[Case]],
) -> None:
    store, (_, first_case, _) = grown
    assert first_case.subject is not None
    with store.writing("eve") as writing:
        insert_adoption(writing, CHAMPION, first_case.subject, first_case.id)
        writing.record(ADOPTED, first_case.id, {"kind": str(CHAMPION), "hash": first_case.subject})
    with store.reading() as connection:
        require_vouched(connection, store.keyring)
    forger = replace(store.keyring, audit={of: bytes(32) for of in store.keyring.audit})
    with store.reading() as connection, pytest.raises(StoreError, match="is not what was written"):
        require_vouched(connection, forger)


def test_a_model_decided_by_unsigned_is_served_signed_once_it_is_promoted_so(
    store: Store, first: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(tmp_path / "signer.pem")
    trusted = tmp_path / "trusted.txt"
    trusted.write_text(public_text(key) + "\n", "utf-8")
    assert first.scorer.model is not None
    signed = replace(first, artefact=first.scorer.model.to_bytes(key))
    with store.writing("ann") as writing:
        keep_served(writing, first.scorer, first.artefact)
    approve(store, promote(store, signed), "bob", "carl")
    monkeypatch.setenv("TIERWISE_TRUSTED_KEYS", str(trusted))
    served = adopted_to_serve(store)
    assert served is not None
    assert served.artefact == signed.artefact
    assert ServedSet.of(served).hashes == ServedSet.of(first).hashes
    with store.reading() as connection:
        assert verify(connection, store.keyring, store.heads).bad_entry is None
