"""Who owns the data folder: one process at a time, held by a lock that the system drops when the process dies."""

import os
from pathlib import Path
from typing import Self

from runtime.errors import OperatorError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

_FILE = "canevas.lock"
_FAR = 1 << 30  # msvcrt locks bytes, and nobody else could read those with the pid


class Ownership:
    """The right to the folder, until `release`; a context manager too."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would let two processes lock two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def own(home: Path) -> Ownership:
    """Own the folder of the database. Raises OperatorError that names the process which owns it already."""
    path = home / _FILE
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OperatorError(
            f"The folder {home} cannot be used: {error.strerror}",
            str(path),
            "Let the user that runs Canevas write there, or set CANEVAS_HOME to another folder.",
        ) from error
    try:
        _lock(descriptor)
    except OSError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise OperatorError(
            f"Canevas runs already with this folder (process {owner})",
            str(home),
            f"Use that one, stop process {owner}, or set CANEVAS_HOME to another folder.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return Ownership(descriptor)


def _lock(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
