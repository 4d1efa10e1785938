"""A real Chromium and a real `canevas up` for journeys; both end with the test that started them."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
SCREENS = Path(__file__).parent / "screens"
_SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium if there is one, else Playwright's."""
    found = next((path for name in _SYSTEM if (path := shutil.which(name))), None)
    # As root Chromium starts only without its sandbox; it opens nothing but our own pages.
    arguments = [*_QUIET, "--no-first-run", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Product:
    """A running `canevas up`. url: its address. link: signs in once."""

    process: subprocess.Popen[str]
    home: Path
    url: str
    link: str

    def new_link(self) -> str:
        """Another one-time link, as `canevas link` prints it."""
        command = [sys.executable, "-m", "canevas", "link", "--home", str(self.home)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it: its exit code, and what it said after its greeting."""
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=15)
        return self.process.returncode, said


@contextlib.contextmanager
def product(home: Path, port: int = 0, **environment: str) -> Iterator[Product]:
    """Start `canevas up` on a home folder that is empty or was used before; port 0 takes a free one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "canevas", "up", "--port", str(port), "--home", str(home)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if match := re.search(r"(http://\S+?)/enter\?token=\S+", line):
                yield Product(process, home, match[1], match[0])
                break
        else:
            raise AssertionError(f"canevas up ended: {said}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def picture(page: Page, name: str) -> None:
    """Keep a screenshot for a person to look at."""
    SCREENS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png")
