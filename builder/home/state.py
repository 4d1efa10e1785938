"""Home in Reflex: each event says who asks, calls the backend once, and shows what came back."""

import base64

import reflex as rx
from reflex.event import EventSpec

from builder.guard import backend, person
from builder.home.examples import Example, example_text, gallery
from builder.home.importing import SHOWN, MigratedLine, ProblemLine, migrated_lines, problem_line
from builder.home.lines import MANY, FlowLine, found, fresh_flow, line, rename_error
from builder.notices import Notices
from runtime.errors import CanevasError
from runtime.graph.markup import MAX_BYTES
from runtime.graph.problems import Problem


class Home(rx.State):
    """The person's flows.

    phase: loading, there or failed. busy: what is being done now, such as `new` or an example's name. renaming: the
    id of the flow whose name is being changed. problems, migrated: what the last import has to tell, of `file`.
    """

    phase: str = "loading"
    flows: list[FlowLine] = []
    examples: list[Example] = []
    words: str = ""
    busy: str = ""
    failed: str = ""
    mend: str = ""
    renaming: str = ""
    name: str = ""
    name_error: str = ""
    file: str = ""
    problems: list[ProblemLine] = []
    unshown: int = 0
    migrated: list[MigratedLine] = []
    imported: str = ""
    _received: str = ""

    @rx.var
    def shown(self) -> list[FlowLine]:
        """The flows that the search finds."""
        return found(self.flows, self.words)

    @rx.var
    def is_many(self) -> bool:
        """Are there so many that one searches?"""
        return len(self.flows) > MANY

    @rx.event
    async def load(self) -> None:
        """Show the flows as they are now."""
        who, back = await person(), backend()
        self.busy = self.words = ""
        try:
            self.flows = [line(entry) for entry in await back.flows(who)]
        except CanevasError as error:
            self.phase, self.failed, self.mend = "failed", error.what, error.mend
            return
        self.examples = gallery(back.catalog)
        self.phase = "there"

    @rx.event
    def search(self, words: str) -> None:
        """Show only what these words find."""
        self.words = words

    @rx.event
    async def create(self, name: str) -> EventSpec:
        """A new flow with a start, opened. name: what new flows are called in the person's language."""
        who, back = await person(), backend()
        return rx.redirect(f"/flows/{await back.create(who, fresh_flow(name, back.catalog))}")

    @rx.event
    async def open_example(self, slug: str) -> EventSpec | None:
        """A copy of an example, opened."""
        who = await person()
        try:
            made = await backend().import_file(who, example_text(slug))
        except CanevasError as error:
            await self._told(error)
            return None
        return rx.redirect(f"/flows/{made.flow_id}")

    @rx.event
    async def duplicate(self, flow_id: str, name: str) -> EventSpec | None:
        """A copy of a flow under this name, on top of the list."""
        who = await person()
        try:
            await backend().duplicate(who, flow_id, name)
        except CanevasError as error:
            await self._told(error)
        return Home.load()

    @rx.event
    async def delete(self, flow_id: str) -> EventSpec | None:
        """Put a flow away, with a way back."""
        who = await person()
        gone = next((line for line in self.flows if line["id"] == flow_id), None)
        try:
            await backend().delete(who, flow_id)
        except CanevasError as error:
            await self._told(error)
            return Home.load()
        notices, undo = await self.get_state(Notices), Home.restore(flow_id)
        name = gone["name"] if gone else ""
        if gone and gone["slug"]:
            notices._say("“{name}” was deleted, and its address answers no more.", action=("Undo", undo), name=name)
        else:
            notices._say("“{name}” was deleted.", action=("Undo", undo), name=name)
        self.flows = [line for line in self.flows if line["id"] != flow_id]
        return None

    @rx.event
    async def restore(self, flow_id: str) -> EventSpec:
        """Take a deletion back."""
        who = await person()
        try:
            await backend().restore(who, flow_id)
        except CanevasError as error:
            await self._told(error)
        return Home.load()

    @rx.event
    async def export(self, flow_id: str) -> EventSpec | None:
        """Hand over a flow's file."""
        who = await person()
        try:
            name, text = await backend().export_file(who, flow_id)
        except CanevasError as error:
            await self._told(error)
            return None
        return rx.download(data=text, filename=name, mime_type="application/yaml")

    # --- renaming ----------------------------------------------------------------------------------------------

    @rx.event
    def ask_name(self, flow_id: str, name: str) -> None:
        """Open the dialog that changes a flow's name."""
        self.renaming, self.name, self.name_error = flow_id, name, ""

    @rx.event
    def leave_name(self, open: bool) -> None:
        """The dialog was closed."""
        if not open:
            self.renaming = ""

    @rx.event
    async def rename(self, form: dict[str, str]) -> EventSpec | None:
        """Give a flow the name in the form."""
        who, name = await person(), form.get("flow-name", "")
        self.name_error = rename_error(name)
        if self.name_error:
            return None
        try:
            await backend().rename(who, self.renaming, name)
        except CanevasError as error:
            await self._told(error)
        self.renaming = ""
        return Home.load()

    # --- importing ---------------------------------------------------------------------------------------------

    @rx.event
    async def receive(self, file: str, size: int, part: str, last: bool) -> EventSpec | None:
        """A part of a file in base64; the last one imports it. size: of the whole file, in bytes."""
        who = await person()
        received, self._received = self._received + part, ""
        if size > MAX_BYTES or len(received) > 2 * MAX_BYTES:
            self._refuse(file, [Problem("too_large", params={"size": size, "limit": MAX_BYTES})])
            return None
        if not last:
            self._received = received
            return None
        made = await backend().import_file(who, base64.b64decode(received))
        if not made.flow_id:
            self._refuse(file, made.problems)
        elif made.migrated:
            self.file, self.imported, self.migrated = file, made.flow_id, migrated_lines(made.migrated)
            return Home.load()
        else:
            return rx.redirect(f"/flows/{made.flow_id}")
        return None

    @rx.event
    def leave_import(self, open: bool) -> None:
        """The report of an import was closed."""
        if not open:
            self.problems, self.migrated, self.imported, self.unshown = [], [], "", 0

    def _refuse(self, file: str, problems: "list[Problem] | tuple[Problem, ...]") -> None:
        self.file = file
        self.problems = [problem_line(problem) for problem in problems[:SHOWN]]
        self.unshown = max(0, len(problems) - SHOWN)

    async def _told(self, error: CanevasError) -> None:
        (await self.get_state(Notices))._tell(error)
