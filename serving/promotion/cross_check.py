"""Cross-checking the registry with the store and its audit trail: aliases, artefacts and reviews (M24)."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from features.catalog import Catalog
from features.declaration import DeclarationError
from models import registry
from models.artefact import ArtefactError, verified_body
from models.policy import Policy
from serving.promotion.aliases import Alias, governing_now, misplaced, wanted_aliases
from serving.promotion.trail import adoptions_against_trail
from serving.reviews.adoptions import ServedSet, kept_set
from serving.reviews.cases import CaseKind, CaseReason
from serving.served import read_declared
from serving.store.case_tables import cases
from serving.store.store import Store


def differences(store: Store, state: Path | None = None, names: Collection[str] = ()) -> list[str]:
    """Return each difference in one line: what differs, and how.

    Args:
        store: what was adopted, by whom, and the trail.
        state: the directory of MLflow's store.
        names: the models to look at; all by default.

    Raises:
        RegistryError: MLflow's store cannot be read.
        StoreError, AuditError: the store, or the exported heads, cannot be.
    """
    with store.reading() as connection:
        found = list(adoptions_against_trail(connection, store))
        wanted = {
            alias: version
            for alias, version in wanted_aliases(connection, store).items()
            if not names or alias.name in names
        }
        in_registry = registry.registered(state)
        found += [str(move) for move in misplaced(wanted, in_registry)]
        outside = aliases_outside(in_registry, wanted, names)
        found += [f"{alias} was set, and no version of {alias.name} was ever adopted" for alias in outside]
        for set_ in governing_now(connection, store).by_alias.values():
            if set_.registered is not None and (not names or set_.registered[0] in names):
                found += _of_version(connection, set_, *set_.registered, state)
    return list(dict.fromkeys(found))


def aliases_outside(
    found: dict[str, dict[str, str]], wanted: Collection[Alias], names: Collection[str] = ()
) -> list[Alias]:
    """Return the aliases of models that were never adopted here, if names are given of these alone."""
    known = {alias.name for alias in wanted}
    return [
        Alias(name, alias)
        for name, aliases in found.items()
        for alias in (registry.CHALLENGER, registry.CHAMPION)
        if alias in aliases and name not in known and (not names or name in names)
    ]


def _of_version(
    connection: Connection, set_: ServedSet, name: str, version: str, state: Path | None
) -> Iterator[str]:
    """Compare a registered version with the set that was adopted."""
    label = registry.model_version(name, version)
    try:
        documents = registry.load_documents(label, state)
    except registry.RegistryError as error:
        yield str(error)
    else:
        if not _is_adopted(documents.artefact, set_):
            yield f"model {label}: its artefact is not the one that was adopted"
        if registry.run_copy(name, version, state) not in (None, documents.artefact):
            yield f"model {label}: the copy of its artefact in its run is not the one registered"
        if _hash(Catalog, documents.catalog) != set_.catalog:
            yield f"model {label}: the catalog of its run is not the one that was adopted"
        if _hash(Policy, documents.policy) != set_.policy:
            yield f"model {label}: the policy of its run is not the one that was adopted"
    if set_.promotion is None:
        return
    for kind in (registry.BATTERY, registry.REASONS):
        try:
            review = registry.recorded_review(name, version, kind, state)
        except registry.RegistryError as error:
            yield str(error)
            continue
        if review is None or review.sha256 not in _proposed(connection, set_, kind):
            yield f"model {label}: its {kind} review is not the one that its approvers were shown"


def _is_adopted(artefact: bytes, set_: ServedSet) -> bool:
    """Whether an artefact has the content that was adopted, and the bytes where these were promoted."""
    try:
        content = hashlib.sha256(verified_body(artefact)).hexdigest()
    except ArtefactError:
        return False
    promoted = set_.promotion is None or (
        set_.promotion.artefact_sha256 == hashlib.sha256(artefact).hexdigest()
    )
    return promoted and content == set_.artefact


def _hash(kind: type[Catalog] | type[Policy], document: bytes) -> str | None:
    """Return a declared document's hash; None where it cannot be read, which is a difference too."""
    try:
        return read_declared(kind, document, "it").hash
    except DeclarationError:
        return None


def _proposed(connection: Connection, set_: ServedSet, kind: str) -> set[str]:
    """Return the hashes of a version's reviews that approvers were shown, or are in a case that is open.

    A challenger may be judged again before it is proposed as champion.
    """
    subjects = connection.execute(
        select(cases.c.subject).where(
            cases.c.kind.in_([str(CaseKind.MODEL), str(CaseKind.CHALLENGER)]),
            cases.c.reason == str(CaseReason.GOVERNANCE),
            cases.c.state.in_(["proposed", "effective"]),
        )
    ).scalars()
    sets = (kept_set(connection, subject) for subject in set(subjects) if subject is not None)
    return {
        getattr(of.promotion, kind) for of in sets if of.promotion is not None and of.hashes == set_.hashes
    }
