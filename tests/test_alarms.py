"""An alarm opens one case, which is worked as others are; and a store's own decisions are monitored."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

import tierwise
from serving.audit.verification import verify
from serving.operations import ROUTES, Operations
from serving.procedure import Approvals, Procedure
from serving.reviews.adoptions import ServedSet
from serving.reviews.alarms import Alarm, AlarmDesk, OpenedAlarm, alarm_of, open_alarms
from serving.reviews.cases import Case, CaseError, CaseState, NotAllowed
from serving.reviews.office import Office
from serving.reviews.periodic import evaluate_periodically
from serving.served import Served
from serving.store.customers import customer_of, erase_customer
from serving.store.store import Store, create_store, open_store
from serving.store.tables import documents
from serving.supervision.monitored import decided_in
from serving.supervision.outcome_import import import_outcomes
from serving.supervision.period import Period
from tests.judged import Candidate, candidate, drawn
from tests.reviewed import acting, served_alone
from tests.stores import ACTOR
from training.battery.evidence import model_of
from training.frames import to_frame
from training.monitoring.kinds import AlarmKind
from training.monitoring.monitor import monitor
from training.monitoring.reference import Reference
from training.monitoring.report import MonitoringReport
from training.monitoring.watched import Watched

DAY, EVALUATED, IMPORTED = (
    date(2004, 6, 30),
    datetime(2004, 7, 1, tzinfo=UTC),
    datetime(2005, 9, 1, tzinfo=UTC),
)
CUSTOMERS = 150


@pytest.fixture(scope="module")
def found() -> Candidate:
    return candidate()


@pytest.fixture(scope="module")
def reference(found: Candidate) -> Reference:
    return Reference.of(found.scorer, found.reference)


@pytest.fixture(scope="module")
def report(found: Candidate, reference: Reference) -> MonitoringReport:
    """A report with an alarm on indicators and one on calibration."""
    portfolio = found.judged.portfolio
    given = portfolio.given.copy()
    given[:, portfolio.column("noise")] += 1.0
    bad = drawn(found.probability * 0.4)
    data = replace(found.judged, bad=bad, portfolio=replace(portfolio, given=given))
    every = np.ones(len(data), dtype=np.bool_)
    told = monitor(
        Watched.of(found.scorer, reference, data, every, np.datetime64("2030-01-01")), "synthetic/1"
    )
    assert {AlarmKind.INPUT_DRIFT, AlarmKind.CALIBRATION} <= set(told.alarms)
    return told


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = create_store(None, tmp_path / "store", ACTOR)
    yield made
    made.close()


def opened(
    store: Store, report: MonitoringReport, kind: AlarmKind, procedure: Procedure | None = None
) -> OpenedAlarm:
    with store.writing("ann") as writing:
        desk = AlarmDesk(store, procedure or Procedure())
        return desk.open(writing, acting("ann"), report.alarm_document(kind))


def test_an_alarm_is_open_once_for_each_kind_and_model(store: Store, report: MonitoringReport) -> None:
    first = opened(store, report, AlarmKind.INPUT_DRIFT)
    assert (first.found, first.case.state) == (False, CaseState.COLLECTING)
    assert opened(store, report, AlarmKind.INPUT_DRIFT) == OpenedAlarm(first.case, found=True)
    # The same alarm of a later period is the same alarm.
    later = replace(report, subject=replace(report.subject, on="2030-02-01"))
    assert opened(store, later, AlarmKind.INPUT_DRIFT).case.id == first.case.id
    other_model = replace(report, subject=replace(report.subject, model_sha256="0" * 64))
    assert not opened(store, other_model, AlarmKind.INPUT_DRIFT).found
    assert not opened(store, report, AlarmKind.CALIBRATION).found
    with store.reading() as connection:
        assert len(open_alarms(connection)) == 3
        kept = connection.execute(select(func.count()).where(documents.c.kind == "alarm")).scalar_one()
        assert kept == 3
        alarm = alarm_of(connection, first.case)
        assert alarm.about[0] == AlarmKind.INPUT_DRIFT
        assert [of["id"] for of in alarm.results] == [of.id for of in report.alarms[AlarmKind.INPUT_DRIFT]]
        assert verify(connection, store.keyring, store.heads).bad_entry is None


def test_a_remedy_is_proposed_by_one_and_approved_by_another(store: Store, report: MonitoringReport) -> None:
    procedure = Procedure(approvals=Approvals(ordinary=2))
    desk, office = AlarmDesk(store, procedure), Office(store, procedure)
    case = opened(store, report, AlarmKind.CALIBRATION, procedure).case

    def approve(name: str, of: Case) -> Case:
        with store.writing(name) as writing:
            return office.approve(writing, acting(name), of.id, of.version)[0]

    with pytest.raises(CaseError, match="collecting"):
        approve("bob", case)
    with store.writing("ann") as writing:
        first = desk.propose(writing, acting("ann"), case.id, "wait")
        second = desk.propose(writing, acting("ann"), case.id, "train again")
    assert (second.version, second.needed) == (2, 2)
    with pytest.raises(CaseError, match="version 2 by now"):
        approve("bob", first)
    with pytest.raises(NotAllowed):
        approve("ann", second)
    assert approve("bob", second).state is CaseState.PROPOSED
    with pytest.raises(NotAllowed):
        approve("bob", second)
    with store.reading() as connection:
        assert desk.justification(connection, second) == "train again"
    assert approve("carl", second).state is CaseState.EFFECTIVE
    with pytest.raises(CaseError), store.writing("ann") as writing:
        desk.propose(writing, acting("ann"), case.id, "something else")
    # What is closed does not hide the next alarm.
    assert not opened(store, report, AlarmKind.CALIBRATION).found


def test_an_alarm_is_rejected_but_not_withdrawn(store: Store, report: MonitoringReport) -> None:
    desk, office = AlarmDesk(store, Procedure()), Office(store, Procedure())
    case = opened(store, report, AlarmKind.CALIBRATION).case
    with pytest.raises(NotAllowed, match="not withdrawn"), store.writing("ann") as writing:
        office.withdraw(writing, acting("ann"), case.id)
    with store.writing("ann") as writing:
        office.request(writing, acting("ann"), case.id, "finance", "what happened?")
        case = desk.propose(writing, acting("ann"), case.id, "wait")
    with store.writing("bob") as writing:
        assert office.reject(writing, acting("bob"), case.id, case.version, "no").state is CaseState.REJECTED


def test_the_service_shows_an_alarm_and_takes_a_remedy(store: Store, report: MonitoringReport) -> None:
    case = opened(store, report, AlarmKind.CALIBRATION).case
    # The gate stands before these routes.
    operations = Operations(store, served_alone(), Procedure(), None)  # type: ignore[arg-type]
    parts = {"case": case.id}
    show, propose = ("GET", "/v1/cases/{case}"), ("POST", "/v1/cases/{case}/propose")
    told = ROUTES[show](operations, acting("ann"), parts, {})
    assert (told["kind"], told["alarm"]["remedy"]) == ("monitoring", None)
    assert told["alarm"]["names"]["zh-Hant"] == "校準失準"
    proposed = ROUTES[propose](operations, acting("ann"), parts, {"because": "calibrate anew"})
    assert (proposed["state"], proposed["version"]) == ("proposed", 1)
    told = ROUTES[show](operations, acting("bob"), parts, {})
    assert (told["alarm"]["remedy"], told["proposed_because"]) == ("calibrate anew", "calibrate anew")
    listed = ROUTES["GET", "/v1/cases"](operations, acting("bob"), {}, {})
    assert [of["case"] for of in listed["cases"]] == [case.id]


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"format": "tierwise-alarm", "format_version": 1}'],
    ids=["empty", "a list", "nothing", "without results"],
)
def test_what_is_no_alarm_opens_no_case(document: bytes) -> None:
    with pytest.raises(CaseError, match=r"^the document tells of no alarm"):
        Alarm.read(document)


# The store's own decisions


@pytest.fixture(scope="module")
def operated(found: Candidate, reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which customers were decided on and their outcomes imported, and documents."""
    folder = tmp_path_factory.mktemp("operated")
    store = create_store(None, folder / "store", ACTOR)
    store.clock = lambda: EVALUATED
    part = found.judged.take(np.arange(CUSTOMERS))
    frame = to_frame(replace(part.portfolio, as_of=[DAY] * CUSTOMERS))
    frame.to_csv(folder / "table.csv", index=False)
    served = Served(found.scorer, "synthetic/1")
    assert evaluate_periodically(store, served, folder / "table.csv", DAY, "ann").decided == CUSTOMERS
    # Far more bad outcomes than were foretold, the first ten not known.
    bad = drawn(np.full(CUSTOMERS, 0.8))
    outcomes = pd.DataFrame({"customer_id": frame["customer_id"], "as_of": DAY, "bad": bad})
    outcomes = outcomes.assign(known_on=date(2005, 8, 1))[10:]
    outcomes.to_csv(folder / "outcomes.csv", index=False)
    store.clock = lambda: IMPORTED
    assert import_outcomes(store, folder / "outcomes.csv", "ann").new == CUSTOMERS - 10
    store.close()
    (folder / "points.json").write_bytes(model_of(found.scorer).to_bytes())
    for name, declared in (("catalog", found.scorer.catalog), ("policy", found.scorer.policy)):
        (folder / f"{name}.yaml").write_text(declared.model_dump_json(by_alias=True), encoding="utf-8")
    (folder / "reference.json").write_bytes(reference.document)
    return folder


