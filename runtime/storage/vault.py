"""Secrets at rest: sealed with a master key that lives in a file outside the database."""

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.errors import OperatorError

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"  # first byte of every sealed secret: AES-256-GCM with a random nonce


class Vault:
    """Seals and opens the secrets of workspaces with one master key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, workspace: str, name: str, plaintext: str) -> bytes:
        """The secret as it may be stored; sealing the same one twice gives different bytes."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext.encode(), _place(workspace, name))

    def open(self, workspace: str, name: str, sealed: bytes) -> str:
        """The secret in the clear.

        Raises: OperatorError when the key is another one, or the bytes were changed or belong to another secret.
        """
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORMAT or len(nonce) < _NONCE_BYTES:
                raise InvalidTag
            return self._cipher.decrypt(nonce, body, _place(workspace, name)).decode()
        except InvalidTag:
            raise OperatorError(
                f"The secret `{name}` cannot be opened with this master key",
                "the vault",
                "Put back the `master.key` that it was saved with, or enter the secret again in the settings.",
            ) from None


def load_or_create_key(path: Path) -> bytes:
    """The master key in a file; blocking, for the start of a process.

    A missing file is created once, readable by its owner only; of several processes that start together all get
    the same key. Raises: OperatorError when the file is no key or cannot be read or written.
    """
    try:
        if not path.exists():
            _create(path)
        return _decoded(path)
    except OSError as error:
        raise OperatorError(
            f"The master key cannot be read or created: {error.strerror or error}",
            str(path),
            "Let the user that runs Canevas read and write this folder.",
        ) from None


def _place(workspace: str, name: str) -> bytes:
    # Authenticated along with the secret, so that a row cannot be moved to another name or workspace. The length
    # keeps "a" + "bc" apart from "ab" + "c".
    return f"{len(workspace)}:{workspace}{name}".encode()


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link appears whole or not at all and never replaces a file: the first process wins, and no reader
            # ever sees half a key.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


def _decoded(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise OperatorError(
            f"The master key file does not hold {KEY_BYTES} bytes in base64",
            str(path),
            "Put back the right file; remove it only if no secret was saved yet.",
        )
    return key
