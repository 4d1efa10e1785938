"""The node contract: what an author writes, and what the product derives from it.

A node *is* its config: a frozen pydantic model. Class keywords place it in the palette, its docstring is its
help, its fields are its settings, the parameters of its one async `run` are its input ports, and the return
annotation of `run` is its output:

    class Shout(Node, group="data", icon="megaphone"):
        "Writes a text in capitals."

        mark: str = Field("!", title="Mark", description="What stands at the end.")

        async def run(self, text: str) -> str:
            return text.upper() + self.mark

A parameter with a default is an optional port, `*values` gathers all wires into one list, and a parameter typed
`Context` is lent by the engine. One returned value leaves by the port `output`; a `TypedDict` has a port a key,
and with `total=False` its keys are branches: nobody goes where a key is missing. An async generator that yields
`Delta`s and last its output streams.

A node that tells `bodies()` is drawn as a frame with flows inside, and runs them by a parameter typed `Calls`.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypedDict

from pydantic import BaseModel, ConfigDict

from runtime.graph.messages import Http, Llm
from runtime.graph.schedule import Rule
from runtime.graph.values import Kind

Group = Literal["trigger", "llm", "voice", "logic", "data", "integration", "human"]
Effect = Literal["pure", "reads", "writes"]
Trigger = Literal["", "api", "chat", "webhook", "schedule"]

AFTER = "after"  # every step has this port: it orders steps and carries branches, and hands over no value
CALLED = "flow"  # the body of a step that runs another flow
ERROR = "error"  # the output port of a step whose `on_error` is `port`


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a wire. many: all wires are gathered into a list. branch: may stay silent in a run.

    nullable: may also hold null, as `str | None` says.
    """

    name: str
    kind: Kind = Kind.ANY
    required: bool = True
    many: bool = False
    branch: bool = False
    help: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Quorum:
    """A step that runs as soon as `count` of its wires have brought something.

    cancel: steps that serve only this one are ended then.
    """

    count: int = 1
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class FlowReference:
    """Another flow of the workspace. version: a deployed one, 0 for the one that is deployed when the run starts."""

    flow: str
    version: int = 0


RESULT = Port("result", Kind.ANY, required=False, help="What the steps inside give; else what the last of them gave.")


@dataclass(frozen=True, slots=True)
class Body:
    """A flow inside a node. Its steps read what the body is given, and last fill the ports that it takes.

    gives: ports that only steps inside can read, named as ports of the node. takes: ports that only steps inside can
    fill, by a wire, or by an expression in the node's setting of that name when it is typed `fields.Inside`.
    independent: no call of it depends on how another one ended, so one alone can be repeated. cleans: once begun it is
    let end, also when its step is ended early.
    """

    name: str = "body"
    gives: tuple[Port, ...] = ()
    takes: tuple[Port, ...] = (RESULT,)
    independent: bool = False
    cleans: bool = False


@dataclass(slots=True)
class Outcome:
    """How one call of a body ended: the ports that it filled, or the error of the step that failed in it.

    failure: what the error says, as the port `error` of a step has it: what, mend, who, kind, step, input and cause.
    """

    body: str
    key: str
    taken: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    failure: dict[str, Any] = field(default_factory=dict)


class Calls(Protocol):
    """How a node runs its bodies. Its `run` may wait for nothing else, and does the same when it is run again.

    After a restart the node is run anew, and calls that had ended before are answered from the run's record.
    """

    def begin(self, body: str, key: str = "", **given: Any) -> None:
        """Start a body, which goes on beside others. key: tells several calls of one body apart; `given`: its ports."""
        ...

    def has(self, body: str) -> bool:
        """Whether any step stands in a body."""
        ...

    async def next(self) -> Outcome:
        """The next call that ended, in the order of their ends."""
        ...

    async def call(self, body: str, key: str = "", **given: Any) -> dict[str, Any]:
        """Run a body alone and give what it filled. Raises the error of the step that failed in it."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a person is asked. schema: the JSON Schema of the answer, an object. shown: the data to judge.

    to: who should answer, as the flow's author wrote it.
    """

    title: str
    text: str = ""
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    shown: Any = None
    to: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a pause. late: the time was over before anybody answered. by: who answered."""

    value: Any = None
    by: str = ""
    late: bool = False


class Pause(Protocol):
    """How a step waits for a person or for a time, without holding anything meanwhile.

    The step's `run` is entered anew when the answer is there, and the pauses before that one give at once what they
    gave: what stands before a pause must bear to be done twice.
    """

    async def __call__(self, request: Request | None = None, until: float | None = None) -> Reply:
        """Wait for the answer to `request`, or for `until` (seconds since the epoch), whichever comes first."""
        ...


@dataclass(slots=True)
class Context:
    """What the engine lends to one execution of a step.

    input: what the run was started with. key: the same for every attempt of this execution, for servers that
    take an idempotency key. secret: the value of a named secret. log: a line in the run's record. pause: waits for
    a person or a time. now: seconds since the epoch.
    """

    llm: Llm
    http: Http
    secret: Callable[[str], Awaitable[str]]
    log: Callable[[str], None]
    key: str
    pause: Pause
    now: Callable[[], float]
    input: dict[str, Any] = field(default_factory=dict)


class Ending(TypedDict):
    """What a node with `ends=True` gives: the run's answer and the HTTP status that goes with it."""

    value: Any
    status: int


