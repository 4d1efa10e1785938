"""The closed set of field editors: types that say which widget a setting has, and nothing else does."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

WIDGETS = (
    "text",
    "multiline",
    "number",
    "switch",
    "select",
    "list",
    "key_values",
    "secret",
    "expression",
    "model",
    "json",
    "fields",
    "records",
    "flow",
)


INSIDE = "inside"  # in a field's json_schema_extra: it is computed when a body ends
FIXED = "fixed"  # it makes ports or bodies: no expression computes it and no wire brings it


def _widget(name: str, **more: bool) -> Any:
    return Field(json_schema_extra={"widget": name, **more})


Multiline = Annotated[str, _widget("multiline")]
"""A text of several lines."""

SecretName = Annotated[str, _widget("secret")]
"""The name of a secret; its value never stands in a flow."""

ModelName = Annotated[str, _widget("model")]
"""The name of a model that this installation knows."""

FlowName = Annotated[str, _widget("flow", fixed=True)]
"""Another flow of the workspace."""

Expression = Annotated[Any, _widget("expression")]
"""A value that is usually computed: `{{ start.amount > 100 }}`."""

Items = Annotated[list[Any], _widget("expression")]
"""A list that is usually computed: `{{ start.orders }}`."""

Inside = Annotated[Any, _widget("expression", inside=True)]
"""A value that is computed over the steps inside a node, each time the body ends that takes a port of this name."""

Json = Annotated[dict[str, Any], _widget("json")]
"""An object written as JSON."""

Records = Annotated[list[dict[str, Any]], _widget("records")]
"""A small table: a list of objects with the same keys."""

Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
"""A name that becomes a port: small letters, digits and `_`."""


class InputField(BaseModel):
    """One typed input of a start node, or one field of a form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label
    type: Literal["text", "number", "boolean", "list", "object"] = "text"
    required: bool = True
    description: str = ""


InputFields = Annotated[list[InputField], _widget("fields", fixed=True)]
"""The typed inputs of a start node, or the fields of a form that a person fills in."""

_JSON_TYPE = {"text": "string", "list": "array"}  # the others are called alike


def object_schema(fields: Iterable[InputField]) -> dict[str, Any]:
    """The JSON Schema of an object with exactly these fields."""
    listed = list(fields)
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in listed},
        "required": [field.name for field in listed if field.required],
        "additionalProperties": False,
    }


def _property(field: InputField) -> dict[str, str]:
    described = {"description": field.description} if field.description else {}
    return {"type": _JSON_TYPE.get(field.type, field.type), **described}
