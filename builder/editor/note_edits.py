"""Edits of the remarks on the canvas."""

from typing import Any

from msgspec import UNSET, UnsetType

from builder.editor.document import At, free, inserted, known, made, near
from builder.editor.edit import EditBase, what_is_said
from runtime.graph.flow import Flow, Note


class AddNote(EditBase, frozen=True, tag="add_note"):
    """A new remark on the canvas."""

    note: str
    text: str = ""
    at: At = (0.0, 0.0)
    size: At = (240.0, 120.0)
    place: int | None = None

    def apply(self, flow: Flow) -> Flow:
        free(self.note, flow.notes, "note")
        note = made(Note, {"text": self.text, "at": near(self.at), "size": near(self.size)}, self.note)
        return flow.model_copy(update={"notes": inserted(flow.notes, self.note, note, self.place)})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return (RemoveNote(self.note),)


class SetNote(EditBase, frozen=True, tag="set_note"):
    """A remark says something else, or stands elsewhere; what is not said stays."""

    note: str
    text: str | UnsetType = UNSET
    at: At | UnsetType = UNSET
    size: At | UnsetType = UNSET

    def apply(self, flow: Flow) -> Flow:
        note = flow.notes[known(self.note, flow.notes, "note")]
        said = {"text": note.text, "at": note.at, "size": note.size} | self.said()
        changed = made(Note, {**said, "at": near(said["at"]), "size": near(said["size"])}, self.note)
        return flow.model_copy(update={"notes": {**flow.notes, self.note: changed}})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        note = flow.notes[self.note]
        return (SetNote(self.note, **{name: getattr(note, name) for name in self.said()}),)

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return what_is_said(self, "text", "at", "size")


class RemoveNote(EditBase, frozen=True, tag="remove_note"):
    """A remark leaves."""

    note: str

    def apply(self, flow: Flow) -> Flow:
        known(self.note, flow.notes, "note")
        return flow.model_copy(update={"notes": {name: n for name, n in flow.notes.items() if name != self.note}})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        note = flow.notes[self.note]
        return (AddNote(self.note, note.text, note.at, note.size, list(flow.notes).index(self.note)),)


NoteEdit = AddNote | SetNote | RemoveNote
