"""Processes that die, stall and lose their journal, on a virtual clock; and what must be true whatever happens."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextvars import Context, ContextVar, copy_context
from typing import Any

from runtime.driving.admission import Limit
from runtime.driving.local import LocalDriver
from runtime.errors import CanevasError, OperatorError
from runtime.interpreter.driver import Lease
from runtime.interpreter.events import ENDINGS, Durable, Event, RunResumed, StepFinished, StepResumed, StepStarted
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.memory_journal import MemoryJournal
from runtime.interpreter.runs import Runs
from runtime.interpreter.services import Services
from tests.durable.flows import DONE_BEFORE, POSTS, Plans, drawn_all

PLANS = Plans(drawn_all(wait=9))
NARROW, AT_ONCE = 2, 4  # runs at once of the queue `narrow`, and in all
TROUBLE = 60.0  # seconds with faults; then everything must come to its end
PATIENCE = 1_800.0  # seconds until a run counts as stuck
LEASE = 5.0
WRITES = frozenset({"open", "append", "close", "signal"})


class Dead(BaseException):
    """The process that runs this is no more."""


class Process:
    """One process on the journal; everything that it does is dropped when it dies."""

    def __init__(self, world: "World", number: int, shared: bool) -> None:
        self.world, self.number = world, number
        self.dead, self.ended = False, asyncio.Event()
        self.stalled = 0.0  # until when, by the loop's clock
        self.tasks: dict[asyncio.Task[Any], None] = {}  # in an order that is the same every time
        self.inside: Counter[str] = Counter()  # bodies that are under way, by run
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)
        self.lease = Lease(LEASE if shared else None, asyncio.get_running_loop().time)
        wire = Wire(self)
        self.driver = LocalDriver(
            wire,  # type: ignore[arg-type]
            lease=self.lease,
            shared=shared,
            allowed=self._allowed,
            at_once=AT_ONCE,
            clock=world.clock,
        )
        services = Services(None, Window(self), None, None)  # type: ignore[arg-type]
        self.runs = Runs(
            wire,  # type: ignore[arg-type]
            self.driver,
            lambda workspace: services,
            plan_of=PLANS.of,
            clock=world.clock,
            elsewhere=self._watched if shared else None,
        )

    async def _allowed(self) -> Any:
        return {("w1", "queue:narrow"): Limit(at_once=NARROW)}, set()

    async def _watched(self, workspace: str, run: str, after: int) -> AsyncIterator[Event]:
        for event in await self.world.journal.events(workspace, run, after):
            yield event

    def live(self) -> None:
        """Raises: Dead."""
        if self.dead:
            raise Dead

    def go(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Let the process do something."""
        return self.context.run(asyncio.get_running_loop().create_task, work)

    async def ask(self, work: Callable[["Runs"], Awaitable[Any]]) -> Any:
        """What somebody outside asks of the process. Raises: ConnectionError when it dies meanwhile."""

        async def asked() -> Any:
            self.live()
            return await work(self.runs)

        task = self.go(asked())
        await asyncio.wait({task})
        if task.cancelled() or isinstance(task.exception(), Dead):
            raise ConnectionError
        return task.result()

    def die(self) -> None:
        """From this moment on nothing of the process reaches anybody."""
        if not self.dead:
            self.dead = True
            self.ended.set()
            for task in list(self.tasks):
                task.cancel()

    async def renew(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if asyncio.get_running_loop().time() >= self.stalled and self.lease.held:
                self.lease.renew()  # one that is over stays over


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def tasks_by_process(loop: Any, work: Any, **options: Any) -> "asyncio.Task[Any]":
    """Tasks by the process to which they belong."""
    task = asyncio.Task(work, loop=loop, **options)
    process = PROCESS.get()
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda task: process.tasks.pop(task, None))
    return task


