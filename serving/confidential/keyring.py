"""The keyring: one file of secrets outside the database, readable by its owner alone.

It holds the master keys that wrap each customer's key, the key of the blind index, the key of the audit chain
and the key of signed links. Whoever loses it loses every name and justification in the store.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from serving.confidential.sealing import KEY_BYTES, SealError, open_sealed, seal

_FORMAT = 1
_PURPOSE = "data key of customer "


class KeyringError(RuntimeError):
    """A keyring cannot be made, read or used; one line that says what to do."""


class MasterMissing(KeyringError):
    """A master key is not in the keyring, as where that was renewed: no fault of a customer's."""


@dataclass(frozen=True, repr=False)
class Keyring:
    """Secrets, each of 32 bytes; masters and audit keys by version, the newest in use."""

    masters: dict[int, bytes]
    audit: dict[int, bytes]
    lookup: bytes
    links: bytes

    @classmethod
    def new(cls) -> "Keyring":
        """Return a keyring of fresh secrets."""
        return cls(
            {1: secrets.token_bytes(KEY_BYTES)},
            {1: secrets.token_bytes(KEY_BYTES)},
            secrets.token_bytes(KEY_BYTES),
            secrets.token_bytes(KEY_BYTES),
        )

    @property
    def master_version(self) -> int:
        """The version of the master key that wraps from now on."""
        return max(self.masters)

    @property
    def audit_version(self) -> int:
        """The version of the audit key that chains from now on."""
        return max(self.audit)

    def with_new_master(self) -> "Keyring":
        """Return the keyring with one more master key; the older ones still unwrap what they wrapped."""
        return replace(
            self, masters={**self.masters, self.master_version + 1: secrets.token_bytes(KEY_BYTES)}
        )

    def without_master(self, version: int) -> "Keyring":
        """Return the keyring without an older master key, once it wraps nothing any more.

        Raises:
            KeyringError: there is no such key, or it is the one in use.
        """
        if version not in self.masters or version == self.master_version:
            raise KeyringError(f"master key {version}: is in use, or not in the keyring")
        return replace(self, masters={v: key for v, key in self.masters.items() if v != version})

    def wrap(self, data_key: bytes, customer: str) -> tuple[int, bytes]:
        """Wrap a customer's key; return the master's version and the wrapped key."""
        version = self.master_version
        return version, seal(self.masters[version], data_key, _PURPOSE + customer)

    def unwrap(self, version: int, wrapped: bytes, customer: str) -> bytes:
        """Return a customer's key.

        Raises:
            MasterMissing: the master key is not in the keyring.
            KeyringError: the key was wrapped for somebody else.
        """
        master = self.masters.get(version)
        if master is None:
            raise MasterMissing(f"master key {version}: is not in the keyring; use the keyring of this store")
        try:
            return open_sealed(master, wrapped, _PURPOSE + customer)
        except SealError:
            raise KeyringError(
                "a customer's key does not fit this keyring; was the store tampered with?"
            ) from None

    def blind_index(self, customer_id: str) -> str:
        """Return the keyed hash (hex) under which the company's id of a customer is found."""
        return hmac.new(self.lookup, customer_id.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def refuse_existing(path: Path) -> None:
        """Refuse a place for a new keyring where one is, before anything else is made for it.

        Raises:
            KeyringError: there is one.
        """
        if path.exists():
            raise KeyringError(_there_already(path))

    def save(self, path: Path, *, new: bool = False) -> None:
        """Write the keyring, whole or not at all, readable by its owner alone.

        Raises:
            KeyringError: the file cannot be written, or it is to be new and is there.
        """
        document = {
            "format": _FORMAT,
            "masters": {str(version): _text(key) for version, key in self.masters.items()},
            "audit": {str(version): _text(key) for version, key in self.audit.items()},
            "lookup": _text(self.lookup),
            "links": _text(self.links),
        }
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            if new:
                # Unlike a rename this fails where somebody else was quicker.
                os.link(part, path)
            else:
                part.replace(path)
        except FileExistsError:
            raise KeyringError(_there_already(path)) from None
        except OSError as error:
            raise KeyringError(f"{path}: cannot be written ({error.strerror})") from None
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read a keyring.

        Raises:
            KeyringError: it is absent, no keyring, or others than its owner may read it.
        """
        try:
            mode = path.stat().st_mode
            content = path.read_bytes()
        except OSError as error:
            raise KeyringError(f"{path}: the keyring cannot be read ({error.strerror})") from None
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise KeyringError(f"{path}: others may read the keyring; chmod 600 it and renew its keys")
        try:
            document = json.loads(content)
            if document["format"] != _FORMAT:
                raise KeyringError(f"{path}: is a keyring of another version of Tierwise")
            return cls(
                {int(version): _key(text) for version, text in document["masters"].items()},
                {int(version): _key(text) for version, text in document["audit"].items()},
                _key(document["lookup"]),
                _key(document["links"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise KeyringError(f"{path}: is no keyring") from None


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("a key has another length")
    return key


def _there_already(path: Path) -> str:
    return f"{path}: is there already; a keyring is never overwritten by a new one"
