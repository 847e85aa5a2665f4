"""Monitoring: quiet where nothing has changed, and an alarm of the right kind where something was planted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from typer.testing import CliRunner

import tierwise
from features.portfolio import Bools, Portfolio
from features.terms import Language
from models.calibration import Calibration
from models.decision import Scorer
from models.disclosure import MINIMUM_AGGREGATE
from tests.judged import Candidate, candidate, drawn
from tests.test_battery_report import english_left, numbers, write
from tests.test_cli import told
from training.battery.evidence import NotJudgeable, model_of
from training.battery.result import Result, Verdict
from training.dataset import LabelledPortfolio
from training.frames import to_frame
from training.monitoring.kinds import AlarmKind
from training.monitoring.limits import MonitoringLimits
from training.monitoring.monitor import monitor
from training.monitoring.reference import Reference
from training.monitoring.report import MonitoringReport, Subject
from training.monitoring.watched import Watched, matured
from training.monitoring.words import ALARMS, VERDICTS

LATE = np.datetime64("2030-01-01")
FAST = MonitoringLimits(resamples=100)


@pytest.fixture(scope="module")
def found() -> Candidate:
    return candidate()


@pytest.fixture(scope="module")
def reference(found: Candidate) -> Reference:
    held_out = found.scorer.decide(found.reference.portfolio).model.log_odds
    return Reference.of(found.scorer, found.reference, held_out)


def watched(
    found: Candidate,
    reference: Reference,
    *,
    portfolio: Portfolio | None = None,
    shift: float = 0.0,
    stretch: float = 1.0,
    on: np.datetime64 = LATE,
    known: Bools | None = None,
) -> Watched:
    """Watch the customers after the training, outcomes drawn from log-odds that are shifted or stretched."""
    log_odds = found.scorer.decide(found.judged.portfolio).model.log_odds
    data = replace(found.judged, bad=drawn(expit(shift + stretch * log_odds)))
    data = data if portfolio is None else replace(data, portfolio=portfolio)
    every = np.ones(len(data), dtype=np.bool_)
    return Watched.of(found.scorer, reference, data, every if known is None else known, on, FAST)


def kinds(report: MonitoringReport) -> set[AlarmKind]:
    return set(report.alarms)


def answer(report: MonitoringReport, id_: str) -> Result:
    return next(of for results in report.results.values() for of in results if of.id == id_)


def test_where_nothing_has_changed_nothing_alarms(found: Candidate, reference: Reference) -> None:
    report = monitor(watched(found, reference), "synthetic/1")
    assert kinds(report) == set()
    assert set(report.results) == set(AlarmKind)
    assert all(results for results in report.results.values())
    ids = [of.id for results in report.results.values() for of in results]
    assert len(set(ids)) == len(ids)
    assert all(id_.split(".")[0] in set(AlarmKind) for id_ in ids)
    assert json.loads(report.document())["verdict"] == "ok"


def test_indicators_that_moved_are_named_with_what_moved_most(found: Candidate, reference: Reference) -> None:
    portfolio = found.judged.portfolio
    given = portfolio.given.copy()
    given[:, portfolio.column("leverage")] += 1.0
    report = monitor(watched(found, reference, portfolio=replace(portfolio, given=given)))
    assert [of.id for of in report.alarms[AlarmKind.INPUT_DRIFT]] == ["input_drift.csi.leverage"]
    # Its weight moves the scores too, and outcomes drawn before it are not those of such scores.
    assert AlarmKind.SCORE_DRIFT in report.alarms
    (moved,) = report.alarms[AlarmKind.INPUT_DRIFT]
    now, before = moved.parts[:2]
    assert "above" in now.name.en and now.name.en.endswith("now")
    assert abs(now.value - before.value) > 0.05


def test_a_department_that_tells_less_is_named(found: Candidate, reference: Reference) -> None:
    portfolio = found.judged.portfolio
    given = portfolio.given.copy()
    silent = np.arange(len(portfolio)) % 4 == 0
    given[np.ix_(silent, [portfolio.column("assets"), portfolio.column("margin")])] = np.nan
    report = monitor(watched(found, reference, portfolio=replace(portfolio, given=given)))
    assert [of.id for of in report.alarms[AlarmKind.COMPLETENESS]] == ["completeness.told.finance"]
    # One leverage is told by another department.
    assert answer(report, "completeness.told.risk").verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("shift", "stretch", "expected"),
    [
        (0.6, 1.0, {AlarmKind.CALIBRATION}),
        (-0.6, 1.0, {AlarmKind.CALIBRATION}),
        (-1.0, 0.1, {AlarmKind.CALIBRATION, AlarmKind.DISCRIMINATION}),
    ],
    ids=["risk rose", "risk fell", "ranking lost"],
)
def test_outcomes_that_differ_from_what_was_predicted_alarm_once_they_have_matured(
    shift: float, stretch: float, expected: set[AlarmKind], found: Candidate, reference: Reference
) -> None:
    assert kinds(monitor(watched(found, reference, shift=shift, stretch=stretch))) == expected
    early = monitor(watched(found, reference, shift=shift, stretch=stretch, on=np.datetime64("2005-01-01")))
    assert kinds(early) == set()
    assert answer(early, "calibration.in_the_large").verdict is Verdict.NOT_ENOUGH_DATA
    assert early.subject.mature is None


def test_an_outcome_counts_when_its_window_is_over_and_not_when_it_happens(found: Candidate) -> None:
    data = found.judged.take(np.arange(3))
    day = data.days[0]
    month, one = day.astype("datetime64[M]"), np.timedelta64(1, "D")
    over = (month + np.timedelta64(12, "M")).astype("datetime64[D]") + (day - month)
    assert not matured(data, 12, over - one)[0]
    assert matured(data, 12, over)[0]
    told = replace(data, known_on=np.array([over + 5 * one, "NaT", "NaT"], dtype="datetime64[D]"))
    assert not matured(told, 12, over + 4 * one)[0]
    assert matured(told, 12, over + 5 * one)[0]


def test_without_a_declared_window_an_outcome_counts_when_it_is_told(
    found: Candidate, reference: Reference
) -> None:
    data = found.judged.take(np.arange(3))
    assert matured(data, None, data.days[0]).all()
    told = replace(
        data, known_on=np.array([data.days[0] + np.timedelta64(5, "D"), "NaT", "NaT"], dtype="datetime64[D]")
    )
    assert matured(told, None, data.days[0]).tolist() == [False, True, True]
    policy = found.scorer.policy.model_copy(update={"outcome_months": None})
    whole = watched(found, reference)
    undeclared = replace(whole, scorer=Scorer(found.scorer.catalog, policy, None))
    assert whole.mature.all()
    subject = Subject.of(undeclared, "synthetic/1")
    assert subject.document()["outcome_months"] is None
    title = MonitoringReport(subject, {}).grid().title
    assert f"{len(whole):,} outcomes told (the policy declares no window) by" in title


def test_customers_without_days_are_monitored_whole_and_no_day_is_told(
    found: Candidate, reference: Reference
) -> None:
    data = replace(found.judged, dated=False)
    every = np.ones(len(data), dtype=np.bool_)
    whole = Watched.of(found.scorer, reference, data, every, data.days[0], FAST)
    assert len(whole) == len(data) and whole.mature.all()
    subject = Subject.of(whole, "synthetic/1")
    assert (
        f"customers, without days; {len(data):,} outcomes told by"
        in MonitoringReport(subject, {}).grid().title
    )
    of_undated = Reference.of(found.scorer, replace(found.reference, dated=False))
    assert (of_undated.first_as_of, of_undated.last_as_of) == (None, None)
    assert Reference.read(of_undated.document, "it") == of_undated


def test_tiers_that_fell_between_two_evaluations_alarm(found: Candidate, reference: Reference) -> None:
    portfolio = found.judged.portfolio
    half = len(portfolio) // 2
    again = portfolio.given.copy()
    again[half : 2 * half] = portfolio.given[:half]
    ids = [
        *portfolio.customer_ids[:half],
        *portfolio.customer_ids[:half],
        *portfolio.customer_ids[2 * half :],
    ]
    same = replace(portfolio, given=again, customer_ids=ids)
    quiet = answer(monitor(watched(found, reference, portfolio=same)), "tier_migration.falls")
    assert (quiet.value, quiet.verdict) == (0.0, Verdict.PASSED)
    again[half : 2 * half, portfolio.column("leverage")] += 2.0
    report = monitor(watched(found, reference, portfolio=replace(same, given=again)))
    assert answer(report, "tier_migration.falls").verdict is Verdict.FAILED
    (fell,) = answer(report, "tier_migration.falls").parts
    # Of fewer than 20 that rose nothing is told.
    assert fell.name.en == "share of tiers that fell" and fell.value > 0.1


def test_false_alarms_are_as_rare_as_they_should_be_at_any_size(
    found: Candidate, reference: Reference
) -> None:
    """Periods drawn from the training customers themselves, with what does not matter set to nothing."""
    strict = MonitoringLimits(resamples=100, material_psi=0.0)
    rng = np.random.default_rng(3)
    for n in (60, 400):
        alarms = 0
        for _ in range(40):
            part = found.reference.take(rng.choice(len(found.reference), n, replace=False))
            data = Watched.of(found.scorer, reference, part, np.ones(n, dtype=np.bool_), LATE, strict)
            alarms += AlarmKind.INPUT_DRIFT in monitor(data, kinds=[AlarmKind.INPUT_DRIFT]).alarms
        # Of 40 at 5 %, more than 6 in one of ten thousand.
        assert alarms <= 6


# The reference


def test_the_reference_is_of_aggregates_and_is_read_back_the_same(
    found: Candidate, reference: Reference
) -> None:
    text = reference.document.decode()
    assert Reference.read(reference.document, "it") == reference
    document = json.loads(text)
    counts = numbers(document, "count") + numbers(document, "customers")
    assert counts and min(counts) >= MINIMUM_AGGREGATE
    assert "SECRET" not in text
    given = found.reference.portfolio.given
    for value in given[:200, found.scorer.catalog.columns["assets"]]:
        assert np.isnan(value) or repr(float(value)) not in text
    assert document["customers"] == len(found.reference)
    assert document["bad_rate"] == np.mean(found.reference.bad)
    assert reference.held_out is not None and 0.6 < reference.held_out.auc < 0.9
    assert sum(of.customers for of in reference.tier_rates) == len(found.reference)


def test_the_training_customers_by_themselves_differ_by_nothing(
    found: Candidate, reference: Reference
) -> None:
    every = np.ones(len(found.reference), dtype=np.bool_)
    report = monitor(Watched.of(found.scorer, reference, found.reference, every, LATE, FAST))
    assert all(of.value == 0.0 for of in report.results[AlarmKind.INPUT_DRIFT])
    assert answer(report, "discrimination.auc_against_training").value == pytest.approx(0.0, abs=0.01)


def test_a_reference_of_another_model_is_refused(found: Candidate, reference: Reference) -> None:
    model = model_of(found.scorer)
    other = Scorer(
        found.scorer.catalog, found.scorer.policy, replace(model, calibration=Calibration(0.0, 0.5))
    )
    every = np.ones(len(found.judged), dtype=np.bool_)
    with pytest.raises(NotJudgeable, match=r"^the reference is of another model [^\n]*$"):
        Watched.of(other, reference, found.judged, every, LATE)
    with pytest.raises(NotJudgeable, match=r"^nothing.json: is no reference that can be read [^\n]*$"):
        Reference.read(b"{}", "nothing.json")
    with pytest.raises(NotJudgeable, match=r"^19 customers [^\n]* are too few to monitor[^\n]*$"):
        Watched.of(found.scorer, reference, found.judged.take(np.arange(19)), every[:19], LATE)
    with pytest.raises(NotJudgeable, match=r"^0 customers [^\n]* too few to monitor[^\n]*$"):
        Watched.of(found.scorer, reference, found.judged, every, np.datetime64("2001-01-01"))


# The report


def test_the_document_is_of_aggregates_and_says_what_was_compared(
    found: Candidate, reference: Reference
) -> None:
    report = monitor(watched(found, reference, shift=0.6), "synthetic/1")
    text = report.document()
    document = json.loads(text)
    assert document["verdict"] == "alarm"
    assert document["subject"]["reference_sha256"] == reference.sha256
    assert document["subject"]["mature"] == len(found.judged)
    assert document["limits"]["tolerated_silence"] == 0.05 and "favourable" not in document["limits"]
    assert all(n is None or n >= MINIMUM_AGGREGATE for n in numbers(document["results"], "n"))
    assert "SECRET" not in text
    for name in numbers(document["results"], "name"):
        assert set(name) == {"zh-Hant", "zh-Hans", "en"} and all(name.values())
    for language in Language:
        whole, short = report.grid(language, whole=True), report.grid(language)
        assert len(whole.rows) == len(document["results"]) > len(short.rows)
        assert any(row[-1] == VERDICTS["alarm"].in_language(language) for row in short.rows)
        if language is not Language.EN:
            assert english_left(whole) == english_left(short) == set()
    alarm = json.loads(report.alarm_document(AlarmKind.CALIBRATION))
    assert alarm["subject"]["model_version"] == "synthetic/1"
    assert {of["verdict"] for of in alarm["results"]} == {"alarm"}
    assert set(ALARMS) == set(AlarmKind)


# The command


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Candidate, reference: Reference) -> Path:
    """A folder with an artefact, its catalog, policy and reference, and tables of later customers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    (tmp_path / "points.json").write_bytes(model_of(found.scorer).to_bytes())
    for name, declared in (("catalog", found.scorer.catalog), ("policy", found.scorer.policy)):
        (tmp_path / f"{name}.yaml").write_text(declared.model_dump_json(by_alias=True), encoding="utf-8")
    (tmp_path / "reference.json").write_bytes(reference.document)
    (tmp_path / "limits.yaml").write_text("{resamples: 100}", encoding="utf-8")
    (tmp_path / "battery.yaml").write_text("{least_auc: 0.6}", encoding="utf-8")
    write(found.judged, drawn(found.probability), tmp_path / "after.csv")
    log_odds = found.scorer.decide(found.judged.portfolio).model.log_odds
    write(found.judged, drawn(expit(log_odds + 0.6)), tmp_path / "worse.csv")
    to_frame(found.judged.portfolio).to_csv(tmp_path / "unlabelled.csv", index=False)
    return tmp_path


