"""What a training leaves in MLflow: one run per training with one below it for each of its folds and years,
and, if its explanations hold, a new candidate.

Nothing logged here holds a customer's value: figures are aggregates, data sets are told by hash and counts,
and the rows with which the stored model is tried stay in memory.
"""

import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from features.catalog import Catalog, Kind
from models import registry
from models.disclosure import MINIMUM_AGGREGATE
from training.data_facts import DataFacts
from training.description import (
    NOT_REVIEWED,
    VERDICT_TAG,
    experiment_note,
    part_note,
    portfolio_description,
    refresh_description,
    run_note,
)
from training.parts import Part, RunKind
from training.record import Measured, ReloadCheck, TrainingRecord
from training.verification import ExplanationMismatch, Verification
from training.walkforward import slug

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, LoggedModel, Metric
    from mlflow.models import ModelSignature

MODEL_CODE = Path(__file__).parent / "pyfunc_model.py"
# What a reviewer needs beside this project to load the model. The project itself is on no package index:
# naming it here would invite somebody else's package of that name.
_REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "pyyaml", "scipy")
# The stored model and the product may differ by rounding only.
_RELOAD_TOLERANCE = 1e-9
# MLflow takes so many letters of a digest; the whole hash stands with it.
_DIGEST = 32
_COLUMN_TYPES = {Kind.NUMBER: "double", Kind.FLAG: "boolean", Kind.CATEGORY: "string"}


class TrackingError(RuntimeError):
    """A training cannot be registered; one line that says why."""


@dataclass(frozen=True)
class Registration:
    """A training that became the candidate: its run, its name in answers, and how its explanations held."""

    run_id: str
    version: str
    model_version: str
    verification: Verification


def log_training(
    record: TrainingRecord,
    verify: Callable[[], Verification],
    state: str | Path | None = None,
    model_code: Path = MODEL_CODE,
) -> Registration:
    """Record one training, and register it if its explanations hold and the stored model predicts alike.

    The registered version is the candidate from then on; champions are promoted by others. The run is
    recorded in any case. What fails is marked FAILED there, with the reason as the tag `failure`, and the
    alias, which is moved last, stays where it is. What fails a check is not registered; where MLflow fails
    after registering, a version is left that is no candidate.

    Args:
        record: what to record.
        verify: recomputes the explanations (`training.verification.verify_explanations`).
        state: the directory of MLflow's store; see `models.registry.state_directory`.
        model_code: the file that MLflow runs to load the model, beside the documents.

    Raises:
        ExplanationMismatch: the explanations do not hold.
        TrackingError: the stored model does not predict what the product does.
        RegistryError: MLflow refuses; one line. A version may be registered by then, without the alias.
    """
    client = registry.connect(state)
    with registry.one_line_errors(f"run {record.run_name}: cannot be recorded"):
        experiment = _experiment(client, record, state)
        tags = {VERDICT_TAG: NOT_REVIEWED, **record.tags(), **record.hashes()}
        run_id = _create_run(client, experiment, RunKind.TRAINING, record.run_name, tags)
        at = int(time.time() * 1000)
        try:
            _log_record(client, run_id, record, at)
            # The newest stands on top of MLflow's list.
            for part in reversed(record.parts):
                _log_part(client, experiment, run_id, record, part)
            verification = verify()
            _log_verification(client, run_id, verification)
            model_id = _log_model(client, experiment, run_id, record, model_code)
            _log_model_metrics(client, run_id, model_id, record, at)
            version = registry.register(
                model_id,
                record.portfolio,
                record.hashes()[registry.ARTEFACT_HASH_TAG],
                tags=tags,
                state=state,
            )
            _describe(client, record, run_id, model_id, version)
            refresh_description(record.portfolio, version, state)
            # Last, so that whatever fails before leaves the former candidate.
            registry.set_alias(record.portfolio, version, registry.CANDIDATE, state=state)
        except BaseException as error:
            told = isinstance(error, ExplanationMismatch | TrackingError | registry.RegistryError)
            # The text of an unforeseen error might quote a value, so only its kind is kept.
            with suppress(Exception):  # the first error is the one to tell
                client.set_tag(run_id, "failure", str(error) if told else type(error).__name__)
                client.set_tag(run_id, VERDICT_TAG, "failed")
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return Registration(run_id, version, registry.model_version(record.portfolio, version), verification)


