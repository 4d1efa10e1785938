"""The command `canevas`: each command reads the settings and wires parts that live elsewhere."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.errors import AuthorError, CallerError, CanevasError
from runtime.settings import Settings

if TYPE_CHECKING:  # each command imports what it needs when it runs: the whole product takes seconds to import
    from runtime.assembly import Runtime
    from runtime.serving.api import Api
    from runtime.storage.people import PeopleStore

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Draw AI agents, watch them run, deploy them.",
)

_ADDRESS = "address"  # the file in the home folder that says where a running Canevas is

Result = TypeVar("Result")


@cli.command()
def up(
    host: Annotated[str | None, typer.Option(help="The interface to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one.")] = None,
    home: Annotated[Path | None, typer.Option(help="The folder for the database, keys and models.")] = None,
) -> None:
    """Start everything in one process: the editor, the runtime and the API of deployed flows."""
    _run(_up(_settings(host, port, home)))


async def _up(settings: Settings) -> None:
    from builder.backend import Backend
    from builder.gate import Address
    from builder.site import site
    from nodes.catalog import load
    from runtime.assembly import Work, open_runtime
    from runtime.serving.server import listen, serve, spare_what_stays
    from runtime.storage.ownership import own

    catalog = load()
    with own(settings.home), listen(settings.host, settings.port) as listener:
        address = Address(settings.host, listener.getsockname()[1], settings.public_url)
        async with open_runtime(settings, catalog, work=Work()) as runtime:
            api = _api(runtime)
            app = await site(api, runtime.people, Backend(runtime, address.url, api.forget), address)
            with _known_at(settings.home, address.url):
                typer.echo(f"Canevas is at {address.url}\nSign in with  {await _link(runtime.people, address.url)}\n")
                typer.echo("The link works once, for fifteen minutes; `canevas link` prints a new one. Ctrl-C ends it.")
                spare_what_stays()
                await serve(app, listener)


@cli.command("serve")
def serve_flows(
    host: Annotated[str | None, typer.Option(help="The interface to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one.")] = None,
    home: Annotated[Path | None, typer.Option(help="The folder for the database, keys and models.")] = None,
) -> None:
    """Start the API of deployed flows alone, without the editor."""
    _run(_serve(_settings(host, port, home)))


async def _serve(settings: Settings) -> None:
    from nodes.catalog import load
    from runtime.assembly import open_runtime
    from runtime.serving.server import listen, serve, spare_what_stays
    from runtime.storage.ownership import own

    catalog = load()
    with contextlib.ExitStack() as held:
        if settings.owns_a_file:  # whoever opens it drives what is in it
            held.enter_context(own(settings.home))
        listener = held.enter_context(listen(settings.host, settings.port))
        async with open_runtime(settings, catalog) as runtime:
            typer.echo(f"The API is at http://{settings.host}:{listener.getsockname()[1]}/api. Ctrl-C ends it.")
            spare_what_stays()
            await serve(_api(runtime), listener)


@cli.command()
def worker(
    queues: Annotated[str, typer.Option(help="The queues to take runs from, with commas between.")] = "default",
    labels: Annotated[str, typer.Option(help="What this machine has, such as gpu, with commas between.")] = "",
    at_once: Annotated[int, typer.Option(min=1, help="Runs at the same time, of each queue.")] = 100,
    home: Annotated[Path | None, typer.Option(help="The folder for keys and models.")] = None,
) -> None:
    """Drive runs that Temporal hands out, on as many machines as wanted; SIGTERM lets what runs come to a halt."""
    _run(_work(_settings(None, None, home), _names(queues), _names(labels), at_once))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


async def _work(settings: Settings, queues: tuple[str, ...], labels: tuple[str, ...], at_once: int) -> None:
    from nodes.catalog import load
    from runtime.assembly import Work, open_runtime
    from runtime.errors import OperatorError
    from runtime.serving.server import spare_what_stays

    if not settings.temporal_url or settings.owns_a_file:
        raise OperatorError(
            "A worker takes its runs from Temporal and keeps them in PostgreSQL",
            "the environment",
            "Set CANEVAS_TEMPORAL_URL and CANEVAS_DATABASE_URL as for the servers; one machine alone needs no worker.",
        )
    async with open_runtime(settings, load(), work=Work(queues, labels, at_once)) as runtime:
        spare_what_stays()
        typer.echo(f"Worker {runtime.runs.worker} takes runs of {', '.join(queues)}. Ctrl-C ends it.")
        await asyncio.Event().wait()


def _api(runtime: "Runtime") -> "Api":
    """What the outside may ask of a runtime."""
    from runtime.serving.api import Api

    return Api(
        runtime.deployments,
        runtime.catalog,
        runtime.runs,
        runtime.settings,
        ready=runtime.ready,
        library=runtime.library,
        links=runtime.links,
    )


@cli.command()
def check(file: Annotated[Path, typer.Argument(help="A flow file.")]) -> None:
    """Tell every problem of a flow file; runs nothing. Exit code 2 when it cannot run.

    A flow that it runs as `name` is the file `name.yaml` beside it.
    """
    from nodes.catalog import load
    from runtime.serving.terminal import check_file

    try:
        code = asyncio.run(check_file(file, load(), typer.echo))
    except CanevasError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(code)


@cli.command()
def run(
    file: Annotated[Path, typer.Argument(help="A flow file.")],
    given: Annotated[str, typer.Option("--input", help="The input as JSON, or @file.")] = "{}",
    start: Annotated[str, typer.Option(help="Where to start, when the flow has several starts.")] = "",
    events: Annotated[bool, typer.Option("--events", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Run a flow file and print its answer. Exit code 1 when the run failed, 2 when the flow or the input is wrong.

    A flow that it runs as `name` is the file `name.yaml` beside it.
    """
    from runtime.serving.terminal import read_input

    try:
        code = _run(_run_file(file, read_input(given), start, events))
    except CallerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(code if code is not None else 1)


