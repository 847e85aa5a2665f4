"""The battery as a whole: one report, of aggregates only, by the command too."""

import csv
import hashlib
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

import tierwise
from features.terms import Language
from models import registry
from models.artefact import Fact, Model, unsigned_sha256
from models.decision import Scorer
from models.disclosure import MINIMUM_AGGREGATE
from serving.promotion.rules import PromotionRules
from serving.promotion.told import Told
from serving.served import Served
from tests.judged import LAST_TRAINED, candidate, drawn, evidence, with_model
from tests.labelled import FIRST_YEAR, synthetic
from tests.mlflow_store import migrated_store, state
from tests.promoted import reasons_of, register
from tests.test_cli import told
from training.battery.battery import CHECKS, Battery
from training.battery.evidence import Evidence, NotJudgeable, model_of
from training.battery.judging import Judging
from training.battery.limits import Limits
from training.battery.report import Report
from training.battery.result import Check, Part, Range, Result, Verdict
from training.battery.scope import scope
from training.battery.words import alike
from training.data_facts import customers_hash
from training.dataset import LabelledPortfolio
from training.frames import to_frame
from training.monitoring.commands import recorded_mixes
from training.monitoring.reference import Reference
from training.recording import keep_review
from training.report import Grid
from training.sample import Sample

__all__ = ["migrated_store", "state"]

FAST = Limits(resamples=100, sensitivity_customers=200)


@pytest.fixture(scope="module")
def report() -> Report:
    return Judging(FAST, threads=1).of(evidence(limits=FAST), "synthetic/1")


def test_every_part_of_the_battery_answers_and_a_sound_candidate_passes(report: Report) -> None:
    begun = {result.id.split(".")[0] for result in report.results}
    assert begun == {
        "scope", "discrimination", "calibration", "stability", "monotonicity", "sensitivity", "robustness",
        "segments", "fairness", "benchmark",
    }  # fmt: skip
    assert len(begun) == len(CHECKS) - 2  # the tiers' tests are of calibration, columns of the scope
    failed = [result.id for result in report.results if result.verdict is Verdict.FAILED]
    assert failed == []
    assert report.verdict is Verdict.PASSED
    ids = [result.id for result in report.results]
    assert len(set(ids)) == len(ids)


def test_one_failed_check_fails_the_whole(report: Report) -> None:
    failed = replace(report.results[1], verdict=Verdict.FAILED)
    assert replace(report, results=(failed, *report.results)).verdict is Verdict.FAILED
    silent = tuple(replace(result, verdict=Verdict.NOT_ENOUGH_DATA) for result in report.results)
    assert replace(report, results=silent).verdict is Verdict.NOT_ENOUGH_DATA


def test_the_same_candidate_is_judged_alike(report: Report) -> None:
    again = Judging(FAST, threads=1).of(evidence(limits=FAST), "synthetic/1")
    assert again.document() == report.document()


def numbers(node: Any, name: str) -> list[Any]:
    """Return everything of that name in a document."""
    if isinstance(node, list):
        return [found for each in node for found in numbers(each, name)]
    if not isinstance(node, dict):
        return []
    below = [found for each in node.values() for found in numbers(each, name)]
    return ([node[name]] if name in node else []) + below


def test_the_document_is_of_aggregates_and_says_what_was_judged(report: Report) -> None:
    text = report.document()
    document = json.loads(text)
    assert document["subject"]["customers"] == evidence().n
    assert document["subject"]["catalog_hash"] == evidence().catalog.hash
    assert document["limits"]["resamples"] == 100
    assert document["limits_given"] == ["sensitivity_customers", "resamples"]
    assert document["verdict"] == "passed"
    assert all(n is None or n >= MINIMUM_AGGREGATE for n in numbers(document["results"], "n"))
    assert "SECRET" not in text
    given = evidence().data.portfolio.given
    for value in given[:50, evidence().catalog.columns["assets"]]:
        assert np.isnan(value) or repr(float(value)) not in text
    for name in numbers(document["results"], "name"):
        assert set(name) == {"zh-Hant", "zh-Hans", "en"} and all(name.values())


