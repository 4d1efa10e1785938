"""What pydantic finds wrong with a value, in our words: half a sentence to stand behind the name of a field."""

from collections.abc import Mapping
from typing import Any

_TEXT = "it must be a text"
_WHOLE = "it must be a whole number"
_NUMBER = "it must be a number"
_BOOLEAN = "it must be true or false"
_LIST = "it must be a list"
_OBJECT = "it must be an object"
EMPTY = "it must not be empty"

# The `type` of pydantic's error: our sentence. The braces are filled from the error's own context.
SENTENCES: Mapping[str, str] = {
    "missing": "it is missing",
    "extra_forbidden": "it is not known here",
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "it must be a finite number",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "none_required": "it must be null",
    "literal_error": "it must be one of {expected}",
    "greater_than": "it must be more than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be at most {le}",
    "string_too_short": "it must have at least {min_length} characters",
    "string_too_long": "it must have at most {max_length} characters",
    "string_pattern_mismatch": "it must have the form `{pattern}`",
    "too_short": "it must have at least {min_length} entries",
    "too_long": "it must have at most {max_length} entries",
}


def wrong(detail: Mapping[str, Any]) -> str:
    """What is wrong, without a full stop. detail: of `ValidationError.errors()`, with its context.

    A node's own validator speaks for itself, and so does pydantic where we have no words.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("string_too_short", "too_short") and context["min_length"] == 1:
        return EMPTY
    if kind == "literal_error":
        context = {"expected": context["expected"].replace(" or ", ", ").replace("'", "`")}
    if template := SENTENCES.get(kind):
        return template.format(**{name: _short(value) for name, value in context.items()})
    message: str = detail["msg"]
    return message.removeprefix("Value error, ").rstrip(".")


def _short(value: Any) -> Any:
    """A bound as people write it: 1, not 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
