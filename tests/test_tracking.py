"""A training leaves one complete run, and becomes the candidate only if every check holds."""

import dataclasses
import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from features.catalog import Catalog, load_catalog
from features.portfolio import Portfolio
from features.terms import Nature
from models import registry
from models.artefact import Model
from models.calibration import Calibration
from models.decision import Decisions, Scorer
from models.points import Axis, PointsTables, Table
from models.policy import Policy, load_policy
from models.scale import Scale
from tests.mlflow_store import migrated_store, state
from training.data_facts import DataFacts
from training.metrics import measure
from training.plots import importance_plot
from training.record import Measured, ReloadCheck, TrainingRecord
from training.tracking import MODEL_CODE, Registration, TrackingError, log_training
from training.verification import ExplanationMismatch, Verification, verify_explanations

__all__ = ["migrated_store", "state"]

# Stands for a customer's value, and must be found nowhere.
SECRET = 48_151_623.42
FEATURES = ("debt_to_asset_ratio", "bank_rating")


@pytest.fixture(scope="module")
def model(catalog: Catalog, policy: Policy) -> Model:
    """Return a model of two tables of one feature each."""
    codes = len(catalog.by_id["bank_rating"].indicator.level_codes) + 1
    ratio = Table((Axis(0, (0.3, 0.6)),), np.array([[-0.4, 0.1, 0.8, 0.2]]))
    rating = Table((Axis(1, codes=codes),), np.linspace(-0.5, 0.9, codes + 2)[None, :])
    return Model(
        prior=PointsTables(FEATURES, -3.0, (ratio,)),
        correction=PointsTables(FEATURES, 0.0, (rating,)),
        calibration=Calibration(0.2, 0.9),
        scale=Scale.from_policy(policy),
        natures=(Nature.ENTERPRISE,),
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training={"customers": 3000},
    )


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog("customer")


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the bundled policy, with the model counting half."""
    return load_policy("customer").model_copy(update={"model_weight": 0.5})


@pytest.fixture
def model_code(tmp_path: Path) -> Path:
    """Return a copy of the file that MLflow runs, which a test may damage."""
    return Path(shutil.copy(MODEL_CODE, tmp_path / "pyfunc_model.py"))


def customers(catalog: Catalog) -> pd.DataFrame:
    """Return customers with a number, a category and a flag, each missing once, one of them no enterprise."""
    ratings = catalog.by_id["bank_rating"].indicator.level_codes
    return pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "nature": ["enterprise", "enterprise", "enterprise", "individual"],
            "as_of": ["2026-01-31"] * 4,
            "registered_capital": [SECRET, 10_000.0, np.nan, np.nan],
            "debt_to_asset_ratio": [0.25, np.nan, 0.8, np.nan],
            "bank_rating": pd.Series([next(iter(ratings)), None, "unheard of", None], dtype=object),
            "severe_breach_24m": pd.Series([True, None, False, None], dtype=object),
        }
    )


def decided(catalog: Catalog, policy: Policy, model: Model) -> Decisions:
    portfolio, rejects = Portfolio.from_frame(customers(catalog), catalog)
    assert rejects.empty, rejects
    return Scorer(catalog, policy, model).decide(portfolio)


def figure() -> Figure:
    return importance_plot(np.ones((20, 2)), ["amount", "sector"], "importance")


@pytest.fixture
def record(catalog: Catalog, policy: Policy, model: Model) -> TrainingRecord:
    return training_record(catalog, policy, model)


def training_record(catalog: Catalog, policy: Policy, model: Model) -> TrainingRecord:
    draw = np.random.default_rng(1)
    chance = draw.random(200)
    good = measure(draw.random(200) < chance, chance)
    one_class = measure(np.zeros(50, dtype=bool), chance[:50])
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
        artefact=model.to_bytes(),
        booster_texts=["tree one", "tree two"],
        catalog=catalog,
        policy=policy,
        data=DataFacts("d" * 64, 3000, 240, "2003-01-02", "2011-08-31"),
        figures={"importance": figure()},
        reload_check=ReloadCheck.of(customers(catalog), decided(catalog, policy, model)),
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
    return verify_explanations(
        [booster], matrix, found[:, :-1] + error, found[0, -1], names=["amount", "sector"]
    )


def files(state: Path) -> dict[str, bytes]:
    """Return every file of the store, database included, by its path."""
    return {str(path.relative_to(state)): path.read_bytes() for path in state.rglob("*") if path.is_file()}


def test_a_sound_training_becomes_the_candidate_and_no_champion(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    done = log_training(record, sound, state, model_code)
    assert isinstance(done, Registration)
    assert done.model_version == "sba/1"
    assert done.verification.rows == 200
    found = registry.load_documents("sba", state)
    assert (found.version, found.alias, found.artefact) == ("1", registry.CANDIDATE, record.artefact)
    assert Catalog.model_validate_json(found.catalog) == record.catalog
    assert Policy.model_validate_json(found.policy) == record.policy
    second = log_training(dataclasses.replace(record, run_name="again"), sound, state, model_code)
    assert second.model_version == "sba/2"
    assert registry.aliases("sba", state) == {registry.CANDIDATE: "2"}


def test_the_run_holds_all_that_determined_the_model(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    done = log_training(record, sound, state, model_code)
    client = registry.connect(state)
    run = client.get_run(done.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == record.run_name
    for kept in (run.data.params, run.data.tags, client.get_model_version("sba", "1").tags):
        assert kept["catalog_hash"] == record.catalog.hash
        assert kept["policy_hash"] == record.policy.hash
        assert kept["data_hash"] == record.data.sha256
        assert kept["artefact_sha256"] == hashlib.sha256(record.artefact).hexdigest()
    assert run.data.params["learning_rate"] == "0.05"
    assert len(run.data.params) == len(record.parameters) + 4
    version = client.get_model_version("sba", "1")
    assert version.run_id == done.run_id
    assert version.description is not None
    assert done.run_id in version.description and record.catalog.hash in version.description
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    assert (root / "model/points.json").read_bytes() == record.artefact
    assert (root / "boosters/bag_1.txt").read_text() == "tree two"
    assert Catalog.model_validate_json((root / "model/catalog.json").read_bytes()) == record.catalog
    assert Policy.model_validate_json((root / "model/policy.json").read_bytes()) == record.policy
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
    years = {
        m.step: m.value for m in client.get_metric_history(done.run_id, "walk_forward_by_year/model/brier")
    }
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
    answers = model.predict(customers(record.catalog))
    assert np.asarray(answers["score"]).tolist() == record.reload_check.score.tolist()
    assert tuple(answers["tier"]) == record.reload_check.tier
    assert np.isnan(answers["probability"]).tolist() == [False, False, False, True]
    columns = {column.name: column.type.name for column in model.metadata.get_input_schema().inputs}
    assert columns.keys() == {"customer_id", "nature", "as_of", *record.catalog.columns}
    kinds = [columns[id_] for id_ in ("debt_to_asset_ratio", "bank_rating", "severe_breach_24m")]
    assert kinds == ["double", "string", "boolean"]


def test_the_stored_model_refuses_a_wrong_customer_by_position_and_field_without_the_value(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    log_training(record, sound, state, model_code)
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(registry.connect(state).get_model_version_download_uri("sba", "1"))
    wrong = customers(record.catalog)
    wrong.loc[2, "registered_capital"] = -SECRET
    with pytest.raises(ValueError, match="customer 2: indicator registered_capital") as caught:
        model.predict(wrong)
    assert "48151623" not in str(caught.value)


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
    experiment = client.get_experiment_by_name("sba")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    return run.info.status, run.data.tags["failure"]


def test_explanations_that_do_not_hold_are_recorded_and_not_registered(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    with pytest.raises(ExplanationMismatch):
        log_training(record, defective, state, model_code)
    status, reason = failed_run(state)
    assert status == "FAILED"
    assert "SHAP values of indicator" in reason or "base" in reason
    assert registry.connect(state).search_registered_models() == []


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        (
            "def load_context(self, context: Any)",
            "def load_context(self, context: Any, more: Any)",
            "TypeError",
        ),
        ("def load_context(self", "def load_contexts(self", "AttributeError"),
        ('"score": decisions.score', '"score": decisions.score + 1e-6', "its score differs"),
        ("decisions.model.probability", "decisions.model.log_odds", "its probability differs"),
        ("decisions.tiers", "decisions.baseline_tiers", "its tiers differ"),
        ("index=model_input.index)", "index=model_input.index).head(1)", "its score differs"),
        ("set_model(PointsModel())", f"raise RuntimeError({SECRET})", "cannot be loaded and asked"),
    ],
)
def test_a_stored_model_that_does_not_decide_alike_is_not_registered(
    right: str,
    wrong: str,
    reason: str,
    state: Path,
    record: TrainingRecord,
    model_code: Path,
) -> None:
    source = model_code.read_text(encoding="utf-8")
    assert right in source
    model_code.write_text(source.replace(right, wrong), encoding="utf-8")
    with pytest.raises(TrackingError, match=reason) as caught:
        log_training(record, sound, state, model_code)
    assert "48151623" not in str(caught.value)
    assert failed_run(state)[0] == "FAILED"
    assert registry.connect(state).search_registered_models() == []


def test_a_failed_training_leaves_the_candidate_in_place(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    log_training(record, sound, state, model_code)
    with pytest.raises(ExplanationMismatch):
        log_training(record, defective, state, model_code)
    assert registry.aliases("sba", state) == {registry.CANDIDATE: "1"}


def test_where_the_alias_cannot_be_moved_a_version_is_left_that_is_no_candidate(
    state: Path, record: TrainingRecord, model_code: Path
) -> None:
    refusal = (
        "CREATE TRIGGER full BEFORE INSERT ON registered_model_aliases "
        "BEGIN SELECT RAISE(ABORT, 'it is full'); END"
    )
    with closing(sqlite3.connect(state / registry.DATABASE)) as store:
        store.execute(refusal)
    with pytest.raises(registry.RegistryError, match="alias candidate cannot be moved"):
        log_training(record, sound, state, model_code)
    assert failed_run(state)[0] == "FAILED"
    assert registry.aliases("sba", state) == {}
    assert registry.resolve("sba/1", state) == ("sba", "1")


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
