"""Values in full, in Reflex: a page shows how a large one begins, and the browser saves the whole."""

import reflex as rx
from reflex.event import EventSpec

from builder.guard import backend, person
from builder.notices import Notices
from builder.preview.saved import file_of
from builder.preview.state import Previewing
from runtime.errors import CanevasError


class Saving(rx.State):
    """Hands over values of the run that the page shows."""

    @rx.event
    async def value(self, step: str, side: str, name: str) -> EventSpec | None:
        """Save a value. step: a path, empty for the run; side: input or output; name: its port."""
        path = self.router.url.path
        run = path.split("/")[2] if path.startswith("/runs/") else str((await self.get_state(Previewing)).run_id)
        notices = await self.get_state(Notices)
        try:
            file = file_of(await backend().trace(await person(), run), step, side, name)
        except CanevasError as error:
            notices._tell(error)
            return None
        if file is None:
            notices._say("The run has no such value any more.", "error")
            return None
        return rx.download(data=file.text, filename=file.name, mime_type=file.kind)