def test_decisions_become_the_customers_that_they_were_made_on(operated: Path, found: Candidate) -> None:
    served = Served(found.scorer, "synthetic/1")
    store = open_store(None, operated / "store")
    scope = (store.keyring, found.scorer.catalog)
    hashes = ServedSet.of(served).hashes
    with store.reading() as connection:
        whole = decided_in(connection, *scope, hashes, Period(DAY, DAY), date(2006, 1, 1))
        early = decided_in(connection, *scope, hashes, Period(DAY, DAY), date(2005, 1, 1))
        before = decided_in(connection, *scope, hashes, Period(DAY, DAY), date(2004, 6, 30))
        others = decided_in(
            connection, *scope, ("0" * 64, "0" * 64, None), Period(DAY, DAY), date(2006, 1, 1)
        )
    store.close()
    by_id = {id_: row for row, id_ in enumerate(whole.portfolio.customer_ids)}
    given = whole.portfolio.given[[by_id[id_] for id_ in found.judged.portfolio.customer_ids[:CUSTOMERS]]]
    assert np.array_equal(given, found.judged.portfolio.given[:CUSTOMERS], equal_nan=True)
    assert (int(whole.known.sum()), whole.others, whole.erased) == (CUSTOMERS - 10, 0, 0)
    assert set(whole.known_on[whole.known]) == {np.datetime64("2005-08-01")}
    assert (len(early.portfolio), int(early.known.sum())) == (CUSTOMERS, 0)
    assert len(before.portfolio) == 0
    assert (len(others.portfolio), others.others) == (0, CUSTOMERS)


