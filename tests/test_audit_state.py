"""Verification compares the state with the trail: no row is changed, deleted or invented unnoticed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
    text,
    update,
)  # fmt: skip
from typer.testing import CliRunner

import tierwise
from features.terms import Nature, Tier
from serving.audit import touched
from serving.audit.rows import columns_of, covered_tables
from serving.audit.state import Difference, compare, vouch_for_rows
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason
from serving.reviews.office import Office
from serving.reviews.periodic import evaluate_periodically
from serving.reviews.standings import Layer, end_expired, put_in_force
from serving.store import store as store_module
from serving.store.case_tables import cases, standings
from serving.store.customers import customer_of, erase_customer, register_customers
from serving.store.declared import metadata
from serving.store.instants import Instant
from serving.store.store import Store, create_store, open_store
from serving.store.strategy_tables import limit_checks, tasks
from serving.store.tables import customers, decisions
from tests.reviewed import DAYS, acting, newest, served_alone, table_as_of
from tests.stores import ACTOR, new_database

MOMENT = datetime(2026, 5, 1, 9, tzinfo=UTC)
TABLES = [table.name for table in covered_tables()]


class _Undo(Exception):
    pass


@contextmanager
def tampered(store: Store) -> Iterator[Connection]:
    """Change the database as its administrator could, no trigger or constraint in the way; undone after."""
    with suppress(_Undo), store.database.writing() as connection:
        if store.database.is_sqlite:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.execute(text(query)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield connection
        raise _Undo


def difference(store: Store, connection: Connection) -> Difference:
    found = compare(connection, store.keyring).difference
    assert found is not None
    return found


def given(column: Column[Any], made: dict[str, dict[str, Any]]) -> Any:
    """Return a value for a column; of another table's row its key."""
    for key in column.foreign_keys:
        return made[key.column.table.name][key.column.name]
    match column.type:
        case Instant():
            return MOMENT
        case Date():
            return date(2026, 5, 1)
        case Boolean():
            return True
        case Integer():
            return 1
        case Float():
            return 0.5
        case LargeBinary():
            return b"sealed"
        case kind:
            return f"{column.table.name} {column.name}"[: getattr(kind, "length", None) or 9]


def other(column: Column[Any], value: Any) -> Any:
    """Return another value that the column can hold."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case date():
            return value + timedelta(days=1)
        case bytes():
            return value + b"!"
        case str():
            return "another"
        case _:
            return "another" if column.foreign_keys else given(column, {})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store with a row in every table, written as the product writes."""
    url = None
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgresql_server"))
    store = create_store(url, tmp_path_factory.mktemp("state") / "store", ACTOR)
    with store.writing("ann", MOMENT) as writing:
        customer = register_customers(writing, store.keyring, {"C-1": Nature.ENTERPRISE})["C-1"]
        made: dict[str, dict[str, Any]] = {"customers": {"id": customer.id}}
        for table in metadata.sorted_tables:
            if table.name in TABLES and table.name not in ("customers", "strategy_progress"):
                made[table.name] = {column.name: given(column, made) for column in table.c}
                writing.connection.execute(insert(table).values(made[table.name]))
        writing.record("all.written", None, {})
    yield store
    store.close()


def row_of(connection: Connection, table: Table) -> dict[str, Any]:
    return dict(connection.execute(select(table)).one()._mapping)


def test_what_is_untouched_is_as_the_trail_says(kept: Store) -> None:
    with kept.reading() as connection:
        compared = compare(connection, kept.keyring)
    assert (compared.rows, compared.unvouched, compared.difference) == (len(TABLES), 0, None)


@pytest.mark.parametrize("name", TABLES)
def test_a_changed_row_is_found_and_the_column_named(kept: Store, name: str) -> None:
    table = metadata.tables[name]
    columns = [column for column in columns_of(table) if not table.c[column].primary_key]
    # Every column on the embedded database; how a row is compared does not depend on it.
    for column in columns if kept.database.is_sqlite else columns[-1:]:
        with tampered(kept) as connection:
            row = row_of(connection, table)
            connection.execute(update(table).values({column: other(table.c[column], row[column])}))
            found = difference(kept, connection)
            # What is hashed with the customer's key differs with the customer.
            named = found.what.removesuffix(": not as written").split(", ")
            assert found.table == name and (named == [column] or (column, named[0]) == ("customer",) * 2)
            assert str(row[table.primary_key.columns[0].name]) in found.id