async def _run_file(file: Path, given: dict[str, Any], start: str, events: bool) -> int:
    from nodes.catalog import load
    from runtime.graph.plan import BrokenFlow
    from runtime.serving.terminal import WRONG, beside, follow, read_file
    from runtime.settings import secret_from_environment
    from runtime.workbench import InvalidInput, open_workbench

    async def secret(workspace: str, name: str) -> str | None:
        return secret_from_environment(name)

    catalog = load()
    try:
        flow, problems = read_file(file, catalog)
    except CallerError as error:
        typer.echo(str(error), err=True)
        return WRONG
    if flow is not None:
        fetch = beside(file, catalog)
        async with open_workbench(
            Settings.from_environment(), catalog, secret, lambda workspace, called: fetch(called)
        ) as workbench:
            try:
                prepared = await workbench.prepare("terminal", flow, given, source="cli", trigger=start)
            except BrokenFlow as broken:
                problems = broken.problems
            except (InvalidInput, AuthorError) as error:
                typer.echo(str(error), err=True)
                return WRONG
            else:
                record = await workbench.runs.begin(prepared)
                return await follow(workbench.runs, record, typer.echo, typer.echo if events else None)
    for problem in problems:
        typer.echo(f"{file}: {problem}", err=True)
    return WRONG


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


async def _link(people: "PeopleStore", url: str) -> str:
    return f"{url}/enter?token={await people.new_link(await people.ensure_owner())}"


@cli.command()
def weights(home: Annotated[Path | None, typer.Option(help="The folder that `canevas up` uses.")] = None) -> None:
    """Fetch the built-in models once, about 125 MB."""
    from runtime.llm.weights import fetch

    _run(fetch(_settings(None, None, home).weights, typer.echo))


@contextlib.asynccontextmanager
async def _people(settings: Settings) -> AsyncIterator["PeopleStore"]:
    """Who may sign in, on the migrated database."""
    from runtime.storage.database import Database
    from runtime.storage.people import PeopleStore

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


def _settings(host: str | None, port: int | None, home: Path | None) -> Settings:
    """The environment's settings with what the command line says instead."""
    return Settings.from_environment(host=host, port=port, home=home)


def _run(main: Coroutine[Any, Any, Result]) -> Result | None:
    """Run a command to its end; Ctrl-C and SIGTERM end it cleanly, an error is told in its own words.

    Returns: what it returned, None when it was stopped.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_until_stopped(main))
    except CanevasError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it does not exist on Windows
        return None
    return uvloop.new_event_loop


async def _until_stopped(main: Coroutine[Any, Any, Result]) -> Result | None:
    task = asyncio.ensure_future(main)

    def stop() -> None:
        # A second Ctrl-C changes nothing: the end takes seconds at most, and cut short it would lose what is written.
        if not task.cancelling():
            task.cancel()

    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return None


def main() -> None:
    """The entry point."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        cli()
    except KeyboardInterrupt:  # before or after the loop that hears Ctrl-C
        sys.exit(130)


if __name__ == "__main__":
    main()
