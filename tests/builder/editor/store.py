"""Drafts in memory, with the same promises as the real store."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import ConflictError, NotFoundError, OperatorError
from runtime.graph.flow import Flow
from runtime.graph.library import EMPTY, Library
from runtime.graph.problems import Problem
from runtime.graph.reading import Reading


@dataclass(frozen=True)
class Someone:
    """Who is signed in."""

    id: str = "ada"
    workspace: str = "home"
    name: str = "Ada"


@dataclass
class MemoryStore:
    """Drafts by id, and the last batch of each. full: the disk is full, nothing can be saved."""

    drafts: dict[str, tuple[Flow, int]] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    full: bool = False

    async def load(self, person: Any, flow_id: str) -> tuple[Flow, int]:
        if flow_id not in self.drafts:
            raise NotFoundError(f"There is no flow `{flow_id}`")
        return self.drafts[flow_id]

    async def save(self, person: Any, flow_id: str, flow: Flow, expected: int, batch: str = "") -> int:
        if self.full:
            raise OperatorError("The disk is full", mend="Make room on it.")
        await asyncio.sleep(0)  # others go on while a database writes
        _, revision = await self.load(person, flow_id)
        if revision != expected:
            raise ConflictError("Changed meanwhile")
        self.drafts[flow_id], self.batches[flow_id] = (flow, revision + 1), batch
        return revision + 1

    async def last_batch(self, person: Any, flow_id: str) -> str:
        await self.load(person, flow_id)
        return self.batches.get(flow_id, "")

    async def create(self, person: Any, flow: Flow) -> str:
        flow_id = f"flow{len(self.drafts) + 1}"
        self.drafts[flow_id] = (flow, 1)
        return flow_id

    async def library(self, person: Any, flow: Flow) -> Library:
        return EMPTY

    async def problems(self, person: Any, reading: Reading) -> list[Problem]:
        return []