def test_the_stores_decisions_are_monitored_and_alarms_open_cases(
    operated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(operated)
    for name in ("catalog.yaml", "policy.yaml"):
        monkeypatch.setenv(f"TIERWISE_{name.split('.')[0].upper()}", name)
    monkeypatch.setenv("TIERWISE_ARTEFACT", "points.json")
    monkeypatch.setenv("TIERWISE_KEYS", str(operated / "store"))
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path))

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(tierwise.app, list(arguments), catch_exceptions=False)

    period = ("monitor", "--reference", "reference.json", "--from", "2004-06-01", "--to", "2004-06-30")
    assert "no outcomes that count" in run(*period, "--on", "2005-01-01").stdout
    told = run(*period, "--cases", "--json", str(tmp_path / "out.json"))
    assert told.exit_code == 1
    assert f"The store: {CUSTOMERS} decisions" in told.stdout and ": calibration, opened." in told.stdout
    assert json.loads((tmp_path / "out.json").read_text())["subject"]["mature"] == CUSTOMERS - 10
    again = run(*period, "--cases")
    assert ": calibration, open already." in again.stdout and ", opened." not in again.stdout
    store = open_store(None, operated / "store")
    with store.reading() as connection:
        (case,) = (of for of in open_alarms(connection) if alarm_of(connection, of).about[0] == "calibration")
    assert "Calibration in the large" in run("case", "show", case.id).stdout
    proposed = run("case", "remedy", case.id, "--because", "calibrate anew")
    assert "proposed, version 1" in proposed.stdout
    assert "Proposed: calibrate anew" in run("case", "show", case.id).stdout
    assert run("audit", "verify").exit_code == 0
    # Of an erased customer nothing is known any more.
    with store.writing("ann") as writing:
        erase_customer(writing, customer_of(writing.connection, store.keyring, "SECRET-2407").id)
    store.close()
    assert "and 1 on customers that were erased" in run(*period).stdout
