"""Catalogs, policies, procedures and artefacts as decisions were made by them, kept by their hashes."""

import hashlib

from sqlalchemy import Connection, insert, select

from models.decision import Scorer
from serving.store.database import StoreError
from serving.store.store import Writing
from serving.store.tables import documents

_ARTEFACT = "artefact"


def keep_document(writing: Writing, kind: str, hash_: str, content: bytes) -> None:
    """Keep a document, unless it is kept already.

    Args:
        writing: the transaction.
        kind: catalog, policy, procedure, artefact, served for a set of them, review or alarm.
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


def keep_served(writing: Writing, scorer: Scorer, artefact: bytes | None) -> str | None:
    """Keep what decisions are made by: catalog, policy and, where there is one, the model's artefact.

    A content hash leaves the signature out. Where the artefact is kept with another one, or without, the
    bytes are kept beside it by their own SHA-256, as a promotion names them.

    Args:
        writing: the transaction.
        scorer: the three together.
        artefact: the model's document as it was read; without it, it is written anew.

    Returns:
        The artefact's content hash, None without a model.
    """
    for kind, declared in (("catalog", scorer.catalog), ("policy", scorer.policy)):
        keep_document(writing, kind, declared.hash, declared.model_dump_json(by_alias=True).encode())
    if scorer.model is None:
        return None
    content_hash = scorer.model.content_hash
    keep_document(writing, _ARTEFACT, content_hash, artefact or scorer.model.to_bytes())
    if artefact is not None and load_document(writing.connection, content_hash) != artefact:
        keep_document(writing, _ARTEFACT, hashlib.sha256(artefact).hexdigest(), artefact)
    return content_hash


def load_document(connection: Connection, hash_: str) -> bytes:
    """Return a document's bytes.

    Raises:
        StoreError: it is not there.
    """
    content = find_document(connection, hash_)
    if content is None:
        raise StoreError(f"document {hash_[:12]}: is not in the store")
    return content


def find_document(connection: Connection, hash_: str) -> bytes | None:
    """Return a document's bytes, None if it is not kept."""
    content: bytes | None = connection.execute(
        select(documents.c.content).where(documents.c.hash == hash_)
    ).scalar_one_or_none()
    return content
