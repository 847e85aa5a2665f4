"""The store: one writer, whole transactions, a schema that is what is declared, rows that nobody changes."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from serving.confidential.keyring import Keyring, KeyringError
from serving.store.case_tables import changes
from serving.store.database import Database, StoreError
from serving.store.declared import metadata
from serving.store.schema import _configuration, check_version, has_schema, upgrade
from serving.store.store import Store, Unaudited, create_store, open_store
from serving.store.tables import audit_entries, customers, documents
from serving.strategies.following import changes_wait
from tests.stores import ACTOR, database_url, store

__all__ = ["database_url", "store"]


def put_document(connection: Connection, hash_: str, at: datetime) -> None:
    connection.execute(insert(documents).values(hash=hash_, kind="policy", content=b"{}", stored_at=at))


def count(store: Store) -> int:
    with store.reading() as connection:
        return len(connection.execute(select(documents)).all())


def test_the_migrations_make_the_schema_that_the_code_declares(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert set(metadata.tables) < set(inspect(connection).get_table_names())


def test_a_transaction_is_kept_whole(store: Store) -> None:
    with store.writing("ann") as writing:
        put_document(writing.connection, "a" * 64, writing.at)
        writing.record("document.stored", None, {})
    with store.reading() as connection:
        row = connection.execute(select(documents)).one()
        entries = connection.execute(select(audit_entries).order_by(audit_entries.c.sequence)).all()
    assert row.stored_at == writing.at
    assert [(entry.actor, entry.action) for entry in entries] == [
        (ACTOR, "store.created"),
        (ACTOR, "rows.written"),
        ("ann", "document.stored"),
        ("ann", "rows.written"),
    ]


def test_nothing_is_kept_of_a_transaction_that_fails(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing("ann") as writing:
        put_document(writing.connection, "a" * 64, writing.at)
        writing.record("document.stored", None, {})
        raise ZeroDivisionError
    assert count(store) == 0


def test_a_change_that_nothing_records_is_not_kept(store: Store) -> None:
    with pytest.raises(Unaudited), store.writing("ann") as writing:
        put_document(writing.connection, "a" * 64, writing.at)
    assert count(store) == 0


def test_reading_changes_nothing(store: Store) -> None:
    # PostgreSQL refuses; SQLite takes it back.
    refused = contextlib.nullcontext() if store.database.is_sqlite else pytest.raises(DBAPIError)
    with refused, store.reading() as connection:
        put_document(connection, "a" * 64, datetime.now(UTC))
    assert count(store) == 0


@pytest.mark.parametrize("table", ["documents", "audit_entries"])
def test_what_was_written_is_neither_changed_nor_deleted(store: Store, table: str) -> None:
    rows = metadata.tables[table]
    with store.database.writing() as connection:
        put_document(connection, "a" * 64, datetime.now(UTC))
    column = next(iter(rows.columns))
    for change in (update(rows).values({column.name: column}), delete(rows)):
        with pytest.raises(DBAPIError, match="never changed"), store.database.writing() as connection:
            connection.execute(change)


def test_writers_take_turns_and_none_is_lost(store: Store) -> None:
    def write(name: str) -> None:
        for _ in range(5):
            with store.writing(name) as writing:
                writing.record("counted", None, {})

    threads = [threading.Thread(target=write, args=(f"writer{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        numbers = connection.execute(
            select(audit_entries.c.sequence).order_by(audit_entries.c.sequence)
        ).scalars()
        assert list(numbers) == list(range(1, 33))


def test_an_instant_comes_back_to_the_microsecond_and_in_utc(store: Store) -> None:
    moment = datetime(2026, 3, 1, 7, 30, 0, 123457, timezone(timedelta(hours=8)))
    with store.writing("ann", moment) as writing:
        writing.record("dated", None, {})
    with store.reading() as connection:
        at = connection.execute(
            select(audit_entries.c.at).where(audit_entries.c.action == "dated")
        ).scalar_one()
    assert at == moment
    assert at.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="zone"), store.writing("ann", moment.replace(tzinfo=None)) as writing:
        writing.record("dated", None, {})


def test_a_store_is_opened_again_and_made_only_once(database_url: str | None, tmp_path: Path) -> None:
    create_store(database_url, tmp_path, ACTOR).close()
    opened = open_store(database_url, tmp_path)
    assert Keyring.load(tmp_path / "keyring.json").masters == opened.keyring.masters
    opened.close()
    with pytest.raises(StoreError, match="has a store already"):
        create_store(database_url, tmp_path, ACTOR)


def test_a_store_is_not_used_with_another_ones_keyring(database_url: str | None, tmp_path: Path) -> None:
    create_store(database_url, tmp_path / "one", ACTOR).close()
    address = database_url or f"sqlite:///{tmp_path / 'one' / 'store.db'}"
    create_store(None, tmp_path / "two", ACTOR).close()
    with pytest.raises(KeyringError, match="did not write"):
        open_store(address, tmp_path / "two")
    with pytest.raises(StoreError, match="has a store already"):
        create_store(address, tmp_path / "three", ACTOR)
    open_store(address, tmp_path / "one").close()


def test_a_store_that_is_not_there_or_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        open_store(None, tmp_path)
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StoreError, match="store upgrade"):
        check_version(empty)
    upgrade(empty)
    check_version(empty)
    with empty.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    for use in (check_version, upgrade):
        with pytest.raises(StoreError, match="later version"):
            use(empty)
    empty.close()


def test_the_changes_of_an_earlier_store_are_numbered_by_their_moments_and_bring_about_nothing(
    database_url: str | None, tmp_path: Path
) -> None:
    database = Database(database_url or f"sqlite:///{tmp_path / 'earlier.db'}")
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 1, 2, 1)]
    with database.writing() as connection:
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0003")
        connection.execute(insert(customers).values(id="c", nature="enterprise", registered_at=moments[0]))
        for id_, at in zip("dcba", moments, strict=True):
            connection.execute(insert(changes).values(id=id_, customer="c", at=at, layer="approved"))
    upgrade(database)
    with database.reading() as connection:
        rows = connection.execute(select(changes.c.id).order_by(changes.c.sequence)).scalars()
        assert "".join(rows) == "acbd"
        numbers = connection.execute(select(changes.c.sequence)).scalars()
        assert sorted(numbers) == [1, 2, 3, 4]
        assert not changes_wait(connection)
    with database.writing() as connection:
        row = {"id": "e", "customer": "c", "at": moments[0], "layer": "approved", "sequence": 5}
        connection.execute(insert(changes).values(row))
        assert changes_wait(connection)
    check_version(database)
    database.close()


def test_a_database_with_other_tables_of_the_same_names_is_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE customers (name TEXT)"))
    with pytest.raises(StoreError, match="other tables"):
        upgrade(database)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == ["customers"]
    database.close()


@pytest.mark.parametrize("url", ["", "nothing", "mysql://a/b", "postgresql://nobody:secret@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        create_store(url or "x", tmp_path, ACTOR)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_a_keyring_is_no_second_store_is_begun(database_url: str | None, tmp_path: Path) -> None:
    Keyring.new().save(tmp_path / "keyring.json", new=True)
    with pytest.raises(KeyringError, match="is there already"):
        create_store(database_url, tmp_path, ACTOR)
    if database_url is None:
        assert not (tmp_path / "store.db").exists()
    else:
        with contextlib.closing(Database(database_url)) as database:
            assert not has_schema(database)


def test_the_files_of_a_store_are_its_owners_alone(tmp_path: Path) -> None:
    with contextlib.closing(create_store(None, tmp_path, ACTOR)) as made, made.reading():
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes) >= {"store.db", "store.db-wal", "store.db-shm", "audit_heads.jsonl", "keyring.json"}
    assert set(modes.values()) == {0o600}


def test_why_a_server_is_not_reached_is_told_with_its_place_and_without_its_password(tmp_path: Path) -> None:
    for host, cause in (
        ("127.0.0.1:1", "host 127.0.0.1, port 1, database d: nothing listens there"),
        ("no-such-host.invalid:7", "host no-such-host.invalid, port 7, database d: there is no host"),
    ):
        with pytest.raises(StoreError, match=cause) as refused:
            create_store(f"postgresql://u:very-secret@{host}/d", tmp_path, ACTOR)
        assert "very-secret" not in str(refused.value)
