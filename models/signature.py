"""Ed25519 keys: signing an artefact's hash, verifying it, and the keys that a site trusts.

A signature says who made a document; its SHA-256 alone only says that it is whole. `cryptography` is imported
where a signature is made or checked, so that unsigned documents load without it.
"""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# What a signature stands for, so that none made for something else passes here.
_PURPOSE = b"tierwise points artefact, version 1\n"
_KEY_BYTES, _VALUE_BYTES = 32, 64


class SignatureError(ValueError):
    """A key cannot be made, read or used; one line that says what to do."""


def sign(digest: bytes, key: "Ed25519PrivateKey") -> tuple[str, str]:
    """Return the public key and the signature of a SHA-256 digest (32 bytes), both in base64."""
    return public_text(key), _text(key.sign(_PURPOSE + digest))


def is_signed(digest: bytes, key: str, value: str) -> bool:
    """Whether a value is the signature of a SHA-256 digest (32 bytes) by a public key, both in base64.

    Only one spelling of each counts: base64 leaves some last bits open, and a changed byte must not pass.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    raw_key, raw_value = _bytes(key, _KEY_BYTES), _bytes(value, _VALUE_BYTES)
    if raw_key is None or raw_value is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw_key).verify(raw_value, _PURPOSE + digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def new_key(path: Path) -> "Ed25519PrivateKey":
    """Make a private key and write it to a new file (PEM, readable by its owner alone).

    Raises:
        SignatureError: the file is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # Never another's file, and never readable by others, not even while it is written.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SignatureError(f"{path}: is there already; name a new file, or remove it first") from None
    except OSError as error:
        raise SignatureError(f"{path}: cannot be written ({error.strerror})") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return key


def load_key(path: Path) -> "Ed25519PrivateKey":
    """Read a private key as `new_key` writes it.

    Raises:
        SignatureError: the file cannot be read, others can read it, or it holds no such key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with path.open("rb") as file:
            mode, pem = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.read()
    except OSError as error:
        raise SignatureError(f"{path}: cannot be read ({error.strerror})") from None
    if mode & 0o077:
        raise SignatureError(f"{path}: others than its owner have access (mode {mode:o}); run chmod 600")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{path}: is no unencrypted Ed25519 private key in PEM; make one")
    return key


def public_text(key: "Ed25519PrivateKey") -> str:
    """Return the public part of a private key in base64 (44 characters), as files of trusted keys list it."""
    return _text(key.public_key().public_bytes_raw())


def load_trusted(path: Path) -> frozenset[str]:
    """Read the public keys that a site trusts: one in base64 a line, with comments from # on.

    Raises:
        SignatureError: the file cannot be read, a line is no such key, or there is none.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise SignatureError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SignatureError(f"{path}: is no text; give one public key in base64 a line") from None
    trusted = set()
    for number, line in enumerate(lines, start=1):
        if key := line.partition("#")[0].strip():
            try:
                trusted.add(key_text(key))
            except SignatureError as error:
                raise SignatureError(f"{path}: line {number}: {error}") from None
    if not trusted:
        raise SignatureError(f"{path}: lists no public key; give one in base64 a line")
    return frozenset(trusted)


def key_text(key: bytes | str) -> str:
    """Return a public key, given as its 32 bytes or in base64, in base64.

    Raises:
        SignatureError: it is none.
    """
    text = _text(key) if isinstance(key, bytes) else key
    if _bytes(text, _KEY_BYTES) is None:
        raise SignatureError(
            "a trusted key is no Ed25519 public key; give 32 bytes in base64 (44 characters)"
        )
    return text


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str, length: int) -> bytes | None:
    """Return what base64 stands for, or None where it is not so many bytes, or spelt in another way."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == length and _text(data) == text else None
