"""Edits: the one way a flow changes; small values from the browser, applied and taken back by pure functions."""

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
    inside,
    known,
    made,
    near,
    said_of,
    shallow,
    with_step,
)
from builder.editor.edit import EditBase, what_is_said
from builder.editor.flow_edits import Configure, Describe
from builder.editor.nest_edits import Nest, stand_again
from builder.editor.note_edits import NoteEdit
from builder.editor.renaming import NameTaken, rename_step
from builder.editor.wire_edits import Connect, Disconnect, reconnect
from runtime.graph.flow import MAX_STEPS, Edge, Flow, Step
from runtime.graph.node import ERROR


class Add(EditBase, frozen=True, tag="add"):
    """A new step. at: x and y where it stands. within: the body that it stands in, as the document says it."""

    step: str
    kind: str
    version: int = 1
    config: dict[str, Any] = {}
    at: At | None = None
    title: str = ""
    within: str = ""
    retry: dict[str, Any] | None = None
    timeout: float | None = None
    on_error: Any = "fail"
    once: bool = False
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

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return _without(flow, (self.step,))


class Paste(EditBase, frozen=True, tag="paste"):
    """Copies of steps and of the wires between them, under names of their own.

    steps: as they were copied, with the names they had. names: the new one of each. What one of them reads of another,
    or stands in, is that other's copy; all else they read and stand in as before.
    """

    steps: tuple[Add, ...]
    names: dict[str, str]
    edges: tuple[str, ...] = ()

    def apply(self, flow: Flow) -> Flow:
        if mixed := set(self.names.values()) & {old for old, new in self.names.items() if old != new}:
            raise EditError(f"A copy cannot be called `{min(mixed)}`", mend="Choose another name.")
        for step in self.steps:
            flow = self._copy(step).apply(flow)
        edges = [Edge(self._new(e.source), e.output, self._new(e.target), e.port) for e in map(edge, self.edges)]
        return Connect(tuple(map(str, edges))).apply(flow) if edges else flow

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return _without(flow, tuple(self._new(step.step) for step in self.steps))

    def _copy(self, step: Add) -> Add:
        config = step.config
        for old, new in self.names.items():
            config = _reading(config, old, new, step.step)
        container, dot, body = step.within.partition(".")
        within = f"{self._new(container)}{dot}{body}"
        return msgspec.structs.replace(step, step=self._new(step.step), config=config, within=within, place=None)

    def _new(self, name: str) -> str:
        return self.names.get(name, name)


class Remove(EditBase, frozen=True, tag="remove"):
    """Steps leave, and what stands inside them; their wires and places go with them."""

    steps: tuple[str, ...]

    def apply(self, flow: Flow) -> Flow:
        gone = self._gone(flow)
        steps = {name: step for name, step in flow.steps.items() if name not in gone}
        edges = tuple(wire for wire in flow.edges if wire.source not in gone and wire.target not in gone)
        return flow.model_copy(update={"steps": steps, "edges": edges, "layout": in_order(flow.layout, steps)})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return _back(flow, self._gone(flow))

    def _gone(self, flow: Flow) -> set[str]:
        return {known(step, flow.steps) for step in self.steps} | inside(flow.steps, self.steps)


class Move(EditBase, frozen=True, tag="move"):
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

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return (Move({step: flow.layout.get(step) for step in self.steps}),)


class Set(EditBase, frozen=True, tag="set"):
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

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        config = flow.steps[self.step].config
        if self.field in config:
            return (Set(self.step, self.field, config[self.field]),)
        return (Unset(self.step, self.field),)


class Unset(EditBase, frozen=True, tag="unset"):
    """A setting goes back to its default."""

    step: str
    field: str

    def apply(self, flow: Flow) -> Flow:
        step = flow.steps[known(self.step, flow.steps)]
        if self.field not in step.config:
            return flow
        config = {name: value for name, value in step.config.items() if name != self.field}
        return with_step(flow, self.step, step.model_copy(update={"config": config}))

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        config = flow.steps[self.step].config
        if self.field not in config:
            return ()
        return (Set(self.step, self.field, config[self.field], list(config).index(self.field)),)


