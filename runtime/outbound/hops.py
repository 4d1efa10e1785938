"""One request on its way: checked before it leaves, and what a redirect turns it into."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx2

from runtime.errors import AuthorError, ProviderError
from runtime.graph.messages import HttpRequest

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]"
)  # line breaks above all: they would start a header of their own

# Set by the client itself. Letting an author set them would allow two readings of where a request ends.
_OURS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect")
) | {"accept-encoding", "proxy-authorization", "proxy-connection"}

# What may follow a redirect to another origin; anything else may be a secret, whatever its name.
_HARMLESS = frozenset(("accept", "accept-language", "content-language", "content-type", "user-agent"))

REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Hop:
    """A request as it goes out once. headers: names in lower case."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes

    @property
    def where(self) -> str:
        """The address for messages, without the query, which may hold a key."""
        return f"{self.url.scheme}://{self.url.netloc.decode('ascii')}{self.url.path}"


def first_hop(request: HttpRequest) -> Hop:
    """The request, checked. Raises: AuthorError naming the part that is wrong."""
    method = request.method.upper()
    if not _TOKEN.fullmatch(method) or method in ("CONNECT", "TRACE"):
        raise AuthorError(f"{request.method[:40]!r} is not a method that flows may use", "", "Use GET, POST, PUT …")
    headers = {"accept": "*/*", "user-agent": "Canevas"}
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise AuthorError(f"{name[:40]!r} is not a header name", "", "Use letters, digits and hyphens.")
        if _CONTROL.search(value):
            raise AuthorError(f"The header `{name}` holds a line break or control sign", "", "Remove it.")
        if name.lower() in _OURS:
            raise AuthorError(f"The header `{name}` is set by Canevas itself", "", "Remove it.")
        headers[name.lower()] = value.strip()
    return Hop(method, _url(request.url), headers, request.body)


def next_hop(hop: Hop, status: int, headers: Mapping[str, str]) -> Hop | None:
    """The request that a redirect asks for; None when the response is none.

    303 always becomes GET, 301 and 302 turn POST into GET, as every browser does. Another origin gets none of the
    headers that could be secret. Raises: ProviderError when the redirect leads nowhere.
    """
    location = headers.get("location", "")
    if status not in REDIRECTS or not location:
        return None
    try:
        url = _url(str(hop.url.join(location)))
    except (AuthorError, httpx2.InvalidURL, UnicodeError) as error:
        raise ProviderError(f"The server redirects to an address that cannot be called: {error}", hop.where) from None
    kept = dict(hop.headers)
    if _origin(url) != _origin(hop.url):
        kept = {name: value for name, value in kept.items() if name in _HARMLESS}
    if (status == 303 and hop.method != "HEAD") or (status in (301, 302) and hop.method == "POST"):
        kept = {name: value for name, value in kept.items() if not name.startswith("content-")}
        return Hop("GET", url, kept, b"")
    return replace(hop, url=url, headers=kept)


def port_of(url: httpx2.URL) -> int:
    """The port that a URL means."""
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80


def _origin(url: httpx2.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, port_of(url)


def _url(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text.strip())
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise AuthorError(f"{text[:80]!r} is not an address: {error}", "", "Write one such as https://…") from None
    if url.scheme not in ("http", "https"):
        raise AuthorError(f"{text[:80]!r} does not start with http:// or https://", "", "Write the full address.")
    if url.userinfo:
        raise AuthorError(
            "The address holds a user name or password", url.host, "Send them in the `Authorization` header."
        )
    if not url.raw_host or not 0 < port_of(url) < 65536:
        raise AuthorError(f"{text[:80]!r} names no host and port", "", "Write one such as https://api.example.com/…")
    return url
