"""The database: one writer at a time, a transaction whole or not at all, on SQLite and PostgreSQL alike."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from serving.store.unreachable import why_unreachable

_BUSY_SECONDS = 60
_WRITING = "tierwise_writing"
_SQLITE, _POSTGRESQL = "sqlite", "postgresql"


class StoreError(RuntimeError):
    """The store cannot be used; one line that says what to do."""


class Unreachable(StoreError):
    """The database cannot be reached; the line says where it should be, which is nothing for callers."""


class Database:
    """An open database. Its address may hold a password and is never printed."""

    def __init__(self, url: str) -> None:
        """Open a database.

        Args:
            url: SQLAlchemy's, such as sqlite:////var/lib/tierwise/store.db or postgresql://user@host/tierwise.

        Raises:
            StoreError: it is no such address, or its driver is not installed.
        """
        address = _address(url)
        if address.get_backend_name() == _SQLITE:
            _make_private(address.database)
        try:
            self.engine = create_engine(address, pool_pre_ping=address.get_backend_name() == _POSTGRESQL)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"the store's driver {error.name} is not installed: pip install 'tierwise[postgresql]'"
            ) from None
        if self.is_sqlite:
            _configure_sqlite(self.engine)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded database."""
        return self.engine.dialect.name == _SQLITE

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the store and changes nothing.

        Raises:
            StoreError: the database cannot be reached.
        """
        with self._connected() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed as a whole at the end, and not at all after an error.

        Raises:
            StoreError: the database cannot be reached, or another writer held it too long.
        """
        with self._connected() as connection:
            connection.execution_options(**{_WRITING: True})
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'")
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            why = why_unreachable(self.engine.url, error.orig)
            raise Unreachable(f"the store cannot be reached: {why}") from None
        with connection:
            try:
                yield connection
            except OperationalError as error:
                raise StoreError(
                    f"the store has failed or is busy ({type(error.orig).__name__}); try again"
                ) from None

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _address(url: str) -> URL:
    try:
        address = make_url(url)
        backend = address.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise StoreError("the store: give sqlite:///FILE or postgresql://USER@HOST/DATABASE") from None
    if backend == _POSTGRESQL and "+" not in address.drivername:
        return address.set(drivername="postgresql+psycopg")
    if backend not in (_SQLITE, _POSTGRESQL):
        raise StoreError("the store: SQLite and PostgreSQL are known, no other database")
    return address


def _make_private(file: str | None) -> None:
    """Make a new embedded database's file, readable by its owner alone; SQLite makes -wal and -shm alike.

    Where it cannot be made, connecting says so.
    """
    if file and file != ":memory:":
        with suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _configure_sqlite(engine: Engine) -> None:
    """Take transactions into our own hands: Python's driver would begin them late and not for reading."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            # What is acknowledged is on the disk, whatever happens to the machine.
            "synchronous = FULL",
            "foreign_keys = ON",
            # A key that is destroyed leaves no bytes behind in the file.
            "secure_delete = ON",
            f"busy_timeout = {_BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
