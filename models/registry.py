"""The one module that talks to MLflow's model registry: register, move an alias, fetch a version's documents.

MLflow is imported only inside the functions (it takes five seconds), and nothing is made or opened before
one is called. An artefact is fetched as bytes and checked against the hash it was registered with: a
served model is never unpickled, and no code that came with it is run.
"""

import hashlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# A trained version is a candidate; approved by others, a challenger or the champion.
CANDIDATE, CHALLENGER, CHAMPION = "candidate", "challenger", "champion"
STATE_VARIABLE = "TIERWISE_STATE"
DEFAULT_STATE = ".state"
DATABASE = "mlflow.db"
# Where the artefact lies within a registered model, and the tag that holds its SHA-256.
ARTEFACT_PATH = "artifacts/points.json"
ARTEFACT_HASH_TAG = "artefact_sha256"
# Where the run that trained it keeps the catalog and policy it was trained for.
RUN_FOLDER, CATALOG_FILE, POLICY_FILE = "model", "catalog.json", "policy.json"
RUN_CATALOG_PATH, RUN_POLICY_PATH = f"{RUN_FOLDER}/{CATALOG_FILE}", f"{RUN_FOLDER}/{POLICY_FILE}"
# A copy of the artefact to look at.
POINTS_FILE = "points.json"
RUN_POINTS_PATH = f"{RUN_FOLDER}/{POINTS_FILE}"
# Where it keeps the boosters that the model was compiled from, `bag_0.txt` and on.
BOOSTER_FOLDER = "boosters"
# Where a version's run keeps what its reviewers were told (`review/battery.json`), and the version's tags
# that hold each document's SHA-256 and verdict (`review.battery.sha256`).
REVIEW_FOLDER, REVIEW_TAG = "review", "review.{kind}.{what}"
EARLIER_FOLDER = f"{REVIEW_FOLDER}/earlier"
_EARLIER = re.compile(r"(?P<number>\d{4,})-(?P<kind>.+)\.json")
# The kinds of review without which nothing is promoted.
BATTERY, REASONS = "battery", "reasons"
# A review that judges nothing, which monitoring compares later customers with, and its verdict.
REFERENCE, RECORDED = "reference", "recorded"
# A name is part of paths and of the registry's queries.
NAME_PATTERN = r"[a-z][a-z0-9_-]*"
# What a version is asked for by: NAME, NAME@ALIAS or NAME/VERSION.
_ASKED = re.compile(rf"(?P<name>{NAME_PATTERN})(?:@(?P<alias>[a-z]+)|/(?P<version>[1-9][0-9]{{0,8}}))?")


class RegistryError(RuntimeError):
    """The registry cannot do what was asked; one line that says what to do."""


def state_directory(state: str | Path | None = None) -> Path:
    """Return where MLflow's store lies, as an absolute path that may not exist yet.

    Without `state` it is what TIERWISE_STATE names, or `.state` in the working directory.

    Raises:
        RegistryError: the path holds a character that a store's address cannot.
    """
    path = Path(state or os.environ.get(STATE_VARIABLE) or DEFAULT_STATE).expanduser().absolute()
    if re.search(r"[?#%]", str(path)):
        raise RegistryError(f"state directory {path}: a path with ?, # or % cannot be used; choose another")
    return path


def tracking_uri(state: str | Path | None = None) -> str:
    """Return the address of the SQLite store (`sqlite:////absolute/path/mlflow.db`)."""
    return f"sqlite:///{state_directory(state) / DATABASE}"


def artefact_uri(state: str | Path | None = None) -> str:
    """Return the folder of the runs' files as an address (`file:///absolute/path/artifacts`)."""
    return (state_directory(state) / "artifacts").as_uri()


def model_version(name: str, version: str) -> str:
    """Return what answers call a registered model, such as `sba/3`."""
    return f"{name}/{version}"


