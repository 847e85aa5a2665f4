"""A registered version as it is promoted: loaded, verified, with what its reviewers were told."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from models import registry
from serving.promotion.told import NotPromotable
from serving.served import Served, load_served
from serving.settings import Settings, trusted_keys_file

_RECORDED_BY = {
    registry.BATTERY: "tierwise battery --model {name}/{version} --data TABLE",
    registry.REASONS: "tierwise reasons check --model {name}/{version}",
}


@dataclass(frozen=True, eq=False)
class Reviewed:
    """What a version serves, the SHA-256 (hex) of its artefact's bytes, and two documents as recorded.

    `earlier` are the documents of batteries that were recorded before, oldest first.
    """

    served: Served
    artefact_sha256: str
    battery: bytes
    reasons: bytes
    earlier: tuple[bytes, ...] = ()


def reviewed_version(asked: str, state: Path | None = None) -> Reviewed:
    """Return a registered version with what was recorded of it.

    Args:
        asked: NAME@ALIAS or NAME/VERSION.
        state: the directory of MLflow's store.

    Raises:
        NotPromotable: a review was not recorded.
        RegistryError: nothing such is registered, or its artefact or a review was changed.
        DeclarationError, ArtefactError, SettingsError, SignatureError: it cannot be served.
    """
    served = load_served(Settings(model=asked, state=state, trusted_keys=trusted_keys_file()))
    found = registry.name_and_version(served.model_version)
    if found is None or served.artefact is None:
        raise RuntimeError(f"{asked} was loaded without its version")
    name, version = found
    documents = {}
    for kind in (registry.BATTERY, registry.REASONS):
        review = registry.recorded_review(name, version, kind, state)
        if review is None:
            raise NotPromotable(
                f"no {kind} review is recorded with {served.model_version}: "
                f"run `{_RECORDED_BY[kind].format(name=name, version=version)}`"
            )
        documents[kind] = review.document
    digest = hashlib.sha256(served.artefact).hexdigest()
    earlier = registry.earlier_reviews(name, version, registry.BATTERY, state)
    return Reviewed(served, digest, documents[registry.BATTERY], documents[registry.REASONS], tuple(earlier))