def test_table_and_csv_hold_every_check(report: Report) -> None:
    for language in Language:
        grid, short = report.grid(language, whole=True), report.grid(language)
        if language is not Language.EN:
            assert english_left(grid) == english_left(short) == set()
        assert len(grid.rows) == len(report.results)
        assert {len(row) for row in (*grid.rows, *short.rows)} == {len(grid.columns)}
        assert len(short.rows) < len(grid.rows)
    lines = list(csv.DictReader(io.StringIO(report.csv())))
    checks = [line for line in lines if not line["part"]]
    assert [line["id"] for line in checks] == [result.id for result in report.results]
    assert len(lines) == len(checks) + sum(len(result.parts) for result in report.results)
    assert float(checks[1]["value"]) == report.results[1].value


def english_left(grid: Grid) -> set[str]:
    """Return the English words of verdicts, ranges and heads that are left in a table of another language."""
    cells = [grid.title, *grid.columns, *(cell for row in grid.rows for cell in row)]
    english = {
        "passed", "failed", "ok", "alarm", "enough", "to", "from", "value", "verdict", "check", "on", "n",
        "interval", "tolerated", "customers", "bad", "evaluated", "outcomes", "any", "above", "up",
    }  # fmt: skip
    return english & {word for cell in cells for word in re.findall(r"[A-Za-z]+", cell)}


def test_the_short_table_leaves_out_nothing_that_failed(report: Report) -> None:
    place = next(i for i, result in enumerate(report.results) if result.id == "stability.csi.leverage")
    results = list(report.results)
    results[place] = replace(results[place], verdict=Verdict.FAILED)
    rows = {row[0]: row[-1] for row in replace(report, results=tuple(results)).grid().rows}
    assert rows["Characteristic stability: leverage"] == "failed"
    family = [result for result in results if result.id.startswith("stability.csi.")]
    assert rows[f"Characteristic stability ({len(family) - 1}/{len(family)})"] == "passed"
    assert "Characteristic stability: assets" not in rows


def test_fewer_customers_than_may_be_told_of_are_not_told_of() -> None:
    check = Check("a", alike("a"), "source")
    parts = [Part(alike("few"), 0.1, 19), Part(alike("many"), 0.2, 20), Part(alike("none"), 0.3, None)]
    assert check.answer(0.5, 19, passed=True, parts=parts).value is None
    result = check.answer(0.5, 20, passed=False, parts=parts)
    assert (result.value, result.verdict) == (0.5, Verdict.FAILED)
    assert [part.name.en for part in result.parts] == ["many", "none"]
    assert check.answer(float("nan"), 50, passed=True).verdict is Verdict.NOT_ENOUGH_DATA


def test_ranges() -> None:
    tolerated = Range(-1.0, 1.0)
    assert tolerated.holds(1.0) and not tolerated.holds(1.1)
    assert tolerated.meets(Range(0.9, 5.0)) and not tolerated.meets(Range(1.1, 5.0))
    assert Range(low=0.5).covers(Range(0.5, 9.0)) and not Range(low=0.5).covers(Range(0.4, 9.0))


def test_what_cannot_be_judged_is_refused() -> None:
    whole = evidence()
    bare = Scorer(whole.catalog, whole.scorer.policy)
    with pytest.raises(NotJudgeable, match=r"^there is no model to judge[^\n]*$"):
        Evidence.of(bare, whole.data)
    with pytest.raises(NotJudgeable, match=r"^19 customers [^\n]* are too few[^\n]*$"):
        Evidence.of(whole.scorer, whole.data.take(np.arange(19)))
    with pytest.raises(NotJudgeable, match=r"^the reference has fewer than 20 customers [^\n]*$"):
        Judging(FAST).of_table(whole.scorer, whole.data, reference=whole.data.take(np.arange(19)))
    with pytest.raises(NotJudgeable, match=r"^challenger x: [^\n]*$"):
        replace(whole, challengers={"x": np.zeros(3)})


# Stories


def test_of_a_table_those_after_the_training_are_judged_and_the_others_referred_to() -> None:
    """The others are who challengers are fitted on; the mix is compared with what was recorded."""
    found = candidate()
    recorded = Reference.of(found.scorer, found.reference.take(np.arange(500))).mixes
    both = LabelledPortfolio(
        found.reference.portfolio.joined([found.reference.portfolio, found.judged.portfolio]),
        np.concatenate([found.reference.bad, found.judged.bad]),
        np.arange(len(found.reference) + len(found.judged)),
    )
    judging = Judging(FAST, threads=1)
    subject = judging.of_table(found.scorer, both, recorded=recorded).subject
    assert (subject.customers, subject.reference_rows) == (len(found.judged), len(found.reference))
    assert (subject.reference_customers, subject.reference_review_sha256) == (500, recorded.sha256)
    assert np.datetime64(subject.first_as_of) > LAST_TRAINED


