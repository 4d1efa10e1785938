"""The command `canevas`: each command reads the settings and wires parts that live elsewhere."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.errors import CanevasError, OperatorError
from runtime.settings import Settings
from runtime.storage.database import Database
from runtime.storage.people import PeopleStore

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Draw AI agents, watch them run, deploy them.")

_ADDRESS = "address"  # the file in the home folder that says where a running Canevas is
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
        async with _people(settings) as people:
            app = await site(_no_api, people, address)
            with _known_at(settings.home, address.url):
                typer.echo(f"Canevas is at {address.url}\nSign in with  {await _link(people, address.url)}\n")
                typer.echo("The link works once, for fifteen minutes; `canevas link` prints a new one. Ctrl-C ends it.")
                await serve(app, listener)


@cli.command()
def link(
    home: Annotated[Path | None, typer.Option(help="The folder that `canevas up` uses.")] = None,
) -> None:
    """Print a new one-time link that signs the owner in."""
    _run(_print_link(_settings(None, None, home)))


async def _print_link(settings: Settings) -> None:
    from builder.gate import Address

    note = settings.home / _ADDRESS
    own = Address(settings.host, settings.port, settings.public_url).url
    url = await asyncio.to_thread(note.read_text) if note.exists() else own
    async with _people(settings) as people:
        typer.echo(await _link(people, url))


async def _link(people: PeopleStore, url: str) -> str:
    return f"{url}/enter?token={await people.new_link(await people.ensure_owner())}"


@cli.command()
def weights(home: Annotated[Path | None, typer.Option(help="The folder that `canevas up` uses.")] = None) -> None:
    """Fetch the built-in models once, about 125 MB."""
    from runtime.llm.weights import fetch

    _run(fetch(_settings(None, None, home).weights, typer.echo))


@contextlib.asynccontextmanager
async def _people(settings: Settings) -> AsyncIterator[PeopleStore]:
    """Who may sign in, on the migrated database."""
    database = await Database.connect(settings)
    try:
        yield PeopleStore(database)
    finally:
        await database.close()


@contextlib.contextmanager
def _known_at(home: Path, url: str) -> Iterator[None]:
    """Note where Canevas can be reached while it runs, for `canevas link`."""
    note = home / _ADDRESS
    note.write_text(url)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


async def _no_api(scope: Scope, receive: Receive, send: Send) -> None:
    problem = {"type": "about:blank", "title": "No flow is deployed here", "status": 404}
    await JSONResponse(problem, 404, media_type="application/problem+json")(scope, receive, send)


def _settings(host: str | None, port: int | None, home: Path | None) -> Settings:
    """The environment's settings with what the command line says instead."""
    settings = Settings.from_environment()
    given: dict[str, Any] = {"host": host, "port": port}
    if home is not None:
        given["home"] = home.expanduser().absolute()
        if settings.weights == settings.home / "weights":
            given["weights"] = given["home"] / "weights"
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
