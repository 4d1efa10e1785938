"""Runs that repeat others, runs that wait, and flows that run flows: through the backend and the real storage."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.backend import Backend
from builder.editor.edits import Set as SetValue
from nodes.catalog import NODES
from runtime.assembly import Runtime, open_runtime
from runtime.errors import AuthorError, CallerError, ConflictError, NotFoundError
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow
from runtime.graph.node import Context, Node
from runtime.graph.plan import BrokenFlow
from runtime.interpreter.events import RunFinished, RunStarted, StepFinished
from runtime.interpreter.journal import RunRecord
from runtime.settings import Settings

ENTERED: list[str] = []
BROKEN: set[str] = set()


class Write(Node, effect="writes"):
    """Notes that it was entered, and fails when the test says so."""

    text: str = ""

    async def run(self, context: Context, value: Any = None) -> Any:
        name = context.key.rpartition(":")[2]
        ENTERED.append(name)
        if name in BROKEN:
            raise ValueError("broken")
        return f"{value}{self.text}"


CATALOG = Catalog([*NODES, Write])
ASK = {"kind": "ask_person", "config": {"title": "Ship it?", "shown": {"total": 9}, "to": "sales"}}
START = {"kind": "api_start", "config": {"fields": [{"name": "text", "required": False}]}}


@dataclass(frozen=True)
class Owner:
    id: str = "ada"
    workspace: str = "home"
    name: str = "Ada"


ADA = Owner()


def flow(*edges: str, **steps: Any) -> Flow:
    return Flow.model_validate({"name": "Again", "steps": {"start": START, **steps}, "edges": edges})


def chain(**config: Any) -> Flow:
    return flow("start.text -> a.value", "a.output -> b.value", "b.output -> c.value",
                a={"kind": "write", "config": {"text": "a"}}, b={"kind": "write", "config": {"text": "b", **config}},
                c={"kind": "write", "config": {"text": "c"}})  # fmt: skip


class Scene:
    """A runtime with its backend, as the pages have it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.back = Backend(runtime, "http://here")

    async def flow(self, drawn: Flow) -> str:
        return await self.back.create(ADA, drawn)

    async def ended(self, run: str, *states: str) -> RunRecord:
        wanted = states or ("done", "failed", "cancelled")
        async with asyncio.timeout(20):
            while (record := await self.back.run(ADA, run)).state not in wanted or self.runtime.runs.alive("home", run):
                await asyncio.sleep(0.005)
        return record

    async def ran(self, flow_id: str, **given: Any) -> str:
        run = await self.back.preview(ADA, flow_id, given)
        await self.ended(run, "done", "failed", "waiting")
        ENTERED.clear()
        return run

    async def output(self, run: str) -> Any:
        ending = (await self.back.events(ADA, run))[-1]
        assert isinstance(ending, RunFinished), ending
        return ending.output

    async def redrawn(self, flow_id: str, drawn: Flow) -> None:
        stored = await self.runtime.flows.load("home", flow_id)
        await self.runtime.flows.save("home", flow_id, drawn, stored.revision)

    async def again(self, run: str, **how: Any) -> str:
        new = await self.back.again(ADA, run, **how)
        record = await self.ended(new)
        assert record.parent == run
        began = (await self.back.events(ADA, new))[0]
        assert isinstance(began, RunStarted)
        assert (began.parent, record.source) == (run, "preview")
        return new


@pytest.fixture
async def reopen(tmp_path: Path) -> AsyncIterator[Callable[[], Any]]:
    """The scene, and after the next call the scene of the next process."""
    ENTERED.clear()
    BROKEN.clear()
    opened: list[Any] = []

    async def again() -> Scene:
        if opened:
            await opened.pop().__aexit__(None, None, None)
        opened.append(open_runtime(Settings(home=tmp_path), CATALOG))
        return Scene(await opened[0].__aenter__())

    yield again
    if opened:
        await opened.pop().__aexit__(None, None, None)


