"""One sender at a time for a store, so that no notice is sent twice because two had the same idea.

The turn is held outside of any transaction, and ends with the process that has it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select

from serving.store.database import Database

# An advisory lock of PostgreSQL: any number that nothing else here uses.
_LOCK = 0x54574E4F


@contextmanager
def sending_turn(database: Database) -> Iterator[bool]:
    """Take the turn, until the end of the block; yields False where somebody else has it."""
    if database.is_sqlite:
        descriptor = os.open(f"{database.engine.url.database}.sending", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(descriptor)
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = bool(connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(select(func.pg_advisory_unlock(_LOCK)))
