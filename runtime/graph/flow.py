"""The document: a flow is steps, edges between their ports, and a layout; values only, no code, no secrets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_serializer,
    model_validator,
)
from pydantic_core.core_schema import SerializerFunctionWrapHandler

from runtime.graph.node import AFTER
from runtime.graph.program import RESERVED
from runtime.graph.values import flaw

FORMAT = 1
MAX_STEPS = 20_000

_ID = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_PORT = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_EDGE = re.compile(rf"\s*([a-z][a-z0-9_]*)\.({_PORT})\s*->\s*([a-z][a-z0-9_]*)(?:\.({_PORT}))?\s*\Z")


def is_port_name(text: str) -> bool:
    """Whether a wire can be written to or from a port of this name."""
    return re.fullmatch(_PORT, text) is not None


def _step_id(value: str) -> str:
    if not _ID.match(value) or value in RESERVED:
        raise ValueError(f"{value!r} cannot name a step: use small letters, digits and _, and no word of expressions")
    return value


StepId = Annotated[str, BeforeValidator(lambda v: _step_id(v) if isinstance(v, str) else v)]


@dataclass(frozen=True, slots=True)
class Edge:
    """A wire from an output port to an input port, or to a setting that takes a wire; written `a.out -> b.in`.

    Into `after` it carries order and branch but no value, and is written `a.out -> b`.
    """

    source: str
    output: str
    target: str
    port: str = AFTER

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read `a.out -> b.in` or `a.out -> b`. Raises ValueError with the form to write."""
        if isinstance(text, cls):
            return text
        match = _EDGE.match(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f"{text!r} is no wire; write `step.output -> step.input`")
        return cls(match[1], match[2], match[3], match[4] or AFTER)

    def __str__(self) -> str:
        end = self.target if self.port == AFTER else f"{self.target}.{self.port}"
        return f"{self.source}.{self.output} -> {end}"


EdgeField = Annotated[Edge, BeforeValidator(Edge.parse), PlainSerializer(str, return_type=str)]


class _Document(BaseModel):
    """Frozen, refuses what it does not know, and writes only what differs from the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        for name, spec in type(self).model_fields.items():
            if (
                name != "version"
                and not spec.is_required()
                and getattr(self, name) == spec.get_default(call_default_factory=True)
            ):
                written.pop(name, None)
        return written


DEEPEST_SETTING = 50  # lists and objects in one another; a file may have 64 levels, and some stand around settings


def _json(value: Any) -> Any:
    if reason := flaw(value, DEEPEST_SETTING):
        raise ValueError(reason)
    return value


Json = Annotated[Any, AfterValidator(_json)]


Cause = Literal["timeout", "provider", "operator", "node"]


class Retry(_Document):
    """How often and how soon a failed step is tried again.

    times: tries after the first. wait: seconds before the second try. backoff: each wait is that many times longer.
    jitter: the part of a wait that chance takes away or adds, so that many runs do not come back at once. on: which
    errors; a provider's error that cannot go better and a wrong value are never tried again.
    """

    times: int = Field(ge=1, le=20)
    wait: float = Field(default=1.0, ge=0, le=3600)
    backoff: float = Field(default=2.0, ge=1, le=10)
    jitter: float = Field(default=0.1, ge=0, le=1)
    on: tuple[Cause, ...] = Field(default=("timeout", "provider", "operator", "node"), min_length=1)


class Default(_Document):
    """What a step gives when it failed and the flow should go on."""

    default: Json


OnError = Literal["fail", "port"] | Default


class Step(_Document):
    """One node on the canvas. version: of its node, when it was last edited. timeout: seconds for one try.

    within: the body it stands in, as `step` or `step.body`; empty on the canvas itself. on_error: `fail` ends the
    run, `port` sends the error to the output `error`, a Default goes on with a value. once: after a crash in its middle
    a person decides whether it runs again.
    """

    kind: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    version: int = Field(default=1, ge=1)
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    within: Annotated[str, StringConstraints(pattern=rf"^([a-z][a-z0-9_]*(\.{_PORT})?)?$")] = ""
    config: Annotated[dict[str, Any], AfterValidator(_json)] = Field(default_factory=dict)
    retry: Retry | None = None
    timeout: float | None = Field(default=None, gt=0, le=86_400)
    on_error: OnError = "fail"
    once: bool = False


class Note(_Document):
    """A remark on the canvas, in Markdown. at: x and y. size: width and height, in canvas pixels."""

    text: Annotated[str, StringConstraints(max_length=20_000)]
    at: tuple[float, float] = (0.0, 0.0)
    size: tuple[float, float] = (240.0, 120.0)


class Limits(_Document):
    """What one run may use; a run that meets a limit fails and says which.

    steps: bodies entered, of every round and item. seconds: from its start, pauses aside. depth: bodies and flows in
    one another. value: bytes of one output. tokens: of all models together. cost: US dollars, of all models together.
    """

    steps: int = Field(default=100_000, ge=1, le=10_000_000)
    seconds: float = Field(default=86_400.0, gt=0, le=31_536_000)
    depth: int = Field(default=20, ge=1, le=100)
    value: int = Field(default=10_000_000, ge=1_000, le=1_000_000_000)
    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)


Priority = Literal["lowest", "low", "normal", "high", "highest"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Running(_Document):
    """How the runs of a flow are kept, and where they wait for their turn.

    durability: `fast` keeps nothing unless a run waits, `result` keeps the whole at its end, `step` keeps each
    finished step before the next one starts, so that the run goes on after a crash; empty: as its start has it.
    queue: where runs that are kept step by step wait for their turn; empty: the usual one. priority: who comes first
    there. labels: what a worker must have to take them, such as `gpu`.
    """

    durability: Literal["", "fast", "result", "step"] = ""
    queue: Name | Literal[""] = ""
    priority: Priority = "normal"
    labels: Annotated[tuple[Name, ...], Field(max_length=4)] = ()


class Flow(_Document):
    """A flow, immutable: every change makes a new one (see the builder's edits).

    steps: by id, in the order they were drawn. layout: x and y by step, in canvas pixels, apart from the steps so
    that a moved node is a one-line difference.
    """

    canevas: int = FORMAT
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "Untitled"
    description: Annotated[str, StringConstraints(max_length=5_000)] = ""
    steps: dict[StepId, Step] = Field(default_factory=dict, max_length=MAX_STEPS)
    edges: tuple[EdgeField, ...] = ()
    limits: Limits = Limits()
    running: Running = Running()
    layout: dict[str, tuple[float, float]] = Field(default_factory=dict)
    notes: dict[StepId, Note] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _layout_is_of_steps(self) -> Self:
        for name in self.layout:
            if name not in self.steps:
                raise ValueError(f"layout: no step is called {name!r}")
        return self

    @model_serializer(mode="wrap")
    def _format_and_name_always(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        for name in ("description", "edges", "limits", "running", "layout", "notes"):
            if not written[name]:
                del written[name]
        return written

    def title(self, step: str) -> str:
        """What people call the step: its title, or its id."""
        return self.steps[step].title or step


def free_id(kind: str, taken: Iterable[str]) -> str:
    """A short id that a person can read: `classify`, then `classify_2`; never a word of expressions."""
    stem = re.sub(r"[^a-z0-9_]+", "_", kind.lower().rpartition(".")[2]).strip("_")[:50] or "step"
    if not stem[0].isalpha():
        stem = f"step_{stem}"
    used = set(taken)
    number = 1
    name = f"{stem}_1" if stem in RESERVED else stem
    while name in used:
        number += 1
        name = f"{stem}_{number}"
    return name