ARGUMENTS = (
    "monitor", "--artefact", "points.json", "--catalog", "catalog.yaml", "--policy", "policy.yaml",
    "--reference", "reference.json", "--limits", "limits.yaml",
)  # fmt: skip


def run(*arguments: str) -> Any:
    return CliRunner().invoke(tierwise.app, [*ARGUMENTS, *arguments], catch_exceptions=False)


def test_the_command_prints_and_writes_what_it_found_and_its_exit_code_says_it(files: Path) -> None:
    quiet = run("--data", "after.csv", "--label", "outcome", "--json", "out.json")
    document = json.loads((files / "out.json").read_text(encoding="utf-8"))
    assert (quiet.exit_code, document["verdict"]) == (0, "ok")
    assert "Calibration slope" in quiet.stdout
    loud = run("--data", "worse.csv", "--label", "outcome", "--language", "zh-Hant")
    assert loud.exit_code == 1
    first, *_, alarm = loud.stdout.splitlines()
    assert first.startswith("worse.csv：讀取 ")
    assert alarm == "警報（calibration）：校準失準：3 項中 2 項。"
    # Before anything has matured the same table gives no alarm.
    assert run("--data", "worse.csv", "--label", "outcome", "--on", "2005-01-01").exit_code == 0
    unlabelled = run("--data", "unlabelled.csv", "--whole")
    assert unlabelled.exit_code == 0
    assert "no outcomes that count" in unlabelled.stdout


