"""The HTTP server: takes a port, answers until it is asked to stop, and lets open answers finish."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from runtime.errors import OperatorError

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