def name_and_version(label: str | None) -> tuple[str, str] | None:
    """Return name and version of what answers call a model; None for what is not registered, as a file."""
    found = _ASKED.fullmatch(label or "")
    return None if found is None or found["version"] is None else (found["name"], found["version"])


def connect(state: str | Path | None = None) -> "MlflowClient":
    """Return MLflow's client of the store, without telemetry and chatter; MLflow's global settings stay.

    The first connection makes the store, which takes 3–10 seconds.

    Raises:
        RegistryError: the state directory cannot be made, or the store not opened.
    """
    directory, address = state_directory(state), tracking_uri(state)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegistryError(
            f"state directory {directory}: cannot be made ({error.strerror}); set {STATE_VARIABLE}"
        ) from None
    _import_quietly()
    from mlflow import MlflowClient

    with one_line_errors(f"store {directory / DATABASE}: cannot be opened"):
        return MlflowClient(tracking_uri=address, registry_uri=address)


def require_store(state: str | Path | None = None) -> None:
    """Refuse to go on where MLflow's store is not made yet, which `connect` would do.

    Raises:
        RegistryError: says where none is.
    """
    if not (state_directory(state) / DATABASE).is_file():
        raise RegistryError(f"no store of MLflow is in {state_directory(state)}; name its place with --state")


@contextmanager
def one_line_errors(what: str) -> Iterator[None]:
    """Turn MLflow's errors into one line that starts with what could not be done.

    Raises:
        RegistryError: for any error of MLflow in the block.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise RegistryError(f"{what} ({_first_line(error)})") from None


def register(
    model_id: str,
    name: str,
    artefact_sha256: str,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    state: str | Path | None = None,
) -> str:
    """Register a logged model as the next version of a name, and return the version.

    Args:
        model_id: a model logged by a run (`m-…`), whose `ARTEFACT_PATH` is the artefact.
        name: the portfolio.
        artefact_sha256: hex SHA-256 of the artefact's bytes, which every later loading checks.
        tags: to find the version by.
        description: what MLflow shows of it, in Markdown.

    Raises:
        RegistryError: MLflow refuses.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise RegistryError(f"model {name!r}: a name is lower-case letters, digits, - and _; choose another")
    client = connect(state)
    with one_line_errors(f"model {name}: cannot be registered"):
        if not client.search_registered_models(filter_string=f"name = '{name}'"):
            client.create_registered_model(name)
        logged = client.get_logged_model(model_id)
        version = client.create_model_version(
            name,
            # Place and run themselves: what MLflow has to look up, it seeks in its global store.
            source=logged.artifact_location,
            run_id=logged.source_run_id,
            tags={**(tags or {}), ARTEFACT_HASH_TAG: artefact_sha256},
            model_id=model_id,
            description=description,
        ).version
    return str(version)


def booster_path(number: int) -> str:
    """Return where a run keeps a booster's text, from 0 on."""
    return f"{BOOSTER_FOLDER}/bag_{number}.txt"


def set_alias(name: str, version: str, alias: str, state: str | Path | None = None) -> None:
    """Point an alias at a version; it then counts for every service that starts.

    Raises:
        RegistryError: no such version.
    """
    client = connect(state)
    with one_line_errors(f"model {model_version(name, version)}: alias {alias} cannot be moved"):
        client.set_registered_model_alias(name, alias, version)


def remove_alias(name: str, alias: str, state: str | Path | None = None) -> None:
    """Take an alias away from a model, whatever version it points at.

    Raises:
        RegistryError: MLflow refuses.
    """
    client = connect(state)
    with one_line_errors(f"model {name}: alias {alias} cannot be removed"):
        client.delete_registered_model_alias(name, alias)


@dataclass(frozen=True)
class ModelDocuments:
    """What a registered version is loaded from, each as the bytes of a JSON document.

    `artefact` has the hash it was registered with; `catalog` and `policy` are as its run recorded them.
    `alias` is that by which the version was found, None where it was asked for by its number; of a candidate
    that was promoted since, what it was promoted to.
    """

    name: str
    version: str
    alias: str | None
    artefact: bytes
    catalog: bytes
    policy: bytes


