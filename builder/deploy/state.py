"""Deploying in Reflex: publish the draft under a slug, show its key once, make and revoke keys."""

import time
from typing import Any, TypedDict

import reflex as rx

from builder.backend import slug_of
from builder.deploy.calling import curl
from builder.deploy.ticks import TickLine, next_ticks
from builder.editor.state import Editing
from builder.guard import backend, person
from builder.notices import Notices
from runtime.errors import CanevasError
from runtime.graph.plan import BrokenFlow


class KeyLine(TypedDict):
    """One key of the deployment, without its text. created: seconds since the epoch."""

    id: str
    name: str
    prefix: str
    created: float


class Deploying(rx.State):
    """The deploy dialog of the open flow.

    slug: what the address will be. live: the slug under which it answers now, empty when nowhere. key: the text of a
    fresh key while the dialog that made it is open. command: the line that calls it, empty when it only starts by
    itself; ticks: when it does. paused: since when its runs wait, 0 when they do not. failed, failed_step, mend: why it
    could not be done, at which step, and what to do.
    """

    is_open: bool = False
    slug: str = ""
    live: str = ""
    version: int = 0
    address: str = ""
    command: str = ""
    key: str = ""
    keys: list[KeyLine] = []
    ticks: list[TickLine] = []
    paused: float = 0.0
    busy: bool = False
    failed: str = ""
    failed_step: str = ""
    mend: str = ""

    @rx.event
    async def arrive(self) -> None:
        """A flow was opened: say whether it is deployed."""
        self.reset()
        await self._look()

    @rx.event
    async def set_open(self, is_open: bool) -> None:
        """Open or close the dialog; a key that was shown is forgotten on closing."""
        self.is_open = is_open
        self.key = self.failed = self.failed_step = self.mend = ""
        if is_open:
            self.slug = ""  # the flow may have another name by now
            await self._look()

    @rx.event
    async def deploy(self, data: dict[str, Any]) -> None:
        """Publish the draft as it is now."""
        self.slug = str(data.get("slug", "")).strip()
        self.failed = self.failed_step = self.mend = ""
        flow = await self._flow()
        try:
            published = await backend().deploy(await person(), flow, self.slug)
        except CanevasError as error:
            self._refuse(error)
            return
        self.key = published.key
        await self._look()

    @rx.event
    async def undeploy(self) -> None:
        """Let the flow answer no more."""
        try:
            await backend().undeploy(await person(), self.live)
        except CanevasError as error:
            self._refuse(error)
        self.key = ""
        await self._look()

    @rx.event
    async def pause(self, paused: bool) -> None:
        """Let what comes wait, or go on."""
        who, back = await person(), backend()
        try:
            await (back.pause(who, self.live) if paused else back.resume(who, self.live))
        except CanevasError as error:
            self._refuse(error)
        await self._look()

    @rx.event
    async def add_key(self) -> None:
        """Make another key and show it once."""
        try:
            self.key = await backend().new_key(await person(), self.live, f"Key {len(self.keys) + 1}")
        except CanevasError as error:
            self._refuse(error)
        await self._look()

    @rx.event
    async def revoke(self, key: str) -> None:
        """Let a key open nothing any more."""
        try:
            await backend().revoke_key(await person(), key)
        except CanevasError as error:
            self._refuse(error)
        await self._look()

    @rx.event
    async def copied(self) -> None:
        """Say that the clipboard has it."""
        (await self.get_state(Notices))._say("Copied.", "success")

    async def _flow(self) -> str:
        return str((await self.get_state(Editing)).flow_id)

    async def _look(self) -> None:
        who, back, flow = await person(), backend(), await self._flow()
        try:
            standing = await back.deployments(who, flow)
            starts = await back.starts(who, flow)
            name = (await back.draft(who, flow)).name
            rules = await back.schedules(who, standing[0]) if standing else {}
        except CanevasError as error:
            self._refuse(error)
            return
        self.live, self.version = (standing[0].slug, standing[0].version) if standing else ("", 0)
        self.paused = (standing[0].paused or 0.0) if standing else 0.0
        self.ticks = next_ticks(rules, time.time())
        self.slug = self.slug or self.live or slug_of(name)
        keys = await back.keys(who, self.live) if self.live else []
        self.keys = [KeyLine(id=k.id, name=k.name, prefix=k.prefix, created=k.created) for k in keys]
        self.address = f"{back.url}/api/flows/{self.live}" if self.live else ""
        called = [start for start in starts if start["trigger"] != "schedule"]
        self.command = curl(back.url, self.live, called[0], self.key) if self.live and called else ""

    def _refuse(self, error: CanevasError) -> None:
        self.failed, self.mend = error.what, error.mend
        if isinstance(error, BrokenFlow):
            problem = error.problems[0]
            self.failed, self.failed_step = problem.what, problem.step
