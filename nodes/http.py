"""The node that calls servers outside, through the guarded client."""

from contextlib import suppress
from email.message import EmailMessage
from typing import Annotated, Any, Literal, TypedDict
from urllib.parse import urlencode, urlsplit

import msgspec
from pydantic import Field

from runtime.errors import ProviderError
from runtime.graph import messages
from runtime.graph.fields import SecretName
from runtime.graph.node import Context, Node
from runtime.graph.values import as_text

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
_PATIENCE = 86_400.0  # seconds; the step's own time-out is the one that ends a call
_AGAIN = {408, 425, 429}  # of the 4xx, those that may go well later without a change


class Answered(TypedDict):
    """What the server said."""

    status: Annotated[int, "The HTTP status, such as 200."]
    body: Annotated[Any, "What came back: parsed when it is JSON, else a text."]
    headers: Annotated[dict[str, str], "The answer's headers, names in small letters."]


class HttpRequest(
    Node,
    label="HTTP request",
    group="integration",
    icon="globe",
    effect="writes",
    untrusted=True,
    sends=True,
):
    """Calls a web address and gives what comes back. Addresses inside your network are refused unless allowed."""

    method: Method = Field("GET", title="Method", description="GET reads; the others may change something there.")
    url: str = Field(title="Address", description="https://api.example.com/orders/{{ start.id }}, for example.")
    query: dict[str, Any] = Field({}, title="Query", description="Parameters of the address; null is left out.")
    headers: dict[str, Any] = Field({}, title="Headers", description="A name and a value each; null is left out.")
    secret: SecretName = Field("", title="Secret", description="The key or token that the server asks for.")
    secret_header: str = Field(
        "Authorization",
        title="Secret's header",
        description="Where the secret goes; in Authorization it is sent as a bearer token.",
    )
    body: Any = Field(
        None,
        title="Body",
        description="What is sent: an object or a list as JSON, a text as it is.",
        json_schema_extra={"widget": "json"},
    )
    any_status: bool = Field(
        False, title="Take any status", description="Off: an answer other than 2xx fails the step. On: it goes on."
    )

    def summary(self) -> str:
        return f"{self.method} {self.url}"

    async def run(self, context: Context) -> Answered:
        secret = await context.secret(self.secret) if self.secret else ""
        sent, kind = _encoded(self.body)
        request = messages.HttpRequest(
            method=self.method,
            url=self._address(),
            headers=self._headers(context.key, secret, kind),
            body=sent,
            timeout=_PATIENCE,
        )
        response = await context.http.send(request)
        if not self.any_status and not 200 <= response.status < 300:
            raise _refused(response)
        return Answered(status=response.status, body=_decoded(response), headers=response.headers)

    def _address(self) -> str:
        given = {
            name: [as_text(item) for item in value] if isinstance(value, list) else as_text(value)
            for name, value in self.query.items()
            if value is not None
        }
        if not given:
            return self.url
        parts = urlsplit(self.url)
        return parts._replace(query="&".join(filter(None, (parts.query, urlencode(given, doseq=True))))).geturl()

    def _headers(self, key: str, secret: str, content_type: str) -> dict[str, str]:
        headers = {"accept": "application/json, text/*;q=0.9, */*;q=0.8"}
        if content_type:
            headers["content-type"] = content_type
        if self.method in ("POST", "PATCH"):
            headers["idempotency-key"] = key  # a retried step is one order, not two, where the server knows the header
        headers |= {name.lower(): as_text(value) for name, value in self.headers.items() if value is not None}
        if secret:
            name = self.secret_header.lower()
            headers[name] = f"Bearer {secret}" if name == "authorization" else secret
        return headers


def _encoded(body: Any) -> tuple[bytes, str]:
    """The bytes to send and their type; nothing for null."""
    if body is None:
        return b"", ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return msgspec.json.encode(body), "application/json"


def _decoded(response: messages.HttpResponse) -> Any:
    """The body as JSON when it says that it is JSON and is, else as a text."""
    header = EmailMessage()
    header["content-type"] = response.headers.get("content-type", "")
    if header.get_content_subtype() == "json" or header.get_content_subtype().endswith("+json"):
        # A server that lies about JSON has still sent something worth seeing.
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(response.body)
    try:
        return response.body.decode(header.get_content_charset("utf-8"), "replace")
    except LookupError:
        return response.body.decode("utf-8", "replace")


def _refused(response: messages.HttpResponse) -> ProviderError:
    said = " ".join(as_text(_decoded(response)).split())
    shown = f": {said[:200]}{'…' if len(said) > 200 else ''}" if said else ""
    retry = response.status >= 500 or response.status in _AGAIN
    return ProviderError(
        f"The server answered {response.status}{shown}",
        urlsplit(response.url).netloc,
        "Try again later." if retry else "Check the address, what is sent and the secret.",
        retry=retry,
    )
