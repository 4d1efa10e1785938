"""Nodes that ask a model for words or data."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, TypedDict

from pydantic import Field, field_validator

from nodes.data import first_line
from runtime.errors import AuthorError, ProviderError
from runtime.graph.fields import Json, ModelName, Multiline
from runtime.graph.messages import Delta, Message, ModelRequest
from runtime.graph.node import Context, Node


class Words(TypedDict):
    """What a model gave."""

    text: Annotated[str, "The whole answer."]
    data: Annotated[Any, "The answer as data when a schema is set, else null."]
    model: Annotated[str, "The model that answered."]


class LLM(Node, kind="llm", label="LLM", group="llm", icon="sparkles", effect="reads"):
    """Asks a language model. The answer streams as it is written."""

    model: ModelName = Field(
        "builtin", title="Model", description="The built-in demo model needs no key and is often wrong."
    )
    system: Multiline = Field("", title="Instructions", description="Who the model is and what it must keep to.")
    prompt: Multiline = Field(
        title="Prompt", description="The question. {{ step.output }} stands for what a step gave."
    )
    temperature: float | None = Field(
        None, ge=0, le=1, title="Temperature", description="0 is steady, 1 is inventive; empty: the model's own choice."
    )
    max_tokens: int = Field(
        1024, ge=1, le=200_000, title="Longest answer", description="In tokens; a token is about four letters."
    )
    output_schema: Json = Field(
        {}, title="Answer as data", description="A JSON Schema that the answer must follow; empty for free text."
    )

    @field_validator("output_schema")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        from jsonschema import Draft202012Validator, SchemaError  # late: it is slow to import, and rarely needed

        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"this is no JSON Schema: {error.message}") from None
        return schema

    def summary(self) -> str:
        return f"{self.model} · {first_line(self.prompt)}"

    async def run(
        self,
        context: Context,
        history: Annotated[Sequence[Any], "What was said before: a list with a role and a text each."] = (),
    ) -> AsyncIterator[Delta | Words]:
        request = ModelRequest(
            model=self.model,
            messages=[*(_message(turn) for turn in history), Message("user", self.prompt)],
            system=self.system,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            schema=self.output_schema or None,
        )
        async for item in context.llm.stream(request):
            if isinstance(item, Delta):
                yield item
                continue
            if item.stop == "refusal":
                raise ProviderError(
                    "The model refused to answer", item.call.model, "Change the prompt, or choose another model."
                )
            if item.stop == "length":
                context.log(f"The answer was cut after {self.max_tokens} tokens.")
            yield Words(text=item.text, data=item.data, model=item.call.model)


def _message(turn: Any) -> Message:
    match turn:
        case {"role": ("user" | "assistant") as role, "text": str(text)}:
            return Message(role, text)
    raise AuthorError(
        "The history holds something that is no turn of a conversation",
        "history",
        'Wire a list of turns into it, each {"role": "user" or "assistant", "text": "…"}.',
    )
