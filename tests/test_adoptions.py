"""What governs is proposed by one and adopted by others, and then nothing is done by anything else."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

import tierwise
from features.catalog import load_catalog
from features.terminal import KEPT_APART
from features.terms import Tier
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy
from serving.access.roles import Actor
from serving.audit.state import compare
from serving.audit.verification import verify
from serving.governing import governing_procedure, governing_served
from serving.notices.outbox import Outbox
from serving.operating import load_operations
from serving.procedure import Approvals, Procedure
from serving.promotion.desk import PromotionDesk
from serving.reviews.adoptions import (
    NotAdopted,
    ServedSet,
    adopted_procedure,
    adopted_served,
    adoption_at,
    hash_of,
    procedure_content,
    require_procedure,
)
from serving.reviews.cases import Case, CaseError, CaseKind, CaseReason, CaseState, NotAllowed, load_case
from serving.reviews.events import EventDesk
from serving.reviews.governance import governed_by
from serving.reviews.office import Office
from serving.reviews.periodic import evaluate_periodically
from serving.reviews.standings import Layer, put_in_force, standing_of
from serving.reviews.subjects import proposed_changes
from serving.served import Served
from serving.store.case_tables import case_acts, cases
from serving.store.customers import open_customer
from serving.store.documents import keep_document
from serving.store.instants import now
from serving.store.store import Store, Writing, open_store
from serving.store.supervision_tables import adoptions
from serving.store.tables import decisions, runs
from serving.strategies.declared import Form
from serving.strategies.deliveries import usable_rules
from serving.strategies.exposure import Order, check_order
from serving.strategies.rules import RULES, DeteriorationRule
from serving.strategies.tasks import complete, tasks_for
from serving.strategies.upkeep import Upkeep
from serving.supervision.endpoints import SUPERVISION
from serving.supervision.inspection import Draw, InspectionDesk
from serving.supervision.period import Period, PeriodError
from serving.supervision.settings import Supervision
from tests.promoted import FOUND, reviewed
from tests.reviewed import (
    DAYS,
    PERSONS,
    acting,
    copy_of,
    newest,
    runs_of,
    served_alone,
    store,
    table_as_of,
    template,
)
from tests.served_model import catalog, model, policy
from tests.test_events import event

__all__ = ["catalog", "model", "policy", "store", "template"]

STRICT = Procedure(procedure="strict", approvals=Approvals(governance=3))
LAX = Procedure(procedure="lax", approvals=Approvals(governance=1), margin=0.0)
SLOW = Procedure(procedure="slow", case_days=99)

ACTORS = st.builds(acting, st.sampled_from(PERSONS), st.sampled_from(["token", "key 1"])) | st.builds(
    acting, st.sampled_from(PERSONS), st.just("token"), st.sampled_from(PERSONS)
)


@cache
def alone() -> Served:
    return served_alone()


def propose(store: Store, by: Actor, what: Procedure | Served, desk_by: Procedure | None = None) -> Case:
    desk = PromotionDesk(store, desk_by or governing_procedure(store, None))
    with store.writing(by.name) as writing:
        if isinstance(what, Procedure):
            return desk.propose_procedure(writing, by, what, "because")
        if what.scorer.model is not None:
            return desk.promote(writing, by, reviewed(what), CaseKind.MODEL, "because")
        return desk.propose_served(writing, by, what, "because")


def approve(store: Store, case: Case, *names: str) -> Case:
    office = Office(store, governing_procedure(store, None))
    after = case
    for name in names:
        with store.writing(name) as writing:
            after, changes = office.approve(writing, acting(name), case.id, case.version, FOUND)
            assert changes == []
    return after


def adopt(store: Store, what: Procedure | Served) -> Case:
    return approve(store, propose(store, acting("ann"), what), "bob", "carl")


class Governing(RuleBasedStateMachine):
    """Random persons propose, approve, reject and withdraw; a plain record says what may be adopted."""

    backend: str
    template: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = copy_of(self.template, self.backend, self.folder / "store")
        self.procedure: Procedure | None = None
        self.open: Case | None = None
        self.proposed: Procedure | None = None
        self.maker = frozenset[str]()
        self.checkers: list[frozenset[str]] = []
        self.adopted = 0

    def teardown(self) -> None:
        with self.store.reading() as connection:
            assert verify(connection, self.store.keyring, self.store.heads).bad_entry is None
            assert compare(connection, self.store.keyring).difference is None
        self.store.close()
        shutil.rmtree(self.folder)

    @property
    def needed(self) -> int:
        return 2 if self.procedure is None else self.procedure.approvals.governance

    @rule(actor=ACTORS, procedure=st.sampled_from([STRICT, LAX, SLOW]), by=st.sampled_from([None, LAX]))
    def propose(self, actor: Actor, procedure: Procedure, by: Procedure | None) -> None:
        may = self.open is None and procedure != self.procedure
        may = may and (by is None or self.procedure in (None, by))
        try:
            case = propose(self.store, actor, procedure, by)
        except (CaseError, NotAdopted):
            assert not may
            return
        assert may
        assert case.needed == self.needed
        self.open, self.proposed, self.maker, self.checkers = case, procedure, actor.persons, []

    @rule(actor=ACTORS, by=st.sampled_from([None, None, None, LAX, STRICT]))
    def approve(self, actor: Actor, by: Procedure | None) -> None:
        if self.open is None:
            return
        fits = by is None or self.procedure is None or by == self.procedure
        apart = self.maker.isdisjoint(actor.persons)
        may = fits and apart and all(actor.persons.isdisjoint(persons) for persons in self.checkers)
        office = Office(self.store, by or self.procedure or Procedure())
        try:
            with self.store.writing(actor.name) as writing:
                after, _ = office.approve(writing, actor, self.open.id, self.open.version)
        except (CaseError, NotAdopted):
            assert not may
            return
        assert may
        self.checkers.append(actor.persons)
        # Before anything is adopted a procedure that asks for more is heeded, one that asks for less is not.
        floor = max(self.needed, office.procedure.approvals.governance)
        assert (after.state is CaseState.EFFECTIVE) == (len(self.checkers) >= floor)
        if after.state is CaseState.EFFECTIVE:
            self.procedure, self.open, self.adopted = self.proposed, None, self.adopted + 1

    @rule(actor=ACTORS)
    def approve_again(self, actor: Actor) -> None:
        self.approve(actor, None)

    @rule(actor=ACTORS, withdrawing=st.booleans())
    def end(self, actor: Actor, withdrawing: bool) -> None:
        if self.open is None:
            return
        office = Office(self.store, self.procedure or Procedure())
        may = self.maker.isdisjoint(actor.persons) != withdrawing
        if not withdrawing:
            may = may and all(actor.persons.isdisjoint(persons) for persons in self.checkers)
        try:
            with self.store.writing(actor.name) as writing:
                if withdrawing:
                    office.withdraw(writing, actor, self.open.id)
                else:
                    office.reject(writing, actor, self.open.id, self.open.version, "no")
        except CaseError:
            assert not may
            return
        assert may
        self.open = None

    @invariant()
    def what_is_adopted_was_approved_by_others(self) -> None:
        with self.store.reading() as connection:
            assert adopted_procedure(connection, now()) == self.procedure
            rows = connection.execute(select(adoptions)).all()
            assert len(rows) == self.adopted
            for row in rows:
                case = load_case(connection, row.case)
                assert (case.state, case.subject) == (CaseState.EFFECTIVE, row.hash)
                acts = connection.execute(select(case_acts).where(case_acts.c.case == row.case)).all()
                makers, checkers = (
                    [set(act.persons.split("\n")) for act in acts if act.act == name]
                    for name in ("proposed", "approved")
                )
                assert len(checkers) >= case.needed
                assert sum(map(len, checkers)) == len(set().union(*checkers))
                assert set().union(*makers).isdisjoint(set().union(*checkers))


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_nobody_adopts_what_they_proposed(backend: str, template: dict[str, Any]) -> None:
    machine = type("OnBackend", (Governing,), {"backend": backend, "template": template})
    examples = {"sqlite": 16, "postgresql": 6}[backend]
    phases = [Phase.explicit, Phase.generate]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=25, phases=phases)
    )


def test_a_store_that_has_adopted_nothing_works_by_what_it_is_given(store: Store) -> None:
    assert governing_procedure(store, None) == Procedure()
    with store.reading() as connection:
        assert adopted_served(connection, now()) is None
    case = propose(store, acting("ann"), LAX, LAX)
    # By the default two must approve, whatever the procedure that is brought along says.
    assert case.needed == 2
    with store.writing("bob") as writing:
        after, _ = Office(store, LAX).approve(writing, acting("bob"), case.id, case.version)
    assert after.state is CaseState.PROPOSED


def test_what_is_adopted_is_kept_and_read_back_the_same(
    store: Store, catalog: Any, policy: Policy, model: Model
) -> None:
    strict = STRICT.model_copy(update={"supervision": Supervision(targets={}, remedy_days=9)})
    adopt(store, strict)
    assert governing_procedure(store, None) == strict
    served = Served(Scorer(catalog, policy, model), "customer/7")
    case = approve(store, propose(store, acting("ann"), served), "bob", "carl", "dora")
    assert case.state is CaseState.EFFECTIVE
    found = governing_served(store, None, None, None, None)
    assert ServedSet.of(found) == ServedSet.of(served)
    with pytest.raises(CaseError, match="customer/7 is the champion already"):
        propose(store, acting("eve"), served)
    with pytest.raises(CaseError, match="adopted already"):
        propose(store, acting("eve"), strict)
    change = update(adoptions).values(hash="0" * 64)
    with pytest.raises(DBAPIError, match="never changed"), store.database.writing() as connection:
        connection.execute(change)


KINDS, CUSTOMER_CATALOG = sorted(Procedure().events), load_catalog("customer")


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.sampled_from(KINDS), min_size=1),
    st.none() | st.sets(st.sampled_from(RULES)),
    st.floats(0, 50),
    st.integers(1, 366),
)
def test_every_procedure_is_read_back_as_it_was_kept(
    names: set[str], rules: set[DeteriorationRule] | None, margin: float, days: int
) -> None:
    events = {name: of for name, of in Procedure().events.items() if name in names}
    given_: dict[str, Any] = {"events": events, "margin": margin, "override_days": days}
    if rules is not None:
        given_["deterioration"] = tuple(rule for rule in rules if rule.event in names)
    whole = Procedure(**given_)
    content = procedure_content(whole)
    back = Procedure.model_validate_json(content)
    assert procedure_content(back) == content
    assert usable_rules(back, CUSTOMER_CATALOG)[0] == usable_rules(whole, CUSTOMER_CATALOG)[0]
    left_out = {"deterioration"}
    assert back.model_dump(exclude=left_out) == whole.model_dump(exclude=left_out)


def test_a_procedure_with_fewer_events_is_adopted_and_worked_by(store: Store) -> None:
    fewer = Procedure(events={name: Procedure().events[name] for name in KINDS[:1]})
    adopt(store, fewer)
    with store.reading() as connection:
        require_procedure(connection, fewer, store.clock())
        require_procedure(connection, governing_procedure(store, None), store.clock())
    with pytest.raises(CaseError, match="adopted already"):
        propose(store, acting("eve"), fewer)
    broken = fewer.model_copy(update={"margin": 99.0})
    with pytest.raises(CaseError, match="could not be read back"):
        propose(store, acting("eve"), broken)


def test_what_was_adopted_last_counts_also_where_the_clock_was_set_back(store: Store) -> None:
    case = adopt(store, STRICT)
    content = procedure_content(SLOW)
    with store.writing("bob") as writing:
        first = adoption_at(writing.connection, CaseKind.PROCEDURE, writing.at)
        assert first is not None
        keep_document(writing, "procedure", hash_of(content), content)
        values = {
            "number": 2, "kind": "procedure", "hash": hash_of(content), "case": case.id,
            "valid_from": first.valid_from - timedelta(hours=1),
        }  # fmt: skip
        writing.connection.execute(insert(adoptions).values(values))
        writing.record("governance.made_up", None, {})
    with store.reading() as connection:
        assert adopted_procedure(connection, store.clock()) == SLOW


def test_one_of_a_kind_waits_at_a_time(store: Store) -> None:
    case = propose(store, acting("ann"), STRICT)
    with pytest.raises(CaseError, match=f"case {case.id} of this kind is open"):
        propose(store, acting("bob"), SLOW)
    propose(store, acting("bob"), alone())
    with pytest.raises(NotAllowed):
        approve(store, case, "ann")
    with store.reading() as connection:
        sealed = connection.execute(select(cases.c.justification).where(cases.c.id == case.id)).scalar_one()
        assert b"because" not in sealed
        assert Office(store, Procedure()).read_text(connection, case, sealed) == "because"


def test_an_approver_reads_what_would_change(
    store: Store, catalog: Any, policy: Policy, model: Model
) -> None:
    def changes(case: Case) -> dict[str, tuple[str | None, str | None]]:
        with store.reading() as connection:
            return {of.place: (of.before, of.after) for of in proposed_changes(connection, case)}

    first = propose(store, acting("ann"), STRICT)
    assert changes(first) == {"procedure": ("default", "strict"), "approvals.governance": ("2", "3")}
    approve(store, first, "bob", "carl")
    second = propose(store, acting("ann"), SLOW)
    assert changes(second)["approvals.governance"] == ("3", "2")
    assert changes(second)["case_days"] == ("14", "99")
    plain = Served(Scorer(catalog, policy), None)
    set_ = propose(store, acting("ann"), plain)
    assert changes(set_) == {"catalog": (None, catalog.hash), "policy": (None, policy.hash)}
    approve(store, set_, "bob", "carl", "dora")
    other = policy.model_copy(update={"version": policy.version + 1})
    other.__dict__.pop("hash", None)
    third = changes(propose(store, acting("ann"), Served(Scorer(catalog, other), None)))
    assert third["policy.version"] == (str(policy.version), str(policy.version + 1))
    assert set(third) == {"policy", "policy.version"}


def test_after_an_adoption_nothing_is_done_by_anything_else(
    store: Store, catalog: Any, policy: Policy, model: Model, tmp_path: Path
) -> None:
    adopt(store, SLOW)
    adopt(store, Served(Scorer(catalog, policy, model), "customer/1"))
    table = table_as_of(date(2026, 3, 31), 5, tmp_path)
    with pytest.raises(NotAdopted, match=r"tierwise adopt propose --catalog"):
        evaluate_periodically(store, alone(), table, date(2026, 3, 31), "ann")
    renamed = Served(Scorer(catalog, policy), "customer/1")
    with pytest.raises(NotAdopted, match=r"tierwise promote customer --to champion`"):
        evaluate_periodically(store, renamed, table, date(2026, 3, 31), "ann")
    other_office, office = Office(store, Procedure()), Office(store, SLOW)
    customer = min(newest(store))
    with pytest.raises(NotAdopted, match="tierwise adopt propose FILE"), store.writing("ann") as writing:
        other_office.open(writing, acting("ann"), customer, CaseReason.REQUEST, None)
    for desk in (EventDesk(office, alone()), EventDesk(other_office, governing(store))):
        with pytest.raises(NotAdopted), store.writing("erp") as writing:
            desk.take(writing, acting("erp"), event())
    served = governing(store)
    summary = evaluate_periodically(store, served, table, date(2026, 3, 31), "ann")
    assert summary.decided > 0
    with pytest.raises(NotAdopted), store.writing("ann") as writing:
        other_office.open_list(writing, acting("ann"), summary.run)
    with store.writing("erp") as writing:
        assert EventDesk(office, served).take(writing, acting("erp"), event()).case is not None


def test_a_run_goes_no_further_once_another_set_is_adopted(
    store: Store, catalog: Any, policy: Policy, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2026, 3, 31)
    table = table_as_of(day, 5, tmp_path)

    def adopt_model(*_: Any) -> None:
        adopt(store, Served(Scorer(catalog, policy, model), "customer/1"))

    with pytest.raises(NotAdopted):
        evaluate_periodically(store, alone(), table, day, "ann", chunk_rows=3, progress=adopt_model)
    with store.reading() as connection:
        rows = connection.execute(select(runs.c.done, runs.c.finished_at).where(runs.c.as_of == day)).all()
        decided = connection.execute(select(decisions.c.id).where(decisions.c.as_of == day)).all()
    assert (rows, len(decided)) == ([(3, None)], 3)

    # Adopted between the first question and the transaction in which the run begins.
    writing = store.writing

    def adopting_first(*given: Any) -> Any:
        monkeypatch.undo()
        adopt(store, alone())
        return writing(*given)

    monkeypatch.setattr(store, "writing", adopting_first)
    with pytest.raises(NotAdopted):
        evaluate_periodically(store, Served(Scorer(catalog, policy, model), "customer/1"), table, day, "ann")
    with store.reading() as connection:
        assert len(connection.execute(select(runs.c.id).where(runs.c.as_of == day)).all()) == 1


def test_a_service_that_runs_while_a_procedure_is_adopted_does_nothing_more(store: Store) -> None:
    ann, (first, second) = acting("ann"), sorted(newest(store))[:2]
    for customer in (first, second):
        with store.writing("ann") as writing:
            put_in_force(writing, customer, Layer.APPROVED, Tier.GOOD, reason="periodic")
        if customer == first:
            Upkeep(store, Procedure()).run()
    with store.reading() as connection:
        task = tasks_for(connection, first)[0]
        known = open_customer(connection, store.keyring, first)
    order = Order(Decimal(1), "CNY", Form.PREPAYMENT, Decimal(0))
    today = now().date()
    drawing = Draw(Period(today - timedelta(days=1), today), 3, 1, stratified=False)

    def acts(by: Procedure) -> dict[str, Callable[[Writing], object]]:
        desk = InspectionDesk(store, by)
        return {
            "check": lambda writing: check_order(writing, ann, by, known, order),
            "complete": lambda writing: complete(writing, ann, store.keyring, by, task.id, evidence="done"),
            "advance": lambda writing: Upkeep(store, by).advance(writing),
            "draw": lambda writing: desk.draw(writing, ann, drawing),
            "record": lambda writing: desk.record(writing, ann, "0" * 32, None),
            "remedied": lambda writing: desk.remedied(writing, ann, "0" * 32),
            "retry": lambda writing: Outbox(store, by).retry(writing, "0" * 32),
        }

    adopt(store, SLOW)
    for act in acts(Procedure()).values():
        with pytest.raises(NotAdopted), store.writing("ann") as writing:
            act(writing)
    with pytest.raises(NotAdopted):
        Upkeep(store, Procedure()).run()
    with pytest.raises(NotAdopted):
        Outbox(store, Procedure()).queue("notices")
    for name in ("check", "complete", "advance", "draw"):
        with store.writing("ann") as writing:
            acts(SLOW)[name](writing)
    with store.reading() as connection:
        assert tasks_for(connection, second)
    assert Outbox(store, SLOW).queue("notices").notices > 0


def governing(store: Store) -> Served:
    return governing_served(store, None, None, None, None)


def test_the_procedure_of_a_case_that_began_before_an_adoption_ends_with_it(store: Store) -> None:
    office = Office(store, Procedure())
    customer, (decision, tier) = min(newest(store).items())
    with store.writing("ann") as writing:
        case = office.open(writing, acting("ann"), customer, CaseReason.REQUEST, None)
        case = office.propose(writing, acting("ann"), case.id, tier, "because", decision=decision)
    adopt(store, SLOW)
    with pytest.raises(NotAdopted), store.writing("bob") as writing:
        office.approve(writing, acting("bob"), case.id, case.version)
    after = case
    for name in ("bob", "carl")[: case.needed]:
        with store.writing(name) as writing:
            after, _ = Office(store, SLOW).approve(writing, acting(name), case.id, case.version)
    assert after.state is CaseState.EFFECTIVE


def test_no_tier_takes_effect_that_was_decided_by_what_is_not_adopted(
    store: Store, catalog: Any, policy: Policy, model: Model, tmp_path: Path
) -> None:
    office = Office(store, Procedure())
    early, late = runs_of(store)
    customer, (decision, tier) = min(newest(store).items())

    def act(name: str, work: Any, *given: Any, **named: Any) -> Any:
        with store.writing(name) as writing:
            return work(writing, acting(name), *given, **named)

    def single(case: Case) -> Case:
        decision, tier = newest(store)[customer]
        done: Case = act("ann", office.propose, case.id, tier, "because", decision=decision)
        return done

    listed = act("ann", office.open_list, late)
    waiting = single(act("ann", office.open, customer, CaseReason.REQUEST, None))
    adopt(store, Served(Scorer(catalog, policy, model), "customer/1"))
    for refused in (
        (office.approve, listed.id, listed.version),
        (office.approve, waiting.id, waiting.version),
        (office.open_list, early),
    ):
        with pytest.raises(CaseError, match="than those adopted; evaluate again"):
            act("bob", *refused)
    with pytest.raises(CaseError, match="than those adopted; evaluate again"):
        act("bob", office.propose, waiting.id, tier, "because", decision=decision)
    assert act("bob", office.reject, listed.id, listed.version, "no").state is CaseState.REJECTED
    day = date(2026, 3, 31)
    run = evaluate_periodically(store, governing(store), table_as_of(day, 5, tmp_path), day, "ann").run
    for case in (single(waiting), act("ann", office.open_list, run)):
        for name in ("bob", "carl", "dora")[: case.needed]:
            after, changes = act(name, office.approve, case.id, case.version)
        assert (after.state, bool(changes)) == (CaseState.EFFECTIVE, True)


def test_who_adopted_what_governs_a_customer_on_a_day_is_told(store: Store) -> None:
    customer, (decision, tier) = min(newest(store).items())
    at = now()

    def governed(moment: datetime) -> Any:
        with store.reading() as connection:
            return governed_by(connection, standing_of(connection, customer, moment))

    with store.writing("ann", at) as writing:
        put_in_force(writing, customer, Layer.APPROVED, tier, decision=decision, reason="periodic")
    before = governed(at)
    assert (before.procedure_hash, before.procedure_approvers, before.model_approvers) == (None, (), ())
    store.clock = lambda: at + timedelta(days=1)
    adopt(store, SLOW)
    adopt(store, alone())
    with store.writing("ann", at + timedelta(days=2)) as writing:
        put_in_force(writing, customer, Layer.APPROVED, tier, decision=decision, reason="periodic")
    after = governed(at + timedelta(days=2))
    assert after.procedure_approvers == ("bob", "carl")
    # The decision was made before anything was adopted.
    assert after.model_approvers == ()
    assert governed(at + timedelta(hours=1)) == before
    with store.reading() as connection:
        assert adoption_at(connection, CaseKind.MODEL, at) is None


def test_a_decision_made_by_what_was_adopted_names_who_adopted_it(store: Store, tmp_path: Path) -> None:
    adopt(store, alone())
    day = date(2026, 3, 31)
    evaluate_periodically(store, governing(store), table_as_of(day, 6, tmp_path), day, "ann")
    customer, (decision, tier) = min(newest(store).items())
    with store.writing("ann") as writing:
        put_in_force(writing, customer, Layer.APPROVED, tier, decision=decision, reason="periodic")
    with store.reading() as connection:
        found = governed_by(connection, standing_of(connection, customer, now()))
    assert found is not None
    assert found.model_approvers == ("bob", "carl")


@pytest.fixture
def folder(template: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an embedded store that the commands find."""
    copied = tmp_path / "store"
    shutil.copytree(template["folder"] / "sqlite", copied)
    monkeypatch.setenv("TIERWISE_KEYS", str(copied))
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    for name in ("STORE", "MODEL", "CATALOG", "POLICY", "ARTEFACT", "PROCEDURE"):
        monkeypatch.delenv(f"TIERWISE_{name}", raising=False)
    return copied


