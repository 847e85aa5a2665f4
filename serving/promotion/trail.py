"""What is adopted, held against the audit trail that vouches for it."""

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from serving.audit.verification import verify
from serving.reviews.adoptions import ADOPTED, ROLLED_BACK, Adoption, adoptions_of
from serving.reviews.cases import CaseKind
from serving.store.store import Store
from serving.store.tables import audit_entries

_KINDS = (CaseKind.PROCEDURE, CaseKind.MODEL, CaseKind.CHALLENGER)


def all_adoptions(connection: Connection) -> tuple[Adoption, ...]:
    """Return all that was adopted as the store lists it, by kind and in its order."""
    return tuple(of for kind in _KINDS for of in adoptions_of(connection, kind))


def adoptions_against_trail(connection: Connection, store: Store) -> Iterator[str]:
    """Yield how what is adopted differs from the trail, which is verified first.

    Raises:
        AuditError: the exported heads cannot be read, or a key is not in the keyring.
    """
    verified = verify(connection, store.keyring, store.heads)
    if verified.bad_entry is not None:
        yield f"audit trail: entry {verified.bad_entry}: {verified.fault}"
    told: dict[str, list[tuple[str, str | None, datetime]]] = {}
    entries = connection.execute(
        select(audit_entries.c.subject, audit_entries.c.facts, audit_entries.c.at)
        .where(audit_entries.c.action.in_([ADOPTED, ROLLED_BACK]))
        .order_by(audit_entries.c.sequence)
    )
    for entry in entries:
        facts = json.loads(entry.facts)
        told.setdefault(facts["kind"], []).append((facts["hash"], entry.subject, entry.at))
    for kind in _KINDS:
        kept = [(of.hash, of.case, of.valid_from) for of in adoptions_of(connection, kind)]
        if kept != told.get(str(kind), []):
            yield f"adoptions of kind {kind}: are not those of the audit trail"
