"""Keys and sealed values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.confidential.keyring import Keyring, KeyringError
from serving.confidential.sealing import SealError, new_key, open_sealed, seal


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_opens_with_its_key_and_purpose_alone(plain: bytes, purpose: str) -> None:
    key = new_key()
    sealed = seal(key, plain, purpose)
    assert open_sealed(key, sealed, purpose) == plain
    assert seal(key, plain, purpose) != sealed
    for other_key, other_purpose in ((new_key(), purpose), (key, purpose + "x")):
        with pytest.raises(SealError):
            open_sealed(other_key, sealed, other_purpose)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_changed_or_cut_seal_does_not_open(plain: bytes, data: st.DataObject) -> None:
    key = new_key()
    sealed = bytearray(seal(key, plain, "p"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    cut = bytes(sealed[:place])
    sealed[place] ^= data.draw(st.integers(1, 255))
    for changed in (bytes(sealed), cut):
        with pytest.raises(SealError):
            open_sealed(key, changed, "p")


def test_a_rotated_keyring_unwraps_what_the_older_key_wrapped_until_that_is_dropped(tmp_path: Path) -> None:
    old = Keyring.new()
    data_key = new_key()
    version, wrapped = old.wrap(data_key, "c1")
    new = old.with_new_master()
    assert new.master_version == version + 1
    assert new.unwrap(version, wrapped, "c1") == data_key
    with pytest.raises(KeyringError, match="not in the keyring"):
        new.without_master(version).unwrap(version, wrapped, "c1")
    with pytest.raises(KeyringError, match="does not fit"):
        new.unwrap(version, wrapped, "c2")
    with pytest.raises(KeyringError, match="in use"):
        new.without_master(new.master_version)


def test_a_keyring_is_read_as_it_was_written_and_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "keyring.json"
    keyring = Keyring.new().with_new_master()
    keyring.save(file, new=True)
    assert Keyring.load(file) == keyring
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(KeyringError, match="there already"):
        Keyring.new().save(file, new=True)
    assert Keyring.load(file) == keyring
    assert list(file.parent.iterdir()) == [file]
    file.chmod(0o644)
    with pytest.raises(KeyringError, match="others may read"):
        Keyring.load(file)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        "\x00",
        '{"format": 1, "masters": {"1": "AA=="}, "audit": {}, "lookup": "", "links": ""}',
    ],
)
def test_what_is_no_keyring_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keyring.json"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(KeyringError, match="is no keyring"):
        Keyring.load(file)
    with pytest.raises(KeyringError, match="cannot be read"):
        Keyring.load(tmp_path / "absent.json")


def test_the_blind_index_tells_nothing_and_differs_between_keyrings() -> None:
    one, other = Keyring.new(), Keyring.new()
    assert one.blind_index("C1") == one.blind_index("C1") != one.blind_index("C2")
    assert one.blind_index("C1") != other.blind_index("C1")
