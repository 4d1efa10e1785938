"""An answer in JSON: read it, and hold it against the schema that was asked."""

import json
from typing import Any

from runtime.errors import AuthorError, ProviderError
from runtime.graph.messages import ModelRequest


def parsed(request: ModelRequest, text: str, stop: str) -> Any:
    """The answer as data; None when no schema was asked or the model refused.

    Raises: AuthorError when the answer was cut off at `max_tokens` or the schema is no schema, ProviderError when
    the model did not follow it.
    """
    if request.schema is None or stop == "refusal":
        return None
    import jsonschema  # takes a tenth of a second, and few requests need it

    try:
        data = json.loads(text)
        jsonschema.validate(data, request.schema)
    except jsonschema.SchemaError as error:
        raise AuthorError(
            what=f"The JSON Schema is not valid: {error.message}",
            where=request.model,
            mend="Correct the schema in the step's settings.",
        ) from None
    except (ValueError, jsonschema.ValidationError) as error:
        if stop == "length":
            raise AuthorError(
                what=f"The answer was cut off at {request.max_tokens} tokens before its JSON was complete",
                where=request.model,
                mend="Raise the step's max tokens, or ask for fewer fields.",
            ) from None
        reason = getattr(error, "message", None) or str(error)
        raise ProviderError(
            what=f"The answer does not follow the JSON Schema: {reason}",
            where=request.model,
            mend="Try again, or make the schema simpler.",
            retry=True,
        ) from None
    return data
