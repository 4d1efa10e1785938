"""Small nodes for the tests of what a flow is: one for every way in which a node can be special."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field, field_validator, model_validator

from runtime.errors import AuthorError
from runtime.graph.catalog import Catalog
from runtime.graph.fields import FIXED, FlowName, Inside, ModelName, SecretName
from runtime.graph.messages import Delta
from runtime.graph.node import CALLED, RESULT, Body, Calls, Context, Ending, FlowReference, Node, Port
from runtime.graph.values import Kind


class Begin(Node, trigger="api", group="trigger"):
    """Starts a run."""

    greeting: str = ""

    async def run(self, context: Context) -> dict[str, Any]:
        return context.input


class Hook(Node, trigger="webhook", group="trigger"):
    """Starts a run another way."""

    async def run(self, context: Context) -> str:
        return ""

    def accepts(self) -> dict[str, Any]:
        return {"type": "object", "required": ["body"]}


class Plain(Node):
    """A setting, an optional port and a port for many."""

    text: str = ""

    async def run(self, value: Annotated[Any, "Anything."] = None, *values: Any) -> str:
        return self.text


class Needs(Node):
    """A port that needs a wire, and takes numbers only."""

    async def run(self, number: float) -> list[float]:
        return [number]


class Sides(TypedDict, total=False):
    """Branches."""

    left: int
    right: str


class Fork(Node):
    """Two branches."""

    async def run(self, value: Any) -> Sides:
        return {"left": 1}


class Labels(Node):
    """A port for each label."""

    labels: list[str] = Field(min_length=1, json_schema_extra={FIXED: True})

    def outputs(self) -> tuple[Port, ...]:
        return tuple(Port(label, branch=True) for label in self.labels)

    async def run(self, text: str) -> dict[str, Any]:
        return dict.fromkeys(self.labels[:1])


class Slots(Node):
    """An input for each slot."""

    slots: list[str] = ["a"]

    def inputs(self) -> tuple[Port, ...]:
        return tuple(Port(slot, Kind.TEXT) for slot in self.slots)

    async def run(self, **values: str) -> list[str]:
        return list(values.values())


class Strict(Node, effect="reads"):
    """Settings with rules of their own, one of them clumsy."""

    limit: int = Field(ge=1, le=10)
    mode: Literal["fast", "slow"] = "fast"
    x: Any = None
    secret: SecretName = ""
    model: ModelName = "builtin"

    @field_validator("x", mode="before")
    @classmethod
    def _clumsy(cls, value: Any) -> Any:
        return value.strip() if value is not None else None  # raises AttributeError for what is no text

    @model_validator(mode="after")
    def _together(self) -> "Strict":
        if self.mode == "slow" and self.limit > 5:
            raise ValueError("slow goes with at most 5")
        return self

    async def run(self) -> str:
        return ""


class Old(Node, version=3):
    """Has been called `words` before, and `wrods` before that."""

    text: str = ""

    @classmethod
    def migrate(cls, config: dict[str, Any], from_version: int) -> dict[str, Any]:
        if from_version == 1:
            config["words"] = config.pop("wrods")
        if isinstance(config["words"], list):
            raise AuthorError("Words are one text now")
        return {"text": config["words"].strip()}

    async def run(self) -> str:
        return self.text


class Talk(Node, effect="reads"):
    """Streams."""

    async def run(self, context: Context) -> AsyncIterator[Delta | str]:
        yield ""


class End(Node, ends=True):
    """Answers."""

    value: Any = None

    async def run(self) -> Ending:
        return Ending(value=self.value, status=200)


class Frame(Node):
    """Two bodies; a setting and two ports that only their steps fill."""

    text: str = ""
    result: Inside = None

    def bodies(self) -> tuple[Body, ...]:
        first = Body(gives=(Port("item"), Port("number", Kind.NUMBER)), takes=(RESULT, Port("more", Kind.NUMBER)))
        return first, Body("second", takes=())

    async def run(self, calls: Calls, value: Any = None) -> Any:
        return (await calls.call("body", item=value))["result"]


class Call(Node):
    """Runs another flow."""

    flow: FlowName = ""
    pinned: int = Field(0, json_schema_extra={FIXED: True})

    def inputs(self) -> tuple[Port, ...]:
        return ()

    def calls(self) -> FlowReference:
        return FlowReference(self.flow, self.pinned)

    async def run(self, calls: Calls, **given: Any) -> Any:
        return (await calls.call(CALLED, **given))["output"]


CATALOG = Catalog([Begin, Hook, Plain, Needs, Fork, Labels, Slots, Strict, Old, Talk, End, Frame, Call])
