"""The guarded HTTP client that steps are lent: vetted addresses, own redirects, caps on size, time and inflation."""

import asyncio
import ssl
import zlib
from collections.abc import Sequence

import httpcore2
import httpx2

from runtime.errors import AuthorError, ProviderError
from runtime.graph.messages import HttpRequest, HttpResponse
from runtime.outbound.addresses import Allowed
from runtime.outbound.dialing import Dialer, Resolve, ask_system
from runtime.outbound.hops import REDIRECTS, Hop, first_hop, next_hop, port_of

MOST_REDIRECTS = 5
MOST_BYTES = 5_000_000  # of a body, both as sent and as inflated
_BODILESS = ("GET", "HEAD", "DELETE", "OPTIONS")


class GuardedHttp:
    """Sends requests of flows; the `Http` of the node contract.

    allowed_hosts: as in the settings. resolve: host and port to addresses; tests put their own in. tls: another
    trust store than the system's. Proxy variables and `.netrc` of the environment are not looked at.
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str] = (),
        *,
        most_bytes: int = MOST_BYTES,
        resolve: Resolve = ask_system,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._dialer = Dialer(Allowed.parse(allowed_hosts), resolve)
        self._most_bytes = most_bytes
        self._tls = tls
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request and follow up to five redirects, each vetted like the first.

        Raises: AuthorError for a wrong request or a refused address; ProviderError when the server cannot be
        reached, answers nonsense, redirects in circles, or exceeds the caps. Any status is a response.
        """
        hop = first_hop(request)
        try:
            async with asyncio.timeout(request.timeout):
                for _ in range(MOST_REDIRECTS + 1):
                    response = await self._exchange(hop)
                    following = next_hop(hop, response.status, response.headers)
                    if following is None:
                        return response
                    hop = following
        except TimeoutError:
            what = f"There was no complete answer within {request.timeout:g} seconds"
            raise ProviderError(what, hop.where, "Try again, or raise the time-out.", retry=True) from None
        raise ProviderError(
            f"The server redirects more than {MOST_REDIRECTS} times", hop.where, "Use the address it ends at."
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    async def _exchange(self, hop: Hop) -> HttpResponse:
        port = port_of(hop.url)
        sent = {"host": hop.url.netloc.decode("ascii"), "accept-encoding": "gzip", **hop.headers}
        pool = await self._opened()
        try:
            async with pool.stream(
                hop.method,
                httpcore2.URL(scheme=hop.url.raw_scheme, host=hop.url.raw_host, port=port, target=hop.url.raw_path),
                headers=[(name.encode("ascii"), value.encode()) for name, value in sent.items()],
                content=hop.body if hop.body or hop.method not in _BODILESS else None,
            ) as response:
                headers = _headers(response.headers)
                moved = response.status in REDIRECTS and "location" in headers
                body = b"" if moved else await self._body(response, headers, hop)
        except httpcore2.LocalProtocolError as error:
            raise AuthorError(f"The request is not valid HTTP: {error}", hop.where, "Correct its parts.") from None
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
            raise _unreachable(error, hop) from None
        return HttpResponse(response.status, headers, body, str(hop.url))

    async def _body(self, response: httpcore2.Response, headers: dict[str, str], hop: Hop) -> bytes:
        """The body, inflated; the headers that described it as it was sent are taken out."""
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            # Also several at once: each layer multiplies what a small body can cost.
            raise ProviderError(f"The body is encoded as {coding[:40]!r}, which cannot be read", hop.where)
        inflater = None if coding in ("identity", "") else zlib.decompressobj(wbits=47)  # zlib and gzip alike
        body, received = bytearray(), 0
        async for chunk in response.aiter_stream():
            received += len(chunk)
            try:
                body += inflater.decompress(chunk, self._most_bytes + 1 - len(body)) if inflater else chunk
            except zlib.error as error:
                raise ProviderError(f"The compressed body cannot be read: {error}", hop.where, retry=True) from None
            if max(len(body), received) > self._most_bytes:
                raise ProviderError(
                    f"The answer is larger than {self._most_bytes:,} bytes",
                    hop.where,
                    "Ask the server for less: a page, a filter, fewer fields.",
                )
        if inflater and received:
            if not inflater.eof:
                raise ProviderError("The compressed body ends too early", hop.where, retry=True)
            headers.pop("content-encoding", None)
            headers.pop("content-length", None)
        return bytes(body)

    async def _opened(self) -> httpcore2.AsyncConnectionPool:
        if self._tls is None:  # reading the system's certificates takes a tenth of a second
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=False)
        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=200,
                max_keepalive_connections=20,
                keepalive_expiry=5.0,
                network_backend=self._dialer,
            )
        return self._pool


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("ascii").lower()
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _unreachable(error: Exception, hop: Hop) -> ProviderError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            what = f"The server's certificate is not trusted: {cause.verify_message}"
            return ProviderError(what, hop.where, "Check the address; its owner may have to mend the certificate.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore2.ProtocolError):
        return ProviderError(f"The server does not speak HTTP rightly: {error}", hop.where, retry=True)
    detail = str(error) or type(error).__name__
    return ProviderError(f"The server cannot be reached: {detail}", hop.where, "Check the address.", retry=True)
