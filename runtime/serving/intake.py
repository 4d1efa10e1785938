"""From a request to the input of a run: the body read within its bounds, and what a webhook hands over."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from runtime.serving.refusals import Refusal

DEEPEST = 100  # levels of lists and objects in one body
_MOST_FIELDS = 1000  # in a form or an address
Headers = dict[bytes, bytes]

# A run is recorded with its input, so what opens doors must not get into it.
OUR_PARAMETERS = {"key", "start"}
_SECRET_HEADERS = {b"authorization", b"cookie", b"proxy-authorization", b"x-api-key"}

# Python knows more, some of which take quadratic time or compress.
_CHARSETS = {
    name: codec
    for codec, names in {
        "utf-8": ("utf-8", "utf8", "us-ascii", "ascii"),
        "utf-16": ("utf-16",),
        "cp1252": ("windows-1252", "cp1252", "iso-8859-1", "latin1", "latin-1"),  # as browsers read these names
        "iso8859-15": ("iso-8859-15",),
    }.items()
    for name in names
}

_decode = msgspec.json.Decoder().decode


class ClientGone(Exception):
    """Nobody is there to be answered."""


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body. Raises: Refusal with 413 as soon as it is too large, with 415 when it is compressed."""
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Refusal("unsupported-body", "The body is compressed.", "Send it as it is, without Content-Encoding.")
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [body], len(body)
    while message["type"] == "http.request" and message.get("more_body", False) and size <= limit:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] != "http.request":
        raise ClientGone
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> Refusal:
    return Refusal("too-large", f"The body has more than {limit} bytes.", "Send less, or raise CANEVAS_MAX_BODY.")


def read_json(body: bytes, headers: Headers) -> Any:
    """The input of an API or chat start; an empty body is an empty object.

    Raises: Refusal with 400 when it is not JSON, with 415 when it says that it is something else.
    """
    if not body:
        return {}
    kind, charset = content_type(headers.get(b"content-type", b"application/json"))
    if kind != "json" or charset != "utf-8":
        said = headers.get(b"content-type", b"").decode("latin-1")[:100]
        raise Refusal(
            "unsupported-body",
            f"The body is `{said}`; this start takes JSON in UTF-8.",
            "Send `Content-Type: application/json`.",
        )
    return parse_json(body)


def parse_json(body: bytes) -> Any:
    """A JSON value, at most a hundred levels deep. Raises: Refusal with 400."""
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("malformed-body", f"The body is not JSON: {error}.", "Send one JSON value in UTF-8.") from None
    # As many levels need as many brackets; counting bytes is nearly free, walking the value is not.
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(value) > DEEPEST:
        raise _too_deep()
    return value


def _too_deep() -> Refusal:
    return Refusal(
        "malformed-body", f"The body is nested deeper than {DEEPEST} levels.", "Flatten it, or send it as a text."
    )


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while depth <= DEEPEST:
        nested = [each for each in level if type(each) is dict or type(each) is list]
        if not nested:
            break
        level = [inner for each in nested for inner in (each.values() if type(each) is dict else each)]
        depth += 1
    return depth


@lru_cache(maxsize=256)
def content_type(header: bytes) -> tuple[str, str]:
    """What a Content-Type means here, and its charset: (`json`, `form`, `text` or empty, a codec or empty)."""
    kind, _, parameters = header.decode("latin-1").lower().partition(";")
    kind = kind.strip()
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charset = value.strip().strip('"')
    charset = _CHARSETS.get(charset, "")
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return "json", charset
    if kind == "application/x-www-form-urlencoded":
        return "form", charset
    if kind.startswith("text/") or kind in ("application/xml", "application/x-ndjson") or kind.endswith("+xml"):
        return "text", charset
    return "", charset


def delivery(
    method: str, query: Mapping[str, str], headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> dict[str, Any]:
    """The input of a webhook start. Raises: Refusal with 400 or 415 for a body that cannot be read."""
    named: Headers = {}
    for name, value in headers:
        if name not in _SECRET_HEADERS:
            named[name] = named[name] + b", " + value if name in named else value
    return {
        "body": _delivered(body, named),
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in named.items()},
        "query": {name: value for name, value in query.items() if name not in OUR_PARAMETERS},
        "method": method,
    }


def _delivered(body: bytes, headers: Headers) -> Any:
    """What was sent: parsed when it is JSON or a form, else a text; null when it is empty."""
    if not body:
        return None
    said = headers.get(b"content-type", b"application/json")
    kind, charset = content_type(said)
    if kind == "json" and charset == "utf-8":
        return parse_json(body)
    if charset and kind in ("form", "text"):
        try:
            text = body.decode(charset)
            return form(text) if kind == "form" else text
        except ValueError as error:
            raise Refusal("malformed-body", f"The body is not what it says: {error}.", "Send it in UTF-8.") from None
    raise Refusal(
        "unsupported-body",
        f"The body is `{said.decode('latin-1')[:100]}`; a webhook takes JSON, a form or a text.",
        "Send `Content-Type: application/json`.",
    )


def form(text: str) -> dict[str, str | list[str]]:
    """The fields of a form; one that stands several times is a list. Raises ValueError when there are too many."""
    fields: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS):
        before = fields.get(name)
        if before is None:
            fields[name] = value
        else:
            fields[name] = [*([before] if isinstance(before, str) else before), value]
    return fields


def parse_query(query: bytes) -> dict[str, str]:
    """The parameters of an address, the last of each name. Raises: Refusal with 400 when there are too many."""
    if not query:
        return {}
    try:
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise Refusal("malformed-body", f"The address cannot be read: {error}.", "Send fewer parameters.") from None
