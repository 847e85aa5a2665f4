"""The store as the product uses it: database, keyring and audit trail, never one without the others."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from serving.audit.chain import Chain, Fact, belongs
from serving.audit.heads import Heads
from serving.audit.touched import ROWS_VOUCHED, ROWS_WRITTEN, STORE_CREATED, Touched
from serving.confidential.keyring import Keyring, KeyringError
from serving.store.database import Database, StoreError
from serving.store.instants import now
from serving.store.schema import check_version, has_schema, upgrade
from serving.store.tables import audit_head

_DATABASE, _KEYRING, _HEADS = "store.db", "keyring.json", "audit_heads.jsonl"


class Unaudited(RuntimeError):
    """A transaction changed the store and said nothing of it; it is rolled back."""


class Writing:
    """One transaction that writes: its connection, who acts, when, and the entries it leaves."""

    def __init__(self, connection: Connection, chain: Chain, actor: str, at: datetime) -> None:
        self.connection, self.actor, self.at = connection, actor, at
        self.touched = Touched(connection)
        self._chain = chain

    def record(self, action: str, subject: str | None, facts: Mapping[str, Fact]) -> None:
        """Add an entry to the audit trail; see `Chain.append`."""
        self._chain.append(self.at, self.actor, action, subject, facts)


class Store:
    """An open store. `clock` tells the time that everything in it is dated by."""

    def __init__(
        self, database: Database, keyring: Keyring, heads: Heads, clock: Callable[[], datetime] = now
    ) -> None:
        """Take up a store.

        Raises:
            StoreError: its schema is not the newest.
        """
        check_version(database)
        self.database, self.keyring, self.heads = database, keyring, heads
        self.clock = clock

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state and changes nothing.

        Raises:
            StoreError: the database cannot be reached.
        """
        with self.database.reading() as connection:
            yield connection

    @contextmanager
    def writing(self, actor: str, at: datetime | None = None) -> Iterator[Writing]:
        """Open a transaction that writes, alone among writers; committed as a whole, and the head exported.

        Args:
            actor: who acts.
            at: the moment that it is dated; now by the store's clock.

        Raises:
            StoreError: the database cannot be reached, or is busy too long.
            Unaudited: nothing was recorded in the audit trail; nothing is kept then.
            AuditError: the head cannot be exported; what was written is kept.
        """
        with self.database.writing() as connection:
            chain = Chain(connection, self.keyring)
            writing = Writing(connection, chain, actor, at or self.clock())
            yield writing
            if not chain.grown:
                raise Unaudited("a change to the store was not recorded in the audit trail")
            for facts in writing.touched.facts(self.keyring):
                writing.record(ROWS_WRITTEN, None, facts)
        self.heads.export(chain.head)

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()


def create_store(url: str | None, folder: Path, actor: str) -> Store:
    """Make a new store: tables, keyring and the first entry of its audit trail.

    Args:
        url: the database; a file in `folder` by default.
        folder: where keyring and exported heads go, and the embedded database.
        actor: who acts.

    Raises:
        StoreError: the database cannot be reached or used.
        KeyringError: the folder has a keyring already, or cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if url is None and not (folder / _DATABASE).exists():
        # Else the database would be there afterwards, and be taken for the keyring's.
        Keyring.refuse_existing(folder / _KEYRING)
    with _opened(url, folder) as database:
        if not has_schema(database):
            Keyring.refuse_existing(folder / _KEYRING)
        upgrade(database)
        with database.reading() as connection:
            if connection.execute(select(audit_head.c.sequence)).scalar_one():
                raise StoreError("the database has a store already; use it with its own keyring")
        keyring = Keyring.new()
        keyring.save(folder / _KEYRING, new=True)
        store = Store(database, keyring, Heads(folder / _HEADS))
        with store.writing(actor) as writing:
            writing.touched.everything()
            writing.record(STORE_CREATED, None, {ROWS_VOUCHED: True})
    return store


def open_store(url: str | None, folder: Path, *, trusting: bool = False) -> Store:
    """Open a store that was made before.

    Args:
        url: the database; that in `folder` by default.
        folder: where keyring and exported heads are.
        trusting: do not ask whether the keyring is the store's, as for verifying what was tampered with.

    Raises:
        StoreError: there is none, or its schema is not the newest.
        KeyringError: its keyring cannot be read, or is another store's.
    """
    if url is None and not (folder / _DATABASE).exists():
        raise StoreError(f"{folder}: there is no store; make one with `tierwise store create`")
    keyring = Keyring.load(folder / _KEYRING)
    with _opened(url, folder) as database:
        check_version(database)
        with database.reading() as connection:
            if not trusting and not belongs(connection, keyring):
                raise KeyringError(
                    f"{folder}: this keyring did not write the store's audit trail; use its own, or see "
                    "`tierwise audit verify` on what was changed"
                )
        return Store(database, keyring, Heads(folder / _HEADS))


def database_url(url: str | None, folder: Path) -> str:
    """Return the address of a store's database, which is embedded in the folder unless another is given."""
    return url or f"sqlite:///{(folder / _DATABASE).resolve()}"


def keyring_file(folder: Path) -> Path:
    """Return the file of a store's keyring."""
    return folder / _KEYRING


@contextmanager
def _opened(url: str | None, folder: Path) -> Iterator[Database]:
    """Open the database, which stays open unless something fails."""
    database = Database(database_url(url, folder))
    try:
        yield database
    except BaseException:
        database.close()
        raise