def test_customers_of_the_training_are_no_proof() -> None:
    found = candidate()
    whole = Evidence.of(found.scorer, found.reference, limits=FAST)
    (out_of_time, *_) = Battery(("scope",)).run(whole).results
    assert (out_of_time.verdict, out_of_time.value) == (Verdict.FAILED, 0.0)
    undated = replace(found.reference, dated=False)
    report = Battery(("scope",)).run(replace(whole, data=undated), "synthetic/1")
    assert report.results[0].verdict is Verdict.NOT_ENOUGH_DATA
    assert report.grid().title.endswith("bad, without days")
    subject = json.loads(report.document())["subject"]
    assert (subject["first_as_of"], subject["last_as_of"]) == (None, None)


def told_of(model: Model, **training: Fact) -> Model:
    """Return the model with other facts of its training."""
    return replace(model, training=training)


def test_the_very_customers_of_the_training_are_no_proof_with_days_or_without() -> None:
    found = candidate()
    for customers in (found.reference, replace(found.reference, dated=False)):
        known = told_of(model_of(found.scorer), customers_sha256=customers_hash(customers))
        whole = with_model(Evidence.of(found.scorer, customers, limits=FAST), known)
        out_of_time, others = scope(whole)
        assert (others.verdict, others.value) == (Verdict.FAILED, 1.0)
        assert out_of_time.verdict is Verdict.NOT_ENOUGH_DATA
        # They stay the same on another day (read tomorrow, or said to be evaluated then), in any order.
        other = replace(customers.portfolio, as_of=[date(2026, 1, 2)] * len(customers))
        backwards = replace(customers, portfolio=other).take(np.arange(len(customers))[::-1])
        later = replace(whole, data=backwards)
        assert list(scope(later))[1].verdict is Verdict.FAILED
        others = list(scope(replace(whole, data=replace(found.judged, dated=customers.dated))))[1]
        assert (others.verdict, others.value) == (Verdict.PASSED, 0.0)
    of_old = with_model(whole, told_of(known))
    assert list(scope(of_old))[1].verdict is Verdict.NOT_ENOUGH_DATA


def test_customers_of_the_future_are_no_proof() -> None:
    found = candidate()
    days = [date(2100, 1, 2), *found.judged.portfolio.as_of[1:]]
    data = replace(found.judged, portfolio=replace(found.judged.portfolio, as_of=days))
    (out_of_time, _) = scope(Evidence.of(found.scorer, data, limits=FAST))
    assert out_of_time.verdict is Verdict.FAILED and out_of_time.value is not None
    assert out_of_time.value == pytest.approx(1 - 1 / len(data))


def test_an_indicator_that_everybody_lacks_fails_unless_the_model_learnt_nothing_from_it() -> None:
    def judged(whole: Evidence) -> Result:
        (result,) = Battery(("columns",)).run(whole).results
        return result

    def without(data: LabelledPortfolio, *ids: str) -> LabelledPortfolio:
        given = data.portfolio.given.copy()
        given[:, [data.portfolio.column(id_) for id_ in ids]] = np.nan
        return replace(data, portfolio=replace(data.portfolio, given=given))

    whole = evidence()
    assert judged(whole).verdict is Verdict.PASSED
    # Nobody's being a veteran is nothing to the model.
    lacking = replace(whole, data=without(whole.data, "leverage", "veteran"))
    found = judged(lacking)
    assert (found.id, found.verdict, found.value) == ("scope.columns", Verdict.FAILED, 1.0)
    assert [part.name.en for part in found.parts] == ["leverage"]
    # One table of earlier and later customers lacks it for both.
    assert whole.reference is not None
    assert judged(replace(lacking, reference=without(whole.reference, "leverage"))) == found
    # What no training customer had has no points.
    model = whole.model
    column = model.tables.features.index("leverage")
    tables = tuple(of for of in model.correction.tables if column not in of.features)
    without_it = replace(model, correction=replace(model.correction, tables=tables))
    assert judged(with_model(lacking, without_it)).verdict is Verdict.PASSED


