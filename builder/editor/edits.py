"""Edits: the one way a flow changes; small values from the browser, applied and taken back by pure functions."""

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from builder.editor.document import (
    At,
    EditError,
    edge,
    free,
    in_order,
    inserted,
    known,
    made,
    near,
    said_of,
    shallow,
    with_step,
)
from builder.editor.renaming import NameTaken, rename_step
from runtime.graph.flow import MAX_STEPS, Edge, Flow, Note, Step
from runtime.graph.node import ERROR


class _Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do"):
    """One change of a flow. `place` says where among its like something stands; None is last.

    apply: the changed flow; raises EditError, and then nothing has changed. inverse: what takes the change back,
    from the flow before it.
    """


class Add(_Edit, frozen=True, tag="add"):
    """A new step. at: x and y on the canvas."""

    step: str
    kind: str
    version: int = 1
    config: dict[str, Any] = {}
    at: At | None = None
    title: str = ""
    retry: dict[str, float] | None = None
    timeout: float | None = None
    on_error: Any = "fail"
    place: int | None = None

    def apply(self, flow: Flow) -> Flow:
        free(self.step, flow.steps)
        if len(flow.steps) >= MAX_STEPS:
            raise EditError(f"The flow has {MAX_STEPS} steps, which is the limit", mend="Split it into several flows.")
        shallow(self.config, self.step)
        said = {name: getattr(self, name) for name in Step.model_fields}
        steps = inserted(flow.steps, self.step, made(Step, said, self.step), self.place)
        layout = flow.layout if self.at is None else {**flow.layout, self.step: near(self.at)}
        return flow.model_copy(update={"steps": steps, "layout": in_order(layout, steps)})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        # Wires of a step that was missing until now would leave with it.
        waiting = [wire for wire in flow.edges if self.step in (wire.source, wire.target)]
        return (Remove((self.step,)), *_reconnect(flow, waiting))


class Remove(_Edit, frozen=True, tag="remove"):
    """Steps leave, and their wires and places with them."""

    steps: tuple[str, ...]

    def apply(self, flow: Flow) -> Flow:
        gone = {known(step, flow.steps) for step in self.steps}
        steps = {name: step for name, step in flow.steps.items() if name not in gone}
        edges = tuple(wire for wire in flow.edges if wire.source not in gone and wire.target not in gone)
        return flow.model_copy(update={"steps": steps, "edges": edges, "layout": in_order(flow.layout, steps)})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        gone = set(self.steps)
        back = tuple(
            Add(name, at=flow.layout.get(name), place=place, **said_of(step))
            for place, (name, step) in enumerate(flow.steps.items())
            if name in gone
        )
        cut = [wire for wire in flow.edges if wire.source in gone or wire.target in gone]
        return back + _reconnect(flow, cut)


class Move(_Edit, frozen=True, tag="move"):
    """Steps stand elsewhere: x and y by step; null leaves the place to the canvas."""

    steps: dict[str, At | None]

    def apply(self, flow: Flow) -> Flow:
        layout = dict(flow.layout)
        for step, at in self.steps.items():
            known(step, flow.steps)
            if at is None:
                layout.pop(step, None)
            else:
                layout[step] = near(at)
        return flow.model_copy(update={"layout": in_order(layout, flow.steps)})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        return (Move({step: flow.layout.get(step) for step in self.steps}),)


class Connect(_Edit, frozen=True, tag="connect"):
    """New wires, each `a.out -> b.in`.

    places: of each among all wires; that is how wires come back, exactly as they were, even wrong ones.
    """

    edges: tuple[str, ...]
    places: tuple[int, ...] = ()

    def apply(self, flow: Flow) -> Flow:
        edges, new = list(flow.edges), [edge(text) for text in self.edges]
        for number, wire in enumerate(new):
            if wire in flow.edges or (not self.places and wire in new[:number]):
                raise EditError(f"The wire `{wire}` is there already", wire.target)
            if not self.places:
                known(wire.source, flow.steps)
                known(wire.target, flow.steps)
            edges.insert(self.places[number] if number < len(self.places) else len(edges), wire)
        return flow.model_copy(update={"edges": tuple(edges)})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        return (Disconnect(self.edges),)


