"""Something done to many runs: to those that it applies to, and told of each that it could not be done to."""

import asyncio

from builder.runs.bulk import AT_ONCE, DEEDS, RunLine, each, fitting
from builder.runs.lines import STATES, line
from runtime.errors import ConflictError, NotFoundError
from runtime.interpreter.journal import RunRecord


def a_run(state: str) -> RunLine:
    ended = None if state in ("queued", "running", "waiting") else 2.0
    return line(
        RunRecord(id=state, workspace="w", flow="f", flow_name=f"Flow {state}", source="cli", started=1.0, state=state,  # type: ignore[arg-type]
                  ended=ended)
    )  # fmt: skip


LINES = [a_run(state) for state in STATES]


def test_what_applies_to_which_runs() -> None:
    found = {deed: [one["id"] for one in fitting(LINES, STATES, deed)] for deed in DEEDS}
    assert found == {
        "stop": ["queued", "running", "waiting"],
        "again": ["failed", "done", "cancelled"],
        "go_on": ["failed"],
    }
    assert [one["id"] for one in fitting(LINES, ["running", "gone"], "stop")] == ["running"]


async def test_what_could_not_be_done_is_told_and_stops_nothing_else() -> None:
    done: list[str] = []

    async def act(run: str) -> None:
        if run == "waiting":
            raise NotFoundError("This run is not going on", run, "It has ended.")
        if run == "done":
            raise ConflictError("Its version is gone", run)
        done.append(run)

    refused = await each(LINES, act)
    assert done == ["queued", "running", "failed", "cancelled"]
    assert refused == [
        {
            "id": "waiting",
            "flow_name": "Flow waiting",
            "what": "This run is not going on",
            "mend": "It has ended.",
        },
        {"id": "done", "flow_name": "Flow done", "what": "Its version is gone", "mend": ""},
    ]


async def test_a_few_go_at_once() -> None:
    now, most = 0, 0

    async def act(run: str) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    assert await each(LINES * 20, act) == []
    assert most == AT_ONCE