class Wire:
    """The journal, as far away as a database; what is asked of it takes a while, fails, or kills who asks."""

    def __init__(self, process: Process) -> None:
        self._process, self._world = process, process.world

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            process, world = self._process, self._world
            await self._pass()
            if name in WRITES:
                world.strike(process)
                process.live()
            world.fail()
            result = await getattr(world.journal, name)(*given, **named)
            if name in WRITES:
                world.wrote(process, name, given)
                world.strike(process)
                process.live()
                await self._pass()
                world.fail()
            else:
                await self._pass()
            return result

        return call

    async def _pass(self) -> None:
        self._process.live()
        await asyncio.sleep(self._world.chance.uniform(0.0, 0.05))
        while (left := self._process.stalled - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(max(left, 0.001))  # a rest that is too small to be added would be for ever
        self._process.live()


class Window:
    """The world outside, as the nodes of a process reach it."""

    def __init__(self, process: Process) -> None:
        self._process, self._world = process, process.world

    async def post(self, key: str) -> None:
        process, world = self._process, self._world
        process.live()
        run = world.entered(process, key)
        try:
            await asyncio.sleep(world.chance.uniform(0.0, 0.3))
            process.live()
            world.posts[key] += 1
            await asyncio.sleep(world.chance.uniform(0.0, 0.3))
            world.strike(process)
            process.live()
        finally:
            process.inside[run] -= 1

    async def busy(self, key: str) -> bool:
        await asyncio.sleep(self._world.chance.uniform(0.0, 0.1))
        self._process.live()
        self._world.asked[key] += 1
        return self._world.asked[key] <= DONE_BEFORE


class World:
    """What outlives processes: the journal, what was posted, and the people; and the faults that come over them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.journal = MemoryJournal()
        self.told: dict[str, list[Durable]] = {}  # all events that were written, by run
        self.opened: dict[str, Process] = {}
        self.posts, self.asked, self.entries = Counter[str](), Counter[str](), Counter[str]()
        self.accepted: dict[str, str] = {}  # the flow of each run of which somebody was told that it is accepted
        self.cancelled: set[str] = set()
        self.offset = 0.0
        self.shared = self.chance.random() < 0.35
        self.deaths = self.chance.choice((0, 1, 2, 4))
        self.sick = self.chance.choice((0.0, 0.0, 0.05, 0.2))
        self.process: Process
        self.processes = 0
        self.saying: list[asyncio.Task[None]] = []
        self.wrong: list[str] = []

    # --- time and trouble --------------------------------------------------------------------------------------

    def clock(self) -> float:
        return 1_790_000_000.0 + asyncio.get_running_loop().time() + self.offset

    @property
    def trouble(self) -> bool:
        return asyncio.get_running_loop().time() < 1_000 + TROUBLE

    def strike(self, process: Process) -> None:
        """Perhaps the process dies here."""
        if self.deaths and self.trouble and self.chance.random() < 0.03 and process is self.process:
            self.deaths -= 1
            process.die()

    def fail(self) -> None:
        """Perhaps the journal does not answer."""
        if self.trouble and self.chance.random() < self.sick:
            raise OperatorError("The database does not answer")

    # --- what must be true -------------------------------------------------------------------------------------

    def wrote(self, process: Process, name: str, given: Sequence[Any]) -> None:
        if name == "open":
            record, events = given[0], given[1]
            self.opened[record.id] = process
            self.told[record.id] = list(events)
        elif name == "append":
            self.told[given[1]] += given[2]
        elif name == "close" and len(given) > 1:
            self.told[given[0].id] += given[1]

    def must(self, right: bool, what: str) -> None:
        if not right:
            self.wrong.append(f"{asyncio.get_running_loop().time() - 1000:.3f}: {what}")

    def entered(self, process: Process, key: str) -> str:
        """A body that posts begins."""
        run, path = key.split(":", 1)
        self.entries[key] += 1
        log = self.told[run]
        started = sum(isinstance(event, StepStarted) and event.step == path for event in log)
        self.must(self.entries[key] <= started, f"{key} was entered {self.entries[key]} times, announced {started}")
        self.must(
            not any(isinstance(event, StepFinished) and event.step == path for event in log),
            f"{key} was entered after it had finished",
        )
        claimed = [event.worker for event in log if isinstance(event, RunResumed)]
        owner = claimed[-1] if claimed else self.opened[run].runs.worker
        self.must(owner == process.runs.worker, f"{key} was entered by a process that does not own the run")
        process.inside[run] += 1
        going = {each for each, bodies in process.inside.items() if bodies}
        narrow = {each for each in going if self.flow(each) != "chain" and self.flow(each) != "once"}
        self.must(len(going) <= AT_ONCE, f"{len(going)} runs at once")
        self.must(len(narrow) <= NARROW, f"{len(narrow)} runs of the queue at once")
        return run

    def flow(self, run: str) -> str:
        return run.partition("-")[0]

    async def verdict(self) -> list[str]:
        """What was not right in the end."""
        for record in await self.journal.records("w1", limit=1_000):
            self._right(record, await self.journal.events("w1", record.id))
        known = {record.id for record in await self.journal.records("w1", limit=1_000)}
        self.must(self.accepted.keys() <= known, "a run was accepted and is not there")
        return self.wrong

    def _right(self, record: RunRecord, log: list[Durable]) -> None:
        run = record.id
        self.must(log == self.told[run], f"{run}: what was written is not what is there")
        self.must([event.seq for event in log] == list(range(1, len(log) + 1)), f"{run}: seq has gaps")
        self.must(isinstance(log[-1], ENDINGS), f"{run} is {record.state} and has not ended")
        ends = ("done", "cancelled") if run in self.cancelled else ("done",)
        self.must(record.state in ends, f"{run} is {record.state}: {record.error}")
        finished = Counter(event.step for event in log if isinstance(event, StepFinished))
        self.must(max(finished.values(), default=1) == 1, f"{run}: a step finished twice")
        for step in POSTS[record.flow]:
            key = f"{run}:{step}"
            said = sum(isinstance(event, StepResumed) and event.step == step for event in log)
            if step in finished or record.state == "done":
                self.must(self.posts[key] >= 1, f"{key} was lost")
            if step == "once":
                self.must(self.entries[key] <= 1 + said, f"{key} ran again and nobody was asked")
                self.must(self.posts[key] <= 1 or self.shared, f"{key} was posted twice")

    # --- the story ---------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """A new process, until it has begun."""
        while True:
            self.processes += 1
            self.process = process = Process(self, self.processes, self.shared)
            process.go(process.renew())
            try:
                await process.ask(lambda runs: runs.open())
                return
            except (CanevasError, ConnectionError):
                process.die()
                await asyncio.sleep(0.5)

    async def keep_alive(self) -> None:
        """When a process has died the next one is started; one that stalls loses its right, and wakes up later."""
        while True:
            process = self.process
            stalls = self.shared and self.trouble and self.chance.random() < 0.5
            try:
                async with asyncio.timeout(self.chance.uniform(2, 20) if stalls else None):
                    await process.ended.wait()
            except TimeoutError:
                now = asyncio.get_running_loop().time()
                process.stalled = now + self.chance.uniform(LEASE + 1, 20)
                await asyncio.sleep(LEASE + 0.5)
                asyncio.get_running_loop().call_later(self.chance.uniform(1, 30), process.die)
            else:
                await asyncio.sleep(self.chance.uniform(0.1, 2) + (LEASE if self.shared else 0))
            await self.boot()