class Node(BaseModel):
    """Base of every node; see the module's text for how to write one.

    group: palette group and accent. icon: a Lucide name. version: rises when the config changes shape, together
    with a step in `migrate`. effect: `pure` touches nothing outside and never waits, `reads` may be repeated
    freely, `writes` changes something outside. trigger: how a run starts here. untrusted, private, sends: brings
    untrusted text in, reads private data, sends data out; safety checks use them. ends: gives the run's answer.
    pauses: waits for a person or a time, so it has no time-out unless its step says one. once: not repeatable: after a
    crash in its middle a person decides whether it runs again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str] = ""
    label: ClassVar[str] = ""
    group: ClassVar[Group] = "data"
    icon: ClassVar[str] = "box"
    version: ClassVar[int] = 1
    effect: ClassVar[Effect] = "pure"
    trigger: ClassVar[Trigger] = ""
    untrusted: ClassVar[bool] = False
    private: ClassVar[bool] = False
    sends: ClassVar[bool] = False
    ends: ClassVar[bool] = False
    pauses: ClassVar[bool] = False
    once: ClassVar[bool] = False

    # Set by `ports.derive` when a catalog takes the class in, so that an author's mistake is found at start-up.
    ports_in: ClassVar[tuple[Port, ...]] = ()
    ports_out: ClassVar[tuple[Port, ...]] = ()
    returns_ports: ClassVar[bool] = False  # `run` gives a dict with a value a port, not the one value itself

    def __init_subclass__(
        cls,
        *,
        kind: str = "",
        label: str = "",
        group: Group = "data",
        icon: str = "box",
        version: int = 1,
        effect: Effect = "pure",
        trigger: Trigger = "",
        untrusted: bool = False,
        private: bool = False,
        sends: bool = False,
        ends: bool = False,
        pauses: bool = False,
        once: bool = False,
        **pydantic_options: Any,
    ) -> None:
        super().__init_subclass__(**pydantic_options)
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", cls.__name__)
        cls.kind = kind or words.replace(" ", "_").lower()
        cls.label = label or words.capitalize()
        cls.group, cls.icon, cls.version, cls.effect, cls.trigger = group, icon, version, effect, trigger
        cls.untrusted, cls.private, cls.sends = untrusted, private, sends
        cls.ends, cls.pauses, cls.once = ends, pauses, once

    def inputs(self) -> tuple[Port, ...]:
        """The input ports; override only when they depend on the settings."""
        return self.ports_in

    def outputs(self) -> tuple[Port, ...]:
        """The output ports; override only when they depend on the settings."""
        return self.ports_out

    def bodies(self) -> tuple[Body, ...]:
        """The flows inside this node; their steps say `within: <step>.<body>`."""
        return ()

    def quorum(self) -> Quorum | None:
        """How many live wires are enough for the step to run; None: all its sources have settled."""
        return None

    def calls(self) -> FlowReference | None:
        """Another flow that this node runs, as its only body."""
        return None

    def accepts(self) -> dict[str, Any]:
        """For triggers: the JSON Schema of the input that starts a run here."""
        return {"type": "object"}

    def schedule(self) -> Rule | None:
        """For triggers: when a deployed flow starts here by itself."""
        return None

    def summary(self) -> str:
        """The one line of config that the card shows."""
        return ""

    @classmethod
    def migrate(cls, config: dict[str, Any], from_version: int) -> dict[str, Any]:
        """The config of an older version, in today's shape; pure. Raises AuthorError when a person must decide."""
        return config
