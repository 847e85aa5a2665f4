"""Sealing values: AES-256-GCM, bound to the place where they lie, so that none passes for another's."""

import hashlib
import hmac
import secrets

KEY_BYTES = 32
_NONCE_BYTES = 12


class SealError(ValueError):
    """What is sealed was changed, moved, or belongs to another key."""


def new_key() -> bytes:
    """Return a fresh key."""
    return secrets.token_bytes(KEY_BYTES)


def keyed_hash(key: bytes, kind: bytes, text: str) -> str:
    """Return the hash (hex) of a text of some kind by a key; nobody comes to it without that."""
    return hmac.new(key, kind + b"\0" + text.encode(), hashlib.sha256).hexdigest()


def seal(key: bytes, plain: bytes, purpose: str) -> bytes:
    """Encrypt a value for one purpose, such as `decision 5f…`; returns nonce, ciphertext and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())


def open_sealed(key: bytes, sealed: bytes, purpose: str) -> bytes:
    """Decrypt what was sealed for the same purpose.

    Raises:
        SealError: it was changed, or sealed with another key or for another purpose.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
    except (InvalidTag, ValueError):
        raise SealError("what is sealed was changed, or belongs to another key or place") from None
