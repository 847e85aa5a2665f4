"""The schema's versions: a new store gets the newest, an older one is brought up to it by a command."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from serving.store.database import Database, StoreError
from serving.store.declared import metadata

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Bring a store's schema to the newest version, whole or not at all.

    Raises:
        StoreError: the store is of a later version of Tierwise, or holds other tables of these names.
    """
    with database.writing() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is None and set(inspect(connection).get_table_names()) & set(metadata.tables):
            raise StoreError("the store: this database has other tables of the same names; give another one")
        _refuse_later(found)
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def check_version(database: Database) -> None:
    """Refuse a store whose schema is not the newest.

    Raises:
        StoreError: says what to do.
    """
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    _refuse_later(found)
    if found != newest():
        state = "has no tables yet" if found is None else "is of an earlier version"
        raise StoreError(f"the store {state}: run `tierwise store upgrade`")


def has_schema(database: Database) -> bool:
    """Whether a store's tables, of whichever version, are in a database."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision() is not None


def newest() -> str:
    """Return the newest version of the schema."""
    return _versions()[0]


def _refuse_later(found: str | None) -> None:
    if found is not None and found not in _versions():
        raise StoreError("the store is of a later version of Tierwise: install that one")


@cache
def _versions() -> tuple[str, ...]:
    """Return the schema's versions, the newest first; every migration is read for it, so it is asked once."""
    scripts = ScriptDirectory.from_config(_configuration())
    if scripts.get_current_head() is None:
        raise RuntimeError("there are no migrations")
    return tuple(script.revision for script in scripts.walk_revisions())


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return configuration
