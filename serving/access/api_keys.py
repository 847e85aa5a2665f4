"""API keys: shown once, kept as a hash, scoped by roles, expiring, revocable."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from serving.access.roles import PERSON, Actor, Role
from serving.store.instants import now
from serving.store.store import Writing
from serving.store.tables import api_keys

MOST_DAYS = 366
_PREFIX = "tw"
_KEY = re.compile(r"tw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class AccessError(ValueError):
    """A key cannot be made or changed; one line."""


@dataclass(frozen=True)
class ApiKey:
    """What may be shown of a key at any time."""

    id: str
    owner: str
    roles: frozenset[Role]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None


def create_key(writing: Writing, owner: str, roles: Collection[Role], days: int) -> str:
    """Make a key and return it; it is kept as a hash and never shown again.

    Args:
        writing: the transaction.
        owner: the person or system that acts through it, and answers for what is done with it.
        roles: what it may do.
        days: after which it expires, 1 to MOST_DAYS.

    Raises:
        AccessError: no role, an owner that is no name, or a number of days out of range.
    """
    if not roles:
        raise AccessError(f"give at least one role: {', '.join(Role)}")
    if not PERSON.fullmatch(owner):
        raise AccessError(
            "owner: give the person's or system's identifier, without blanks, up to 200 characters"
        )
    if not 1 <= days <= MOST_DAYS:
        raise AccessError(f"days: give 1 to {MOST_DAYS}")
    id_, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    named = sorted(set(roles))
    writing.connection.execute(
        insert(api_keys).values(
            id=id_,
            owner=owner,
            digest=_digest(secret),
            roles=",".join(named),
            created_at=writing.at,
            created_by=writing.actor,
            expires_at=writing.at + timedelta(days=days),
        )
    )
    writing.record("key.created", id_, {"owner": owner, "roles": [str(role) for role in named], "days": days})
    return f"{_PREFIX}_{id_}_{secret}"


def revoke_key(writing: Writing, id_: str) -> None:
    """Revoke a key, from now on.

    Raises:
        AccessError: there is no such key, or it is revoked already.
    """
    changed = writing.connection.execute(
        update(api_keys)
        .where(api_keys.c.id == id_, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=writing.at)
    )
    if changed.rowcount != 1:
        raise AccessError("there is no such key, or it is revoked already")
    writing.record("key.revoked", id_, {})


def list_keys(connection: Connection) -> list[ApiKey]:
    """Return all keys, the oldest first, without anything secret."""
    rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
    return [
        ApiKey(
            row.id,
            row.owner,
            _roles(row.roles),
            row.created_at,
            row.created_by,
            row.expires_at,
            row.revoked_at,
        )
        for row in rows
    ]


def authenticate_key(connection: Connection, text: str, at: datetime | None = None) -> Actor | None:
    """Return who acts through a key; None where it is none, unknown, expired or revoked."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    row = connection.execute(select(api_keys).where(api_keys.c.id == match[1])).one_or_none()
    # Compared in any case, so that an answer's time tells nothing of what exists.
    fits = hmac.compare_digest(_digest(match[2]), row.digest if row is not None else "0" * 64)
    if row is None or not fits or row.revoked_at is not None or row.expires_at <= (at or now()):
        return None
    return Actor(row.owner, _roles(row.roles), f"key {row.id}", frozenset({row.owner}))


def is_key(text: str) -> bool:
    """Whether a text has the form of a key."""
    return text.startswith(f"{_PREFIX}_")


def _digest(secret: str) -> str:
    # A secret of 256 random bits needs no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _roles(text: str) -> frozenset[Role]:
    return frozenset(Role(name) for name in text.split(","))