@pytest.fixture
async def scene(reopen: Callable[[], Any]) -> Scene:
    made: Scene = await reopen()
    return made


async def test_a_whole_run_again(scene: Scene) -> None:
    run = await scene.ran(await scene.flow(chain()), text="x")
    new = await scene.again(run)
    assert ENTERED == ["a", "b", "c"]
    assert await scene.output(new) == "xabc"


async def test_from_the_failed_step_what_is_done_is_not_done_twice(reopen: Callable[[], Any]) -> None:
    scene = await reopen()
    BROKEN.add("b")
    flow_id = await scene.flow(chain())
    run = await scene.ran(flow_id, text="x")
    BROKEN.clear()
    scene = await reopen()
    new = await scene.again(run, failed=True)
    assert ENTERED == ["b", "c"]
    assert await scene.output(new) == "xabc"
    scene = await reopen()
    events = await scene.back.events(ADA, new)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [e.step for e in events if isinstance(e, StepFinished) and e.reused] == ["start", "a"]
    assert all(not e.calls for e in events if isinstance(e, StepFinished) and e.reused)
    with pytest.raises(NotFoundError, match="failed"):
        await scene.back.again(ADA, new, failed=True)


async def test_from_a_step_and_with_another_value(scene: Scene) -> None:
    run = await scene.ran(await scene.flow(chain()), text="x")
    assert await scene.output(await scene.again(run, again=["c"])) == "xabc"
    assert ENTERED == ["c"]
    ENTERED.clear()
    assert await scene.output(await scene.again(run, outputs={"a": {"output": "edited "}})) == "edited bc"
    assert ENTERED == ["b", "c"]
    with pytest.raises(NotFoundError):
        await scene.back.again(ADA, run, again=["nobody"])
    with pytest.raises(NotFoundError):
        await scene.back.again(ADA, "nobody")


async def test_with_the_draft_what_changed_runs_again(scene: Scene) -> None:
    flow_id = await scene.flow(chain())
    run = await scene.ran(flow_id, text="x")
    await scene.redrawn(flow_id, chain(text="B"))
    new = await scene.again(run, draft=True)
    assert ENTERED == ["b", "c"]
    assert await scene.output(new) == "xaBc"
    assert (await scene.back.flow_of_run(ADA, await scene.back.run(ADA, new))).steps["b"].config == {"text": "B"}
    ENTERED.clear()
    assert await scene.output(await scene.again(run, again=["c"])) == "xabc"  # as it ran
    await scene.redrawn(flow_id, flow("begin.text -> a.value", begin=START, a={"kind": "write"}))
    renamed = chain().model_dump(mode="json")
    renamed["steps"] = {("other" if name == "start" else name): step for name, step in renamed["steps"].items()}
    renamed["edges"] = [edge.replace("start.", "other.") for edge in renamed["edges"]]
    await scene.redrawn(flow_id, Flow.model_validate(renamed))
    with pytest.raises(AuthorError, match="start"):
        await scene.back.again(ADA, run, draft=True)
    await scene.redrawn(flow_id, flow(a={"kind": "nobody knows"}))
    with pytest.raises(BrokenFlow):
        await scene.back.again(ADA, run, draft=True)


async def test_people_are_asked_and_answer_also_after_a_restart(reopen: Callable[[], Any]) -> None:
    scene = await reopen()
    drawn = flow("start.text -> a.value", "a.output -> ask", "ask.approve -> b.value",
                 a={"kind": "write"}, ask=ASK, b={"kind": "write"})  # fmt: skip
    flow_id = await scene.flow(drawn)
    run = await scene.ran(flow_id, text="x")
    await scene.redrawn(flow_id, chain())  # the run goes on with the flow that it started with
    scene = await reopen()
    (asked,) = await scene.back.waiting(ADA)
    assert (asked.run, asked.step, asked.flow, asked.flow_name) == (run, "ask", flow_id, "Again")
    assert (asked.title, asked.shown, asked.to, asked.until) == ("Ship it?", {"total": 9}, "sales", None)
    assert await scene.back.waiting(Owner(workspace="elsewhere")) == []
    link = await scene.back.answer_link(ADA, run, "ask")
    assert link.startswith("http://here/answer/")
    with pytest.raises(CallerError, match="choice"):
        await scene.back.answer(ADA, run, "ask", {"choice": "never"})
    await scene.back.answer(ADA, run, "ask", {"choice": "approve"})
    assert (await scene.ended(run)).state == "done"
    assert ENTERED == ["b"]
    assert await scene.back.waiting(ADA) == []
    for refused in (scene.back.answer(ADA, run, "ask", {"choice": "approve"}), scene.back.answer_link(ADA, run, "ask")):
        with pytest.raises(ConflictError):
            await refused