def test_only_those_of_the_period_are_compared(files: Path, found: Candidate) -> None:
    run(
        "--data",
        "after.csv",
        "--label",
        "outcome",
        "--from",
        "2005-01-01",
        "--to",
        "2005-06-30",
        "--json",
        "p",
    )
    subject = json.loads((files / "p").read_text(encoding="utf-8"))["subject"]
    days = found.judged.days
    inside = (days >= np.datetime64("2005-01-01")) & (days <= np.datetime64("2005-06-30"))
    assert subject["customers"] == np.sum(inside)
    assert subject["first_as_of"] >= "2005-01-01" and subject["last_as_of"] <= "2005-06-30"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--data", "absent.csv"], "absent.csv: cannot be read"),
        (["--data", "after.csv", "--from", "2031-01-01"], "nobody in the table was evaluated in the period"),
        (["--data", "after.csv", "--from", "yesterday"], "a day is written as"),
        (["--data", "after.csv", "--reference", "absent.json"], "absent.json: cannot be read"),
        (["--data", "after.csv", "--label", "absent"], "there is no column absent"),
        (["--data", "after.csv", "--limits", "points.json"], "points.json: "),
        (["--data", "after.csv", "--limits", "battery.yaml"], "least_auc: is a limit of the battery"),
    ],
    ids=["no table", "nobody", "no day", "no reference", "no label", "no limits", "another's limits"],
)
def test_what_goes_wrong_is_one_line_and_exit_code_2(
    arguments: list[str],
    reason: str,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert reason in told(capsys, monkeypatch, *ARGUMENTS, *arguments)


def test_a_file_without_a_reference_is_one_line_and_no_store_is_made(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ARGUMENTS[: ARGUMENTS.index("--reference")]
    reason = "the model is not registered, so no reference is recorded: name a file with --reference"
    assert reason in told(capsys, monkeypatch, *alone, "--data", "after.csv")
    assert not (files / "state").exists()


def test_groups_count_as_one(found: Candidate, reference: Reference) -> None:
    one = watched(found, reference, shift=0.6)
    pairs = replace(one.data, groups=np.arange(len(one.data)) // 2)
    together = Watched.of(found.scorer, reference, pairs, one.mature, LATE, FAST)
    apart, grouped = (
        answer(monitor(of, kinds=[AlarmKind.CALIBRATION]), "calibration.in_the_large")
        for of in (one, together)
    )
    assert apart.value == grouped.value
    assert apart.interval != grouped.interval


def test_customers_of_natures_without_a_model_are_left_out(found: Candidate, reference: Reference) -> None:
    data: LabelledPortfolio = found.judged
    natures = data.portfolio.natures.copy()
    natures[:100] = "individual"
    # The catalog knows one nature; whoever is of another is not the model's.
    odd = replace(data, portfolio=replace(data.portfolio, natures=natures))
    every = np.ones(len(data), dtype=np.bool_)
    assert len(Watched.of(found.scorer, reference, odd, every, LATE)) == len(data) - 100
