"""Signatures say who made a document, keys stay private, and what is not signed as it must be is refused."""

import base64
import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import load_catalog
from features.terms import Nature
from models.artefact import ArtefactError, Model, signed, verified_body
from models.policy import load_policy
from models.signature import (
    SignatureError,
    is_signed,
    key_text,
    load_key,
    load_trusted,
    new_key,
    public_text,
    sign,
)
from tests.strategies import random_model

MODEL = random_model(load_catalog("customer"), load_policy("customer"), (Nature.ENTERPRISE,), seed=8)
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in (1, 2))
UNSIGNED, SIGNED = MODEL.to_bytes(), MODEL.to_bytes(KEY)
DIGEST = hashlib.sha256(b"content").digest()


# Documents


def test_a_signed_document_holds_the_same_content_and_is_read_with_and_without_trusted_keys() -> None:
    assert verified_body(SIGNED) == verified_body(UNSIGNED)
    raw: list[bytes | str] = [KEY.public_key().public_bytes_raw(), public_text(OTHER_KEY)]
    for trusted in (None, [public_text(KEY)], raw):
        assert Model.from_bytes(SIGNED, trusted).to_bytes(KEY) == SIGNED


def test_only_what_a_trusted_key_signed_is_read() -> None:
    with pytest.raises(ArtefactError, match="refused: it is not signed, and must be by a trusted key"):
        Model.from_bytes(UNSIGNED, [public_text(KEY)])
    reason = f"refused: it is signed by {public_text(KEY)}, which is no trusted key"
    with pytest.raises(ArtefactError, match=re.escape(reason)):
        Model.from_bytes(SIGNED, [public_text(OTHER_KEY)])
    for document in (SIGNED, UNSIGNED):
        with pytest.raises(ArtefactError, match="refused"):
            Model.from_bytes(document, [])


def test_what_is_no_key_is_not_trusted() -> None:
    for wrong in ("", "abc", b"short", public_text(KEY)[:-1], public_text(KEY) + "\n", "é" * 44):
        with pytest.raises(SignatureError, match="no Ed25519 public key"):
            Model.from_bytes(SIGNED, [wrong])


def test_a_signature_of_other_content_or_under_another_key_is_refused() -> None:
    other = random_model(load_catalog("customer"), load_policy("customer"), (Nature.ENTERPRISE,), seed=9)
    frame = SIGNED[: SIGNED.index(b'"content":')]
    its_hash = hashlib.sha256(verified_body(other.to_bytes())).hexdigest().encode()
    moved = frame[:11] + its_hash + frame[75:] + b'"content":' + verified_body(other.to_bytes()) + b"}"
    under_another_key = SIGNED.replace(public_text(KEY).encode(), public_text(OTHER_KEY).encode())
    for forged in (moved, under_another_key):
        with pytest.raises(ArtefactError, match="refused: its signature does not match its content"):
            Model.from_bytes(forged)


def test_a_document_is_signed_later_and_anew_without_being_written_anew() -> None:
    assert signed(UNSIGNED, KEY) == SIGNED
    assert signed(SIGNED, OTHER_KEY) == MODEL.to_bytes(OTHER_KEY)
    with pytest.raises(ArtefactError, match="SHA-256"):
        signed(UNSIGNED[:-2] + b" }", KEY)


def test_a_signature_made_for_something_else_does_not_pass() -> None:
    body = verified_body(UNSIGNED)
    for message in (body, hashlib.sha256(body).digest(), hashlib.sha256(body).hexdigest().encode()):
        value = base64.b64encode(KEY.sign(message)).decode()
        assert not is_signed(hashlib.sha256(body).digest(), public_text(KEY), value)


# Values


@given(digest=st.binary(min_size=32, max_size=32), seed=st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_what_a_key_signed_it_signed(digest: bytes, seed: bytes) -> None:
    key, value = sign(digest, Ed25519PrivateKey.from_private_bytes(seed))
    assert (len(key), len(value)) == (44, 88)
    assert is_signed(digest, key, value)
    assert not is_signed(digest[::-1], key, value) or digest == digest[::-1]


def test_a_signature_has_one_spelling() -> None:
    key, value = sign(DIGEST, KEY)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    others = [value[:85] + letter + "==" for letter in alphabet if letter != value[85]]
    same = [other for other in others if base64.b64decode(other) == base64.b64decode(value)]
    assert same, "base64 leaves the last four bits open"
    assert not any(is_signed(DIGEST, key, other) for other in others)
    # Adding the group's order to S gives the same equation.
    raw = base64.b64decode(value)
    order = 2**252 + 27742317777372353535851937790883648493
    raised = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    assert not is_signed(DIGEST, key, base64.b64encode(raw[:32] + raised).decode())


@pytest.mark.parametrize("wrong", ["", "=", "A" * 43 + "=", "é" * 44, "A" * 88, "!" * 44])
def test_what_is_no_key_and_no_signature_is_no_error_either(wrong: str) -> None:
    key, value = sign(DIGEST, KEY)
    assert not is_signed(DIGEST, wrong, value)
    assert not is_signed(DIGEST, key, wrong)


# Files


def test_a_new_key_is_its_owner_s_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_text(load_key(path)) == public_text(made)
    with pytest.raises(SignatureError, match="is there already"):
        new_key(path)
    assert public_text(load_key(path)) == public_text(made)
    with pytest.raises(SignatureError, match="cannot be written"):
        new_key(tmp_path / "nowhere" / "key.pem")


def test_openssl_reads_the_same_key(tmp_path: Path) -> None:
    new_key(tmp_path / "key.pem")
    try:
        shown = subprocess.run(
            ["openssl", "pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER"],
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("there is no openssl")
    assert base64.b64encode(shown.stdout[-32:]).decode() == public_text(load_key(tmp_path / "key.pem"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    new_key(path)
    path.chmod(mode)
    with pytest.raises(SignatureError, match=f"mode {mode:o}.*chmod 600"):
        load_key(path)


def test_what_holds_no_private_key_is_refused(tmp_path: Path) -> None:
    encrypted = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    x25519 = X25519PrivateKey.generate()
    for number, pem in enumerate([
        b"", b"no PEM", public_text(KEY).encode(), encrypted, encrypted[:80],
        x25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ]):  # fmt: skip
        path = tmp_path / f"{number}.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem)
        with pytest.raises(SignatureError, match="is no unencrypted Ed25519 private key"):
            load_key(path)
    with pytest.raises(SignatureError, match="cannot be read"):
        load_key(tmp_path / "absent.pem")


def test_trusted_keys_are_read_from_lines_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "trusted.txt"
    keys = [public_text(KEY), public_text(OTHER_KEY)]
    path.write_text(f"# who may sign\n\n  {keys[0]}  # the risk department\n{keys[1]}\n{keys[1]}\n")
    assert load_trusted(path) == frozenset(keys)
    assert key_text(KEY.public_key().public_bytes_raw()) == keys[0]
    path.write_text("# nobody\n")
    with pytest.raises(SignatureError, match="lists no public key"):
        load_trusted(path)
    path.write_text(f"{keys[0]}\nAAAA\n")
    with pytest.raises(SignatureError, match=r"trusted\.txt: line 2: .*no Ed25519 public key; give 32 bytes"):
        load_trusted(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SignatureError, match="is no text"):
        load_trusted(path)
    with pytest.raises(SignatureError, match="cannot be read"):
        load_trusted(tmp_path / "absent.txt")
