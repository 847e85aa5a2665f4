"""What MLflow keeps of one registered version, read back: documents, figures of the run, reviews."""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from features.catalog import Catalog
from features.declaration import DeclarationError, first_error
from models import registry
from models.artefact import Model
from models.export_sheet import Sheet
from models.policy import Policy
from training.description import refresh_description

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What a version's run keeps, by the name that sources call it.
POINTS, CATALOG, POLICY = "points", "catalog", "policy"
BATTERY, REASONS, REFERENCE = registry.BATTERY, registry.REASONS, registry.REFERENCE
REVIEWS = (BATTERY, REASONS, REFERENCE)
CARD_FOLDER = "card"


@dataclass(frozen=True)
class Kept:
    """A document in a run: where, its bytes, their SHA-256 (hex), and of a review the verdict."""

    path: str
    content: bytes
    sha256: str
    verdict: str | None = None

    @classmethod
    def of(cls, path: str, content: bytes, verdict: str | None = None) -> "Kept":
        """Return a document with its hash."""
        return cls(path, content, hashlib.sha256(content).hexdigest(), verdict)


@dataclass(frozen=True, eq=False)
class Recorded:
    """One registered version.

    Attributes:
        name, version: as registered, such as `sba` and `3`.
        aliases: that point at it, sorted.
        registered_at: when, in UTC.
        run_id: of the training.
        parameters, metrics: of the run; a metric by year has its newest value here.
        by_year: what was measured by year: metric → year → value.
        documents: points, catalog, policy, and those reviews that were recorded.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    registered_at: datetime
    run_id: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    by_year: Mapping[str, Mapping[int, float]]
    documents: Mapping[str, Kept] = field(repr=False)

    @property
    def label(self) -> str:
        """What answers call it."""
        return registry.model_version(self.name, self.version)

    @property
    def hashes(self) -> tuple[str, str, str | None]:
        """Catalog, policy and the model's content by their hashes, as they are adopted together."""
        return self.sheet.catalog.hash, self.sheet.policy.hash, self.sheet.model.content_hash

    @cached_property
    def sheet(self) -> Sheet:
        """The model with its catalog and policy.

        Raises:
            ArtefactError: the model is of another version of Tierwise, or of another catalog or policy.
            DeclarationError: the catalog or the policy is of another version of Tierwise.
        """
        model = Model.from_bytes(self.documents[POINTS].content)
        try:
            catalog = Catalog.model_validate_json(self.documents[CATALOG].content)
            policy = Policy.model_validate_json(self.documents[POLICY].content)
        except ValidationError as error:
            raise DeclarationError(
                f"model {self.label}: its catalog or policy is of another version of Tierwise "
                f"({first_error(error)}); train again"
            ) from None
        return Sheet(model, catalog, policy, self.label)


def load_recorded(asked: str, state: Path | None = None) -> Recorded:
    """Read back a version.

    Args:
        asked: NAME for the champion and, before there is one, the newest candidate; NAME@ALIAS; NAME/VERSION.
        state: the directory of MLflow's store.

    Raises:
        RegistryError: there is none, or a file is gone or not the one recorded.
    """
    documents = registry.load_documents(asked, state)
    name, version = documents.name, documents.version
    client = registry.connect(state)
    label = registry.model_version(name, version)
    with registry.one_line_errors(f"model {label}: its run cannot be read"):
        registered = client.get_model_version(name, version)
        run = client.get_run(registered.run_id or "")
        by_year = {
            metric: _by_year(client, run.info.run_id, metric)
            for metric in run.data.metrics
            if re.match(r"\w+_by_year/", metric)
        }
    kept = {
        POINTS: Kept.of(registry.RUN_POINTS_PATH, documents.artefact),
        CATALOG: Kept.of(registry.RUN_CATALOG_PATH, documents.catalog),
        POLICY: Kept.of(registry.RUN_POLICY_PATH, documents.policy),
    }
    for kind in REVIEWS:
        review = registry.recorded_review(name, version, kind, state)
        if review is not None:
            path = f"{registry.REVIEW_FOLDER}/{kind}.json"
            kept[kind] = Kept.of(path, review.document, review.verdict)
    return Recorded(
        name=name,
        version=version,
        aliases=tuple(sorted(a for a, of in registry.aliases(name, state).items() if of == version)),
        registered_at=datetime.fromtimestamp(registered.creation_timestamp / 1000, UTC),
        run_id=run.info.run_id,
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        by_year=by_year,
        documents=kept,
    )


def record_card(recorded: Recorded, files: Mapping[str, bytes], state: Path | None = None) -> None:
    """Keep a card's files with the version's run, in `card/`, and say so in the version's description.

    They are for everybody who reads MLflow: without what was written in signing.

    Raises:
        RegistryError: MLflow refuses.
    """
    client = registry.connect(state)
    with (
        tempfile.TemporaryDirectory() as folder,
        registry.one_line_errors(f"model {recorded.label}: its card cannot be recorded"),
    ):
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        client.log_artifacts(recorded.run_id, folder, CARD_FOLDER)
    refresh_description(recorded.name, recorded.version, state)


def _by_year(client: "MlflowClient", run_id: str, metric: str) -> dict[int, float]:
    return {point.step: point.value for point in client.get_metric_history(run_id, metric)}
