"""What a reviewer finds in MLflow: runs below the training, data by hash, tags, working links."""

import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import parse_qs, unquote

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from models import registry
from tests.mlflow_store import datasets, migrated_store
from tests.test_tracking import catalog, defective, model, policy, sound, training_record
from training.data_facts import DataFacts
from training.description import NOT_REVIEWED, overall_verdict, refresh_description
from training.metrics import Metrics, measure
from training.parts import Part, RunKind, told
from training.record import TrainingRecord
from training.tracking import log_training
from training.verification import ExplanationMismatch

__all__ = ["catalog", "migrated_store", "model", "policy"]

FIGURES = tuple(field.name for field in fields(Metrics))


def metrics(n: int, seed: int) -> Metrics:
    draw = np.random.default_rng(seed)
    chance = draw.random(n)
    return measure(draw.random(n) < chance, chance)


def sha256(what: str, number: int) -> str:
    return hashlib.sha256(f"{what} {number}".encode()).hexdigest()


def part(
    kind: RunKind, number: int, evaluated: int, trained: int = 500, scorers: Sequence[str] = ("model",)
) -> Part:
    facts = DataFacts(sha256("trained", number), trained, 20, "2001-01-01", "2003-12-31")
    return Part(
        kind=kind,
        number=number,
        name=f"{kind} {number}",
        training=facts,
        evaluated=DataFacts(sha256("evaluated", number), evaluated, 9, "2004-01-01", "2004-12-31"),
        metrics={scorer: metrics(evaluated, number) for scorer in scorers},
        settings={"order": 2, "rounds": 30 + number, "customers": 1},
    )


PARTS = (
    *(part(RunKind.YEAR, year, 60, scorers=("model", "logistic regression")) for year in (2004, 2005)),
    *(part(RunKind.FOLD, number, 40) for number in (1, 2, 3)),
)


@dataclass(frozen=True)
class Kept:
    """One training that was recorded and registered, and the store that it is in."""

    state: Path
    client: MlflowClient
    record: TrainingRecord
    run: Run
    children: Mapping[str, Run]

    @property
    def description(self) -> str:
        return self.client.get_model_version("sba", "1").description or ""


@pytest.fixture(scope="module")
def kept(
    migrated_store: Path,
    tmp_path_factory: pytest.TempPathFactory,
    catalog: object,
    policy: object,
    model: object,
) -> Iterator[Kept]:
    state = tmp_path_factory.mktemp("pages") / "state"
    shutil.copytree(migrated_store, state)
    made = training_record(catalog, policy, model)  # type: ignore[arg-type]
    record = dataclasses.replace(
        made,
        parameters={**made.parameters, "order": 2, "rounds": 30, "customers": 3000, "bad": 240},
        parts=PARTS,
        validation={"validation/model/n": 60.0, "validation/model/auc": 0.7},
        synthetic=True,
    )
    done = log_training(record, sound, state)
    client = registry.connect(state)
    run = client.get_run(done.run_id)
    found = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{done.run_id}'")
    yield Kept(state, client, record, run, {child.info.run_name: child for child in found})


def test_each_fold_and_year_is_a_finished_run_below_the_training(kept: Kept) -> None:
    assert kept.children.keys() == {f"{of.name}, {kept.record.run_name}" for of in PARTS}
    assert {child.info.status for child in kept.children.values()} == {"FINISHED"}
    for of in PARTS:
        child = kept.children[f"{of.name}, {kept.record.run_name}"]
        assert child.data.tags["kind"] == of.kind
        assert child.data.params[of.kind] == str(of.number)
        assert child.data.params["customers"] == "500"
        assert child.data.params["evaluated_customers"] == str(of.evaluated.customers)
        assert child.data.params["evaluated_last_as_of"] == "2004-12-31"
        assert child.data.metrics[f"{of.kind.split_name}/model/auc"] == of.metrics["model"].auc


def test_names_of_parameters_and_metrics_are_the_trainings(kept: Kept) -> None:
    year = kept.children[f"year 2004, {kept.record.run_name}"]
    for name in ("order", "rounds", "customers", "bad", "data_hash", "catalog_hash", "policy_hash"):
        assert name in kept.run.data.params and name in year.data.params
    assert year.data.metrics.keys() == {
        f"walk_forward/{scorer}/{figure}" for scorer in ("model", "logistic_regression") for figure in FIGURES
    }
    assert {f"walk_forward/model/{figure}" for figure in FIGURES} <= kept.run.data.metrics.keys()
    assert kept.run.data.metrics["validation/model/auc"] == 0.7


