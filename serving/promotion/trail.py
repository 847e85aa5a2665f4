"""What is adopted, held against the audit trail that vouches for it."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, text

from serving.audit.chain import AuditError, is_whole
from serving.audit.verification import verify
from serving.confidential.keyring import Keyring
from serving.reviews.adoptions import Adoption, adoptions_of
from serving.reviews.cases import CaseKind
from serving.store.database import StoreError
from serving.store.store import Store
from serving.store.tables import OF_ADOPTIONS, audit_entries

# The hash of what was adopted, the case, and from when on.
_Told = tuple[str, str | None, datetime]
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
    told = _told(connection, None)
    for kind in _KINDS:
        if _kept(connection, kind) != told.get(str(kind), []):
            yield f"adoptions of kind {kind}: are not those of the audit trail"


def require_vouched(connection: Connection, keyring: Keyring) -> None:
    """Refuse to work by an adoption that no entry of the trail tells of, or another than it tells.

    The entries that tell of adoptions are checked one by one with the keyring, not the chain: an entry that
    was cut off together with what it tells of is for `tierwise audit verify` to find.

    Raises:
        StoreError: what governs was changed by another hand than Tierwise's, or a key is not in the keyring.
    """
    told = _told(connection, keyring)
    for kind in _KINDS:
        if _kept(connection, kind) != told.get(str(kind), []):
            raise StoreError(
                f"what the store says was adopted ({kind}) is not what its audit trail tells; run `tierwise "
                "audit verify`, and restore the store"
            )


def _told(connection: Connection, keyring: Keyring | None) -> dict[str, list[_Told]]:
    """Return what the trail tells of adoptions, by kind in its order; a keyring checks each entry."""
    told: dict[str, list[_Told]] = {}
    rows = connection.execute(
        select(audit_entries).where(text(OF_ADOPTIONS)).order_by(audit_entries.c.sequence)
    )
    for row in rows:
        if keyring is not None and not _is_whole(row, keyring):
            raise StoreError(
                f"audit entry {row.sequence} is not what was written; run `tierwise audit verify`, and "
                "restore the store"
            )
        facts = json.loads(row.facts)
        told.setdefault(facts["kind"], []).append((facts["hash"], row.subject, row.at))
    return told


def _is_whole(row: Row[Any], keyring: Keyring) -> bool:
    try:
        return is_whole(row, keyring)
    except AuditError as error:
        raise StoreError(str(error)) from None


def _kept(connection: Connection, kind: CaseKind) -> list[_Told]:
    return [(of.hash, of.case, of.valid_from) for of in adoptions_of(connection, kind)]
