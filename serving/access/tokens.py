"""JWT bearer tokens of the company's identity provider: verified with its public keys, which a file holds."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from serving.access.roles import PERSON, Actor, Role

# Asymmetric alone: with a shared secret whoever verifies could also sign, and `none` is no signature.
ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "ES384", "RS256", "PS256"]
LEEWAY_SECONDS = 30
_MOST_CHARACTERS = 8192
_MOST_DELEGATIONS = 3


class TokenError(ValueError):
    """The identity provider's keys cannot be used; one line."""


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies tokens of one issuer for one audience.

    Roles are those of the claim `roles` that exist here. A delegation is the claim `act` of RFC 8693: its
    subject acts for the token's subject, and both stand behind what is done.
    """

    keys: KeySet
    issuer: str
    audience: str

    @classmethod
    def load(cls, path: Path, issuer: str, audience: str) -> "TokenVerifier":
        """Read the provider's public keys, a JWK Set (RFC 7517).

        Raises:
            TokenError: the file cannot be read, holds no keys, or a secret one.
        """
        try:
            document = json.loads(path.read_bytes())
            if any("d" in key or key.get("kty") == "oct" for key in document["keys"]):
                raise TokenError(f"{path}: holds a private or secret key; give the public ones alone")
            keys = KeySet.import_key_set(document)
        except OSError as error:
            raise TokenError(f"{path}: cannot be read ({error.strerror})") from None
        except TokenError:
            raise
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise TokenError(f"{path}: is no JWK Set (RFC 7517)") from None
        if not keys.keys:
            raise TokenError(f"{path}: holds no key")
        return cls(keys, issuer, audience)

    def authenticate(self, text: str) -> Actor | None:
        """Return who acts through a token; None where it is none, forged, expired, or for somebody else."""
        if len(text) > _MOST_CHARACTERS:
            return None
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(time.time()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            token = jwt.decode(text, self.keys, algorithms=ALGORITHMS)
            registry.validate(token.claims)
        except (JoseError, ValueError, TypeError, KeyError):
            return None
        persons = _persons(token.claims)
        roles = token.claims.get("roles")
        if persons is None or not isinstance(roles, list):
            return None
        known = frozenset(Role(role) for role in roles if role in tuple(Role))
        # The outermost `act` is who acts now; those within it acted before.
        return Actor(persons[min(1, len(persons) - 1)], known, "token", frozenset(persons))


def _persons(claims: Mapping[str, Any]) -> list[str] | None:
    """Return the subject, who acts for it now, and who did before; None where one is no name."""
    persons: list[str] = []
    part: Any = claims
    while part is not None:
        if not isinstance(part, Mapping) or len(persons) > _MOST_DELEGATIONS:
            return None
        subject = part.get("sub")
        if not isinstance(subject, str) or not PERSON.fullmatch(subject):
            return None
        persons.append(subject)
        part = part.get("act")
    return persons