def test_the_stored_model_shows_the_same_figures_once_and_which_version_it_is(kept: Kept) -> None:
    assert kept.run.outputs is not None
    model = kept.client.get_logged_model(kept.run.outputs.model_outputs[0].model_id)
    figures = {metric.key: metric.value for metric in model.metrics or ()}
    whole = {name: value for name, value in kept.run.data.metrics.items() if "_by_year" not in name}
    assert figures == {name: value for name, value in whole.items() if not name.startswith("explanations")}
    assert model.params == kept.run.data.params
    history = kept.client.get_metric_history(kept.run.info.run_id, "walk_forward/model/auc")
    assert [metric.value for metric in history] == [figures["walk_forward/model/auc"]]
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "sba", "version": "1"}]
    for note in (model.tags["mlflow.note.content"], kept.run.data.tags["mlflow.note.content"]):
        assert links(note) == {"sba/1": ["#/models/sba/versions/1?workflowType=machine_learning"]}


def test_data_are_told_by_hash_columns_and_counts(kept: Kept) -> None:
    given = datasets(kept.run)
    of_training = given.pop("training")
    assert not given and of_training.name == "sba"
    assert kept.record.data.sha256.startswith(of_training.digest)
    assert kept.record.data.sha256 in of_training.source
    columns = json.loads(of_training.schema or "")["mlflow_colspec"]
    names = {column["name"] for column in columns}
    assert names == {"customer_id", "nature", "as_of", *kept.record.catalog.columns}
    assert json.loads(of_training.profile or "") == {
        "num_rows": 3000, "bad": 240, "first_as_of": "2003-01-02", "last_as_of": "2011-08-31",
    }  # fmt: skip
    child = kept.children[f"fold 2, {kept.record.run_name}"]
    contexts = {context: dataset.digest for context, dataset in datasets(child).items()}
    assert contexts == {"training": sha256("trained", 2)[:32], "evaluation": sha256("evaluated", 2)[:32]}


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("tags.kind = 'training'", 1),
        ("tags.kind = 'fold'", 3),
        ("tags.kind = 'year' and tags.synthetic = 'true'", 2),
        ("tags.portfolio = 'sba' and tags.verdict = 'not_reviewed'", 1),
        ("tags.catalog = 'customer/1' and tags.policy = 'customer/1'", 6),
        ("params.`evaluated_customers` = '60'", 2),
        ("dataset.context = 'evaluation'", 5),
    ],
)
def test_runs_are_found_by_their_tags(kept: Kept, condition: str, count: int) -> None:
    assert len(kept.client.search_runs([kept.run.info.experiment_id], condition)) == count


def test_experiment_and_model_say_what_they_are(kept: Kept) -> None:
    experiment = kept.client.get_experiment(kept.run.info.experiment_id)
    assert "portfolio **customer**" in experiment.tags["mlflow.note.content"]
    assert experiment.tags["portfolio"] == "sba"
    found = kept.client.get_registered_model("sba")
    assert "portfolio **customer**" in found.description and found.tags == {"portfolio": "sba"}
    tags = kept.client.get_model_version("sba", "1").tags
    assert tags["synthetic"] == "true" and tags["catalog"] == "customer/1"


def links(markdown: str) -> dict[str, list[str]]:
    """Return the addresses of a text's links by their words."""
    found: dict[str, list[str]] = {}
    for words, address in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", markdown):
        found.setdefault(words, []).append(address)
    return found


def leads(kept: Kept, address: str) -> bool:
    """Whether the store holds what a page at this address would show."""
    experiment = kept.run.info.experiment_id
    route, _, query = address.removeprefix("#/").partition("?")
    # Otherwise the interface opens pages of another kind of work.
    assert "workflowType=machine_learning" in query
    asked = {key: values[0] for key, values in parse_qs(query, strict_parsing=bool(query)).items()}
    match route.split("/"):
        case ["compare-runs"]:
            assert query.startswith("runs=")  # it is not found elsewhere
            runs = json.loads(asked["runs"])
            assert json.loads(asked["experiments"]) == [experiment]
            return len(runs) > 1 and all(kept.client.get_run(run) for run in runs)
        case ["experiments", of, "runs"] if of == experiment:
            return bool(kept.client.search_runs([of], asked["searchFilter"]))
        case ["experiments", of, "models", model_id] if of == experiment:
            return bool(kept.client.get_logged_model(model_id).source_run_id == kept.run.info.run_id)
        case ["experiments", of, "runs", run_id] if of == experiment:
            return bool(kept.client.get_run(run_id).info.experiment_id == of)
        case ["experiments", of, "runs", run_id, "artifacts", *path] if of == experiment:
            root = Path(kept.client.get_run(run_id).info.artifact_uri.removeprefix("file://"))
            return bool(path) and (root / unquote("/".join(path))).exists()
    return False


