"""What was acknowledged is there after kill -9, and the disk never holds half of anything."""

import os
import random
import subprocess
import sys
import time

from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.flows import FlowStore
from runtime.storage.journal import SqlJournal
from tests.storage.samples import five_steps, flow

ROUNDS = 3

AUTOSAVE = """
import asyncio, sys
from pathlib import Path
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.flows import FlowStore
from tests.storage.samples import flow

async def main(home, url, id):
    flows = FlowStore(await Database.connect(Settings(home=Path(home), database_url=url)))
    revision = (await flows.load("w1", id)).revision
    while True:
        revision = await flows.save("w1", id, flow(f"edit {revision + 1}", 1 + revision % 40), revision)
        print(revision, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""

KEEP = """
import asyncio, sys
from pathlib import Path
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.journal import SqlJournal
from tests.storage.samples import done, five_steps

async def keep(journal, run):
    await journal.keep(done(run, flow=sys.argv[3]), five_steps(run))
    print(run, flush=True)

async def main(home, url, round):
    journal = SqlJournal(await Database.connect(Settings(home=Path(home), database_url=url)))
    number = 0
    while True:
        await asyncio.gather(*(keep(journal, f"{round}-{number + each}") for each in range(20)))
        number += 20

asyncio.run(main(*sys.argv[1:]))
"""


def acknowledged_until_killed(script: str, *arguments: str) -> list[str]:
    """Run a script that prints what was acknowledged, kill it at some moment, and give what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(random.uniform(0.05, 0.4))
    process.kill()
    lines = [first, *process.stdout.read().split("\n")]
    process.wait()
    process.stdout.close()
    return [line.strip() for line in lines if line.strip()]


async def test_an_acknowledged_save_survives(settings: Settings) -> None:
    database = await Database.connect(settings)
    entry = await FlowStore(database).create("w1", flow("edit 1", 1), "me")
    await database.close()
    saved = 1
    for _ in range(ROUNDS):
        acknowledged = int(acknowledged_until_killed(AUTOSAVE, str(settings.home), settings.database_url, entry.id)[-1])
        assert acknowledged > saved
        database = await Database.connect(settings)
        flows = FlowStore(database)
        stored = await flows.load("w1", entry.id)
        # One more may have been written before its acknowledgement could be read.
        assert acknowledged <= stored.revision <= acknowledged + 1
        assert stored.flow == flow(f"edit {stored.revision}", 1 + (stored.revision - 1) % 40)
        assert (await flows.entries("w1"))[0].name == stored.flow.name
        saved = stored.revision
        await database.close()


async def test_an_acknowledged_run_survives_whole(settings: Settings) -> None:
    for round in range(ROUNDS):
        acknowledged = acknowledged_until_killed(KEEP, str(settings.home), settings.database_url, f"round{round}")
        database = await Database.connect(settings)
        journal = SqlJournal(database)
        kept = {record.id for record in await journal.records("w1", flow=f"round{round}", limit=100_000)}
        assert set(acknowledged) <= kept
        for run in random.sample(sorted(kept), min(20, len(kept))):
            assert [event.seq for event in await journal.events("w1", run)] == list(range(1, len(five_steps()) + 1))
        await database.close()