# The command


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an artefact, its catalog and policy, and tables of customers before and after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    found = candidate()
    assert found.scorer.model is not None
    (tmp_path / "points.json").write_bytes(found.scorer.model.to_bytes())
    # JSON is YAML.
    for name, declared in (("catalog", found.scorer.catalog), ("policy", found.scorer.policy)):
        (tmp_path / f"{name}.yaml").write_text(declared.model_dump_json(by_alias=True), encoding="utf-8")
    (tmp_path / "limits.yaml").write_text("{resamples: 100, sensitivity_customers: 100}", encoding="utf-8")
    write(found.reference, found.reference.bad, tmp_path / "before.csv")
    write(found.judged, drawn(found.probability), tmp_path / "after.csv")
    return tmp_path


def write(data: LabelledPortfolio, bad: Any, path: Path) -> None:
    frame = to_frame(data.portfolio)
    frame["outcome"] = np.where(bad, "defaulted", "repaid")
    frame.to_csv(path, index=False)


ARGUMENTS = (
    "battery", "--artefact", "points.json", "--catalog", "catalog.yaml", "--policy", "policy.yaml", "--label",
    "outcome", "--limits", "limits.yaml", "--threads", "1",
)  # fmt: skip


def test_the_command_prints_and_writes_what_it_found_and_its_exit_code_says_it(files: Path) -> None:
    after = ("--data", "after.csv", "--reference", "before.csv", "--json", "out.json", "--csv", "out.csv")
    result = CliRunner().invoke(tierwise.app, [*ARGUMENTS, *after], catch_exceptions=False)
    document = json.loads((files / "out.json").read_text(encoding="utf-8"))
    assert result.exit_code == (1 if document["verdict"] == "failed" else 0)
    assert document["verdict"] == "passed", [r["id"] for r in document["results"] if r["verdict"] == "failed"]
    assert "Hosmer–Lemeshow test" in result.stdout
    assert (files / "out.csv").read_text(encoding="utf-8").startswith("id,en,")
    assert "Recorded" not in result.stdout
    last = "Verdict: passed.\nNothing is recorded: the model judged is of no registered version.\n"
    assert result.stdout.endswith(last)


def test_what_is_found_of_a_registered_model_is_recorded_with_it(files: Path, migrated_store: Path) -> None:
    shutil.copytree(migrated_store, files / "state")
    register(files / "state", Served(candidate().scorer, "synthetic/1"), "synthetic")
    reference = Reference.of(candidate().scorer, candidate().reference)
    record = (registry.REFERENCE, reference.document, registry.RECORDED)
    registry.record_review("synthetic", "1", *record, files / "state")
    words = ["battery", "--model", "synthetic", "--label", "outcome", "--limits", "limits.yaml"]
    words += ["--data", "before.csv", "--threads", "1", "--language", "zh-Hant"]
    failed = CliRunner().invoke(tierwise.app, words, catch_exceptions=False)
    assert failed.exit_code == 1
    assert "表中沒有" not in failed.stdout
    assert "評估日晚於訓練資料" in failed.stdout
    first, *_, tally, verdict, recorded = failed.stdout.splitlines()
    assert first.startswith("before.csv：讀取 ")
    assert (verdict, recorded) == ("結論：未通過。", "已隨 synthetic/1 記錄。")
    assert re.fullmatch("通過 [0-9]+ 項，未通過 [0-9]+ 項，資料不足 [0-9]+ 項。", tally)
    found = registry.recorded_review("synthetic", "1", registry.BATTERY, files / "state")
    assert found is not None and found.verdict == "failed"
    document = json.loads(found.document)
    # Those that the model was trained on, so the mix is the recorded one.
    assert document["subject"]["reference_review_sha256"] == reference.sha256
    assert document["subject"]["reference_customers"] == len(candidate().reference)
    stability = [of for of in document["results"] if of["id"].startswith("stability.")]
    assert {(of["verdict"], of["value"]) for of in stability} == {("passed", 0.0)}