def test_every_page_is_reached_from_the_versions_description_and_is_there(kept: Kept) -> None:
    found = links(kept.description)
    for words in ("model/", "plots/", "boosters/", "Stored model", "2004", "2005", "1", "2", "3"):
        assert words in found, words
    assert len(found["beside each other"]) == 2 and len(found["list"]) == 2
    for words, addresses in found.items():
        for address in addresses:
            assert leads(kept, address), (words, address)
    for child in kept.children.values():
        assert child.info.run_id in kept.description
    assert "**synthetic data**" in kept.description and "None recorded yet" in kept.description
    tables = kept.description.replace("&emsp;", "")
    assert "| walk-forward, all years | model | 200 |" in tables
    assert "| held out before training | model | 60 | 0.7000 |" in tables


def test_a_review_that_is_recorded_is_told_with_its_verdict_where_the_version_is(kept: Kept) -> None:
    registry.record_review("sba", "1", "battery", b'{"checks": 1}', "failed", state=kept.state)
    registry.record_review("sba", "1", "reference", b"{}", "recorded", state=kept.state)
    refresh_description("sba", "1", kept.state)
    assert "| battery&emsp; | **failed**&emsp; |" in kept.description
    assert "| reference&emsp; | **recorded**&emsp; |" in kept.description
    assert leads(kept, links(kept.description)["review/battery.json"][0])
    assert kept.client.get_model_version("sba", "1").tags["verdict"] == "failed"
    assert kept.client.get_run(kept.run.info.run_id).data.tags["verdict"] == "failed"
    registry.record_review("sba", "1", "battery", b'{"checks": 2}', "passed", state=kept.state)
    refresh_description("sba", "1", kept.state)
    assert "**failed**" not in kept.description
    # Its reasons were not reviewed.
    assert kept.client.get_model_version("sba", "1").tags["verdict"] == NOT_REVIEWED


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ({}, NOT_REVIEWED),
        ({"reference": "recorded"}, NOT_REVIEWED),
        ({"battery": "passed", "reference": "recorded"}, NOT_REVIEWED),
        ({"reasons": "passed", "reference": "recorded"}, NOT_REVIEWED),
        ({"reasons": "failed"}, "failed"),
        ({"battery": "passed", "reasons": "passed", "reference": "recorded"}, "passed"),
        ({"battery": "failed", "reasons": "passed"}, "failed"),
        ({"battery": "not_enough_data", "reasons": "passed"}, "not_enough_data"),
        ({"battery": "not_enough_data", "reasons": "failed"}, "failed"),
    ],
)
def test_reviews_pass_together_only_if_each_does(verdicts: dict[str, str], together: str) -> None:
    assert overall_verdict(verdicts) == together


def test_a_description_of_no_version_is_refused_in_one_line(kept: Kept) -> None:
    with pytest.raises(registry.RegistryError, match="sba/99: its description cannot be written"):
        refresh_description("sba", "99", kept.state)


def test_a_second_training_keeps_what_somebody_wrote_and_failure_is_a_verdict(kept: Kept) -> None:
    experiment = kept.run.info.experiment_id
    kept.client.set_experiment_tag(experiment, "mlflow.note.content", "Ask Bob.")
    record = dataclasses.replace(kept.record, parts=PARTS[:1], run_name="again")
    with pytest.raises(ExplanationMismatch):
        log_training(record, defective, kept.state)
    assert kept.client.get_experiment(experiment).tags["mlflow.note.content"] == "Ask Bob."
    (failed,) = kept.client.search_runs([experiment], "tags.verdict = 'failed'")
    assert failed.info.run_name == "again" and failed.info.status == "FAILED"
    # What its year showed stays true.
    (year,) = kept.client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{failed.info.run_id}'")
    assert year.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("sizes", "kept_sizes"),
    [
        ([], []),
        ([20, 300], [20, 300]),
        ([19, 300, 400], [400]),  # 300 would be followed by 19
        ([12, 9, 300], [300]),
        ([12, 25, 300], [300]),
        ([5], []),
    ],
    ids=["none", "all", "one with the next", "two together", "one with a small one", "a single one"],
)
def test_few_customers_are_not_told_nor_left_to_subtraction(sizes: list[int], kept_sizes: list[int]) -> None:
    parts = [part(RunKind.FOLD, number, size) for number, size in enumerate(sizes)]
    assert [of.evaluated.customers for of in told(parts)] == kept_sizes


def test_a_part_that_was_trained_on_few_is_not_told() -> None:
    parts = [part(RunKind.YEAR, 2004, 100, trained=19), part(RunKind.YEAR, 2005, 100)]
    assert [of.number for of in told(parts)] == [2005]
