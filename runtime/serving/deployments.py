"""What is deployed: the flow under a slug, compiled once a version, and whether it can run now."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.errors import NotFoundError
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow
from runtime.graph.node import Trigger
from runtime.graph.plan import BrokenFlow, Plan, compile_flow
from runtime.graph.problems import Problem
from runtime.interpreter.journal import Source
from runtime.serving.description import output_schema
from runtime.serving.refusals import Refusal, not_ready
from runtime.serving.schemas import Schema

_ASK_AGAIN = 1.0  # seconds that an answer of `ready` holds
_MOST_VERSIONS = 256  # compiled flows kept
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

    def key(self, plaintext: str) -> str | None:
        """The id of the API key, None when it does not open this."""
        ...


class Deployments(Protocol):
    """Where deployments are kept; asked at every request, so what it lately told should be at hand."""

    async def deployment(self, slug: str) -> Deployed:
        """What stands under a slug. Raises NotFoundError, OperatorError."""
        ...

    async def note_use(self, workspace: str, key: str) -> None:
        """A key was used."""
        ...


Ready = Callable[[str, Flow], Awaitable[Sequence[Problem]]]
"""What keeps a workspace from running a right flow now: a secret or a model that is not there."""


async def always_ready(workspace: str, flow: Flow) -> Sequence[Problem]:
    """Nothing outside a flow can keep it from running."""
    return ()


@dataclass(frozen=True, slots=True)
class Entrance:
    """A start of a deployed flow as the outside sees it. source: what its runs are recorded as."""

    step: str
    title: str
    trigger: Trigger
    source: Source
    schema: Schema


@dataclass(slots=True)
class Published:
    """A version of a flow, compiled.

    plan: None when the flow has problems, which only a newer catalog can bring. output: JSON Schema of what it
    answers. unready: what kept it from running when that was `asked`, on the monotonic clock.
    """

    plan: Plan | None
    problems: Sequence[Problem]
    entrances: dict[str, Entrance]
    output: dict[str, Any]
    unready: Sequence[Problem] = ()
    asked: float = 0.0

    def ready_plan(self) -> Plan:
        """The flow, ready to run. Raises: Refusal with 503 when it cannot."""
        if self.plan is None or self.unready:
            raise not_ready(self.problems or self.unready)
        return self.plan

    def entrance(self, wanted: str, *triggers: Trigger) -> Entrance:
        """The start that is asked for by its step, or else the first that is triggered in the first way possible.

        Raises: Refusal with 400 when the flow has none.
        """
        if wanted in self.entrances:
            return self.entrances[wanted]
        for trigger in () if wanted else triggers:
            for entrance in self.entrances.values():
                if entrance.trigger == trigger:
                    return entrance
        missing = f"no start `{wanted[:100]}`" if wanted else f"no start of the kind {' or '.join(triggers)}"
        shown = ", ".join(f"`{each.step}` ({each.trigger})" for each in self.entrances.values()) or "none"
        raise Refusal("unknown-start", f"The flow has {missing}.", f"Its starts: {shown}.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What stands under a slug at this moment."""

    slug: str
    deployed: Deployed
    published: Published


class Endpoints:
    """Finds what stands under a slug. ready: asked at most once a second for each version."""

    def __init__(self, deployments: Deployments, catalog: Catalog, ready: Ready = always_ready) -> None:
        self._deployments, self._catalog, self._ready = deployments, catalog, ready
        self._published: OrderedDict[tuple[str, str, int], Published] = OrderedDict()
        self._coming: dict[tuple[str, str, int], asyncio.Task[Published]] = {}

    async def find(self, slug: str) -> Endpoint:
        """The endpoint under a slug. Raises: Refusal with 404, OperatorError when the store does not answer."""
        try:
            deployed = await self._deployments.deployment(slug)
        except NotFoundError as error:
            raise Refusal("unknown-flow", f"No flow is deployed as `{slug[:100]}`.", error.mend) from None
        version = (deployed.workspace, deployed.flow_id, deployed.version)
        published = self._published.get(version)
        if published is None:
            published = await self._await_published(version, deployed.flow)
        elif time.monotonic() - published.asked > _ASK_AGAIN:
            published.asked = time.monotonic()  # first, so that a hundred requests at once ask once
            published.unready = published.problems or await self._ready(deployed.workspace, deployed.flow)
        return Endpoint(slug, deployed, published)

    async def _await_published(self, version: tuple[str, str, int], flow: Flow) -> Published:
        """The version compiled, once however many ask for it."""
        coming = self._coming.get(version)
        if coming is None:
            coming = self._coming[version] = asyncio.create_task(self._publish(version, flow))
            coming.add_done_callback(lambda _: self._coming.pop(version))
        # Shielded: the request that asked first may go away while the others wait.
        return await asyncio.shield(coming)

    async def _publish(self, version: tuple[str, str, int], flow: Flow) -> Published:
        # In a thread: a flow of ten thousand steps must not hold up the answers of the others.
        published = await asyncio.to_thread(publish, flow, self._catalog)
        published.unready = published.problems or await self._ready(version[0], flow)
        published.asked = time.monotonic()
        self._published[version] = published
        if len(self._published) > _MOST_VERSIONS:
            self._published.popitem(last=False)
        return published


def publish(flow: Flow, catalog: Catalog) -> Published:
    """A flow compiled for the outside."""
    try:
        plan = compile_flow(flow, catalog)
    except BrokenFlow as broken:
        return Published(None, broken.problems, {}, {})
    entrances = {}
    for step, index in plan.starts.items():
        node = plan.steps[index].node
        assert node is not None  # settings of starts take no expressions
        if source := _SOURCES.get(node.trigger):
            entrances[step] = Entrance(step, flow.title(step), node.trigger, source, Schema(plan.accepts(step)))
    return Published(plan, (), entrances, output_schema(flow, catalog))
