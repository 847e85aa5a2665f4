"""The audit trail: whatever is done to it is found, at every place."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from serving.audit.chain import AuditError, Entry
from serving.audit.heads import Heads
from serving.audit.verification import Verified, verify
from serving.store.store import Store, create_store, open_store
from serving.store.tables import audit_entries, audit_head
from tests.stores import ACTOR, database_url, store

__all__ = ["database_url", "store"]

ENTRIES = 9


def fill(store: Store, entries: int = ENTRIES) -> None:
    """Write entries 3 to `entries`; the first two are the store's own."""
    for number in range(3, entries + 1):
        with store.writing(f"actor{number % 3}") as writing:
            writing.record("counted", f"subject{number}", {"number": number, "tier": "good"})


def verified(store: Store) -> Verified:
    with store.reading() as connection:
        return verify(connection, store.keyring, store.heads)


def tamper(store: Store, change: Callable[[Connection], object]) -> None:
    """Change the database as its administrator could: triggers and constraints out of the way."""
    with store.database.writing() as connection:
        if store.database.is_sqlite:
            for how in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS keep_audit_entries_{how}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        change(connection)
        if not store.database.is_sqlite:
            connection.execute(text("SET session_replication_role = origin"))


def head_to(connection: Connection, sequence: int) -> None:
    """Move the head to an entry, as a careful forger would."""
    mac = "0" * 64
    if sequence:
        query = select(audit_entries.c.mac).where(audit_entries.c.sequence == sequence)
        mac = connection.execute(query).scalar_one()
    connection.execute(update(audit_head).values(sequence=sequence, mac=mac))


def test_an_untouched_trail_is_verified(store: Store) -> None:
    fill(store)
    assert verified(store) == Verified(ENTRIES, 0, None, None)


CHANGES = {
    "at": text("'2020-01-01 00:00:00'"),
    "actor": "somebody",
    "action": "other",
    "subject": None,
    "facts": '{"number":0}',
    "key_version": 1_000,
    "previous": "1" * 64,
    "mac": "2" * 64,
}


def entry_at(store: Store, place: int) -> dict[str, Any]:
    with store.reading() as connection:
        query = select(audit_entries).where(audit_entries.c.sequence == place)
        return connection.execute(query).one()._asdict()


def rewrite(store: Store, place: int, values: dict[str, Any]) -> None:
    change = update(audit_entries).where(audit_entries.c.sequence == place).values(values)
    tamper(store, lambda connection: connection.execute(change))


@pytest.mark.parametrize("column", CHANGES)
def test_an_edit_of_any_field_at_any_place_is_found(store: Store, column: str) -> None:
    fill(store)
    for place in range(1, ENTRIES + 1):
        kept = entry_at(store, place)
        # The store's own entry has no subject to take away.
        value = "somebody" if column == "subject" and kept["subject"] is None else CHANGES[column]
        rewrite(store, place, {column: value})
        if column == "key_version":
            with pytest.raises(AuditError, match=f"audit entry {place}: "):
                verified(store)
        else:
            assert verified(store).bad_entry == place
        rewrite(store, place, kept)
    assert verified(store).bad_entry is None


def test_a_deletion_at_any_place_is_found(store: Store) -> None:
    fill(store)
    for place in range(1, ENTRIES + 1):
        kept = entry_at(store, place)
        deletion = delete(audit_entries).where(audit_entries.c.sequence == place)
        tamper(store, partial(Connection.execute, statement=deletion))
        assert verified(store).bad_entry == place
        tamper(store, partial(Connection.execute, statement=insert(audit_entries).values(kept)))
    assert verified(store).bad_entry is None


def test_a_trail_cut_off_at_any_place_is_found_even_with_its_head_moved(store: Store) -> None:
    fill(store)
    for last in range(ENTRIES - 1, -1, -1):

        def cut(connection: Connection, last: int = last) -> None:
            connection.execute(delete(audit_entries).where(audit_entries.c.sequence > last))
            head_to(connection, last)

        tamper(store, cut)
        assert verified(store).bad_entry == last + 1


