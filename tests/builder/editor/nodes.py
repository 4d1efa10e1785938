"""A small catalog with every widget and every shape of port, for the editor's tests and its benchmark."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from runtime.graph.catalog import Catalog
from runtime.graph.fields import (
    Expression,
    FlowName,
    InputField,
    InputFields,
    Inside,
    Items,
    Json,
    Label,
    ModelName,
    Multiline,
    Records,
    SecretName,
)
from runtime.graph.node import Body, Calls, Node, Port
from runtime.graph.values import Kind


class Start(Node, group="trigger", icon="play", trigger="api"):
    """Starts a run."""

    fields: InputFields = Field([InputField(name="message")], title="Inputs")

    def outputs(self) -> tuple[Port, ...]:
        return tuple(Port(field.name, Kind(field.type)) for field in self.fields)

    async def run(self) -> dict[str, Any]:
        return {}


class Ask(Node, label="LLM", kind="llm", group="llm", icon="sparkles", version=2):
    """Asks a model.

    A second paragraph that the palette leaves out.
    """

    prompt: Multiline = Field(title="Prompt", description="What the model is asked.")
    model: ModelName = "builtin"
    temperature: float | None = Field(None, ge=0, le=1, title="Temperature")
    tokens: int = Field(512, ge=1)
    tone: Literal["warm", "dry"] = "warm"
    verbose: bool = False
    stop: list[str] = []
    headers: dict[str, str] = {}
    values: dict[str, Any] = {}
    key: SecretName = ""
    output_schema: Json = {}
    examples: Records = []
    helper: FlowName = ""

    def summary(self) -> str:
        return f"{self.model}: {self.prompt.splitlines()[0]}"

    async def run(self, context: Annotated[str, "What it should know."] = "") -> str:
        return context


class Route(Node, group="logic", icon="signpost"):
    """Takes one of the branches."""

    value: Expression = Field(title="Value")
    branches: list[Label] = ["yes", "no"]

    def outputs(self) -> tuple[Port, ...]:
        return tuple(Port(name, branch=True) for name in self.branches)

    async def run(self) -> dict[str, Any]:
        return {}


class Joined(TypedDict, total=False):
    text: str
    count: int


class Join(Node, group="data", icon="merge"):
    """Joins texts."""

    async def run(self, *texts: str) -> Joined:
        return {"text": "".join(texts), "count": len(texts)}


class Total(Node, group="data", icon="sigma"):
    """Adds numbers; the list is needed."""

    async def run(self, numbers: list[float]) -> float:
        return sum(numbers)


class Answer(Node, group="logic", icon="flag", ends=True):
    """Ends the run."""

    value: Expression = Field(title="Answer")

    async def run(self) -> Any:
        return self.value


class Each(Node, group="logic", icon="repeat-2"):
    """Runs its inside for each item."""

    items: Items = Field([], title="Items")
    result: Inside = Field(None, title="Result of an item")

    def bodies(self) -> tuple[Body, ...]:
        return (Body(gives=(Port("item"), Port("index", Kind.NUMBER))),)

    async def run(self, calls: Calls) -> list[Any]:
        return [
            (await calls.call("body", str(at), item=item, index=at))["result"] for at, item in enumerate(self.items)
        ]


class Guard(Node, group="logic", icon="life-buoy"):
    """Runs its inside, and another one when that fails; the names of both are settings."""

    names: list[Label] = ["try", "catch"]

    def bodies(self) -> tuple[Body, ...]:
        return (Body(self.names[0]), *(Body(name, gives=(Port("error", Kind.OBJECT),)) for name in self.names[1:]))

    async def run(self, calls: Calls) -> Any:
        return (await calls.call(self.names[0]))["result"]


CATALOG = Catalog([Start, Ask, Route, Join, Total, Answer, Each, Guard])
