"""A training leaves one complete run, and becomes the champion only if every check holds."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import registry
from tests.mlflow_store import migrated_store, state
from training.metrics import measure
from training.plots import importance_plot
from training.tracking import (
    IndicatorColumn,
    Measured,
    Promotion,
    ReloadCheck,
    TrackingError,
    TrainingRecord,
    log_training,
)
from training.verification import ExplanationMismatch, Verification, verify_explanations

__all__ = ["migrated_store", "state"]

# A small points model: one step per indicator. The secret stands for a customer's value.
STEPS = {"amount": {"cut": 50_000.0, "points": -0.7}, "sector": {"is": "retail", "points": 0.4}}
BASE = -3.0
SECRET = 48_151_623.42

MODEL_CODE = """
import json
from pathlib import Path
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Steps(PythonModel):
    def load_context(self, context):
        self.steps = json.loads(Path(context.artifacts["points"]).read_text())

    def predict(self, context, model_input: pd.DataFrame, params=None):
        amount, sector = self.steps["amount"], self.steps["sector"]
        margin = -3.0 + amount["points"] * (model_input["amount"] > amount["cut"])
        margin = margin + sector["points"] * (model_input["sector"] == sector["is"])
        return pd.DataFrame({"probability": 1 / (1 + np.exp(-margin.to_numpy(dtype=float)))})

set_model(Steps())
"""


@pytest.fixture
def model_code(tmp_path: Path) -> Path:
    path = tmp_path / "steps.py"
    path.write_text(MODEL_CODE)
    return path


def customers() -> pd.DataFrame:
    """Return customers with missing values in a number, a text and a truth value."""
    return pd.DataFrame(
        {
            "amount": [SECRET, 10_000.0, np.nan, 60_000.0],
            "sector": pd.Series(["retail", "farming", "retail", None], dtype=object),
            "franchise": pd.Series([True, None, False, True], dtype=object),
        }
    )


def probabilities(frame: pd.DataFrame) -> NDArray[np.float64]:
    margin = BASE - 0.7 * (frame["amount"] > 50_000) + 0.4 * (frame["sector"] == "retail")
    return np.asarray(1 / (1 + np.exp(-margin.to_numpy(dtype=float))))


def figure() -> Figure:
    return importance_plot(np.ones((20, 2)), ["amount", "sector"], "importance")


@pytest.fixture
def record() -> TrainingRecord:
    draw = np.random.default_rng(1)
    chance = draw.random(200)
    good = measure(draw.random(200) < chance, chance)
    one_class = measure(np.zeros(50, dtype=bool), chance[:50])
    inputs = customers()
    return TrainingRecord(
        portfolio="sba",
        run_name="sba at 2011-08-31",
        parameters={"num_leaves": 6, "learning_rate": 0.05, "prior": True}
        | {f"setting_{number}": number for number in range(150)},
        measured=[
            Measured("model", "walk_forward", good),
            Measured("model", "walk_forward", good, 2004),
            Measured("model", "walk_forward", one_class, 2005),
            Measured("baseline", "walk_forward", good),
        ],
        artefact=json.dumps(STEPS).encode(),
        booster_texts=["tree one", "tree two"],
        catalog_json='{"catalog":"sba","名":"客戶"}',
        policy_json='{"policy":"sba"}',
        data_hash="d" * 64,
        figures={"importance": figure()},
        indicators=[
            IndicatorColumn("amount", "double"),
            IndicatorColumn("sector", "string"),
            IndicatorColumn("franchise", "boolean"),
        ],
        reload_check=ReloadCheck(inputs, probabilities(inputs)),
    )


def sound() -> Verification:
    """Verify a really trained booster's own explanations."""
    return verify(0.0)


def defective() -> Verification:
    return verify(1e-3)


def verify(error: float) -> Verification:
    matrix = np.random.default_rng(2).normal(size=(200, 2))
    data = lightgbm.Dataset(matrix, matrix[:, 0] > 0)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 5)
    found = np.asarray(booster.predict(matrix, pred_contrib=True))
    return verify_explanations([booster], matrix, found[:, :-1] + error, found[0, -1], names=["amount", "sector"])


def files(state: Path) -> dict[str, bytes]:
    """Return every file of the store, database included, by its path."""
    return {str(path.relative_to(state)): path.read_bytes() for path in state.rglob("*") if path.is_file()}


def test_a_sound_training_becomes_the_champion(state: Path, record: TrainingRecord, model_code: Path) -> None:
    done = log_training(record, sound, state, model_code)
    assert isinstance(done, Promotion)
    assert done.model_version == "sba/1"
    assert done.verification.rows == 200
    assert registry.load_champion_bytes("sba", state=state) == (record.artefact, "1")
    second = log_training(dataclasses.replace(record, run_name="again"), sound, state, model_code)
    assert second.model_version == "sba/2"
    assert registry.load_champion_bytes("sba", state=state)[1] == "2"