def log_page(name: str, version: str, page: str, html: str, state: str | Path | None = None) -> None:
    """Keep a page, such as a notebook that was executed, with the run of a registered version.

    Args:
        name: the model, such as `sba`.
        version: which of its versions.
        page: what it is called, without an ending.
        html: of public or synthetic data only.
        state: the directory of MLflow's store.

    Raises:
        RegistryError: no such version, or MLflow refuses.
    """
    client = registry.connect(state)
    with registry.one_line_errors(f"model {registry.model_version(name, version)}: no page can be kept"):
        run = client.get_model_version(name, version).run_id or ""
        client.log_text(run, html, f"notebooks/{page}.html")


def _experiment(client: "MlflowClient", record: TrainingRecord, state: str | Path | None) -> str:
    """Return the id of the portfolio's experiment, made on first use; what somebody wrote of it stays."""
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

    name = record.portfolio
    found = client.get_experiment_by_name(name)
    if found is None:
        client.create_experiment(name, f"{registry.artefact_uri(state)}/{name}")
        found = client.get_experiment_by_name(name)
        assert found is not None
    experiment = str(found.experiment_id)
    for key, value in {MLFLOW_RUN_NOTE: experiment_note(record.catalog), "portfolio": name}.items():
        if key not in found.tags:
            client.set_experiment_tag(experiment, key, value)
    return experiment


def _describe(
    client: "MlflowClient", record: TrainingRecord, run_id: str, model_id: str, version: str
) -> None:
    """Say of the registered model what it is, unless somebody has, and of run and model which version it is.

    MLflow says the latter of itself only where its global settings name the store.
    """
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS, MLFLOW_RUN_NOTE

    name = record.portfolio
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, portfolio_description(record.catalog))
    client.set_registered_model_tag(name, "portfolio", name)
    note = run_note(name, version)
    client.set_tag(run_id, MLFLOW_RUN_NOTE, note)
    versions = json.dumps([{"name": name, "version": version}])
    client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: versions, MLFLOW_RUN_NOTE: note})