def command(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(tierwise.app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_the_commands_propose_show_and_work_by_what_is_adopted(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "procedure.yaml"
    file.write_text(yaml.safe_dump({"procedure": "own", "case_days": 30, "approvals": {"governance": 1}}))
    table = table_as_of(DAYS[-1] + timedelta(days=31), 7, tmp_path)
    day = str(DAYS[-1] + timedelta(days=31))
    said = command("adopt", "propose", file, "--because", "ours")
    assert "needs 2 approvals of others" in said
    case = said.split()[1].rstrip(":")
    shown = command("case", "show", case)
    assert "case_days" in shown and "Proposed because: ours\n" in shown
    with pytest.raises(NotAllowed):
        command("case", "approve", case, "--version", "1")
    opened = open_store(None, folder)
    with opened.reading() as connection:
        waiting = load_case(connection, case)
    approve(opened, waiting, "bob", "carl")
    assert "own v1" in command("adopt", "show") and "bob, carl" in command("adopt", "show")
    assert "nothing yet" in command("adopt", "show", "--on", "2020-01-01")
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"procedure": "other"}))
    for words in (
        ("evaluate", table, "--as-of", day, "--procedure", other), ("due", "--procedure", other),
        ("case", "withdraw", case, "--procedure", other), ("tick", "--procedure", other),
        ("deliver", table, "--as-of", day, "--procedure", other),
        ("notice", "run", "--once", "--procedure", other),
        ("customer", "import", table, "--procedure", other),
        ("task", "done", "0" * 32, "--evidence", "x", "--procedure", other),
    ):  # fmt: skip
        with pytest.raises(NotAdopted, match="adopt propose FILE"):
            command(*words)
    served = propose(opened, acting("ann"), alone())
    approve(opened, served, "bob")
    with pytest.raises(NotAdopted, match="not what was adopted"):
        command("evaluate", table, "--as-of", day, "--catalog", "sba")
    with pytest.raises(NotAdopted, match="not what was adopted"):
        command("deliver", table, "--as-of", day, "--catalog", "sba")
    assert "decided on" in command("evaluate", table, "--as-of", day, "--procedure", file)
    assert "decided on" in command("evaluate", table, "--as-of", day, "--catalog", "customer")
    environment = {"TIERWISE_OPERATE": "1", "TIERWISE_KEYS": str(folder)}
    with pytest.raises(NotAdopted):
        load_operations(alone(), {**environment, "TIERWISE_PROCEDURE": str(other)})
    plain = alone()
    wrong = plain.scorer.policy.model_copy(update={"version": 99})
    wrong.__dict__.pop("hash", None)
    with pytest.raises(NotAdopted):
        load_operations(Served(Scorer(plain.scorer.catalog, wrong), None), environment)
    operations = load_operations(plain, environment)
    assert operations is not None
    assert operations.procedure.case_days == 30
    # Nothing was adopted then: neither the command nor the service takes what was adopted later.
    for last, name in (("2020-01-01", "default v1"), (str(now().date()), "own v1")):
        by_route = SUPERVISION["GET", "/v1/supervision"](operations, acting("sue"), {}, {"to": last})
        by_command = json.loads(command("supervise", "--to", last, "--format", "json"))
        assert by_route["procedure"] == by_command["procedure"] == name
    operations.close()
    opened.close()


