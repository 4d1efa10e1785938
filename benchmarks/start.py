"""How long until the first page: a fresh `make run`, a second start, and the memory of the idle process.

    python benchmarks/start.py            # the second start and the memory, of this checkout
    python benchmarks/start.py --fresh    # also a fresh clone: environment, models, build, first page

Prints a Markdown table for docs/performance.md. Everything it starts it ends; nothing outside a temporary folder
is touched.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNS = 5
SETTLE = 3  # seconds before the memory is read


def start(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float, subprocess.Popen[str]]:
    """Seconds until the link is printed and until the signed-in first page has come; and the process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"http://\S+/enter\?token=\S+", line):
            linked = time.perf_counter() - began
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            with opener.open(match[0], timeout=60) as page:
                body = page.read()
            assert b"<html" in body
            return linked, time.perf_counter() - began, process
    raise SystemExit("it ended before it printed a link")


def memory(process: subprocess.Popen[str]) -> float:
    """MiB that the process and its children hold."""
    listed = subprocess.run(["ps", "-eo", "pid,pgid,rss"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()[1:]]
    return sum(int(rss) for _, group, rss in rows if int(group) == process.pid) / 1024


def stop(process: subprocess.Popen[str]) -> float:
    """Seconds that it took to end after SIGINT."""
    began = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=20)
    return time.perf_counter() - began


def second_starts(report: Callable[[str, str], None]) -> None:
    """A start with everything installed and built, several times."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "canevas", "up", "--port", "0", "--home", home]
        # Once uncounted: it builds the interface if need be and makes the database.
        stop(start(command, ROOT, dict(os.environ))[2])
        pages, ends, held = [], [], 0.0
        for _ in range(RUNS):
            _, page, process = start(command, ROOT, dict(os.environ))
            pages.append(page)
            time.sleep(SETTLE)
            held = memory(process)
            ends.append(stop(process))
    report("second start until the first page", f"{statistics.median(pages):.1f} s (max {max(pages):.1f})")
    report("memory, idle", f"{held:.0f} MiB")
    report("Ctrl-C until the process has ended", f"{statistics.median(ends):.1f} s")


def fresh_start(report: Callable[[str, str], None]) -> None:
    """`make run` in a fresh clone, with nothing installed; the package cache of the machine may be warm."""
    folder = Path(tempfile.mkdtemp())
    try:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
        environment = {**os.environ, "CANEVAS_PORT": "0", "CANEVAS_HOME": str(folder / "home")}
        _, page, process = start(["make", "run"], folder / "clone", environment)
        report("fresh `make run` until the first page", f"{page:.0f} s")
        stop(process)
        _, page, process = start(["make", "run"], folder / "clone", environment)
        report("second `make run` until the first page", f"{page:.1f} s")
        stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    print("| what | measured |\n| --- | --- |")

    def report(what: str, measured: str) -> None:
        print(f"| {what} | {measured} |", flush=True)

    second_starts(report)
    if arguments.fresh:
        fresh_start(report)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nCPU of all starts together: {spent.ru_utime + spent.ru_stime:.0f} s")


if __name__ == "__main__":
    main()