async def test_a_run_that_waits_can_be_stopped(scene: Scene) -> None:
    run = await scene.ran(await scene.flow(flow("start.text -> ask", ask=ASK)))
    await scene.back.stop(ADA, run)
    assert (await scene.ended(run)).state == "cancelled"
    with pytest.raises(NotFoundError):
        await scene.back.stop(ADA, run)


def calling(flow_id: str, **config: Any) -> Flow:
    return flow("start.text -> call.text", call={"kind": "sub_flow", "config": {"flow": flow_id, **config}})


async def test_a_flow_runs_what_is_deployed_when_it_starts(scene: Scene) -> None:
    inner = await scene.flow(chain())
    outer = await scene.flow(calling(inner))
    with pytest.raises(BrokenFlow, match="not deployed"):
        await scene.back.preview(ADA, outer, {"text": "x"})
    await scene.back.deploy(ADA, inner, "inner")
    run = await scene.back.preview(ADA, outer, {"text": "x"})
    await scene.ended(run)
    assert await scene.output(run) == "xabc"
    assert ENTERED == ["call/a", "call/b", "call/c"]
    began = (await scene.back.events(ADA, run))[0]
    assert isinstance(began, RunStarted)
    assert began.pins == {inner: 1}
    await scene.redrawn(inner, chain(text="B"))
    await scene.back.deploy(ADA, inner, "inner")
    assert await scene.output(await scene.again(run)) == "xabc"  # with the version that it ran
    fresh = await scene.ran(outer, text="x")
    assert await scene.output(fresh) == "xaBc"
    pinned = await scene.ran(await scene.flow(calling(inner, pinned=1)), text="x")
    assert await scene.output(pinned) == "xabc"
    with pytest.raises(BrokenFlow, match="no version 9"):
        await scene.back.preview(ADA, await scene.flow(calling(inner, pinned=9)), {"text": "x"})


async def test_the_editor_and_the_page_of_a_run_show_what_the_other_flow_takes(scene: Scene) -> None:
    inner = await scene.flow(chain())
    outer = await scene.flow(calling(inner))
    opened = await scene.back.desks.open(ADA, outer, "tab")
    assert "not deployed" in str(opened.view["steps"]["call"]["problems"])
    await scene.back.deploy(ADA, inner, "inner")
    opened = await scene.back.desks.open(ADA, outer, "tab")
    assert not opened.view["steps"]["call"].get("problems")
    edited = await scene.back.desks.edit(ADA, outer, "tab", opened.revision, [SetValue("call", "flow", "nobody")])
    assert edited.revision > opened.revision
    reading = scene.back.desks._seats[("ada", outer, "tab")].desk.reading
    assert [problem.code for problem in reading.steps["call"].problems] == ["unknown_flow"]
    await scene.back.desks.edit(ADA, outer, "tab", edited.revision, [SetValue("call", "flow", inner)])
    reading = scene.back.desks._seats[("ada", outer, "tab")].desk.reading
    assert "text" in reading.steps["call"].takes
    run = await scene.ran(outer, text="x")
    shown = await scene.back.reading_of_run(ADA, await scene.back.run(ADA, run))
    assert "text" in shown.steps["call"].takes


