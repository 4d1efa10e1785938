"""Nodes that decide which way a run goes, and those that end it."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from nodes.data import first_line
from runtime.errors import AuthorError, CallerError, OperatorError, ProviderError
from runtime.graph.fields import FIXED, Expression, Label, Multiline
from runtime.graph.node import Ending, Node, Port
from runtime.graph.values import as_text


class Decided(TypedDict, total=False):
    """One of the two."""

    true: Annotated[Any, "Taken when the condition holds; carries the value."]
    false: Annotated[Any, "Taken when it does not; carries the value."]


class If(Node, group="logic", icon="split"):
    """Takes one of two branches. What is wired into `value` goes on by the branch taken."""

    condition: Expression = Field(
        title="Condition",
        description="{{ start.amount > 100 }}, for example. Empty, zero, null, false and the text false do not hold.",
    )

    def summary(self) -> str:
        return as_text(self.condition)

    async def run(self, value: Annotated[Any, "What goes on by the branch; null without a wire."] = None) -> Decided:
        return {"true": value} if holds(self.condition) else {"false": value}


def holds(value: object) -> bool:
    """Whether a value counts as true; a boolean that has become a text counts as what it says."""
    return value.strip().lower() not in ("", "false") if isinstance(value, str) else bool(value)


class Case(BaseModel):
    """One branch of a Switch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label = Field(title="Branch", description="The name of the port.")
    equals: str = Field("", title="Equals", description="The value that leads here; empty means the branch's name.")


_DEFAULT = "default"


class Switch(Node, group="logic", icon="signpost"):
    """Takes the branch of the first case that equals the value, and `default` when none does."""

    value: Expression = Field(title="Value", description="What is compared, and goes on by the branch taken.")
    cases: list[Case] = Field(
        [Case(name="yes"), Case(name="no")],
        title="Cases",
        description="The branches. Small and capital letters count as the same.",
        json_schema_extra={"widget": "records", FIXED: True},
    )

    def outputs(self) -> tuple[Port, ...]:
        cases = (Port(case.name, branch=True) for case in self.cases)
        return (*cases, Port(_DEFAULT, branch=True, help="Taken when no case equals the value."))

    def summary(self) -> str:
        return as_text(self.value)

    async def run(self) -> dict[str, Any]:
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # half of 2 is the case `1`
        found = as_text(value).strip().casefold()
        for case in self.cases:
            if found == (case.equals or case.name).strip().casefold():
                return {case.name: self.value}
        return {_DEFAULT: self.value}


class Answer(Node, group="logic", icon="flag", ends=True):
    """Gives the run's answer: the reply of a chat, the body of an HTTP answer. Of several, the first drawn counts."""

    value: Expression = Field(title="Answer", description="A text, or any value; {{ step.output }} reads one.")
    status: int = Field(
        200, ge=200, le=599, title="HTTP status", description="What an HTTP caller sees; 200: all is well."
    )

    def summary(self) -> str:
        shown = first_line(as_text(self.value))
        return shown if self.status == 200 else f"{self.status} · {shown}"

    async def run(self) -> Ending:
        return Ending(value=self.value, status=self.status)


_ERRORS = {"author": AuthorError, "caller": CallerError, "provider": ProviderError, "operator": OperatorError}


class StopWithError(Node, group="logic", icon="octagon-x"):
    """Fails with a message of yours. The run ends with it, unless a step around this one goes on after failures."""

    message: Multiline = Field(min_length=1, title="Message", description="What happened, for whoever reads it.")
    mend: Multiline = Field("", title="What to do", description="The next thing to do about it; may be empty.")
    who: Literal["author", "caller", "provider", "operator"] = Field(
        "caller",
        title="Who must act",
        description="author: of this flow. caller: started the run. provider: a service. operator: runs Canevas.",
    )

    def summary(self) -> str:
        return first_line(self.message)

    async def run(self) -> None:
        raise _ERRORS[self.who](self.message, mend=self.mend)