def test_a_recorded_reference_of_another_model_is_refused(state: Path) -> None:
    found = candidate()
    register(state, Served(found.scorer, "synthetic/1"), "synthetic")
    assert recorded_mixes(found.scorer, "synthetic/1", state) is None
    other = Reference.of(found.scorer, found.reference).model_copy(update={"model_sha256": "0" * 64})
    record = (registry.REFERENCE, other.document, registry.RECORDED)
    registry.record_review("synthetic", "1", *record, state)
    with pytest.raises(NotJudgeable, match=r"^the reference is of another model [^\n]*$"):
        recorded_mixes(found.scorer, "synthetic/1", state)
    assert recorded_mixes(found.scorer, None, state) is None


def test_a_renamed_column_is_told_and_fails_the_battery(files: Path) -> None:
    table = pd.read_csv("after.csv").rename(columns={"leverage": "gearing"})
    table.to_csv("renamed.csv", index=False)
    words = [*ARGUMENTS, "--data", "renamed.csv", "--json", "out.json"]
    result = CliRunner().invoke(tierwise.app, words, catch_exceptions=False)
    assert result.exit_code == 1
    assert "Not in the table: leverage." in result.stdout
    found = json.loads((files / "out.json").read_text(encoding="utf-8"))["results"]
    failed = next(check for check in found if check["id"] == "scope.columns")
    assert failed["verdict"] == "failed" and failed["parts"][0]["name"]["en"] == "leverage"


def test_a_recorded_report_is_enough_for_a_promotion_and_stays_once_there_was_one(
    report: Report, state: Path
) -> None:
    served = Served(candidate().scorer, "synthetic/1")
    register(state, served, "synthetic")

    def recorded(given: Report, again: bool = False) -> bytes:
        document, verdict = given.document(), str(given.verdict)
        keep_review(
            registry.BATTERY,
            given.subject.model_version,
            document,
            verdict,
            state=state,
            wanted=again or None,
        )
        found = registry.recorded_review("synthetic", "1", registry.BATTERY, state)
        assert found is not None
        return found.document

    assert recorded(report) == report.document().encode()
    told = Told.read(recorded(report), json.dumps(reasons_of(served)).encode())
    model = served.scorer.model
    assert model is not None
    signed = model.to_bytes(Ed25519PrivateKey.generate())
    told.require_about(
        {
            "model_sha256": unsigned_sha256(signed),
            "artefact_sha256": hashlib.sha256(model.to_bytes()).hexdigest(),
            "catalog_hash": served.scorer.catalog.hash,
            "policy_hash": served.scorer.policy.hash,
        }
    )
    told.require_passed((), PromotionRules())
    registry.set_alias("synthetic", "1", registry.CHAMPION, state)
    other = replace(report, results=report.results[:-1])
    assert recorded(other) == report.document().encode()
    assert recorded(other, again=True) == other.document().encode()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["battery"], "--data TABLE"),
        (["battery", "--sample", "--data", "after.csv"], "--sample trains a model of its own"),
        (["battery", "--artefact", "points.json", "--data", "after.csv"], "--artefact needs the --catalog"),
        (
            ["battery", "--catalog", "customer", "--policy", "customer", "--data", "after.csv"],
            "no model to judge",
        ),
        ([*ARGUMENTS, "--data", "absent.csv"], "absent.csv: cannot be read"),
        ([*ARGUMENTS, "--data", "after.csv", "--limits", "absent.yaml"], "absent.yaml: cannot be read"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_2(
    arguments: list[str],
    reason: str,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert reason in told(capsys, monkeypatch, *arguments)


def test_the_sample_is_judged_on_a_year_by_what_had_matured_before() -> None:
    """On the synthetic customers in the sample's place, which would take minutes."""
    labelled = synthetic(1500)
    sample = Sample(labelled.data, labelled.matured_on, labelled.policy)
    year = FIRST_YEAR + 3
    report = Judging(FAST, threads=1).of_sample(sample, year)
    known = labelled.matured_on <= np.datetime64(f"{year}-01-01")
    assert report.subject.reference_customers == np.sum(known)
    assert report.subject.customers == np.sum(labelled.data.cohorts == year)
    price = next(result for result in report.results if result.id == "benchmark.price")
    assert price.value is not None and price.n == np.sum(known)
    with pytest.raises(NotJudgeable, match=r"^year 2030: [^\n]*$"):
        Judging(FAST, threads=1).of_sample(sample, 2030)