class Disconnect(_Edit, frozen=True, tag="disconnect"):
    """Wires leave."""

    edges: tuple[str, ...]

    def apply(self, flow: Flow) -> Flow:
        gone = {edge(text) for text in self.edges}
        for wire in gone.difference(flow.edges):
            raise EditError(f"There is no wire `{wire}`", wire.target, "It was removed meanwhile.")
        return flow.model_copy(update={"edges": tuple(wire for wire in flow.edges if wire not in gone)})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        return _reconnect(flow, {edge(text) for text in self.edges})


class Set(_Edit, frozen=True, tag="set"):
    """A setting of a step has a new value."""

    step: str
    field: str
    value: Any
    place: int | None = None

    def apply(self, flow: Flow) -> Flow:
        step = flow.steps[known(self.step, flow.steps)]
        shallow(self.value, f"{self.step}.{self.field}")
        if self.field in step.config:
            config = {**step.config, self.field: self.value}
        else:
            config = inserted(step.config, self.field, self.value, self.place)
        return with_step(flow, self.step, step.model_copy(update={"config": config}))

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        config = flow.steps[self.step].config
        if self.field in config:
            return (Set(self.step, self.field, config[self.field]),)
        return (Unset(self.step, self.field),)


class Unset(_Edit, frozen=True, tag="unset"):
    """A setting goes back to its default."""

    step: str
    field: str

    def apply(self, flow: Flow) -> Flow:
        step = flow.steps[known(self.step, flow.steps)]
        if self.field not in step.config:
            return flow
        config = {name: value for name, value in step.config.items() if name != self.field}
        return with_step(flow, self.step, step.model_copy(update={"config": config}))

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        config = flow.steps[self.step].config
        if self.field not in config:
            return ()
        return (Set(self.step, self.field, config[self.field], list(config).index(self.field)),)


class SetStep(_Edit, frozen=True, tag="set_step"):
    """What a step is called, and what happens when it fails or takes long; what is not said stays.

    Without an error port its wires go, since they would hang in the air.
    """

    step: str
    title: str | UnsetType = UNSET
    retry: dict[str, float] | UnsetType | None = UNSET
    timeout: float | UnsetType | None = UNSET
    on_error: Any = UNSET

    def apply(self, flow: Flow) -> Flow:
        step = flow.steps[known(self.step, flow.steps)]
        shallow(self.on_error, self.step)
        checked = made(Step, said_of(step) | self.said(), self.step)
        changed = with_step(flow, self.step, checked.model_copy(update={"config": step.config}))
        cut = self._cut(flow)
        return changed.model_copy(update={"edges": tuple(wire for wire in flow.edges if wire not in cut)})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        before = said_of(flow.steps[self.step])
        back = SetStep(self.step, **{name: before[name] for name in self.said()})
        return (back, *_reconnect(flow, self._cut(flow) or back._cut(flow)))

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return _what_is_said(self, "title", "retry", "timeout", "on_error")

    def _cut(self, flow: Flow) -> list[Edge]:
        if self.on_error is UNSET or self.on_error == "port":
            return []
        return [wire for wire in flow.edges if wire.source == self.step and wire.output == ERROR]


class Rename(_Edit, frozen=True, tag="rename"):
    """A step has a new id; wires, places and the expressions of other steps follow."""

    step: str
    to: str

    def apply(self, flow: Flow) -> Flow:
        known(self.step, flow.steps)
        if self.to == self.step:
            return flow
        free(self.to, flow.steps)
        steps = {self._new(name): self._reading(name, step) for name, step in flow.steps.items()}
        edges = tuple(Edge(self._new(w.source), w.output, self._new(w.target), w.port) for w in flow.edges)
        layout = {self._new(name): at for name, at in flow.layout.items()}
        return flow.model_copy(update={"steps": steps, "edges": edges, "layout": layout})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        back = Rename(self.to, self.step)
        again = back.apply(self.apply(flow))
        # What bore the new name before, or was written anew, does not come back by renaming alone.
        wrong = tuple(str(wire) for wire in dict.fromkeys(again.edges) if wire not in flow.edges)
        values = (
            Set(name, field, value)
            for name, step in flow.steps.items()
            for field, value in step.config.items()
            if again.steps[name].config[field] != value
        )
        rewired = (Disconnect(wrong), *_reconnect(flow, set(flow.edges).difference(again.edges))) if wrong else ()
        return (back, *values, *rewired)

    def _new(self, name: str) -> str:
        return self.to if name == self.step else name

    def _reading(self, name: str, step: Step) -> Step:
        try:
            config = rename_step(step.config, self.step, self.to)
        except NameTaken as error:
            raise EditError(
                f"`{self.to}` already means something else in an expression of `{name}`: {error}",
                name,
                "Choose another name.",
            ) from None
        return step if config is step.config else step.model_copy(update={"config": config})


