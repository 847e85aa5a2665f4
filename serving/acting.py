"""Acting on the command line: the office, and one transaction in which the operator acts."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from serving.store_options import opened, operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.access.roles import Actor
    from serving.reviews.office import Office
    from serving.store.store import Store, Writing


def office_of(store: "Store", procedure: Path | None) -> "Office":
    """Return the office of a store, by a procedure or the one that governs."""
    from serving.governing import governing_procedure
    from serving.reviews.office import Office

    return Office(store, governing_procedure(store, procedure))


@contextmanager
def acting(
    store: str | None, keys: Path | None, procedure: Path | None
) -> "Iterator[tuple[Office, Writing, Actor]]":
    """Open the office and one transaction, in which the operator acts."""
    actor = operator()
    with opened(store, keys) as found:
        office = office_of(found, procedure)
        with found.writing(actor.name) as writing:
            yield office, writing, actor