@pytest.mark.parametrize("name", TABLES)
def test_a_deleted_row_is_found(kept: Store, name: str) -> None:
    with tampered(kept) as connection:
        connection.execute(delete(metadata.tables[name]))
        found = difference(kept, connection)
        assert (found.table, found.what) == (name, "is gone")


@pytest.mark.parametrize("name", TABLES)
def test_an_invented_row_is_found(kept: Store, name: str) -> None:
    table = metadata.tables[name]
    unique = {column.name for index in table.indexes if index.unique for column in index.columns}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            unique |= {column.name for column in constraint.columns}
    unique |= {column.name for column in table.primary_key}
    with tampered(kept) as connection:
        row = row_of(connection, table)
        forged = {column: other(table.c[column], row[column]) for column in unique}
        connection.execute(insert(table).values({**row, **forged}))
        found = difference(kept, connection)
        assert (found.table, found.what) == (name, "is in no entry: it was not written by Tierwise")


def test_a_row_that_was_deleted_and_is_put_back_is_found(kept: Store) -> None:
    with suppress(_Undo), kept.writing("ann") as writing:
        row = row_of(writing.connection, limit_checks)
        writing.connection.execute(delete(limit_checks))
        for facts in writing.touched.facts(kept.keyring):
            writing.record(touched.ROWS_WRITTEN, None, facts)
        writing.connection.execute(insert(limit_checks).values(row))
        assert difference(kept, writing.connection).what == "was deleted, and is here again"
        raise _Undo


def test_customers_who_exchange_the_ids_that_they_are_found_by_are_found(kept: Store) -> None:
    with tampered(kept) as connection:
        connection.execute(update(customers).values(lookup=kept.keyring.blind_index("C-2")))
        assert difference(kept, connection).what == "lookup or data_key: not as written"
    with tampered(kept) as connection:
        connection.execute(update(customers).values(data_key=b"another's"))
        assert difference(kept, connection).what == "lookup or data_key: not as written"


def test_a_value_that_its_column_cannot_hold_is_found(kept: Store) -> None:
    if kept.database.is_sqlite:
        with tampered(kept) as connection:
            row = row_of(connection, decisions)
            connection.execute(text("UPDATE decisions SET as_of = 'never'"))
            assert difference(kept, connection) == Difference(
                "decisions", row["id"], "holds what its columns cannot"
            )


def test_the_trail_says_nothing_from_which_what_an_erasure_empties_could_be_guessed(tmp_path: Path) -> None:
    """The same person of two customers' tasks has other marks: they are made with the customers' keys."""
    store = create_store(None, tmp_path, ACTOR)
    task = {
        "strategy": "visit", "occurrence": 1, "department": "sales", "person": "carl", "kpi": "visits",
        "opened_at": MOMENT, "due_at": MOMENT, "state": "open",
    }  # fmt: skip
    marks = []
    for place, company in enumerate(("C-1", "C-2")):
        with store.writing("ann", MOMENT) as writing:
            known = register_customers(writing, store.keyring, {company: Nature.ENTERPRISE})[company]
            writing.connection.execute(insert(tasks).values(id=f"{place}" * 32, customer=known.id, **task))
            (facts,) = writing.touched.facts(store.keyring)
            of_tasks = facts["tasks"]
            assert isinstance(of_tasks, list)
            names, line = of_tasks
            width = len(line.split(" ")[2]) // len(names.split(" "))
            place_of = names.split(" ").index("person") * width
            marks.append(line.split(" ")[2][place_of : place_of + width])
            writing.record("task.made", known.id, {})
    with store.writing("ann", MOMENT) as writing:
        erased = customer_of(writing.connection, store.keyring, "C-1").id
        kept = {"data_key": writing.connection.execute(select(customers.c.data_key)).scalars().first()}
        erase_customer(writing, erased)
    with store.reading() as connection:
        assert compare(connection, store.keyring).difference is None
    with tampered(store) as connection:
        connection.execute(update(customers).where(customers.c.id == erased).values(kept))
        assert difference(store, connection).what.endswith("were erased, and are here again")
    store.close()
    assert marks[0] != marks[1]