class Describe(_Edit, frozen=True, tag="describe"):
    """What the flow is called and what it is for; what is not said stays."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET

    def apply(self, flow: Flow) -> Flow:
        said = self.said()
        checked = made(Flow, said, "flow")
        return flow.model_copy(update={name: getattr(checked, name) for name in said})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        return (Describe(**{name: getattr(flow, name) for name in self.said()}),)

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return _what_is_said(self, "name", "description")


class AddNote(_Edit, frozen=True, tag="add_note"):
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

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        return (RemoveNote(self.note),)


class SetNote(_Edit, frozen=True, tag="set_note"):
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

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        note = flow.notes[self.note]
        return (SetNote(self.note, **{name: getattr(note, name) for name in self.said()}),)

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return _what_is_said(self, "text", "at", "size")


class RemoveNote(_Edit, frozen=True, tag="remove_note"):
    """A remark leaves."""

    note: str

    def apply(self, flow: Flow) -> Flow:
        known(self.note, flow.notes, "note")
        return flow.model_copy(update={"notes": {name: n for name, n in flow.notes.items() if name != self.note}})

    def inverse(self, flow: Flow) -> "tuple[OneEdit, ...]":
        note = flow.notes[self.note]
        return (AddNote(self.note, note.text, note.at, note.size, list(flow.notes).index(self.note)),)


NoteEdit = AddNote | SetNote | RemoveNote
OneEdit = Add | Remove | Move | Connect | Disconnect | Set | Unset | SetStep | Rename | Describe | NoteEdit


class Batch(_Edit, frozen=True, tag="batch"):
    """Several edits that are one for the person who made them: all happen or none."""

    edits: tuple[OneEdit, ...]

    def apply(self, flow: Flow) -> Flow:
        for edit in self.edits:
            flow = edit.apply(flow)
        return flow

    def inverse(self, flow: Flow) -> tuple[OneEdit, ...]:
        back: list[tuple[OneEdit, ...]] = []
        for edit in self.edits:
            after = edit.apply(flow)
            back.append(edit.inverse(flow))
            flow = after
        return tuple(edit for inverses in reversed(back) for edit in inverses)


Edit = OneEdit | Batch
_decoder: msgspec.json.Decoder[Edit] = msgspec.json.Decoder(Edit)


def decode(raw: object) -> Edit:
    """An edit from what a browser sent. Raises: EditError that names the place."""
    try:
        # Through text and back: a private copy that holds nothing but JSON.
        return _decoder.decode(msgspec.json.encode(raw))
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise EditError(f"This is not an edit: {error}") from None


def encode(edit: Edit) -> dict[str, Any]:
    """An edit as plain values, for a log or a browser."""
    plain: dict[str, Any] = msgspec.to_builtins(edit)
    return plain


def apply(flow: Flow, edit: Edit) -> Flow:
    """The flow after an edit. Raises: EditError, and then nothing has changed."""
    return edit.apply(flow)


def inverse(flow: Flow, edit: Edit) -> Edit:
    """The edit that takes `edit` back, from the flow before it. Raises: EditError when it does not fit."""
    edit.apply(flow)  # so that it is refused for the reason it would be refused for anyway
    back = edit.inverse(flow)
    return back[0] if len(back) == 1 else Batch(back)


def _what_is_said(edit: Any, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(edit, name)) is not UNSET}


def _reconnect(flow: Flow, cut: Collection[Edge]) -> "tuple[OneEdit, ...]":
    """What puts wires back where they stood."""
    places = [(str(wire), place) for place, wire in enumerate(flow.edges) if wire in cut]
    return (Connect(tuple(text for text, _ in places), tuple(place for _, place in places)),) if places else ()
