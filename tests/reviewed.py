"""A store with two periodic runs, of which every test gets a copy on each database."""

import shutil
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from features.catalog import load_catalog
from features.terms import Tier
from models.decision import Scorer
from models.policy import load_policy
from serving.access.roles import Actor, Role
from serving.procedure import Procedure
from serving.reviews.office import Office
from serving.reviews.periodic import evaluate_periodically
from serving.served import Served
from serving.store.store import Store, create_store, open_store
from serving.store.tables import decisions
from tests.stores import ACTOR, new_database
from tests.strategies import random_portfolio

CUSTOMERS = 8
PERSONS = ("ann", "bob", "carl", "dora", "eve")
ALL_ROLES = frozenset(Role)


def acting(name: str, way: str = "token", *behind: str) -> Actor:
    return Actor(name, ALL_ROLES, way, frozenset({name, *behind}))


def table_as_of(day: date, seed: int, folder: Path) -> Path:
    """Write a table of customers C-0 … with random indicators."""
    catalog = load_catalog("customer")
    portfolio = random_portfolio(catalog, CUSTOMERS, seed=seed)
    columns: dict[str, Any] = {
        "customer_id": [f"C-{place}" for place in range(CUSTOMERS)],
        "nature": ["enterprise"] * CUSTOMERS,
        "as_of": [day] * CUSTOMERS,
    }
    for placed in catalog.placed:
        indicator, column = placed.indicator, portfolio.column(placed.id)
        if str(indicator.kind) == "number" and placed.applies_to(catalog.natures[0]):
            columns[placed.id] = portfolio.given[:, column]
    columns["relationship"] = ["existing"] * CUSTOMERS
    file = folder / f"{day}.parquet"
    pd.DataFrame(columns).to_parquet(file)
    return file


DAYS = (date(2026, 1, 31), date(2026, 2, 28))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str) -> dict[str, Any]:
    """Return one store on each database, with two runs, from which every example gets a copy."""
    # A fixture that several modules import is theirs each; what it returns is the session's.
    return _made(tmp_path_factory.getbasetemp() / "reviewed", postgresql_server)


@cache
def _made(folder: Path, postgresql_server: str) -> dict[str, Any]:
    folder.mkdir()
    served = served_alone()
    tables = [table_as_of(day, seed, folder) for seed, day in enumerate(DAYS)]
    url = new_database(postgresql_server)
    runs: dict[str, list[str]] = {}
    for name, address in (("sqlite", None), ("postgresql", url)):
        store = create_store(address, folder / name, ACTOR)
        runs[name] = [
            evaluate_periodically(store, served, table, day, "ann").run
            for day, table in zip(DAYS, tables, strict=True)
        ]
        store.close()
    return {"folder": folder, "server": postgresql_server, "url": url, "runs": runs}


@cache
def served_alone() -> Served:
    """Return the bundled catalog and policy, without a model; read once."""
    return Served(Scorer(load_catalog("customer"), load_policy("customer")), None)


def copy_of(template: dict[str, Any], backend: str, folder: Path) -> Store:
    shutil.copytree(template["folder"] / backend, folder)
    return open_store(
        new_database(template["server"], template["url"]) if backend == "postgresql" else None, folder
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, template: dict[str, Any], tmp_path: Path) -> Iterator[Store]:
    copied = copy_of(template, request.param, tmp_path / "store")
    yield copied
    copied.close()


def newest(store: Store) -> dict[str, tuple[str, Tier]]:
    """Return each customer's newest decision and its tier."""
    with store.reading() as connection:
        rows = connection.execute(select(decisions).order_by(decisions.c.as_of)).all()
    return {row.customer: (row.id, Tier(row.tier)) for row in rows}


def runs_of(store: Store) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(
            select(decisions.c.run, decisions.c.as_of).order_by(decisions.c.as_of)
        ).all()
    return list(dict.fromkeys(row.run for row in rows))


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store, Procedure())
