"""A flow that runs others: bounded recursion, questions inside, and the versions that a run holds on to."""

import pytest

from runtime.graph.flow import Flow
from runtime.graph.plan import BrokenFlow
from runtime.interpreter.events import RunFailed
from tests.semantics.scene import Scene, entered, flow

NOTHING = flow("zero: {kind: set_values, config: {values: {value: 0}}}", "- start.n -> zero", "zero.value")


def counting(flow_id: str) -> Flow:
    """Adds up the numbers from n down to 1 by running itself."""
    return flow(
        f"""
        more: {{kind: if, config: {{condition: '{{{{ start.n > 0 }}}}'}}}}
        less: {{kind: set_values, config: {{values: {{n: '{{{{ start.n - 1 }}}}'}}}}}}
        call: {{kind: sub_flow, config: {{flow: {flow_id}}}}}
        """,
        "- more.true -> less\n- less.n -> call.n",
        "start.n + (call.output or 0)",
    )


def calling(flow_id: str, **config: int) -> Flow:
    """Runs a flow for each item of its list, one after another."""
    made = flow(
        f"""
        each: {{kind: for_each, config: {{items: '{{{{ start.list }}}}', at_once: 1, on_failure: keep}}}}
        call: {{kind: sub_flow, within: each, config: {{flow: {flow_id}}}}}
        """,
        "- each.item -> call.n",
        "each.output",
    )
    call = made.steps["call"].model_copy(update={"config": {"flow": flow_id, **config}})
    return made.model_copy(update={"steps": {**made.steps, "call": call}})


async def deployed(scene: Scene, drawn: Flow, slug: str, flow_id: str = "") -> str:
    """The id of a flow whose newest version this is now."""
    if not flow_id:
        flow_id = await scene.back.create(scene.ada, drawn)
    else:
        store = scene.back._runtime.flows
        await store.save("home", flow_id, drawn, (await store.load("home", flow_id)).revision)
    await scene.back.deploy(scene.ada, flow_id, slug)
    return flow_id


async def test_a_flow_runs_itself_as_deep_as_it_may(scene: Scene) -> None:
    flow_id = await deployed(scene, NOTHING, "count")
    await deployed(scene, counting(flow_id), "count", flow_id)
    caller = calling(flow_id)
    assert await scene.gave(await scene.run(caller, list=[0, 3, 10])) == [0, 6, 55]
    failed = (await scene.events(await scene.run(caller, list=[0, 30])))[-1]
    assert isinstance(failed, RunFailed), "keep does not keep a limit"
    assert failed.failure.kind == "LimitReached"
    assert "20 flows" in failed.failure.what


async def test_a_run_that_waits_inside_a_flow_holds_on_to_its_version(scene: Scene) -> None:
    asking = flow(
        "ask: {kind: ask_person}\nwrite: {kind: write, config: {text: ' first'}}",
        "- start.n -> ask\n- ask.approve -> write\n- start.n -> write.value",
        "write.output",
    )
    inner = await deployed(scene, asking, "inner")
    run = await scene.run(calling(inner), list=[1, 2])
    assert await scene.asked(run) == ["each[0]/call/ask"]
    await deployed(scene, NOTHING, "inner", inner)
    await scene.answer(run, "each[0]/call/ask", {"choice": "approve"})
    await scene.back.undeploy(scene.ada, "inner")
    await scene.back.delete(scene.ada, inner)
    assert await scene.asked(run) == ["each[1]/call/ask"], "an item that begins later runs the same version"
    await scene.answer(run, "each[1]/call/ask", {"choice": "approve"})
    assert await scene.gave(run) == ["1 first", "2 first"]
    new = await scene.again(run, again=["each[1]/call/write"])
    assert entered == ["each[1]/call/write"]
    assert await scene.gave(new) == ["1 first", "2 first"]


async def test_a_version_that_is_named_stays_and_the_deployed_one_moves_on(scene: Scene) -> None:
    one = flow("text: {kind: template, config: {template: one}}", "- start.n -> text", "text.output")
    two = flow("text: {kind: template, config: {template: two}}", "- start.n -> text", "text.output")
    inner = await deployed(scene, one, "inner")
    await deployed(scene, two, "inner", inner)
    assert await scene.gave(await scene.run(calling(inner, pinned=1), list=[1])) == ["one"]
    assert await scene.gave(await scene.run(calling(inner), list=[1])) == ["two"]
    await scene.back.undeploy(scene.ada, "inner")
    assert await scene.gave(await scene.run(calling(inner, pinned=1), list=[1])) == ["one"]
    with pytest.raises(BrokenFlow):
        await scene.run(calling(inner), list=[1])
    with pytest.raises(BrokenFlow):
        await scene.run(calling(inner, pinned=3), list=[1])
    with pytest.raises(BrokenFlow):
        await scene.run(calling("nobody"), list=[1])