def test_entries_exchanged_at_any_place_are_found(store: Store) -> None:
    fill(store)
    for place in range(1, ENTRIES):

        def exchange(connection: Connection, place: int = place) -> None:
            for old, new in ((place, 10_000), (place + 1, place), (10_000, place + 1)):
                connection.execute(
                    update(audit_entries).where(audit_entries.c.sequence == old).values(sequence=new)
                )

        tamper(store, exchange)
        assert verified(store).bad_entry == place
        tamper(store, exchange)
    assert verified(store).bad_entry is None


def test_an_inserted_entry_is_found_for_the_key_is_not_in_the_database(store: Store) -> None:
    fill(store)
    last = entry_at(store, ENTRIES)
    forged = {**last, "sequence": ENTRIES + 1, "previous": last["mac"]}

    def append(connection: Connection) -> None:
        connection.execute(insert(audit_entries).values(forged))
        head_to(connection, ENTRIES + 1)

    tamper(store, append)
    assert verified(store).bad_entry == ENTRIES + 1


def test_a_head_that_names_another_entry_is_found(store: Store) -> None:
    fill(store)
    for place in range(ENTRIES):
        tamper(store, partial(head_to, sequence=place))
        assert verified(store).bad_entry == ENTRIES + 1
    tamper(store, lambda connection: connection.execute(delete(audit_head)))
    assert verified(store).bad_entry == ENTRIES + 1


def test_a_database_taken_back_is_found_also_after_it_went_on(tmp_path: Path) -> None:
    store = create_store(None, tmp_path, ACTOR)
    fill(store, 4)
    store.close()
    shutil.copy(tmp_path / "store.db", tmp_path / "backup.db")
    store = open_store(None, tmp_path)
    fill(store, 5)
    store.close()
    for file in tmp_path.glob("store.db*"):
        file.unlink()
    shutil.copy(tmp_path / "backup.db", tmp_path / "store.db")
    store = open_store(None, tmp_path)
    assert verified(store).bad_entry == 5
    with store.writing("ann") as writing:
        writing.record("gone.on", None, {})
    assert verified(store).bad_entry == 5
    store.close()


def test_entries_that_were_committed_and_not_exported_are_counted(store: Store) -> None:
    fill(store)
    lines = store.heads.path.read_text().splitlines(keepends=True)
    store.heads.path.write_text("".join(lines[:-2]) + lines[-2][:20])
    assert verified(store) == Verified(ENTRIES, 2, None, None, 1)
    # The next head begins a line of its own.
    with store.writing("ann") as writing:
        writing.record("gone.on", None, {})
    assert verified(store) == Verified(ENTRIES + 1, 0, None, None, 1)


def test_an_exported_head_of_another_trail_is_found(store: Store, tmp_path: Path) -> None:
    fill(store)
    lines = store.heads.path.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace('"mac":"', '"mac":"0')
    store.heads.path.write_text("".join(lines))
    assert verified(store).bad_entry == 5


def test_a_file_of_heads_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert Heads(tmp_path / "none").read() == ([], 0)


def test_a_trail_without_its_exported_heads_is_not_trusted(store: Store) -> None:
    fill(store)
    store.heads.path.unlink()
    assert verified(store).bad_entry == 1


def test_an_entry_is_bound_to_every_one_of_its_fields(store: Store) -> None:
    """No field can be moved into its neighbour: entries that differ have hashes that differ."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    one = Entry(1, at, "a", "bc", None, "{}", 1, "0" * 64)
    other = Entry(1, at, "ab", "c", None, "{}", 1, "0" * 64)
    absent = Entry(1, at, "a", "bc", "", "{}", 1, "0" * 64)
    macs = {entry.mac(store.keyring) for entry in (one, other, absent)}
    assert len(macs) == 3
