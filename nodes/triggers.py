"""Starts: how a run begins, and what it is given."""

from typing import Annotated, Any, TypedDict

from pydantic import Field

from runtime.graph.fields import InputField, InputFields, object_schema
from runtime.graph.node import Context, Node, Port
from runtime.graph.values import Kind


class ApiStart(Node, label="API start", group="trigger", icon="play", trigger="api", untrusted=True):
    """Starts a run with typed inputs, from the preview, the API or the command line. Each input becomes a port."""

    fields: InputFields = Field(
        [InputField(name="text")],
        title="Inputs",
        description="What a caller sends. An input that is not required is null when it is left out.",
    )

    def outputs(self) -> tuple[Port, ...]:
        return tuple(
            Port(field.name, Kind(field.type), help=field.description, nullable=not field.required)
            for field in self.fields
        )

    def accepts(self) -> dict[str, Any]:
        return object_schema(self.fields)

    def summary(self) -> str:
        return ", ".join(field.name for field in self.fields)

    async def run(self, context: Context) -> dict[str, Any]:
        return {field.name: context.input.get(field.name) for field in self.fields}


class Turn(TypedDict):
    """What a chat gives: the new message and what was said before."""

    message: Annotated[str, "What the person just wrote."]
    history: Annotated[list[dict[str, str]], "The turns before it, oldest first: a role and a text each."]
    session: Annotated[str, "The conversation's id; empty when the chat does not send one."]


class ChatStart(Node, label="Chat start", group="trigger", icon="message-circle", trigger="chat", untrusted=True):
    """Starts a run with each message that a person writes in a chat."""

    def accepts(self) -> dict[str, Any]:
        role = {"type": "string", "enum": ["user", "assistant"]}
        return {
            "type": "object",
            "properties": {
                "message": {"type": "string", "description": "What the person just wrote."},
                "history": {
                    "type": "array",
                    "description": "The turns before it, oldest first.",
                    "items": {
                        "type": "object",
                        "properties": {"role": role, "text": {"type": "string"}},
                        "required": ["role", "text"],
                        "additionalProperties": False,
                    },
                },
                "session": {"type": "string", "description": "The conversation's id."},
            },
            "required": ["message"],
            "additionalProperties": False,
        }

    async def run(self, context: Context) -> Turn:
        given = context.input
        return Turn(message=given["message"], history=given.get("history", []), session=given.get("session", ""))


class Delivery(TypedDict):
    """One call of a webhook."""

    body: Annotated[Any, "What was sent: parsed when it is JSON or a form, else a text."]
    headers: Annotated[dict[str, str], "The request's headers, names in small letters."]
    query: Annotated[dict[str, str], "The parameters of the address."]
    method: Annotated[str, "GET, POST and so on."]


class WebhookStart(Node, label="Webhook start", group="trigger", icon="webhook", trigger="webhook", untrusted=True):
    """Starts a run when another service calls the flow's address."""

    def accepts(self) -> dict[str, Any]:
        named_texts = {"type": "object", "additionalProperties": {"type": "string"}}
        return {
            "type": "object",
            "properties": {
                "body": {"description": "What was sent: any JSON value."},
                "headers": {**named_texts, "description": "The request's headers, names in small letters."},
                "query": {**named_texts, "description": "The parameters of the address."},
                "method": {"type": "string", "description": "GET, POST and so on."},
            },
            "required": [],
            "additionalProperties": False,
        }

    async def run(self, context: Context) -> Delivery:
        given = context.input
        return Delivery(
            body=given.get("body"),
            headers=given.get("headers", {}),
            query=given.get("query", {}),
            method=given.get("method", "POST"),
        )