def _create_run(
    client: "MlflowClient",
    experiment: str,
    kind: RunKind,
    name: str,
    tags: Mapping[str, str],
    parent: str | None = None,
) -> str:
    """Begin a run, below another where `parent` is given, and return its id."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME

    own = {"kind": str(kind), MLFLOW_SOURCE_NAME: "tierwise train"}
    if parent is not None:
        own[MLFLOW_PARENT_RUN_ID] = parent
    return str(client.create_run(experiment, tags={**tags, **own}, run_name=name).info.run_id)


def _log_record(client: "MlflowClient", run_id: str, record: TrainingRecord, at: int) -> None:
    """Log parameters, metrics (of the moment `at`, in ms), documents, boosters and figures."""
    from mlflow.entities import Param

    by_year = [of for of in record.measured if of.year is not None]
    client.log_batch(
        run_id,
        params=[Param(name, value) for name, value in _parameters(record).items()],
        metrics=[*_summary(record, at), *(metric for of in by_year for metric in _metrics(of, at))],
    )
    client.log_inputs(run_id, [_dataset(record, record.data, "training")])
    with tempfile.TemporaryDirectory() as folder:
        client.log_artifacts(run_id, str(_write_documents(record, Path(folder))), registry.RUN_FOLDER)
    for number, text in enumerate(record.booster_texts):
        client.log_text(run_id, text, registry.booster_path(number))
    for name, figure in record.figures.items():
        client.log_figure(run_id, figure, f"plots/{name}.png")


def _parameters(record: TrainingRecord) -> dict[str, str]:
    return {name: str(value) for name, value in {**record.parameters, **record.hashes()}.items()}


def _summary(record: TrainingRecord, at: int) -> list["Metric"]:
    """Return what was measured on whole splits."""
    from mlflow.entities import Metric

    whole = [of for of in record.measured if of.year is None]
    return [
        *(metric for of in whole for metric in _metrics(of, at)),
        *(Metric(name, value, at, 0) for name, value in record.validation.items()),
    ]


def _log_model_metrics(
    client: "MlflowClient", run_id: str, model_id: str, record: TrainingRecord, at: int
) -> None:
    """Show the run's figures on whole splits on the stored model's page too.

    They are the run's own, of the same moment, so that the run has them once. Those of the cross-validation
    are of the customers trained on.
    """
    from mlflow.entities import Metric

    dataset = _dataset(record, record.data, "training").dataset
    metrics = []
    for of in _summary(record, at):
        trained_on = of.key.startswith(f"{RunKind.FOLD.split_name}/")
        name, digest = (dataset.name, dataset.digest) if trained_on else (None, None)
        metrics.append(Metric(of.key, of.value, at, of.step, model_id, name, digest, run_id))
    client.log_batch(run_id, metrics=metrics)


def _log_part(
    client: "MlflowClient", experiment: str, parent: str, record: TrainingRecord, part: Part
) -> None:
    """Log a fold or a year as a run below the training's, with its metrics under the training's names."""
    from mlflow.entities import Param
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

    hashes = {"catalog_hash": record.catalog.hash, "policy_hash": record.policy.hash}
    tags = {**record.tags(), **hashes, "data_hash": part.training.sha256, MLFLOW_RUN_NOTE: part_note(part)}
    name = f"{part.name}, {record.run_name}"
    run_id = _create_run(client, experiment, part.kind, name, tags, parent)
    status = "FAILED"
    try:
        at = int(time.time() * 1000)
        measured = [Measured(slug(scorer), part.kind.split_name, of) for scorer, of in part.metrics.items()]
        client.log_batch(
            run_id,
            params=[Param(name, str(value)) for name, value in {**part.parameters(), **hashes}.items()],
            metrics=[metric for of_scorer in measured for metric in _metrics(of_scorer, at)],
        )
        client.log_inputs(
            run_id,
            [_dataset(record, part.training, "training"), _dataset(record, part.evaluated, "evaluation")],
        )
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


def _dataset(record: TrainingRecord, facts: DataFacts, context: str) -> "DatasetInput":
    """Return a set of customers as MLflow shows it: hash, columns and counts, and nothing of any customer."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    # The first by the name that MLflow shows as a count.
    counts = {"num_rows": facts.customers, "bad": facts.bad}
    days = {"first_as_of": facts.first_as_of, "last_as_of": facts.last_as_of} if facts.dated else {}
    dataset = Dataset(
        name=record.portfolio,
        digest=facts.sha256[:_DIGEST],
        source_type="local",
        source=json.dumps({"uri": f"sha256:{facts.sha256}"}),
        schema=json.dumps({"mlflow_colspec": _signature(record.catalog).inputs.to_dict()}),
        profile=json.dumps({**counts, **days}),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])


def _metrics(measured: Measured, at: int) -> list["Metric"]:
    """Return MLflow's metrics of a moment (ms), such as `walk_forward/model/auc`.

    Those of one year are `walk_forward_by_year/model/auc` at the year as the step, which MLflow draws as a
    line. What could not be measured is left out, and so are splits of few customers: one's figures are his.
    """
    from mlflow.entities import Metric

    if measured.metrics.n < MINIMUM_AGGREGATE:
        return []
    split = measured.split if measured.year is None else f"{measured.split}_by_year"
    return [
        Metric(f"{split}/{measured.scorer}/{name}", value, at, measured.year or 0)
        for name, value in measured.metrics.known().items()
    ]


def _log_verification(client: "MlflowClient", run_id: str, verification: Verification) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    figures = {
        "rows": verification.rows,
        "largest_difference": verification.largest_difference,
        "base_difference": verification.base_difference,
        "sum_difference": verification.sum_difference,
    }
    metrics = [Metric(f"explanations/{name}", float(value), now, 0) for name, value in figures.items()]
    client.log_batch(run_id, metrics=metrics)
    client.set_tag(run_id, "explanations", "verified")


