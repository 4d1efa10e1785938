"""What one person in one tab can undo and redo, as a value: nothing here knows where flows are kept."""

from dataclasses import dataclass, replace

from builder.editor.document import EditError
from builder.editor.edits import Batch, Edit, Move, Set, SetStep, inverse
from builder.editor.flow_edits import Configure
from builder.editor.note_edits import SetNote
from runtime.graph.flow import Flow

LONGEST = 200  # steps back
PAUSE = 1.2  # seconds; typing and nudging without a longer pause is one thing to undo


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done. back: what takes it back. at: when, in seconds."""

    edit: Edit
    back: Edit
    at: float = 0.0

    @property
    def name(self) -> tuple[str, dict[str, str | int]]:
        """What it was, as an English template for the catalogue and what fills its braces."""
        return name_of(self.edit)


@dataclass(frozen=True, slots=True)
class History:
    """Stacks of what was done and what was undone, the latest last."""

    done: tuple[Entry, ...] = ()
    undone: tuple[Entry, ...] = ()

    def record(self, flow: Flow, edit: Edit, at: float = 0.0) -> "History":
        """The history after an edit of this flow; what was undone before can no longer be redone."""
        entry = Entry(edit, inverse(flow, edit), at)
        done = self.done
        if done and at - done[-1].at <= PAUSE and _goes_on(done[-1].edit, edit):
            done, entry = done[:-1], replace(entry, back=done[-1].back)
        return History((*done, entry)[-LONGEST:])

    def undo(self, flow: Flow) -> "tuple[History, Edit] | None":
        """The history after an undo and the edit that undoes, None when there is nothing to undo.

        What no longer fits, because somebody else changed the flow meanwhile, is forgotten.
        """
        for kept in range(len(self.done), 0, -1):
            entry = self.done[kept - 1]
            if _fits(flow, entry.back):
                return History(self.done[: kept - 1], (*self.undone, entry)), entry.back
        return None

    def redo(self, flow: Flow) -> "tuple[History, Edit] | None":
        """The history after a redo and the edit to apply again, None when there is nothing to redo."""
        for kept in range(len(self.undone), 0, -1):
            entry = self.undone[kept - 1]
            if _fits(flow, entry.edit):
                again = replace(entry, back=inverse(flow, entry.edit), at=0.0)
                return History((*self.done, again), self.undone[: kept - 1]), entry.edit
        return None


def name_of(edit: Edit) -> tuple[str, dict[str, str | int]]:
    """What an edit does, in two or three words: an English template and what fills its braces."""
    if isinstance(edit, Batch):
        return name_of(edit.edits[0]) if edit.edits else ("Change the flow", {})
    template = _NAMES[type(edit).__name__]
    return template, {name: getattr(edit, name) for name in ("step", "field", "kind") if f"{{{name}}}" in template}


_NAMES = {
    "Add": "Add {kind}",
    "Paste": "Paste",
    "Remove": "Remove",
    "Move": "Move",
    "Nest": "Move into or out of a frame",
    "Connect": "Connect",
    "Disconnect": "Disconnect",
    "Set": "Change {field} of {step}",
    "Unset": "Reset {field} of {step}",
    "SetStep": "Change {step}",
    "Rename": "Rename {step}",
    "Describe": "Rename the flow",
    "Configure": "Change how the flow runs",
    "AddNote": "Add a note",
    "SetNote": "Change a note",
    "RemoveNote": "Remove a note",
}


def _goes_on(before: Edit, now: Edit) -> bool:
    """Whether two edits in a row are one to the person: the same setting typed on, the same steps nudged on."""
    return _subject(before) is not None and _subject(before) == _subject(now)


def _subject(edit: Edit) -> tuple[object, ...] | None:
    if isinstance(edit, Batch) and len(edit.edits) == 1:
        edit = edit.edits[0]
    if isinstance(edit, Set):
        return ("set", edit.step, edit.field)
    if isinstance(edit, Move):
        return ("move", *sorted(edit.steps))
    if isinstance(edit, SetStep):
        return ("set_step", edit.step, *edit.said())
    if isinstance(edit, Configure):
        return ("configure", *edit.said())
    if isinstance(edit, SetNote):
        return ("set_note", edit.note, *edit.said())
    return None


def _fits(flow: Flow, edit: Edit) -> bool:
    try:
        edit.apply(flow)
    except EditError:
        return False
    return True
