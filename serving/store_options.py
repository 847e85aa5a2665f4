"""Which store a command means, and who acts on the command line."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import date

    from serving.access.roles import Actor
    from serving.store.store import Store

STORE_VARIABLE, KEYS_VARIABLE = "TIERWISE_STORE", "TIERWISE_KEYS"

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", help="The database, e.g. postgresql://user@host/name. [TIERWISE_STORE, else SQLite]"
    ),
]
KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        help="The folder of keyring, audit heads and, without --store, the database. "
        "[TIERWISE_KEYS, else <state>/store]",
    ),
]
CustomerArgument = Annotated[str, typer.Argument(help="The company's id of the customer.")]
ProcedureOption = Annotated[
    Path | None,
    typer.Option(
        "--procedure",
        help="How the Measures are carried out: a YAML file. [what was adopted, else defaults]",
    ),
]


def store_place(store: str | None, keys: Path | None) -> tuple[str | None, Path]:
    """Return the database's address, None for the embedded one, and the folder of keyring and heads."""
    from models.registry import state_directory

    folder = keys or os.environ.get(KEYS_VARIABLE) or state_directory() / "store"
    return store or os.environ.get(STORE_VARIABLE) or None, Path(folder)


@contextmanager
def opened(store: str | None, keys: Path | None, *, trusting: bool = False) -> Iterator["Store"]:
    """Open the store that is meant, and close it.

    Raises:
        StoreError, KeyringError: see `serving.store.store.open_store`.
    """
    from serving.store.store import open_store

    found = open_store(*store_place(store, keys), trusting=trusting)
    try:
        yield found
    finally:
        found.close()


def read_day(text: str) -> "date":
    """Return the day of an option.

    Raises:
        BadInput: it is none.
    """
    from features.terminal import BadInput
    from serving.days import day_of

    try:
        return day_of(text)
    except ValueError:
        raise BadInput("a day is written as 2026-01-31, from 1900 to 9000") from None


def operator() -> "Actor":
    """Return who acts on the command line: whoever is logged in. Who can read the keyring may do anything."""
    from serving.access.roles import Actor, Role

    # The account itself: the environment says whatever somebody wrote there.
    name = pwd.getpwuid(os.getuid()).pw_name
    return Actor(name, frozenset(Role), "command line", frozenset({name}))