def _log_model(
    client: "MlflowClient", experiment: str, run_id: str, record: TrainingRecord, model_code: Path
) -> str:
    """Store the model (file and artefact), try it, and return its id.

    Done by the client, as `mlflow.pyfunc.log_model` does it, which would need MLflow's global settings.
    """
    from mlflow.entities import LoggedModelOutput

    tags = {**record.tags(), **record.hashes()}
    logged = client.create_logged_model(
        experiment, record.portfolio, run_id, tags=tags, params=_parameters(record)
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    try:
        with _opaque_errors("stored model: cannot be loaded and asked"):
            with tempfile.TemporaryDirectory() as folder:
                _save_model(Path(folder), logged, run_id, record, model_code)
                client.log_model_artifacts(logged.model_id, str(Path(folder) / "model"))
            _try_stored(logged.artifact_location, record.reload_check)
    except BaseException:
        with suppress(Exception):
            client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_id)


@contextmanager
def _opaque_errors(what: str) -> Iterator[None]:
    """Run MLflow on the model's code: without its warnings, and with errors that quote nothing.

    Raises:
        TrackingError: for any error in the block.
    """
    with warnings.catch_warnings():
        # It asks for an input example, which would be a customer's, and for type hints.
        warnings.simplefilter("ignore")
        try:
            yield
        except TrackingError:
            raise
        except Exception as error:
            raise TrackingError(f"{what} ({type(error).__name__}); not registered") from error


def _save_model(
    folder: Path, logged: "LoggedModel", run_id: str, record: TrainingRecord, model_code: Path
) -> None:
    """Write the model in MLflow's layout to `folder/model`, the artefact at `registry.ARTEFACT_PATH`."""
    import mlflow.pyfunc
    from mlflow.models import Model

    documents = _write_documents(record, folder / "documents")
    mlflow.pyfunc.save_model(
        path=str(folder / "model"),
        python_model=str(model_code),
        artifacts={path.stem: str(path) for path in documents.iterdir()},
        signature=_signature(record.catalog),
        # Given, for MLflow would otherwise load the model in a new process to find out.
        pip_requirements=[f"{name}=={installed_version(name)}" for name in _REQUIREMENTS],
        mlflow_model=Model(
            artifact_path=logged.artifact_location,
            run_id=run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
        ),
    )


def _write_documents(record: TrainingRecord, folder: Path) -> Path:
    """Write the record's documents into a folder, which may be new, and return it."""
    folder.mkdir(exist_ok=True)
    for name, data in record.documents().items():
        (folder / name).write_bytes(data)
    return folder


def _signature(catalog: Catalog) -> "ModelSignature":
    """Declare the customer, the indicators, all of which may be missing, and the answer."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    customer = [ColSpec("string", name) for name in ("customer_id", "nature", "as_of")]
    indicators = [
        ColSpec(_COLUMN_TYPES[placed.indicator.kind], placed.id, required=False) for placed in catalog.placed
    ]
    answer = [ColSpec("double", "score"), ColSpec("string", "tier"), ColSpec("double", "probability")]
    return ModelSignature(Schema([*customer, *indicators]), Schema([*answer]))


def _try_stored(location: str, check: ReloadCheck) -> None:
    """Load the model from where it is stored and predict.

    MLflow only warns when a model's code cannot be called, so that a broken one would be registered.

    Raises:
        TrackingError: it predicts something else.
    """
    import mlflow.pyfunc

    found = mlflow.pyfunc.load_model(location).predict(check.inputs)
    for name, expected in (("score", check.score), ("probability", check.probability)):
        column = np.asarray(found[name], dtype=np.float64)
        alike = column.shape == expected.shape and np.allclose(
            column, expected, rtol=0, atol=_RELOAD_TOLERANCE, equal_nan=True
        )
        if not alike:
            raise TrackingError(f"stored model: its {name} differs from the product's; not registered")
    if tuple(found["tier"]) != check.tier:
        raise TrackingError("stored model: its tiers differ from the product's; not registered")