def load_documents(asked: str, state: str | Path | None = None) -> ModelDocuments:
    """Return the documents of a registered version.

    What they say is for the caller to verify, and that they belong together too.

    Args:
        asked: NAME for the champion and, before there is one, the newest candidate; NAME@ALIAS; NAME/VERSION.
        state: the directory of MLflow's store.

    Raises:
        RegistryError: nothing such is registered, a file is gone, or the artefact is not the one registered.
    """
    client, found, alias = _found(asked, state)
    name = found.name
    # By version from here on, so that an alias moved in between changes nothing.
    label = model_version(name, found.version)
    with _reading(f"model {label}: its artefact"):
        artefact = _download(client.get_model_version_download_uri(name, found.version), ARTEFACT_PATH)
    if hashlib.sha256(artefact).hexdigest() != found.tags.get(ARTEFACT_HASH_TAG):
        raise RegistryError(f"model {label}: its artefact is not the one registered; restore a backup")
    with _reading(f"model {label}: the catalog and policy of its run"):
        recorded = client.get_run(found.run_id or "").info.artifact_uri
        catalog, policy = (_download(recorded, path) for path in (RUN_CATALOG_PATH, RUN_POLICY_PATH))
    if alias == CANDIDATE:
        alias = next((of for of in (CHAMPION, CHALLENGER) if of in found.aliases), alias)
    return ModelDocuments(name, str(found.version), alias, artefact, catalog, policy)


def run_copy(name: str, version: str, state: str | Path | None = None) -> bytes | None:
    """Return the copy of a version's artefact that its run shows; None where there is none.

    Raises:
        RegistryError: no such version.
    """
    from mlflow.exceptions import MlflowException

    client = connect(state)
    with one_line_errors(f"model {model_version(name, version)}: cannot be looked up"):
        run = client.get_run(client.get_model_version(name, version).run_id or "")
    try:
        return _download(run.info.artifact_uri, RUN_POINTS_PATH)
    except (MlflowException, OSError):
        return None


def resolve(asked: str, state: str | Path | None = None) -> tuple[str, str]:
    """Return name and version of what `load_documents` would load, without reading it.

    Raises:
        RegistryError: nothing such is registered.
    """
    _, found, _ = _found(asked, state)
    return found.name, str(found.version)


def load_boosters(name: str, version: str, state: str | Path | None = None) -> tuple[str, ...]:
    """Return LightGBM's texts of the boosters that a version was compiled from, as its run keeps them.

    A text is to be verified before LightGBM reads it: a changed one can end the process.

    Raises:
        RegistryError: no such version, or a file cannot be read.
    """
    client = connect(state)
    label = model_version(name, version)
    with _reading(f"model {label}: the boosters of its run"):
        run = client.get_run(client.get_model_version(name, version).run_id or "").info
        count = len(client.list_artifacts(run.run_id, BOOSTER_FOLDER))
        texts = [_download(run.artifact_uri, booster_path(number)) for number in range(count)]
    try:
        return tuple(text.decode() for text in texts)
    except UnicodeDecodeError:
        raise RegistryError(
            f"model {label}: a booster of its run is no text; it was changed; run `tierwise train`"
        ) from None


def _found(asked: str, state: str | Path | None) -> tuple["MlflowClient", "ModelVersion", str | None]:
    """Return client, MLflow's model version and the alias by which it was found.

    Raises:
        RegistryError: nothing such is registered, or nothing such can be.
    """
    parts = _ASKED.fullmatch(asked)
    if parts is None:
        raise RegistryError(f"model {asked!r}: give NAME, NAME@{CANDIDATE} or NAME/VERSION")
    # Asked before MLflow is imported, so that a service without a model starts at once and makes no store.
    if not (state_directory(state) / DATABASE).is_file():
        raise RegistryError(_nothing(asked, state))
    client = connect(state)
    found, alias = _find(client, parts["name"], parts["alias"], parts["version"])
    if found is None:
        raise RegistryError(_nothing(asked, state))
    return client, found, alias


