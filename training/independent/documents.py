"""What a version is checked by: the documents that were registered with it."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.independent.declared import Catalog, Json, Policy
from training.independent.tables import thresholds_of
from training.independent.trees import UnreadableBooster, read_booster

FORMAT, FORMAT_VERSION = "tierwise-points", 2
_CONTENT = b'"content":'


class NotCheckable(ValueError):
    """Reasons cannot be checked on what is given; one line that says why."""


@dataclass(frozen=True)
class Documents:
    """A version's documents as they were registered, and its boosters as the texts that its run keeps."""

    artefact: bytes
    catalog: bytes
    policy: bytes
    boosters: tuple[str, ...]


class Dossier:
    """The documents of a version, read."""

    def __init__(self, documents: Documents) -> None:
        """Read them.

        Raises:
            NotCheckable: one is no such document, was changed, or does not belong to the others.
        """
        self.documents = documents
        self.content = _content(documents.artefact)
        self.catalog = Catalog(_json(documents.catalog, "the catalog"))
        self.policy = Policy(_json(documents.policy, "the policy"))
        if not documents.boosters:
            raise NotCheckable("the version's run keeps no boosters to compare with: train again")
        try:
            self.boosters = tuple(read_booster(text) for text in documents.boosters)
        except UnreadableBooster as error:
            raise NotCheckable(f"a booster of the version's run cannot be read: {error}") from None
        unknown = set(self.features) - set(self.catalog.by_id)
        if unknown:
            raise NotCheckable(f"feature {min(unknown)} of the model is not in its catalog")
        if any(booster.features != self.features for booster in self.boosters):
            raise NotCheckable("the boosters are of other features than the model's document: train again")

    @property
    def features(self) -> tuple[str, ...]:
        """The model's features in order."""
        return tuple(self.content["features"])

    @property
    def natures(self) -> tuple[str, ...]:
        """Whom the model speaks of."""
        return tuple(self.content["natures"])

    @property
    def prior(self) -> Json:
        return dict(self.content["prior"])

    @property
    def correction(self) -> Json:
        return dict(self.content["correction"])

    @property
    def slope(self) -> float:
        return float(self.content["calibration"]["slope"])

    @property
    def intercept(self) -> float:
        return float(self.content["calibration"]["intercept"])

    @cached_property
    def thresholds(self) -> dict[str, list[float]]:
        """Where the model's tables and boosters part values, by feature."""
        found: dict[int, set[float]] = {}
        for part in (self.prior, self.correction):
            for feature, thresholds in thresholds_of(part).items():
                found.setdefault(feature, set()).update(thresholds)
        for booster in self.boosters:
            for split in (split for tree in booster.trees for split in tree.splits):
                if split.categories is None and np.isfinite(split.threshold):
                    found.setdefault(split.feature, set()).add(split.threshold)
        return {self.features[feature]: sorted(values) for feature, values in found.items()}

    def hashes(self) -> dict[str, str]:
        """Return the hashes of what was checked; of catalog and policy those that the artefact names."""
        whole = hashlib.sha256("\0".join(self.documents.boosters).encode()).hexdigest()
        return {
            "artefact_sha256": hashlib.sha256(self.documents.artefact).hexdigest(),
            "catalog_hash": str(self.content["catalog_hash"]),
            "policy_hash": str(self.content["policy_hash"]),
            "boosters_sha256": whole,
        }


def _content(artefact: bytes) -> Json:
    """Return the content of a points document whose bytes have the hash that stands before them."""
    whole = _json(artefact, "the model's document")
    body = artefact[artefact.find(_CONTENT) + len(_CONTENT) : -1]
    if hashlib.sha256(body).hexdigest() != whole.get("sha256"):
        raise NotCheckable("the model's document does not match its SHA-256")
    content = whole["content"]
    if (content.get("format"), content.get("format_version")) != (FORMAT, FORMAT_VERSION):
        raise NotCheckable(f"the model's document is not {FORMAT} of version {FORMAT_VERSION}: train again")
    return dict(content)


def _json(data: bytes, what: str) -> Json:
    try:
        document = json.loads(data)
    except ValueError:
        raise NotCheckable(f"{what} is no JSON") from None
    if not isinstance(document, dict):
        raise NotCheckable(f"{what} is no JSON object")
    return document
