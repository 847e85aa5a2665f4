"""Signed links: whoever has one may answer to one notice until it expires, and nothing else."""

import hashlib
import hmac
from datetime import datetime

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from serving.confidential.keyring import Keyring

_ALGORITHMS = ["HS256"]
_MOST_CHARACTERS = 1024


def sign_link(keyring: Keyring, notice: str, until: datetime) -> str:
    """Return the token for answering to a notice until a moment, to the second."""
    claims = {"jti": notice, "exp": int(until.timestamp())}
    return jwt.encode({"alg": _ALGORITHMS[0]}, claims, _key(keyring), algorithms=_ALGORITHMS)


def notice_of_link(keyring: Keyring, token: str, at: datetime) -> str | None:
    """Return the notice that a token is for; None where it is forged or has expired by a moment."""
    if len(token) > _MOST_CHARACTERS:
        return None
    try:
        claims = jwt.decode(token, _key(keyring), algorithms=_ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    notice, until = claims.get("jti"), claims.get("exp")
    if not isinstance(notice, str) or not isinstance(until, int) or at.timestamp() >= until:
        return None
    return notice


def _key(keyring: Keyring) -> OctKey:
    # A key of this purpose alone: the keyring's own signs and seals other things too.
    return OctKey.import_key(hmac.new(keyring.links, b"answers to notices", hashlib.sha256).digest())
