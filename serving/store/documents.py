"""Catalogs, policies, procedures and artefacts as decisions were made by them, kept by their hashes."""

from sqlalchemy import Connection, insert, select

from serving.store.database import StoreError
from serving.store.store import Writing
from serving.store.tables import documents


def keep_document(writing: Writing, kind: str, hash_: str, content: bytes) -> None:
    """Keep a document, unless it is kept already.

    Args:
        writing: the transaction.
        kind: catalog, policy, procedure or artefact.
        hash_: its own content hash (hex), as decisions name it.
        content: its bytes.
    """
    known = writing.connection.execute(
        select(documents.c.hash).where(documents.c.hash == hash_)
    ).one_or_none()
    if known is None:
        writing.connection.execute(
            insert(documents).values(hash=hash_, kind=kind, content=content, stored_at=writing.at)
        )
        writing.record("document.kept", hash_, {"kind": kind})


def load_document(connection: Connection, hash_: str) -> bytes:
    """Return a document's bytes.

    Raises:
        StoreError: it is not there.
    """
    content: bytes | None = connection.execute(
        select(documents.c.content).where(documents.c.hash == hash_)
    ).scalar_one_or_none()
    if content is None:
        raise StoreError(f"document {hash_[:12]}: is not in the store")
    return content
