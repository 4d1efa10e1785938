"""The command `canevas`: each command reads the settings and wires parts that live elsewhere."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from starlette.types import ASGIApp

from runtime.errors import CanevasError, OperatorError
from runtime.settings import Settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Draw AI agents, watch them run, deploy them.")

_GRACE = 3  # seconds that open answers have when the process is asked to end


@cli.command()
def up(
    host: Annotated[str | None, typer.Option(help="The interface to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one.")] = None,
    home: Annotated[Path | None, typer.Option(help="The folder for the database, keys and models.")] = None,
) -> None:
    """Start everything in one process: the editor, the runtime and the API of deployed flows."""
    _run(_up(_settings(host, port, home)))


async def _up(settings: Settings) -> None:
    from builder.gate import Address
    from builder.site import site

    with listen(settings.host, settings.port) as listener:
        address = Address(settings.host, listener.getsockname()[1], settings.public_url)
        await serve(await site(api, sessions, address), listener)


def _settings(host: str | None, port: int | None, home: Path | None) -> Settings:
    """The environment's settings with what the command line says instead."""
    settings = Settings.from_environment()
    given = {"host": host, "port": port, "home": home.expanduser().absolute() if home else None}
    return replace(settings, **{name: value for name, value in given.items() if value is not None})


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, taken before anything slow starts. Raises: OperatorError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise OperatorError(
                what=f"Canevas cannot listen on {host}:{port}: {error.strerror}",
                where="the port",
                mend="End what uses that port, or choose another with --port (0 takes a free one).",
            ) from None
        yield listener


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer requests until the task is cancelled, which `_run` does on Ctrl-C and SIGTERM."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=_GRACE,
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


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; Ctrl-C and SIGTERM end it cleanly, an error is told in its own words."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_until_stopped(main))
    except CanevasError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it does not exist on Windows
        return None
    return uvloop.new_event_loop


async def _until_stopped(main: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(main)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> None:
    """The entry point."""
    sys.path.insert(0, str(Path(__file__).parent))
    cli()


if __name__ == "__main__":
    main()