async def test_a_run_goes_on_with_the_flows_that_it_started_with(reopen: Callable[[], Any]) -> None:
    scene = await reopen()
    asking = flow("start.text -> ask", "ask.approve -> b.value", ask=ASK, b={"kind": "write", "config": {"text": "1"}})
    inner = await scene.flow(asking)
    await scene.back.deploy(ADA, inner, "inner")
    run = await scene.ran(await scene.flow(calling(inner)), text="x")
    await scene.redrawn(inner, chain())
    await scene.back.deploy(ADA, inner, "inner")
    await scene.back.undeploy(ADA, "inner")
    scene = await reopen()
    (asked,) = await scene.back.waiting(ADA)
    assert asked.step == "call/ask"
    await scene.back.answer(ADA, run, "call/ask", {"choice": "approve"})
    assert (await scene.ended(run)).state == "done"
    assert ENTERED == ["call/b"]


async def test_what_an_inner_flow_lacks_is_told_at_the_step_that_runs_it(scene: Scene) -> None:
    asks = flow("start.text -> ask", ask={"kind": "llm", "config": {"prompt": "Hi", "model": "claude-haiku-4-5"}})
    inner = await scene.flow(asks)
    await scene.runtime.secrets.set("home", "anthropic", "sk-ant-0123456789")
    await scene.back.deploy(ADA, inner, "inner")
    await scene.runtime.secrets.delete("home", "anthropic")
    outer, outermost = await scene.flow(calling(inner)), None
    with pytest.raises(BrokenFlow) as broken:
        await scene.back.preview(ADA, outer, {"text": "x"})
    assert [(problem.step, problem.field) for problem in broken.value.problems] == [("call", "flow")]
    await scene.runtime.secrets.set("home", "anthropic", "sk-ant-0123456789")
    await scene.back.deploy(ADA, outer, "outer")
    await scene.runtime.secrets.delete("home", "anthropic")
    outermost = await scene.flow(calling(outer))
    with pytest.raises(BrokenFlow):
        await scene.back.deploy(ADA, outermost, "outermost")


async def test_a_flow_that_runs_itself_is_read_once_and_ends_at_the_depth(scene: Scene) -> None:
    flow_id = await scene.flow(chain())
    await scene.redrawn(flow_id, calling(flow_id))
    stored = (await scene.runtime.flows.load("home", flow_id)).flow
    with pytest.raises(BrokenFlow):
        await scene.back.deploy(ADA, flow_id, "itself")  # nothing is deployed yet that it could run
    await scene.redrawn(flow_id, chain())
    await scene.back.deploy(ADA, flow_id, "itself")
    await scene.redrawn(flow_id, stored)
    await scene.back.deploy(ADA, flow_id, "itself")
    run = await scene.back.preview(ADA, flow_id, {"text": "x"})
    record = await scene.ended(run)
    assert record.state == "failed"
    assert "inside one another" in record.error


def guarded() -> Flow:
    """A step that fails is caught, cleaned up after, and `b` comes behind it all."""
    inside = {"within": "g"}
    return flow("start.text -> w0.value", "g.output -> b.after",
                g={"kind": "try"}, w0={"kind": "write", **inside}, boom={"kind": "stop_with_error", **inside,
                   "config": {"message": "boom {{ w0.output }}"}}, c={"kind": "write", "within": "g.catch"},
                fin={"kind": "write", "within": "g.finally"}, b={"kind": "write"})  # fmt: skip


async def test_a_failure_that_was_caught_does_not_happen_again(scene: Scene) -> None:
    run = await scene.ran(await scene.flow(guarded()), text="x")
    again = await scene.again(run, again=["b"])
    assert ENTERED == ["b"]
    ENTERED.clear()
    await scene.again(again, again=["b"])
    assert ENTERED == ["b"]
    ENTERED.clear()
    await scene.again(run, again=["g.finally/fin"])
    assert ENTERED == ["g.finally/fin", "b"]
    with pytest.raises(NotFoundError, match="failed"):
        await scene.back.again(ADA, run, failed=True)


