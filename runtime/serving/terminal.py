"""Flow files from a terminal: check one, or run one and tell how it goes; the same runtime, no storage."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.errors import AuthorError, CallerError, CanevasError
from runtime.graph.catalog import Catalog
from runtime.graph.check import check
from runtime.graph.flow import Flow
from runtime.graph.flowfile import read
from runtime.graph.library import Fetch, gather
from runtime.graph.migration import migrate
from runtime.graph.node import FlowReference
from runtime.graph.problems import Problem, errors
from runtime.interpreter.events import Ending, RunFailed, RunFinished, StepPaused, encode
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.runs import Runs

_BESIDE = re.compile(r"\w[\w.-]{0,100}\Z")  # the names of files in the same folder

# Exit codes: a script tells a flow that is wrong from a run that failed.
DONE, FAILED, WRONG = 0, 1, 2

Tell = Callable[[str], None]


def read_file(path: Path, catalog: Catalog) -> tuple[Flow | None, list[Problem]]:
    """The flow in a file, its older steps migrated, or None and why not. Raises CallerError without such a file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CallerError(f"The file cannot be read: {error.strerror}", str(path), "Give the path of a flow.") from None
    flow, problems = read(raw)
    return (migrate(flow, catalog)[0], []) if flow is not None else (None, problems)


def beside(path: Path, catalog: Catalog) -> Fetch:
    """Where a flow in a file finds the flows that it runs: `name` is `name.yaml` beside it, which has no versions."""

    async def fetch(reference: FlowReference) -> tuple[Flow, int] | None:
        if reference.version or not _BESIDE.match(reference.flow):
            return None
        file = path.with_name(f"{reference.flow}.yaml")
        if not await asyncio.to_thread(file.is_file):
            return None
        flow, problems = await asyncio.to_thread(read_file, file, catalog)
        if flow is None:
            raise AuthorError(f"A flow that this one runs cannot be read: {problems[0].what}", str(file))
        return flow, 0

    return fetch


async def check_file(path: Path, catalog: Catalog, tell: Tell) -> int:
    """Tell every problem of a flow file, a line each; WRONG when one keeps it from running."""
    flow, problems = await asyncio.to_thread(read_file, path, catalog)
    if flow is not None:
        problems = check(flow, catalog, await gather(flow, catalog, beside(path, catalog)))
    for problem in problems:
        tell(f"{path}: {problem.severity}: {problem}")
    if flow is None or errors(problems):
        return WRONG
    tell(f"{path}: {len(flow.steps)} steps, ready to run")
    return DONE


def read_input(text: str) -> dict[str, Any]:
    """The input of a run from JSON, or from a file with `@path`. Raises CallerError."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CallerError(f"The input cannot be read: {error}", text, "Give a file with JSON.") from None
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CallerError(
            f"The input is not JSON: {error}", "--input", 'Write for example {"text": "Hello"}.'
        ) from None
    if not isinstance(given, dict):
        raise CallerError("The input is not a JSON object", "--input", 'Write for example {"text": "Hello"}.')
    return given


async def follow(runs: Runs, record: RunRecord, tell: Tell, tell_event: Tell | None) -> int:
    """Watch a run to its end: its events as JSON lines if wanted, else its answer."""
    ending: Ending | None = None
    async for event in runs.watch(record.workspace, record.id):
        if tell_event is not None:
            tell_event(encode(event).decode())
        ending = event if isinstance(event, Ending) else ending
        if isinstance(event, StepPaused) and event.request is not None:
            # It may wait for ever: nobody can answer here, and nothing of the run outlives this process.
            await runs.cancel(record.workspace, record.id, "Nobody can be asked on a terminal")
            raise CanevasError(
                f"The run asks a person: {event.request.get('title', '')}", event.step, "Run the flow in Canevas."
            )
    if isinstance(ending, RunFinished):
        if tell_event is None:
            tell(json.dumps(ending.output, ensure_ascii=False, indent=2))
        return DONE
    if isinstance(ending, RunFailed):
        raise CanevasError(ending.failure.what, ending.step, ending.failure.mend)
    raise CanevasError("The run was cancelled")
