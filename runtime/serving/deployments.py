"""What is deployed: the flow under a slug, compiled once a version, and whether it can run now."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.library import EMPTY, Library
from runtime.graph.node import Trigger
from runtime.graph.plan import BrokenFlow, Plan
from runtime.graph.problems import Problem
from runtime.graph.schemas import Schema
from runtime.interpreter.journal import Source
from runtime.serving.description import output_schema, output_statuses
from runtime.serving.refusals import Refusal, not_ready

K = TypeVar("K")
V = TypeVar("V")

FRESH = 1.0  # seconds until a slug is looked up again, so that what other processes changed is seen
_MOST_SLUGS = 1024
_MOST_VERSIONS = 256  # compiled flows; the largest things kept
_SOURCES: dict[Trigger, Source] = {"api": "endpoint", "chat": "chat", "webhook": "webhook"}


class Deployed(Protocol):
    """A version of a flow that stands under a slug."""

    @property
    def workspace(self) -> str: ...
    @property
    def flow_id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def flow(self) -> Flow: ...
    @property
    def paused(self) -> float | None: ...

    def key(self, plaintext: str) -> str | None:
        """The id of the API key, None when it does not open this."""
        ...


class Deployments(Protocol):
    """Where deployments are kept."""

    async def deployment(self, slug: str) -> Deployed | None:
        """What stands under a slug, None when nothing does, nor can. Raises OperatorError."""
        ...

    async def note_use(self, workspace: str, key: str) -> None:
        """A key was used."""
        ...


Ready = Callable[[str, Flow, Library], Awaitable[Sequence[Problem]]]
"""What keeps a workspace from running a right flow now: a secret or a model that is not there."""

Libraries = Callable[[str, Flow], Awaitable[Library]]
"""The other flows of a workspace that a flow runs, as they are deployed now."""


async def always_ready(workspace: str, flow: Flow, library: Library) -> Sequence[Problem]:
    """Nothing outside a flow can keep it from running."""
    return ()


async def no_library(workspace: str, flow: Flow) -> Library:
    """No flow runs another one."""
    return EMPTY


@dataclass(frozen=True, slots=True)
class Entrance:
    """A start of a deployed flow as the outside sees it. source: what its runs are recorded as."""

    step: str
    title: str
    trigger: Trigger
    source: Source
    schema: Schema


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a flow, compiled.

    plan: None when the flow has problems, which only a newer catalog or another flow can bring. output: JSON Schema of
    what it answers. statuses: the HTTP statuses that its Answers choose. pins: the versions of the flows that it runs.
    """

    plan: Plan | None
    problems: Sequence[Problem] = ()
    entrances: Mapping[str, Entrance] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset()
    pins: Mapping[str, int] = field(default_factory=dict)

    def compiled(self) -> Plan:
        """The plan. Raises: Refusal with 503 when the flow has problems."""
        if self.plan is None:
            raise not_ready(self.problems)
        return self.plan

    def usual(self, *triggers: Trigger) -> Entrance | None:
        """The first start that is triggered in the first way for which there is one."""
        for trigger in triggers:
            for entrance in self.entrances.values():
                if entrance.trigger == trigger:
                    return entrance
        return None

    def entrance(self, wanted: str, *triggers: Trigger) -> Entrance:
        """The start that is asked for by its step, or else the usual one. Raises: Refusal with 400."""
        found = self.entrances.get(wanted) if wanted else self.usual(*triggers)
        if found is None or found.trigger not in triggers:
            missing = f"called `{wanted[:100]}` here" if wanted else f"of the kind {' or '.join(triggers)}"
            shown = ", ".join(f"`{each.step}` ({each.trigger})" for each in self.entrances.values()) or "none"
            raise Refusal("unknown-start", f"The flow has no start {missing}.", f"Its starts: {shown}.")
        return found


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What stands under a slug. unready: what kept it from running when that was `seen`, on the monotonic clock."""

    slug: str
    deployed: Deployed
    published: Published
    unready: Sequence[Problem]
    seen: float

    def ready_plan(self) -> Plan:
        """The flow, ready to run. Raises: Refusal with 503 when it cannot."""
        plan = self.published.compiled()
        if self.unready:
            raise not_ready(self.unready)
        return plan


class Endpoints:
    """The endpoints this process has lately served. ready, library: asked as often as the deployment is looked up."""

    def __init__(
        self,
        deployments: Deployments,
        catalog: Catalog,
        ready: Ready = always_ready,
        library: Libraries = no_library,
    ) -> None:
        self._deployments, self._catalog, self._ready, self._library = deployments, catalog, ready, library
        self._kept: OrderedDict[str, Endpoint] = OrderedDict()
        self._coming: dict[str, asyncio.Task[Endpoint]] = {}
        self._published: OrderedDict[tuple[str, str, int, frozenset[tuple[str, int]]], Published] = OrderedDict()

    async def find(self, slug: str) -> Endpoint:
        """The endpoint under a slug. Raises: Refusal with 404, OperatorError when the store does not answer."""
        kept = self._kept.get(slug)
        if kept is not None and time.monotonic() - kept.seen < FRESH:
            return kept
        coming = self._coming.get(slug)
        if coming is None:  # a hundred requests at once ask the store once
            coming = self._coming[slug] = asyncio.create_task(self._look_up(slug))
        # Shielded: the request that asked first may go away while the others wait.
        return await asyncio.shield(coming)

    def forget(self, slug: str) -> None:
        """Look this slug up at its next request: it was deployed, taken down, or its keys changed, here."""
        self._kept.pop(slug, None)
        self._coming.pop(slug, None)

    async def _look_up(self, slug: str) -> Endpoint:
        me = asyncio.current_task()
        seen = time.monotonic()  # before the store is asked, so that what changes meanwhile is seen in time
        try:
            deployed = await self._deployments.deployment(slug)
            if deployed is None:
                self._kept.pop(slug, None)
                raise _unknown(slug)
            library = await self._library(deployed.workspace, deployed.flow)
            published = await self._publish(deployed, library)
            unready = await self._ready(deployed.workspace, deployed.flow, library) if published.plan else ()
            endpoint = Endpoint(slug, deployed, published, unready, seen)
            if self._coming.get(slug) is me:  # else it was forgotten meanwhile
                _keep(self._kept, slug, endpoint, _MOST_SLUGS)
            return endpoint
        finally:
            if self._coming.get(slug) is me:
                del self._coming[slug]

    async def _publish(self, deployed: Deployed, library: Library) -> Published:
        # Another flow that it runs may be deployed anew, and takes something else then.
        version = (deployed.workspace, deployed.flow_id, deployed.version, frozenset(library.pins.items()))
        published = self._published.get(version)
        if published is None:
            # In a thread: a flow of ten thousand steps must not hold up the answers of the others.
            published = await asyncio.to_thread(publish, deployed.flow, self._catalog, library)
        _keep(self._published, version, published, _MOST_VERSIONS)
        return published


def publish(flow: Flow, catalog: Catalog, library: Library = EMPTY) -> Published:
    """A flow compiled for the outside."""
    try:
        plan = compile_flow(flow, catalog, library)
    except BrokenFlow as broken:
        return Published(None, broken.problems)
    entrances = {}
    for step, index in plan.starts.items():
        node = plan.steps[index].node
        assert node is not None  # settings of starts take no expressions
        if source := _SOURCES.get(node.trigger):
            entrances[step] = Entrance(step, flow.title(step), node.trigger, source, Schema(plan.accepts(step)))
    output, statuses = output_schema(flow, catalog), output_statuses(flow, catalog)
    return Published(plan, (), entrances, output, statuses, library.pins)


def _unknown(slug: str) -> Refusal:
    return Refusal("unknown-flow", f"No flow is deployed as `{slug[:100]}`.", "Check the address, or deploy the flow.")


def _keep(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Keep the newest, and forget what was not needed for longest."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
