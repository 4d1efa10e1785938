"""Drafts as the editor's desks want them, from the database."""

import asyncio
from typing import TYPE_CHECKING

from builder.gate import Person
from runtime.graph.flow import Flow
from runtime.graph.library import Library
from runtime.graph.migration import migrate
from runtime.graph.problems import Problem
from runtime.graph.reading import Reading

if TYPE_CHECKING:  # handed in by whoever starts the process
    from runtime.assembly import Runtime


class Drafts:
    """The drafts of the database, as the desks want them; see `FlowStore`."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    async def load(self, person: Person, flow_id: str) -> tuple[Flow, int]:
        """The draft, its steps brought up to date, and its revision."""
        stored = await self._runtime.flows.load(person.workspace, flow_id)
        flow, _ = await asyncio.to_thread(migrate, stored.flow, self._runtime.catalog)
        return flow, stored.revision

    async def save(self, person: Person, flow_id: str, flow: Flow, expected: int, batch: str = "") -> int:
        """Store a draft when the stored revision is still `expected`; the new revision."""
        return await self._runtime.flows.save(person.workspace, flow_id, flow, expected, batch)

    async def last_batch(self, person: Person, flow_id: str) -> str:
        """The batch that the last save was given."""
        return await self._runtime.flows.last_batch(person.workspace, flow_id)

    async def create(self, person: Person, flow: Flow) -> str:
        """Store a new flow; its id."""
        return (await self._runtime.flows.create(person.workspace, flow, person.id)).id

    async def library(self, person: Person, flow: Flow) -> Library:
        """The other flows that a flow runs."""
        return await self._runtime.library(person.workspace, flow)

    async def problems(self, person: Person, reading: Reading) -> list[Problem]:
        """What keeps the flow from running although it is drawn right."""
        return await self._runtime.what_is_missing(person.workspace, reading)
