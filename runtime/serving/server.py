"""The HTTP server: takes a port, answers until it is asked to stop, and lets open answers finish."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from runtime.errors import OperatorError
from runtime.serving.replies import AT_ONCE, Header

QUEUE = 1024  # connections that wait to be accepted
GRACE = 3  # seconds that open answers have when the server is asked to end


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """The port, taken before anything slow starts, so that who comes early waits; port 0 takes a free one.

    Raises: OperatorError when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(QUEUE)
        except OSError as error:
            raise OperatorError(
                what=f"Canevas cannot listen on {host}:{port}: {error.strerror}",
                where="the port",
                mend="End what uses that port, or choose another with --port (0 takes a free one).",
            ) from None
        yield listener


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer requests until the task is cancelled; whoever starts it also hears Ctrl-C and SIGTERM."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=_Protocol,
        ws="websockets-sansio",
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


class _Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, which also takes a whole answer at once: one write instead of two is a sixth of its time."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()  # the application starts in the loop's next turn
        scope: MutableMapping[str, Any] = self.scope  # type: ignore[assignment]
        scope[AT_ONCE] = _AtOnce(self.cycle)


class _AtOnce:
    """Sends one answer; `replies.Reply` finds it in the scope."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def __call__(self, status: int, headers: Iterable[Header], body: bytes) -> bool:
        """Whether the answer was taken; what is not the usual case goes uvicorn's way."""
        cycle = self._cycle
        usual = cycle.keep_alive and not cycle.flow.write_paused and cycle.scope["method"] != "HEAD"
        if not usual or cycle.disconnected or cycle.response_started:
            return False
        head = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            head += (name, b": ", value, b"\r\n")
        cycle.transport.write(b"".join((*head, b"\r\n", body)))
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which end the process as if it had crashed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def spare_what_stays() -> None:
    """Keep the garbage collector off what lives as long as the process; for commands, once, before they serve.

    Each run leaves some hundred objects for a moment, so that full collections come often; walking modules, classes
    and compiled statements in each of them took a third of a small run's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
