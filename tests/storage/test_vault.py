"""The vault: what is sealed opens only with its key, in its place, and the key file is made once."""

import multiprocessing
import os
import stat

import pytest

from runtime.errors import OperatorError
from runtime.storage.vault import KEY_BYTES, Vault, load_or_create_key


@pytest.fixture
def vault():
    return Vault(bytes(range(32)))


@pytest.mark.parametrize("plaintext", ["sk-ant-123", "", "clé 🔑\nzweite Zeile", "x" * 100_000])
def test_what_is_sealed_can_be_opened(vault, plaintext):
    sealed = vault.seal("home", "anthropic", plaintext)
    assert vault.open("home", "anthropic", sealed) == plaintext
    assert plaintext == "" or plaintext.encode() not in sealed


def test_sealing_twice_gives_different_bytes(vault):
    assert vault.seal("home", "a", "same") != vault.seal("home", "a", "same")


@pytest.mark.parametrize(("workspace", "name"), [("home", "other"), ("away", "key"), ("hom", "ekey"), ("homek", "ey")])
def test_a_sealed_secret_cannot_be_moved(vault, workspace, name):
    sealed = vault.seal("home", "key", "value")
    with pytest.raises(OperatorError):
        vault.open(workspace, name, sealed)


def test_another_key_is_the_operators_error_and_tells_nothing(vault):
    sealed = vault.seal("home", "key", "value")
    with pytest.raises(OperatorError) as caught:
        Vault(bytes(32)).open("home", "key", sealed)
    assert "master.key" in caught.value.mend
    assert "value" not in str(caught.value)


def test_every_changed_byte_is_noticed(vault):
    sealed = vault.seal("home", "key", "value")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(OperatorError):
            vault.open("home", "key", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(OperatorError):
            vault.open("home", "key", sealed[:length])


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "home" / "master.key"
    key = load_or_create_key(path)
    assert len(key) == KEY_BYTES
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["master.key"]
    assert key not in path.read_bytes()  # base64, so that it can be copied as text


@pytest.mark.parametrize("content", [b"", b"short", b"AAAA", b"\xff" * 32, b"!" * 44])
def test_a_broken_key_file_is_never_replaced(tmp_path, content):
    path = tmp_path / "master.key"
    path.write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        load_or_create_key(path)
    assert caught.value.where == str(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_the_operators_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OperatorError):
        load_or_create_key(tmp_path / "file" / "master.key")


def test_processes_that_start_together_get_the_same_key(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4) as pool:
        for attempt in range(10):
            keys = pool.map(load_or_create_key, [tmp_path / str(attempt) / "master.key"] * 8, chunksize=1)
            assert len(set(keys)) == 1
            assert os.listdir(tmp_path / str(attempt)) == ["master.key"]
