"""The node that asks a person, and goes on with what that person answers."""

from typing import Any, Literal, Self

from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nodes.times import SECONDS, Unit
from runtime.errors import ProviderError
from runtime.graph.fields import (
    FIXED,
    Expression,
    InputField,
    InputFields,
    Json,
    Label,
    Multiline,
    object_schema,
)
from runtime.graph.node import Context, Node, Port, Request
from runtime.graph.values import Kind

CHOICE = "choice"
EXPIRED = "expired"


class Choice(BaseModel):
    """One of the answers to choose from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label = Field(title="Branch", description="The name of the port.")
    title: str = Field("", title="On the button", description="What the person reads; empty means the branch's name.")


class AskPerson(Node, label="Ask a person", group="human", icon="user-round-check", effect="writes", pauses=True):
    """Asks a person to decide or to fill in a form, and pauses the run until the answer is there."""

    title: str = Field("Please decide", min_length=1, max_length=200, title="Title", description="The question, short.")
    text: Multiline = Field("", title="Text", description="What the person should know, in Markdown.")
    shown: Expression = Field(None, title="Data to judge", description="Shown beside the question: {{ write.text }}.")
    choices: list[Choice] = Field(
        [Choice(name="approve", title="Approve"), Choice(name="reject", title="Reject")],
        title="Choices",
        description="The answers to choose from; each is a branch. Empty: only the form below.",
        json_schema_extra={"widget": "records", FIXED: True},
    )
    fields: InputFields = Field(
        [], title="Form", description="What the person fills in; without choices, each field is a port."
    )
    to: str = Field("", title="Who is asked", description="A name, an address or a role.")
    expires: float | None = Field(
        None, gt=0, le=100_000, title="Time to answer", description="In the unit below; empty: as long as it takes."
    )
    unit: Unit = Field("days", title="Unit", description="Of the time to answer.")
    late: Literal["branch", "answer", "fail"] = Field(
        "branch",
        title="When time is over",
        description="branch: goes on by `expired`. answer: takes the answer below. fail: the step fails.",
        json_schema_extra={FIXED: True},
    )
    default: Json = Field(
        {}, title="Answer without one", description='Taken when time is over and so chosen: {"choice": "reject"}.'
    )

    @field_validator("fields")
    @classmethod
    def _leaves_the_choice(cls, fields: list[InputField]) -> list[InputField]:
        if any(field.name == CHOICE for field in fields):
            raise ValueError("`choice` is what the chosen branch is called; give the field another name")
        return fields

    @model_validator(mode="after")
    def _default_is_an_answer(self) -> Self:
        if self.expires is not None and self.late == "answer":
            for error in Draft202012Validator(self.schema_of_answer()).iter_errors(self.default):
                raise ValueError(f"the answer without one does not fit the form: {error.message}")
        return self

    def schema_of_answer(self) -> dict[str, Any]:
        """The JSON Schema of an answer: the chosen branch as `choice`, and the fields."""
        schema = object_schema(self.fields)
        if self.choices:
            options = [{"const": choice.name, "title": choice.title or choice.name} for choice in self.choices]
            schema["properties"] = {CHOICE: {"type": "string", "oneOf": options}, **schema["properties"]}
            schema["required"] = [CHOICE, *schema["required"]]
        return schema

    def outputs(self) -> tuple[Port, ...]:
        expires = self.expires is not None and self.late == "branch"
        if self.choices:
            carried = "Taken when it is chosen; carries the whole answer."
            ports = [Port(choice.name, Kind.OBJECT, branch=True, help=carried) for choice in self.choices]
        else:
            ports = [Port("answer", Kind.OBJECT, branch=expires, help="The whole answer.")]
            ports += [
                Port(field.name, Kind(field.type), branch=expires, help=field.description, nullable=not field.required)
                for field in self.fields
            ]
        ports.append(Port("by", Kind.TEXT, branch=expires, help="Who answered; empty when time was over."))
        if expires:
            ports.append(Port(EXPIRED, branch=True, help="Taken when nobody answered in time; carries the data."))
        return tuple(ports)

    def summary(self) -> str:
        return " ".join(self.title.split())

    async def run(self, context: Context) -> dict[str, Any]:
        until = None if self.expires is None else context.now() + self.expires * SECONDS[self.unit]
        request = Request(self.title, self.text, self.schema_of_answer(), self.shown, self.to)
        reply = await context.pause(request, until)
        if reply.late and self.late == "fail":
            raise ProviderError("Nobody answered in time", mend="Give more time, or ask somebody else.")
        if reply.late and self.late == "branch":
            return {EXPIRED: self.shown}
        given = self.default if reply.late else reply.value
        answer = {**given, **{field.name: given.get(field.name) for field in self.fields}}
        if self.choices:
            return {answer[CHOICE]: answer, "by": reply.by}
        return {**answer, "answer": answer, "by": reply.by}
