"""What a command with a store works by: what was adopted; what is named instead must be just that."""

import os
from datetime import datetime
from pathlib import Path

from serving.procedure import Procedure, load_procedure
from serving.reviews.adoptions import adopted_procedure, adopted_served, require_procedure, require_served
from serving.served import Served
from serving.settings import ARTEFACT_VARIABLE, CATALOG_VARIABLE, MODEL_VARIABLE, POLICY_VARIABLE
from serving.store.store import Store

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
        StoreError: what was adopted cannot be read.
    """
    moment = at or store.clock()
    with store.reading() as connection:
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
        StoreError: what was adopted cannot be read.
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
        require_served(connection, served, store.clock())
    return served


def adopted_to_serve(store: Store) -> Served | None:
    """Return what was adopted to be served; None before the first.

    Raises:
        StoreError, ArtefactError, SettingsError: it cannot be read.
    """
    with store.reading() as connection:
        return adopted_served(connection, store.clock())


def names_what_to_serve() -> bool:
    """Whether the environment names a model, catalog, policy or artefact."""
    return any(os.environ.get(variable) for variable in _NAMING)
