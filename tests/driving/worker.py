"""A worker process of the tests: `python -m tests.driving.worker FOLDER URL {options of the driver}`."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from runtime.driving.temporal import TemporalDriver
from runtime.interpreter.journal import RunRecord
from tests.driving.ledger import Ledger


async def nothing() -> list[RunRecord]:
    """These workers have no journal: what is unfinished the tests say themselves."""
    return []


async def main() -> None:
    """Work until SIGTERM."""
    ledger = Ledger(Path(sys.argv[1]))
    driver = TemporalDriver(sys.argv[2], nothing, **json.loads(sys.argv[3]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ledger.draining.set)
    await driver.open(ledger.segment)
    ledger.write("", "open")
    await ledger.draining.wait()
    await driver.close()
    ledger.write("", "closed")


if __name__ == "__main__":
    asyncio.run(main())