def _find(
    client: "MlflowClient", name: str, alias: str | None, version: str | None
) -> tuple["ModelVersion | None", str | None]:
    """Return MLflow's model version and the alias by which it was found; None where there is none."""
    if version is not None:
        return _ask(name, partial(client.get_model_version, name, version)), None
    for each in (alias,) if alias is not None else (CHAMPION, CANDIDATE):
        found = _ask(name, partial(client.get_model_version_by_alias, name, each))
        if found is not None:
            return found, each
    return None, None


def _ask(name: str, ask: Callable[[], "ModelVersion"]) -> "ModelVersion | None":
    """Return what MLflow answers; None where there is no such version."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        # An unknown name or version gives the first code, an unknown alias the second.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise RegistryError(f"model {name}: the registry cannot be read ({_first_line(error)})") from None


def registered(state: str | Path | None = None) -> dict[str, dict[str, str]]:
    """Return the registered models by name, sorted, with the version that each alias points at.

    Raises:
        RegistryError: the store cannot be read.
    """
    if not (state_directory(state) / DATABASE).exists():
        return {}
    client = connect(state)
    found, page = [], None
    with one_line_errors("the registry cannot be read"):
        while True:
            models = client.search_registered_models(page_token=page)
            found += list(models)
            page = models.token
            if not page:
                break
    return {
        model.name: {alias: str(version) for alias, version in model.aliases.items()}
        for model in sorted(found, key=lambda model: model.name)
    }


def aliases(name: str, state: str | Path | None = None) -> dict[str, str]:
    """Return the version that each alias of a model points at; none where nothing is registered.

    Raises:
        RegistryError: the store cannot be read.
    """
    if not (state_directory(state) / DATABASE).exists():
        return {}
    client = connect(state)
    with one_line_errors(f"model {name}: its aliases cannot be read"):
        found = client.search_registered_models(filter_string=f"name = '{name}'")
    return {alias: str(version) for model in found for alias, version in model.aliases.items()}


@dataclass(frozen=True)
class Review:
    """What reviewers of a version were told by one check: a document, its SHA-256 (hex), and its verdict."""

    kind: str
    document: bytes
    sha256: str
    verdict: str


def record_review(
    name: str, version: str, kind: str, document: bytes, verdict: str, state: str | Path | None = None
) -> str:
    """Keep what a check found of a version with the version's run, and return the document's SHA-256 (hex).

    The same kind recorded again takes the former one's place, which is kept: `earlier_reviews`. Document,
    hash and verdict are three writes: a
    crash between them leaves a review that is not there yet or that `recorded_review` refuses, or, where the
    hash stands already, the former verdict; it is to be made again. Whoever promotes reads the verdict off
    the document.

    Args:
        name: the model, such as `sba`.
        version: which of its versions.
        kind: of check, such as `battery` or `reasons`: lower-case letters, digits, - and _.
        document: JSON without any customer's value.
        verdict: such as `passed` or `failed`.
        state: the directory of MLflow's store.

    Raises:
        RegistryError: no such version, or MLflow refuses.
    """
    if not re.fullmatch(NAME_PATTERN, kind):
        raise RegistryError(f"review {kind!r}: a kind is lower-case letters, digits, - and _; choose another")
    sha256 = hashlib.sha256(document).hexdigest()
    client = connect(state)
    label = model_version(name, version)
    with one_line_errors(f"model {label}: its review cannot be recorded"):
        found = client.get_model_version(name, version)
        run, former = found.run_id or "", found.tags.get(REVIEW_TAG.format(kind=kind, what="sha256"))
        if former is not None and former != sha256:
            _keep_former(client, run, kind, former)
        client.log_text(run, document.decode("utf-8"), f"{REVIEW_FOLDER}/{kind}.json")
        for what, value in (("sha256", sha256), ("verdict", verdict)):
            client.set_model_version_tag(name, version, REVIEW_TAG.format(kind=kind, what=what), value)
    return sha256


def _keep_former(client: "MlflowClient", run: str, kind: str, sha256: str) -> None:
    """Keep the review whose place another takes; not what is there instead, if it was changed."""
    from mlflow.exceptions import MlflowException

    place = client.get_run(run).info.artifact_uri
    try:
        document = _download(place, f"{REVIEW_FOLDER}/{kind}.json")
    except (MlflowException, OSError):
        return  # what is gone already cannot be kept
    if hashlib.sha256(document).hexdigest() == sha256:
        kept = (_EARLIER.fullmatch(Path(of.path).name) for of in client.list_artifacts(run, EARLIER_FOLDER))
        number = max((int(of["number"]) for of in kept if of is not None), default=0) + 1
        client.log_text(run, document.decode("utf-8"), f"{EARLIER_FOLDER}/{number:04}-{kind}.json")


def earlier_reviews(name: str, version: str, kind: str, state: str | Path | None = None) -> list[bytes]:
    """Return the documents of a kind that were recorded of a version before the present one, oldest first.

    Raises:
        RegistryError: no such version, or a document cannot be read.
    """
    client = connect(state)
    with one_line_errors(f"model {model_version(name, version)}: its earlier reviews cannot be read"):
        run = client.get_model_version(name, version).run_id or ""
        listed = sorted(of.path for of in client.list_artifacts(run, EARLIER_FOLDER))
        found = {path: _EARLIER.fullmatch(Path(path).name) for path in listed}
        paths = [path for path, of in found.items() if of is not None and of["kind"] == kind]
        place = client.get_run(run).info.artifact_uri
    with _reading(f"model {model_version(name, version)}: its earlier reviews"):
        return [_download(place, path) for path in paths]


def recorded_review(name: str, version: str, kind: str, state: str | Path | None = None) -> Review | None:
    """Return what a check found of a version; None where it was not recorded.

    Raises:
        RegistryError: no such version, or the document is not the one whose hash was recorded.
    """
    client = connect(state)
    label = model_version(name, version)
    with one_line_errors(f"model {label}: its review cannot be read"):
        found = client.get_model_version(name, version)
    sha256, verdict = (
        found.tags.get(REVIEW_TAG.format(kind=kind, what=what)) for what in ("sha256", "verdict")
    )
    if sha256 is None or verdict is None:
        return None
    with _reading(f"model {label}: its {kind} review"):
        recorded = client.get_run(found.run_id or "").info.artifact_uri
        document = _download(recorded, f"{REVIEW_FOLDER}/{kind}.json")
    if hashlib.sha256(document).hexdigest() != sha256:
        raise RegistryError(f"model {label}: its {kind} review is not the one recorded; restore a backup")
    return Review(kind, document, sha256, verdict)


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn the errors of reading a file of the store into one line that says to train again."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, MlflowException, SQLAlchemyError) as error:
        raise RegistryError(f"{what} cannot be read ({_first_line(error)}); run `tierwise train`") from None


def _download(address: str, path: str) -> bytes:
    """Return the bytes of a file below an address of the store, by way of a temporary folder."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        file = download_artifacts(artifact_uri=f"{address.rstrip('/')}/{path}", dst_path=folder)
        return Path(file).read_bytes()


def _nothing(asked: str, state: str | Path | None) -> str:
    return f"model {asked}: none is registered in {state_directory(state)}; run `tierwise train`"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _import_quietly() -> None:
    """Import MLflow without telemetry, and without the log lines of its store's first hours."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        # MLflow trips deprecations of SQLAlchemy when its store is first imported.
        warnings.simplefilter("ignore")
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
    for logger, level in (
        ("alembic", logging.WARNING),
        ("mlflow", logging.WARNING),
        # It warns where pip is not installed, as in environments made by uv.
        ("mlflow.utils.environment", logging.ERROR),
    ):
        logging.getLogger(logger).setLevel(level)
