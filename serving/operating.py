"""Whether a service has a store, and which: read from the environment, as workers inherit it."""

import os
from collections.abc import Mapping
from pathlib import Path

from serving.access.gate import Gate
from serving.access.tokens import TokenError, TokenVerifier
from serving.governing import governing_procedure
from serving.notices.smtp import SmtpSettings
from serving.operations import Operations
from serving.reviews.adoptions import require_served
from serving.served import Served
from serving.settings import SettingsError
from serving.store.store import open_store
from serving.store_options import KEYS_VARIABLE, STORE_VARIABLE, store_place

OPERATE_VARIABLE = "TIERWISE_OPERATE"
NOTIFY_VARIABLE = "TIERWISE_NOTIFY"
PROCEDURE_VARIABLE = "TIERWISE_PROCEDURE"
JWKS_VARIABLE, ISSUER_VARIABLE, AUDIENCE_VARIABLE = (
    "TIERWISE_JWKS", "TIERWISE_JWT_ISSUER", "TIERWISE_JWT_AUDIENCE",
)  # fmt: skip


def load_operations(served: Served, environment: Mapping[str, str] = os.environ) -> Operations | None:
    """Return the operations of a service with a store; None where it is to have none.

    Raises:
        SettingsError: of the identity provider's keys, issuer and audience something is missing or wrong, or
            the e-mail server's settings are.
        StoreError, KeyringError: the store cannot be opened.
        DeclarationError: the procedure is wrong.
        NotAdopted: it, or what is served, is not what was adopted.
    """
    if not environment.get(OPERATE_VARIABLE):
        return None
    keys = environment.get(KEYS_VARIABLE)
    procedure = environment.get(PROCEDURE_VARIABLE)
    tokens = _tokens(environment)
    notify = bool(environment.get(NOTIFY_VARIABLE))
    if notify:
        SmtpSettings.from_environment(environment)
    store = open_store(*store_place(environment.get(STORE_VARIABLE), Path(keys) if keys else None))
    try:
        rules = governing_procedure(store, Path(procedure) if procedure else None)
        with store.reading() as connection:
            require_served(connection, served, store.clock())
    except BaseException:
        store.close()
        raise
    return Operations(store, served, rules, Gate(store, tokens), notify=notify)


def set_environment(
    store: str | None, keys: Path | None, procedure: Path | None, *, notify: bool = False
) -> None:
    """Say to workers that they have a store, and which."""
    url, folder = store_place(store, keys)
    os.environ |= {OPERATE_VARIABLE: "1", KEYS_VARIABLE: str(folder.absolute())}
    if url is not None:
        os.environ[STORE_VARIABLE] = url
    if notify:
        os.environ[NOTIFY_VARIABLE] = "1"
    if procedure is not None:
        os.environ[PROCEDURE_VARIABLE] = str(procedure.absolute())


def _tokens(environment: Mapping[str, str]) -> TokenVerifier | None:
    given = {name: environment.get(name) for name in (JWKS_VARIABLE, ISSUER_VARIABLE, AUDIENCE_VARIABLE)}
    file, issuer, audience = given.values()
    if not any(given.values()):
        return None
    if not (file and issuer and audience):
        missing = next(name for name, value in given.items() if not value)
        raise SettingsError(f"{missing}: is not set; tokens need keys, issuer and audience")
    try:
        return TokenVerifier.load(Path(file), issuer, audience)
    except TokenError as error:
        raise SettingsError(str(error)) from None
