"""What a training leaves in MLflow: one run per training, and, if its explanations hold, a new champion.

Nothing logged here holds a customer's value: figures are aggregates, and the rows with which the stored
model is tried stay in memory.
"""

import hashlib
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from features.catalog import Catalog, Kind
from models import registry
from models.decision import Decisions
from models.policy import Policy
from training.description import version_description
from training.metrics import Metrics
from training.plots import MINIMUM_AGGREGATE
from training.verification import ExplanationMismatch, Verification

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric
    from mlflow.models import ModelSignature

MODEL_CODE = Path(__file__).parent / "pyfunc_model.py"
# What a reviewer needs beside this project to load the model. The project itself is on no package index:
# naming it here would invite somebody else's package of that name.
_REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "pyyaml", "scipy")
# The stored model and the product may differ by rounding only.
_RELOAD_TOLERANCE = 1e-9
_COLUMN_TYPES = {Kind.NUMBER: "double", Kind.FLAG: "boolean", Kind.CATEGORY: "string"}


class TrackingError(RuntimeError):
    """A training cannot be promoted; one line that says why."""


@dataclass(frozen=True)
class Measured:
    """The metrics of one scorer (`model`, `baseline`, …) on one split, over all of it or in one year."""

    scorer: str
    split: str
    metrics: Metrics
    year: int | None = None


@dataclass(frozen=True)
class ReloadCheck:
    """Customers on which the stored model must decide as the product did. They are never logged.

    `inputs` has n rows with customer_id, nature, as_of and indicators; the others are of shape (n,).
    """

    inputs: pd.DataFrame
    score: NDArray[np.float64]
    tier: tuple[str, ...]
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, inputs: pd.DataFrame, decisions: Decisions) -> Self:
        """Expect the decisions that the product took on these inputs."""
        tiers = tuple(str(tier) for tier in decisions.tiers)
        return cls(inputs, decisions.score, tiers, decisions.model.probability)


@dataclass(frozen=True)
class TrainingRecord:
    """Everything that one training hands over to be recorded; `figures` are named without an ending."""

    portfolio: str
    run_name: str
    parameters: Mapping[str, str | int | float | bool | None]
    measured: Sequence[Measured]
    artefact: bytes
    booster_texts: Sequence[str]
    catalog: Catalog
    policy: Policy
    data_hash: str
    figures: Mapping[str, Figure]
    reload_check: ReloadCheck

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of all that determines the model, by the names that tags and answers use."""
        return {
            "catalog_hash": self.catalog.hash,
            "policy_hash": self.policy.hash,
            "data_hash": self.data_hash,
            registry.ARTEFACT_HASH_TAG: hashlib.sha256(self.artefact).hexdigest(),
        }

    def documents(self) -> dict[str, bytes]:
        """Return what the model is loaded from, by file name.

        Catalog and policy keep the order of their keys, which tiers need; their hashes do not depend on it.
        """
        return {
            "points.json": self.artefact,
            registry.CATALOG_FILE: self.catalog.model_dump_json(by_alias=True, indent=1).encode(),
            registry.POLICY_FILE: self.policy.model_dump_json(by_alias=True, indent=1).encode(),
        }


@dataclass(frozen=True)
class Promotion:
    """A training that became the champion: its run, its name in answers, and how its explanations held."""

    run_id: str
    version: str
    model_version: str
    verification: Verification


def log_training(
    record: TrainingRecord,
    verify: Callable[[], Verification],
    state: str | Path | None = None,
    model_code: Path = MODEL_CODE,
) -> Promotion:
    """Record one training, and promote it if its explanations hold and the stored model predicts alike.

    The run is recorded in any case. What fails a check is marked FAILED there, with the reason as the tag
    `failure`; it is not promoted: the alias stays where it is.

    Args:
        record: what to record.
        verify: recomputes the explanations (`training.verification.verify_explanations`).
        state: the directory of MLflow's store; see `models.registry.state_directory`.
        model_code: the file that MLflow runs to load the model, beside the documents.

    Raises:
        ExplanationMismatch: the explanations do not hold.
        TrackingError: the stored model does not predict what the product does.
        RegistryError: MLflow refuses; one line.
    """
    client = registry.connect(state)
    with registry.one_line_errors(f"run {record.run_name}: cannot be recorded"):
        experiment = _experiment(client, record.portfolio, state)
        run_id = client.create_run(experiment, tags=record.hashes(), run_name=record.run_name).info.run_id
        try:
            _log_record(client, run_id, record)
            verification = verify()
            _log_verification(client, run_id, verification)
            model_id = _log_model(client, experiment, run_id, record, model_code)
            version = registry.register(
                model_id,
                record.portfolio,
                record.hashes()[registry.ARTEFACT_HASH_TAG],
                tags=record.hashes(),
                description=version_description(
                    experiment, run_id, record.hashes(), _summed_up(record), verification.rows
                ),
                state=state,
            )
            registry.set_alias(record.portfolio, version, state=state)
        except BaseException as error:
            told = isinstance(error, ExplanationMismatch | TrackingError | registry.RegistryError)
            # The text of an unforeseen error might quote a value, so only its kind is kept.
            with suppress(Exception):  # the first error is the one to tell
                client.set_tag(run_id, "failure", str(error) if told else type(error).__name__)
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return Promotion(run_id, version, registry.model_version(record.portfolio, version), verification)


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


def _experiment(client: "MlflowClient", portfolio: str, state: str | Path | None) -> str:
    """Return the id of the portfolio's experiment, made on first use."""
    found = client.get_experiment_by_name(portfolio)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(portfolio, f"{registry.artefact_uri(state)}/{portfolio}"))


def _log_record(client: "MlflowClient", run_id: str, record: TrainingRecord) -> None:
    """Log parameters, metrics, documents, boosters and figures."""
    from mlflow.entities import Param

    parameters = {**record.parameters, **record.hashes()}
    client.log_batch(
        run_id,
        params=[Param(name, str(value)) for name, value in parameters.items()],
        metrics=[metric for measured in record.measured for metric in _metrics(measured)],
    )
    with tempfile.TemporaryDirectory() as folder:
        client.log_artifacts(run_id, str(_write_documents(record, Path(folder))), registry.RUN_FOLDER)
    for number, text in enumerate(record.booster_texts):
        client.log_text(run_id, text, f"boosters/bag_{number}.txt")
    for name, figure in record.figures.items():
        client.log_figure(run_id, figure, f"plots/{name}.png")


def _metrics(measured: Measured) -> list["Metric"]:
    """Return MLflow's metrics, such as `walk_forward/model/auc`.

    Those of one year are `walk_forward_by_year/model/auc` at the year as the step, which MLflow draws as a
    line. What could not be measured is left out, and so are splits of few customers: one's figures are his.
    """
    from mlflow.entities import Metric

    if measured.metrics.n < MINIMUM_AGGREGATE:
        return []
    split = measured.split if measured.year is None else f"{measured.split}_by_year"
    now = int(time.time() * 1000)
    return [
        Metric(f"{split}/{measured.scorer}/{name}", value, now, measured.year or 0)
        for name, value in measured.metrics.known().items()
    ]


def _summed_up(record: TrainingRecord) -> list[tuple[str, str, Metrics]]:
    """Return what was measured on whole splits that are large enough to be told of."""
    return [
        (of.scorer, of.split, of.metrics)
        for of in record.measured
        if of.year is None and of.metrics.n >= MINIMUM_AGGREGATE
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

    logged = client.create_logged_model(experiment, record.portfolio, run_id, tags=record.hashes())
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