def test_the_run_holds_all_that_determined_the_model(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    done = log_training(record, sound, state, model_code)
    client = registry.connect(state)
    run = client.get_run(done.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == record.run_name
    catalog_hash = hashlib.sha256(record.catalog_json.encode()).hexdigest()
    for kept in (run.data.params, run.data.tags, client.get_model_version("sba", "1").tags):
        assert kept["catalog_hash"] == catalog_hash
        assert kept["policy_hash"] == hashlib.sha256(record.policy_json.encode()).hexdigest()
        assert kept["data_hash"] == record.data_hash
        assert kept["artefact_sha256"] == hashlib.sha256(record.artefact).hexdigest()
    assert run.data.params["learning_rate"] == "0.05"
    assert len(run.data.params) == len(record.parameters) + 4
    assert client.get_model_version("sba", "1").run_id == done.run_id
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    assert (root / "model/points.json").read_bytes() == record.artefact
    assert (root / "boosters/bag_1.txt").read_text() == "tree two"
    assert (root / "catalog.json").read_text(encoding="utf-8") == record.catalog_json
    assert (root / "policy.json").read_text(encoding="utf-8") == record.policy_json
    assert (root / "plots/importance.png").read_bytes().startswith(b"\x89PNG")
    assert root.is_relative_to(state)


def test_metrics_stand_by_split_and_by_year_and_what_is_unknown_is_left_out(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    done = log_training(record, sound, state, model_code)
    client = registry.connect(state)
    found = client.get_run(done.run_id).data.metrics
    known = record.measured[0].metrics
    for name in ("auc", "ks", "gini", "brier", "log_loss", "ece", "n", "bad", "bad_rate"):
        assert found[f"walk_forward/model/{name}"] == pytest.approx(getattr(known, name), abs=1e-12)
    assert found["walk_forward/baseline/auc"] == known.auc
    years = {m.step: m.value for m in client.get_metric_history(done.run_id, "walk_forward_by_year/model/brier")}
    assert years.keys() == {2004, 2005}
    history = client.get_metric_history(done.run_id, "walk_forward_by_year/model/auc")
    assert [metric.step for metric in history] == [2004]
    assert found["explanations/rows"] == 200


def test_a_reviewer_can_load_the_registered_model_and_predict(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    log_training(record, sound, state, model_code)
    import mlflow.pyfunc

    location = registry.connect(state).get_model_version_download_uri("sba", "1")
    model = mlflow.pyfunc.load_model(location)
    answers = model.predict(customers())["probability"]
    assert np.asarray(answers) == pytest.approx(probabilities(customers()), abs=1e-15)
    assert [column.name for column in model.metadata.get_input_schema().inputs] == [
        "amount",
        "sector",
        "franchise",
    ]


def test_nothing_stored_is_a_pickle_an_example_or_a_customers_value(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    log_training(record, sound, state, model_code)
    stored = files(state)
    assert not [path for path in stored if path.endswith((".pkl", ".pickle", ".joblib")) or "example" in path]
    for path, data in stored.items():
        assert b"48151623" not in data, path


def failed_run(state: Path) -> tuple[str, str]:
    """Return status and told reason of the one run."""
    client = registry.connect(state)
    (run,) = client.search_runs([client.get_experiment_by_name("sba").experiment_id])
    return run.info.status, run.data.tags["failure"]


def champion(state: Path) -> str | None:
    try:
        return registry.load_champion_bytes("sba", state=state)[1]
    except registry.RegistryError:
        return None


def test_explanations_that_do_not_hold_are_recorded_and_not_registered(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    with pytest.raises(ExplanationMismatch):
        log_training(record, defective, state, model_code)
    status, reason = failed_run(state)
    assert status == "FAILED"
    assert "SHAP values of indicator" in reason or "base" in reason
    assert registry.connect(state).search_registered_models() == []


def wrong_argument(code: str) -> str:
    return code.replace("def load_context(self, context)", "def load_context(self, ctx)").replace(
        'context.artifacts["points"]', 'ctx.artifacts["points"]'
    )


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (wrong_argument, "cannot be loaded and asked"),
        (lambda code: code.replace("-3.0", "-2.9"), "differs by 0.00"),
        (lambda code: code.replace("(model_input", "(model_input.head(1)"), "gives|differs"),
        (lambda code: code + "\nraise RuntimeError('48151623')\n", "cannot be loaded and asked"),
    ],
)
def test_a_stored_model_that_does_not_predict_alike_is_not_registered(
    damage: Callable[[str], str],
    reason: str,
    state: Path,
    record: TrainingRecord,
    model_code: Path,
) -> None:
    model_code.write_text(damage(MODEL_CODE))
    with pytest.raises(TrackingError, match=reason):
        log_training(record, sound, state, model_code)
    assert failed_run(state)[0] == "FAILED"
    assert registry.connect(state).search_registered_models() == []


def test_a_failed_training_leaves_the_champion_in_place(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    log_training(record, sound, state, model_code)
    with pytest.raises(ExplanationMismatch):
        log_training(record, defective, state, model_code)
    assert champion(state) == "1"


def test_an_unforeseen_error_is_recorded_by_its_kind_only(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    def crash() -> Verification:
        raise ZeroDivisionError(f"amount {SECRET}")

    with pytest.raises(ZeroDivisionError):
        log_training(record, crash, state, model_code)
    assert failed_run(state) == ("FAILED", "ZeroDivisionError")


def test_logging_a_training_leaves_global_settings_output_and_working_directory_alone(
    state: Path,
    record: TrainingRecord,
    model_code: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    registry.connect(state)
    import mlflow

    before = (mlflow.get_tracking_uri(), mlflow.get_registry_uri())
    log_training(record, sound, state, model_code)
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri()) == before
    assert mlflow.active_run() is None
    assert capfd.readouterr() == ("", "")
    assert list(Path.cwd().iterdir()) == []
