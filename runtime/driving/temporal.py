"""Runs driven by Temporal, on as many machines as wanted: the one file that knows Temporal.

A run is a workflow that carries nothing but the run's name: when its time has come it lets a worker drive one segment
(an activity), and then it ends or waits, for a signal or for a time. What a run is stands in the journal alone.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec
from temporalio import activity, workflow
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import AsyncActivityCancelledError, AsyncActivityHandle, Client
from temporalio.common import Priority, RetryPolicy, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from runtime.driving.lines import DEFAULT, served
from runtime.driving.orders import NEVER, Order, again, moved
from runtime.driving.tenure import Tenure
from runtime.interpreter.driver import Rest, Segment, elapsed
from runtime.interpreter.journal import RunRecord

log = logging.getLogger(__name__)

# The task queue of the workflows themselves. Every worker serves it, whatever its queues and labels: so the timers and
# signals of a run are handled also while no worker with its labels is there.
COMMON = "canevas"
SEGMENT = "segment"

LAPS = 40  # Segments until a workflow begins a new history: whoever goes on with it reads all of it each time.
AGAIN = RetryPolicy(initial_interval=timedelta(seconds=0.1), maximum_interval=timedelta(seconds=10))
LONGEST = timedelta(days=3650)  # Temporal wants an end for every activity.

# What a stalled worker had asked for is lost for some seconds: an idle one asks for one thing at a time.
POLLS = PollerBehaviorAutoscaling(minimum=1, maximum=10, initial=1)

TOLD_WITHIN = 2.0  # Seconds that `drive` takes of its caller's time at most.
PULSE = 3.0  # Seconds between two looks whether Temporal is there.
SWEEPERS = 32  # Calls of a sweep that are under way together.


@workflow.defn(name="canevas", sandboxed=False)  # Short enough to see that it depends on nothing but what it is told.
class Carried:
    """One run, as Temporal sees it.

    Runs wait for months, and newer versions replay what was written before: a change of what `run` does, and in which
    order, stands behind `workflow.patched`. The same holds for `again`.
    """

    @workflow.init
    def __init__(self, order: Order) -> None:
        self._at = order.due

    @workflow.signal
    def go(self, at: float) -> None:
        """There is something to do from `at` on; when a segment is under way, then after it."""
        self._at = min(self._at, at)

    @workflow.run
    async def run(self, order: Order) -> None:
        """Segment after segment, until one ends the run and nobody has said `go` since it began."""
        idle = 0
        for _ in range(LAPS):
            await self._time_comes()
            self._at = NEVER
            rest = await self._segment(order)
            if rest.state != "ended":
                at, idle = again(rest, workflow.time(), idle)
                self._at = min(self._at, at)
            elif self._at == NEVER:
                return
        workflow.continue_as_new(replace(order, due=self._at))

    async def _time_comes(self) -> None:
        while (at := self._at) > (now := workflow.time()):
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(partial(self._moved, at), timeout=None if at >= NEVER else at - now)

    def _moved(self, at: float) -> bool:
        return self._at != at

    async def _segment(self, order: Order) -> Rest:
        answer = await workflow.execute_activity(
            SEGMENT,
            order,
            task_queue=order.line,
            result_type=dict,
            start_to_close_timeout=LONGEST,
            heartbeat_timeout=timedelta(seconds=order.patience),
            retry_policy=AGAIN,
            priority=_priority(order),
        )
        return msgspec.convert(answer, Rest)


def _priority(order: Order) -> Priority:
    """Temporal counts from 1, the first, to 5; its keys of fairness are 64 bytes at most."""
    tenant = order.workspace
    if len(tenant.encode()) > 64:
        tenant = hashlib.sha256(tenant.encode()).hexdigest()
    return Priority(priority_key=3 - max(-2, min(2, order.priority)), fairness_key=tenant)


async def _beat(handle: AsyncActivityHandle) -> bool:
    """Tell Temporal that this worker lives; whether the segment is still its. See `Tenure`."""
    try:
        await handle.heartbeat()
    except AsyncActivityCancelledError:
        return False
    except RPCError as refusal:
        if refusal.status is RPCStatusCode.NOT_FOUND:
            return False
        raise TimeoutError from refusal
    return True


class TemporalDriver:
    """The driver that lets Temporal decide which process drives a run.

    url: `host:port` of Temporal. unfinished: every run of the journal that is queued, running, or waiting until a
    time; it is driven when Temporal has lost it. work: whether this process takes runs itself, of which queues, with
    which labels; at_once: how many of each line; rates: runs a second of a queue, over all workers. patience: seconds
    until the runs of a dead worker are another's. grace: seconds that a closing worker gives its segments to come to a
    checkpoint. period: seconds between two looks for runs that nobody drives, and the age from which one is looked at.
    """

    def __init__(
        self,
        url: str,
        unfinished: Callable[[], Awaitable[Sequence[RunRecord]]],
        *,
        namespace: str = "default",
        api_key: str = "",
        tls: bool = False,
        queues: Sequence[str] = (DEFAULT,),
        labels: Sequence[str] = (),
        at_once: int = 100,
        rates: Mapping[str, float] = MappingProxyType({}),
        work: bool = True,
        patience: float = 3.0,
        grace: float = 20.0,
        period: float = 60.0,
    ) -> None:
        self._url, self._namespace, self._api_key, self._tls = url, namespace, api_key, tls
        self._unfinished, self._patience, self._grace, self._period = unfinished, patience, grace, period
        self._lines, self._at_once, self._rates = served(queues, labels) if work else {}, at_once, rates
        self._segment: Segment | None = None
        self._client: Client | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._workers: dict[str, Worker] = {}
        self._polls: list[asyncio.Task[None]] = []
        self._closing = False
        self._heard = True  # whether Temporal answered last time: what is said about that is said once
        self._missed: dict[tuple[str, str], Order] = {}
        self._found: Mapping[tuple[str, str], object] = {}  # how the runs stood that were looked after

    async def open(self, segment: Segment) -> None:
        """Begin; when Temporal does not answer yet, then in the background, as soon as it does."""
        self._segment = segment
        reached = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(reached), name=f"temporal {self._url}")
        with suppress(TimeoutError):
            async with asyncio.timeout(TOLD_WITHIN):
                await reached.wait()

    def admit(self, record: RunRecord) -> bool:
        """Never: a run is queued, and whichever worker has room takes it."""
        return False

    async def drive(self, record: RunRecord) -> None:
        """Tell Temporal. Raises nothing and takes two seconds at most: what fails is done when Temporal is back."""
        await self._tell(Order.told(record, self._patience))

    async def close(self) -> None:
        """Take no more segments, let those that are driven come to their checkpoint, cut the others off."""
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        ends = {*self._polls, *(asyncio.create_task(worker.shutdown()) for worker in self._workers.values())}
        if ends:
            # Without Temporal the end of a worker may not come, and whoever stops this process must not wait for it.
            _, late = await asyncio.wait(ends, timeout=self._grace + 5.0)
            for task in late:
                task.cancel()
        # The SDK's threads let go of Python a moment after they gave their last answer. An interpreter that ends in
        # that moment is aborted (PyGILState_Release), and the process seems to have crashed.
        await asyncio.sleep(0.25)

    # Telling Temporal.

    async def _tell(self, order: Order) -> None:
        told = False
        try:
            if self._client is not None:
                async with asyncio.timeout(TOLD_WITHIN):
                    await self._start(self._client, order, go=True)
                told = True
        except (RPCError, TimeoutError) as failure:
            self._unheard(failure)
        finally:  # also when the caller was cut off
            if not told:
                self._missed[order.key] = order

    async def _start(self, client: Client, order: Order, *, go: bool) -> None:
        """See to it that a run has its workflow; `go`: and that the workflow, if it was there, does something."""
        await client.start_workflow(
            Carried.run,
            order,
            id=f"canevas/{order.workspace}/{order.run}",
            task_queue=COMMON,
            # Whatever Temporal believes: a run that has something to do is not finished.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=timedelta(seconds=order.patience),  # when a worker dies at the workflow itself
            start_signal="go" if go else None,
            start_signal_args=[order.due] if go else [],
            priority=_priority(order),
        )

    async def _start_all(self, client: Client, orders: Iterable[tuple[Order, bool]]) -> None:
        left = iter(orders)

        async def some() -> None:
            for order, go in left:
                await self._start(client, order, go=go)

        async with asyncio.TaskGroup() as group:
            for _ in range(SWEEPERS):
                group.create_task(some())

    # Looking after Temporal.

    async def _keep(self, reached: asyncio.Event) -> None:
        client = self._client = await self._connected()
        reached.set()
        if self._lines:
            self._polls = [asyncio.create_task(self._poll(client, name)) for name in (COMMON, *self._lines)]
        known, swept = "", 0.0
        period = _about(self._period)
        while True:
            found = await self._identity(client)
            anew = found != known  # It was away, or it has lost what it knew.
            if found and (anew or self._missed or elapsed() - swept > period):
                if await self._swept(client, everything=anew):
                    known, swept = found, elapsed()
                    self._hear()
            elif not found:
                known = ""
            await asyncio.sleep(_about(PULSE))

    async def _connected(self) -> Client:
        runtime = Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="ERROR")))
        while True:
            try:
                return await Client.connect(
                    self._url,
                    namespace=self._namespace,
                    api_key=self._api_key or None,
                    tls=self._tls or None,  # None: when there is a key
                    runtime=runtime,
                )
            except RuntimeError as failure:
                self._unheard(failure)
                await asyncio.sleep(_about(1.0))

    async def _identity(self, client: Client) -> str:
        """By which state Temporal goes: one that lost it has a new namespace. Empty when it does not answer."""
        request = DescribeNamespaceRequest(namespace=self._namespace)
        try:
            answer = await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=TOLD_WITHIN))
        except RPCError as failure:
            self._unheard(failure)
            return ""
        return answer.namespace_info.id

    async def _swept(self, client: Client, *, everything: bool) -> bool:
        """Make good what could not be told, and see to the runs that nobody drives; whether all of that was done."""
        missed, self._missed = self._missed, {}
        work = self._sweep(client, list(missed.values()), everything=everything)
        [failure] = await asyncio.gather(work, return_exceptions=True)
        if failure is not None:
            log.warning("Runs that nobody drives could not be looked after: %r", failure)
            self._missed = missed | self._missed
        return failure is None

    async def _sweep(self, client: Client, missed: Sequence[Order], *, everything: bool) -> None:
        """Drive what the journal has unfinished: all of it, or what has not moved for a period.

        A run that was found once as it stands is told no second time: the workflow of a long run would otherwise
        gather a signal a minute from every process. One whose time is to come needs its workflow, and no signal.
        """
        now = time.time()
        records = [r for r in await self._unfinished() if everything or moved(r) < now - self._period]
        orders = [Order.found(r, self._patience) for r in records]
        found = {o.key: (r.state, r.since, o.due <= now) for o, r in zip(orders, records, strict=True)}
        if not everything:
            orders = [order for order in orders if self._found.get(order.key) != found[order.key]]
        await self._start_all(client, [*((o, True) for o in missed), *((o, o.due <= now) for o in orders)])
        self._found = found

    def _unheard(self, failure: Exception) -> None:
        if self._heard:
            log.warning("Temporal at %s does not answer; runs go on when it does (%r)", self._url, failure)
        self._heard = False

    def _hear(self) -> None:
        if not self._heard:
            log.warning("Temporal at %s answers again", self._url)
        self._heard = True

    # Working.

    async def _poll(self, client: Client, name: str) -> None:
        while not self._closing:
            worker = self._workers[name] = self._worker(client, name)
            try:
                await worker.run()
            except (RuntimeError, RPCError) as failure:
                log.warning("Temporal gives no work from %s for now (%s)", name, failure)
                await asyncio.sleep(_about(1.0))

    def _worker(self, client: Client, name: str) -> Worker:
        if name == COMMON:
            # No cache: a waiting run holds no memory, and the next step of a dead worker's run waits for nobody.
            return Worker(
                client,
                task_queue=COMMON,
                workflows=[Carried],
                max_cached_workflows=0,
                workflow_task_poller_behavior=POLLS,
            )
        return Worker(
            client,
            task_queue=name,
            activities=[self._carry],
            max_concurrent_activities=self._at_once,
            activity_task_poller_behavior=POLLS,
            max_task_queue_activities_per_second=self._rates.get(self._lines[name]),
            graceful_shutdown_timeout=timedelta(seconds=self._grace),
        )

    @activity.defn(name=SEGMENT)
    async def _carry(self, order: Order) -> dict[str, Any]:
        """Drive one segment for as long as Temporal says that it is ours."""
        assert self._segment is not None
        assert self._client is not None
        handle = self._client.get_async_activity_handle(task_token=activity.info().task_token)
        tenure = Tenure(partial(_beat, handle), order.patience)
        if not await tenure.begin():
            raise _failed("Late")
        driving = asyncio.ensure_future(self._segment(order.workspace, order.run, tenure.lease))
        # The SDK itself ends an activity of which it hears nothing, whatever Temporal was told.
        keeping = asyncio.create_task(tenure.keep(activity.heartbeat))
        with suppress(asyncio.CancelledError):  # the end of a worker's grace: the segment is cut off
            await asyncio.wait({driving, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if not driving.done():
            tenure.lease.end()
            driving.cancel()
        keeping.cancel()
        await asyncio.wait({driving, keeping})
        if tenure.gone:
            # Another worker has it, or Temporal forgot it: then nobody would drive it. To tell costs a look too many.
            await self._tell(replace(order, due=0.0))
        ended: dict[str, Any] = msgspec.to_builtins(_rest(order, driving))
        return ended


def _rest(order: Order, driving: asyncio.Future[Rest]) -> Rest:
    """How a segment ended. Temporal is told what class an error has, and nothing of what stands in it."""
    if driving.cancelled():
        return Rest("queued")
    if (error := driving.exception()) is not None:
        log.warning("Run %s is tried again: %r", order.run, error)
        raise _failed(type(error).__name__)
    return driving.result()


def _failed(kind: str) -> ApplicationError:
    """To be tried again; benign: the SDK need not say it, too."""
    return ApplicationError("The segment was not driven", type=kind, category=ApplicationErrorCategory.BENIGN)


def _about(seconds: float) -> float:
    """Many processes need not do the same in the same moment."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311
