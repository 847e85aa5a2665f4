"""Upkeep: what time brings about. Expired overrides end; tasks, lists and stages of collection follow.

It goes forward in parts, each a short transaction that is kept whole or not at all and finds out for itself
what is next. Killed between or within two parts, or run by several at once, it does everything exactly once.
"""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, exists, select

from serving.procedure import Procedure
from serving.reviews.adoptions import require_procedure
from serving.reviews.standings import end_expired
from serving.store.case_tables import standings
from serving.store.store import Store, Writing
from serving.strategies.collection import make_stages, stages_wait
from serving.strategies.following import (
    PART,
    changes_wait,
    follow_changes,
    make_recurring,
    recurrences_wait,
)

ACTOR = "upkeep"
"""Who acts where a service does it of itself."""


@dataclass(frozen=True)
class Done:
    """How many overrides' ends changed a tier, changes were followed, tasks recurred, stages were reached."""

    expired: int = 0
    followed: int = 0
    recurred: int = 0
    staged: int = 0

    def __add__(self, other: "Done") -> "Done":
        """Return both together."""
        return Done(*(getattr(self, of.name) + getattr(other, of.name) for of in fields(self)))


class Upkeep:
    """What is due by a procedure; `part` is the most that one transaction does of a kind."""

    def __init__(self, store: Store, procedure: Procedure, actor: str = ACTOR, part: int = PART) -> None:
        self._store, self._procedure, self._plan = store, procedure, procedure.strategies
        self._actor, self._part = actor, part

    def run(self, at: datetime | None = None) -> Done:
        """Do all that is due.

        Args:
            at: the moment; now by the store's clock, which may move on between the parts.

        Raises:
            StoreError: the store cannot be reached; what was done is kept.
            NotAdopted: something is due, and the procedure is not the one adopted.
        """
        total = Done()
        while (done := self.next_part(at)) is not None:
            total += done
        return total

    def next_part(self, at: datetime | None = None) -> Done | None:
        """Do the next part in one transaction; None, and nothing is written, where nothing is due."""
        with self._store.reading() as connection:
            if not self._waits(connection, at or self._store.clock()):
                return None
        with self._store.writing(self._actor, at) as writing:
            return self.advance(writing)

    def advance(self, writing: Writing) -> Done:
        """Do the next part within a transaction.

        Raises:
            NotAdopted: the procedure is not the one adopted.
        """
        require_procedure(writing.connection, self._procedure, writing.at)
        expired = len(end_expired(writing)) if _expired(writing.connection, writing.at) else 0
        followed = follow_changes(writing, self._plan, self._part)
        recurred = staged = 0
        # A tier that has ended asks for nothing more: first its end is followed.
        if not changes_wait(writing.connection):
            recurred = make_recurring(writing, self._plan, self._part)
            staged = make_stages(writing, self._plan, self._part)
        done = Done(expired, followed, recurred, staged)
        writing.record("upkeep.done", None, {of.name: getattr(done, of.name) for of in fields(done)})
        return done

    def _waits(self, connection: Connection, at: datetime) -> bool:
        return (
            _expired(connection, at)
            or changes_wait(connection)
            or recurrences_wait(connection, at)
            or stages_wait(connection, self._plan, at.date())
        )


def _expired(connection: Connection, at: datetime) -> bool:
    over = exists().where(standings.c.valid_to.is_(None), standings.c.expires_at <= at)
    return bool(connection.execute(select(over)).scalar_one())