def test_what_is_to_be_adopted_is_named_once(folder: Path, tmp_path: Path) -> None:
    for words in ((), (tmp_path / "p.yaml", "--catalog", "sba")):
        with pytest.raises(ValueError, match="name what is to be adopted"):
            command("adopt", "propose", *words, "--because", "x")


def test_oversight_can_be_done_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert "Written to" in command("supervise", "--format", "html", "--language", "zh-Hant", "--output", page)
    assert "監督與考核" in page.read_text(encoding="utf-8")
    assert '"accuracy.auc"' in command("supervise", "--format", "json")
    assert "accuracy.auc" in command("supervise")
    assert "对数损失" in command("supervise", "--language", "zh-Hans")
    today = str(datetime.now(UTC).date())
    drawn = command("inspect", "draw", "--size", "4", "--seed", "3", "--from", today, "--to", today)
    sample = drawn.split()[1].rstrip(":")
    assert "4 of" in drawn
    assert "The same 4" in command("inspect", "redraw", sample)
    listed = command("inspect", "list", "--sample", sample)
    assert "4 decisions drawn" in listed
    # Items and decisions are printed whole, for other commands ask for them.
    assert len(set(re.findall(r"\b[0-9a-f]{32}\b", listed))) == 8
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    for words in (("supervise",), ("inspect", "draw", "--size", "1", "--seed", "1")):
        with pytest.raises(PeriodError, match="ends after today"):
            command(*words, "--to", tomorrow)
    table = tmp_path / "outcomes.csv"
    table.write_text(
        "customer_id,as_of,bad,known_on\nC-1,2026-01-31,yes,2026-03-01\nC-99,2026-01-31,no,2026-03-01\n"
    )
    assert "1 new" in command("outcome", "import", table, code=KEPT_APART)
    assert "1 known before" in command("outcome", "import", table, code=KEPT_APART)
    assert "C-99" not in (tmp_path / "outcomes.rejects.csv").read_text()
    with pytest.raises(ValueError, match="give --ok alone"):
        command("inspect", "record", "0" * 32, "--ok", "--finding", "x")
