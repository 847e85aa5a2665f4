"""What is served: the scorer and the name that answers give it, loaded and checked before anything starts."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from features.catalog import Catalog, bundled_or_path, load_catalog
from features.declaration import DeclarationError
from features.declared_errors import first_error
from models import registry
from models.artefact import MOST_BYTES, Model
from models.decision import Scorer
from models.policy import POLICIES, Policy, load_policy
from models.signature import SignatureError, load_trusted
from serving.settings import DEFAULT_CATALOG, Settings, SettingsError, trusted_keys_file

_CATALOG_FILE, _POLICY_FILE = "catalog.json", "policy.json"
_POINTS_FILE, _VERSION_FILE = "points.json", "version.txt"

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Served:
    """The one scorer, the model's name in answers (`sba/3`, none without a model), and its document.

    Without a document as it was read, signature included, the model is written anew where it is needed.
    `alias` is that by which a registered model was found, if it was.
    """

    scorer: Scorer
    model_version: str | None
    artefact: bytes | None = None
    alias: str | None = None

    @property
    def is_candidate(self) -> bool:
        """Whether the model was found as a candidate, which nobody has promoted."""
        return self.alias == registry.CANDIDATE

    def describe(self) -> str:
        """Return in a few words what is served."""
        catalog, policy = self.scorer.catalog, self.scorer.policy
        model = "no model: the weighted baseline alone"
        if self.scorer.model:
            model = f"model {self.model_version}"
        if self.is_candidate:
            model += " (a candidate that nobody has promoted)"
        return (
            f"catalog {catalog.catalog} v{catalog.version}, policy {policy.policy} v{policy.version}, {model}"
        )

    def save(self, folder: Path) -> None:
        """Write what is served to a folder, from which every worker reads the same."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _CATALOG_FILE).write_text(self.scorer.catalog.model_dump_json(by_alias=True), "utf-8")
        (folder / _POLICY_FILE).write_text(self.scorer.policy.model_dump_json(by_alias=True), "utf-8")
        if self.scorer.model is not None:
            (folder / _POINTS_FILE).write_bytes(self.artefact or self.scorer.model.to_bytes())
            (folder / _VERSION_FILE).write_text(self.model_version or "", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Served":
        """Read what `save` wrote; the keys that the environment names must have signed it here too.

        Raises:
            SettingsError, ArtefactError, DeclarationError: a file is absent or was changed.
        """
        catalog = read_declared(Catalog, _read(folder / _CATALOG_FILE), _CATALOG_FILE)
        policy = read_declared(Policy, _read(folder / _POLICY_FILE), _POLICY_FILE)
        if not (folder / _POINTS_FILE).exists():
            return cls(Scorer(catalog, policy), None)
        version = _read(folder / _VERSION_FILE).decode() or None
        artefact = _read(folder / _POINTS_FILE, MOST_BYTES)
        return _with_model(catalog, policy, artefact, version, trusted_keys_file())


def served_of(catalog: bytes, policy: bytes, artefact: bytes | None, version: str | None) -> Served:
    """Return what documents that were kept say, checked with the keys that the environment names.

    Raises:
        SettingsError, ArtefactError, DeclarationError: a document was changed, or is not signed as required.
    """
    declared = read_declared(Catalog, catalog, "the kept catalog")
    rules = read_declared(Policy, policy, "the kept policy")
    if artefact is None:
        return Served(Scorer(declared, rules), None)
    return _with_model(declared, rules, artefact, version, trusted_keys_file())


def load_served(settings: Settings) -> Served:
    """Load and check what the settings name.

    Raises:
        DeclarationError: catalog or policy is wrong, or they do not fit each other.
        ArtefactError: the model's document was changed, belongs to another catalog, or is not signed by a
            trusted key.
        RegistryError: no such model is registered.
        SettingsError: a file cannot be read, holds no keys, or model and policy do not belong together.
    """
    if settings.model is not None:
        return _load_registered(settings.model, settings.state_directory, settings.trusted_keys)
    catalog_name = settings.catalog or DEFAULT_CATALOG
    policy_name = settings.policy or _policy_of(catalog_name)
    catalog, policy = load_catalog(catalog_name), load_policy(policy_name)
    if settings.artefact is None:
        return Served(Scorer(catalog, policy), None)
    artefact = _read(settings.artefact, MOST_BYTES)
    return _with_model(catalog, policy, artefact, settings.artefact.stem, settings.trusted_keys)


def _policy_of(catalog_name: str) -> str:
    """Return the bundled policy of a bundled catalog's name."""
    if bundled_or_path(catalog_name, POLICIES) == Path(catalog_name):
        raise SettingsError(f"catalog {catalog_name}: name the policy too, a path or a bundled name")
    return catalog_name


def _with_model(
    catalog: Catalog, policy: Policy, artefact: bytes, version: str | None, trusted_keys: Path | None
) -> Served:
    try:
        model = Model.from_bytes(artefact, None if trusted_keys is None else load_trusted(trusted_keys))
    except SignatureError as error:
        raise SettingsError(f"trusted keys: {error}") from None
    if model.policy_hash != policy.hash:
        raise SettingsError(
            f"the model was trained for another version of policy {policy.policy}: "
            "serve that one, or train again"
        )
    return Served(Scorer(catalog, policy, model), version, artefact)


def _load_registered(asked: str, state: Path, trusted_keys: Path | None) -> Served:
    """Load a registered version with the catalog and policy that its run recorded."""
    documents = registry.load_documents(asked, state)
    label = registry.model_version(documents.name, documents.version)
    catalog = read_declared(Catalog, documents.catalog, f"model {label}: its catalog")
    policy = read_declared(Policy, documents.policy, f"model {label}: its policy")
    served = _with_model(catalog, policy, documents.artefact, label, trusted_keys)
    return replace(served, alias=documents.alias)


def _read(path: Path, most: int | None = None) -> bytes:
    """Return a file's bytes; of a longer one than `most`, one byte more."""
    try:
        with path.open("rb") as file:
            return file.read() if most is None else file.read(most + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None


def read_declared(kind: type[M], data: bytes, what: str) -> M:
    """Read a declared model from JSON that keeps the declaration's order.

    Order counts: a level's code is its place. Hence a document that was sorted on the way is refused.

    Raises:
        DeclarationError: it is no such model, or not in its order.
    """
    try:
        declared = kind.model_validate_json(data)
    except ValidationError as error:
        raise DeclarationError(f"{what}: {first_error(error)}") from None
    if _ordered(data) != _ordered(declared.model_dump_json(by_alias=True)):
        raise DeclarationError(
            f"{what}: is of another version of Tierwise, or its keys are in another order; train again"
        )
    return declared


def _ordered(document: str | bytes) -> Any:
    """Return a document with its objects as lists of pairs, which compare in order."""
    return json.loads(document, object_pairs_hook=list)
