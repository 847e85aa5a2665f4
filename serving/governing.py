"""What a command with a store works by: what was adopted; what is named instead must be just that."""

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path

from models.registry import name_and_version
from serving.confidential.keyring import KeyringError
from serving.procedure import Procedure, load_procedure
from serving.promotion.trail import require_vouched
from serving.reviews.adoptions import (
    ServedSet,
    adopted_procedure,
    adopted_served,
    adopted_set,
    require_procedure,
    require_served,
)
from serving.served import Served
from serving.settings import ARTEFACT_VARIABLE, CATALOG_VARIABLE, MODEL_VARIABLE, POLICY_VARIABLE
from serving.store.database import StoreError
from serving.store.store import Store, keyring_file, open_store
from serving.store_options import KEYS_VARIABLE, STORE_VARIABLE

_NAMING = (MODEL_VARIABLE, CATALOG_VARIABLE, POLICY_VARIABLE, ARTEFACT_VARIABLE)


def governing_procedure(store: Store, path: Path | None, at: datetime | None = None) -> Procedure:
    """Return the procedure to work by: the one adopted; before a first is adopted, a file's or the defaults.

    Args:
        store: the store.
        path: the file that is named, if one is.
        at: the moment, now by the store's clock.

    Raises:
        NotAdopted: the file is not what was adopted.
        DeclarationError: the file is wrong.
        StoreError: what was adopted cannot be read, or is not what the audit trail tells.
    """
    moment = at or store.clock()
    with store.reading() as connection:
        require_vouched(connection, store.keyring)
        if path is None:
            return adopted_procedure(connection, moment) or Procedure()
        procedure = load_procedure(path)
        require_procedure(connection, procedure, moment)
    return procedure


def governing_served(
    store: Store, model: str | None, catalog: str | None, policy: str | None, state: Path | None
) -> Served:
    """Return what to evaluate by: what was adopted; before that, what is named, or the only registered model.

    Raises:
        NotAdopted: what is named, here or in the environment, is not what was adopted.
        StoreError: what was adopted cannot be read, or is not what the audit trail tells.
        BadInput, SettingsError, RegistryError, DeclarationError, ArtefactError, SignatureError: see
            `serving.chosen.chosen_served`.
    """
    if not (model or catalog or policy or names_what_to_serve()):
        adopted = adopted_to_serve(store)
        if adopted is not None:
            return adopted
    from serving.chosen import chosen_served  # which the service never needs

    served = chosen_served(model, catalog, policy, state)
    with store.reading() as connection:
        require_vouched(connection, store.keyring)
        require_served(connection, served, store.clock())
    return served


def adopted_to_serve(store: Store) -> Served | None:
    """Return what was adopted to be served; None before the first.

    Raises:
        StoreError, ArtefactError, SettingsError: it cannot be read.
    """
    with store.reading() as connection:
        require_vouched(connection, store.keyring)
        return adopted_served(connection, store.clock())


def adopted_instead(served: Served, state: Path) -> str | None:
    """Return the version that the usual store has adopted of a model of which another one is served.

    None too where there is no such store, or it cannot be asked: nothing served without one depends on it.

    Args:
        served: what is served.
        state: the directory beside which the store lies, unless the environment names its place.
    """
    registered = name_and_version(served.model_version)
    url, folder = os.environ.get(STORE_VARIABLE), os.environ.get(KEYS_VARIABLE) or state / "store"
    # A database elsewhere may keep one waiting.
    if registered is None or url or not keyring_file(Path(folder)).exists():
        return None
    try:
        with closing(open_store(None, Path(folder))) as store, store.reading() as connection:
            adopted = adopted_set(connection, store.clock())
    except (KeyringError, StoreError):
        return None
    if adopted is None or adopted.registered is None or adopted.registered[0] != registered[0]:
        return None
    return None if adopted.hashes == ServedSet.of(served).hashes else adopted.model_version


def names_what_to_serve() -> bool:
    """Whether the environment names a model, catalog, policy or artefact."""
    return any(os.environ.get(variable) for variable in _NAMING)