class SetStep(EditBase, frozen=True, tag="set_step"):
    """What a step is called, and what happens when it fails, takes long or is cut off; what is not said stays.

    Without an error port its wires go, since they would hang in the air.
    """

    step: str
    title: str | UnsetType = UNSET
    retry: dict[str, Any] | UnsetType | None = UNSET
    timeout: float | UnsetType | None = UNSET
    on_error: Any = UNSET
    once: bool | UnsetType = UNSET

    def apply(self, flow: Flow) -> Flow:
        step = flow.steps[known(self.step, flow.steps)]
        shallow(self.on_error, self.step)
        checked = made(Step, said_of(step) | self.said(), self.step)
        changed = with_step(flow, self.step, checked.model_copy(update={"config": step.config}))
        cut = self._cut(flow)
        return changed.model_copy(update={"edges": tuple(wire for wire in flow.edges if wire not in cut)})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        before = said_of(flow.steps[self.step])
        back = SetStep(self.step, **{name: before[name] for name in self.said()})
        return (back, *reconnect(flow, self._cut(flow) or back._cut(flow)))

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return what_is_said(self, "title", "retry", "timeout", "on_error", "once")

    def _cut(self, flow: Flow) -> list[Edge]:
        if self.on_error is UNSET or self.on_error == "port":
            return []
        return [wire for wire in flow.edges if wire.source == self.step and wire.output == ERROR]


class Rename(EditBase, frozen=True, tag="rename"):
    """A step has a new id; wires, places and the expressions of other steps follow."""

    step: str
    to: str

    def apply(self, flow: Flow) -> Flow:
        known(self.step, flow.steps)
        if self.to == self.step:
            return flow
        free(self.to, flow.steps)
        steps = {self._new(name): self._renamed(name, step) for name, step in flow.steps.items()}
        edges = tuple(Edge(self._new(w.source), w.output, self._new(w.target), w.port) for w in flow.edges)
        layout = {self._new(name): at for name, at in flow.layout.items()}
        return flow.model_copy(update={"steps": steps, "edges": edges, "layout": layout})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
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
        rewired = (Disconnect(wrong), *reconnect(flow, set(flow.edges).difference(again.edges))) if wrong else ()
        lost = [name for name, step in flow.steps.items() if again.steps[name].within != step.within]
        return (back, *values, *rewired, *stand_again(flow, lost))

    def _new(self, name: str) -> str:
        return self.to if name == self.step else name

    def _renamed(self, name: str, step: Step) -> Step:
        container, dot, body = step.within.partition(".")
        config, within = _reading(step.config, self.step, self.to, name), f"{self._new(container)}{dot}{body}"
        if config is step.config and within == step.within:
            return step
        return step.model_copy(update={"config": config, "within": within})


StepEdit = Add | Paste | Remove | Move | Nest | Set | Unset | SetStep | Rename
OneEdit = StepEdit | Connect | Disconnect | Describe | Configure | NoteEdit


class Batch(EditBase, frozen=True, tag="batch"):
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


def _reading(config: dict[str, Any], old: str, new: str, where: str) -> dict[str, Any]:
    """The settings with a step read under its new name. Raises: EditError."""
    try:
        changed: dict[str, Any] = config if old == new else rename_step(config, old, new)
    except NameTaken as error:
        raise EditError(
            f"`{new}` already means something else in an expression of `{where}`: {error}",
            where,
            "Choose another name.",
        ) from None
    return changed


def _without(flow: Flow, new: tuple[str, ...]) -> tuple[EditBase, ...]:
    """What takes new steps away again, from the flow before them.

    What named them before they were there, wires and steps inside, would leave with them and comes back.
    """
    waiting = inside(flow.steps, new)
    wires = [wire for wire in flow.edges if {wire.source, wire.target} & {*new, *waiting}]
    return (Remove(new), *_added(flow, waiting), *reconnect(flow, wires))


def _back(flow: Flow, gone: set[str]) -> tuple[EditBase, ...]:
    """What brings steps back, and the wires that leave with them."""
    return (*_added(flow, gone), *reconnect(flow, [e for e in flow.edges if e.source in gone or e.target in gone]))


def _added(flow: Flow, names: set[str]) -> tuple[EditBase, ...]:
    return tuple(
        Add(name, at=flow.layout.get(name), place=place, **said_of(step))
        for place, (name, step) in enumerate(flow.steps.items())
        if name in names
    )