async def test_what_failed_after_a_caught_failure_is_where_it_goes_on(scene: Scene) -> None:
    BROKEN.add("g.finally/fin")
    run = await scene.ran(await scene.flow(guarded()), text="x")
    BROKEN.clear()
    await scene.again(run, failed=True)
    assert ENTERED == ["g.finally/fin", "b"]
    ENTERED.clear()
    BROKEN.add("g.catch/c")
    run = await scene.ran(await scene.flow(guarded()), text="x")
    BROKEN.clear()
    await scene.again(run, failed=True)
    assert ENTERED == ["g.catch/c", "g.finally/fin", "b"]


async def test_items_that_failed_and_were_dropped_stay_dropped(scene: Scene) -> None:
    def each(policy: str) -> Flow:
        return flow("start.text -> each.after", "each.item -> w.value", "each.output -> b.value",
                    each={"kind": "for_each", "config": {"items": "{{ [1, 2, 3] }}", "on_failure": policy}},
                    w={"kind": "write", "within": "each"}, b={"kind": "write"})  # fmt: skip

    BROKEN.update({"each[1]/w", "b"})
    run = await scene.ran(await scene.flow(each("drop")), text="x")
    BROKEN.clear()
    new = await scene.again(run, failed=True)
    assert ENTERED == ["b"]
    assert await scene.output(new) == "['1', '3']"
    BROKEN.update({"each[1]/w"})
    run = await scene.ran(await scene.flow(each("stop")), text="x")
    BROKEN.clear()
    new = await scene.again(run, failed=True)
    assert ENTERED[0] == "each[1]/w"
    assert await scene.output(new) == "['1', '2', '3']"


async def test_what_somebody_says_a_step_gave_counts_whatever_became_of_it(scene: Scene) -> None:
    drawn = flow("start.text -> a.value", "a.output -> ask", "ask.approve -> b.value", "ask.reject -> c.value",
                 a={"kind": "write"}, ask=ASK, b={"kind": "write"}, c={"kind": "write"})  # fmt: skip
    run = await scene.ran(await scene.flow(drawn), text="x")
    assert (await scene.back.run(ADA, run)).state == "waiting"
    approved = {"approve": {"choice": "approve"}}
    new = await scene.again(run, outputs={"ask": approved})
    assert ENTERED == ["b"]
    assert await scene.output(new) == str(approved["approve"])
    ENTERED.clear()
    new = await scene.again(new, outputs={"c": {"output": "said"}})  # which was skipped
    assert ENTERED == []
    assert await scene.output(new) == {"b": {"output": str(approved["approve"])}, "c": {"output": "said"}}


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ({"b": {"nope": 1}}, "nope"),
        ({"b": {"output": float("nan")}}, "finite"),
        ({"b": "text"}, "an object of its outputs"),
        ({"start": {"text": ["a list"]}}, "text"),
    ],
)
async def test_what_a_step_could_not_have_given_is_refused(scene: Scene, outputs: dict[str, Any], told: str) -> None:
    run = await scene.ran(await scene.flow(chain()), text="x")
    with pytest.raises(CallerError, match=told) as refused:
        await scene.back.again(ADA, run, outputs=outputs)
    assert refused.value.where in outputs


async def test_with_a_published_version_and_with_what_is_deployed_now(scene: Scene) -> None:
    inner = await scene.flow(chain())
    await scene.back.deploy(ADA, inner, "inner")
    outer = await scene.flow(calling(inner))
    await scene.back.deploy(ADA, outer, "outer")
    run = await scene.ran(outer, text="x")
    await scene.redrawn(inner, chain(text="B"))
    await scene.back.deploy(ADA, inner, "inner")
    assert await scene.output(await scene.again(run)) == "xabc"  # as it ran
    assert await scene.output(await scene.again(run, draft=True)) == "xaBc"
    new = await scene.again(run, version=1)
    assert await scene.output(new) == "xaBc"
    assert (await scene.back.run(ADA, new)).version == 1
    with pytest.raises(NotFoundError):
        await scene.back.again(ADA, run, version=7)