# What an earlier version wrote


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store that was written without a word on its rows, as earlier versions did."""
    folder = tmp_path_factory.mktemp("earlier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(touched.Touched, "facts", lambda *_: iter(()))
        patch.setattr(store_module, "ROWS_VOUCHED", "nothing_yet")
        store = create_store(None, folder / "store", ACTOR)
        table = table_as_of(DAYS[0], 0, folder)
        run = evaluate_periodically(store, served_alone(), table, DAYS[0], "ann").run
        office = Office(store, Procedure())
        with store.writing("ann") as writing:
            listed = office.open_list(writing, acting("ann"), run)
        assert listed is not None
        for person in ("bob", "carl", "dora"):
            with store.writing(person) as writing:
                if office.approve(writing, acting(person), listed.id, 1)[0].state == "effective":
                    break
        customer, (decision, _) = sorted(newest(store).items())[0]
        soon = store.clock() + timedelta(hours=1)
        with store.writing("ann") as writing:
            put_in_force(writing, customer, Layer.OVERRIDE, Tier.GOOD, decision=decision, expires_at=soon)
        with store.writing("ann") as writing:
            put_in_force(writing, customer, Layer.HOLD, Tier.RISK, decision=decision)
            office.open(writing, acting("ann"), customer, CaseReason.REQUEST, decision)
        with store.writing("ann", soon) as writing:
            end_expired(writing)
        with store.writing("ann", soon + timedelta(hours=1)) as writing:
            erase_customer(writing, customer)
    yield store
    store.close()


def test_rows_of_an_earlier_version_are_counted(earlier: Store) -> None:
    with earlier.reading() as connection:
        compared = compare(connection, earlier.keyring)
    assert compared.difference is None and compared.unvouched == compared.rows > 30


EARLIER: dict[str, tuple[Table, dict[str, Any]]] = {
    "tier in force": (standings, {"tier": "premium"}),
    "end of a tier": (standings, {"valid_to": MOMENT}),
    "tier of a decision": (decisions, {"tier": "premium"}),
    "score of a decision": (decisions, {"score": 99.0}),
    "state of a case": (cases, {"state": "rejected"}),
}


@pytest.mark.parametrize("what", EARLIER)
def test_what_entries_say_of_rows_of_an_earlier_version_is_compared(earlier: Store, what: str) -> None:
    table, values = EARLIER[what]
    with tampered(earlier) as connection:
        connection.execute(update(table).values(values))
        found = difference(earlier, connection)
        assert found.table == table.name and next(iter(values)) in found.what


def test_a_tier_of_an_earlier_version_that_is_gone_is_found(earlier: Store) -> None:
    with tampered(earlier) as connection:
        connection.execute(delete(standings).where(standings.c.layer == "hold"))
        assert difference(earlier, connection).what.startswith("the hold tier of ")


def test_rows_of_an_earlier_version_are_vouched_for_once_they_are_written_or_asked_for(
    earlier: Store,
) -> None:
    with suppress(_Undo), earlier.writing("ann") as writing:
        assert vouch_for_rows(writing) > 30
        for facts in writing.touched.facts(earlier.keyring):
            writing.record(touched.ROWS_WRITTEN, None, facts)
        assert compare(writing.connection, earlier.keyring).unvouched == 0
        writing.connection.execute(update(standings).values(reason="another"))
        assert difference(earlier, writing.connection).what == "reason: not as written"
        raise _Undo


def test_the_command_vouches_for_rows_of_an_earlier_version(earlier: Store, tmp_path: Path) -> None:
    copied = tmp_path / "store"
    shutil.copytree(earlier.heads.path.parent, copied)
    for command, said in (
        ("verify", "Not vouched for"), ("vouch", "vouches for every row now"), ("verify", "none invented"),
    ):  # fmt: skip
        told = CliRunner().invoke(tierwise.app, ["audit", command, "--keys", str(copied)])
        assert told.exit_code == 0 and said in told.stdout, told.stdout
    assert "Not vouched for" not in told.stdout


def test_the_command_names_the_first_difference_and_vouches_for_nothing_that_differs(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = create_store(None, folder, ACTOR)
    with store.writing("ann") as writing:
        known = register_customers(writing, store.keyring, {"C-1": Nature.ENTERPRISE})["C-1"]
        put_in_force(writing, known.id, Layer.APPROVED, Tier.GENERAL)
    store.close()
    told = CliRunner().invoke(tierwise.app, ["audit", "verify", "--keys", str(folder)])
    assert told.exit_code == 0 and "4 rows, all as the trail says" in told.stdout, told.stdout
    store = open_store(None, folder)
    with store.database.writing() as connection:
        connection.execute(update(standings).values(tier="premium"))
        row = connection.execute(select(standings.c.id)).scalar_one()
    store.close()
    told = CliRunner().invoke(tierwise.app, ["audit", "verify", "--keys", str(folder)])
    assert told.exit_code == 1
    assert told.stdout.splitlines()[-1] == f"standings {row}: tier: not as written."
    assert CliRunner().invoke(tierwise.app, ["audit", "vouch", "--keys", str(folder)]).exit_code != 0
