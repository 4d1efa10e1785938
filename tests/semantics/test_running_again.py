"""Running again: what is entered anew, what answers from the record, and what comes of an edited value."""

from typing import Any

import pytest

from runtime.errors import CallerError, NotFoundError
from tests.semantics.scene import Scene, broken, entered, flow

EACH = flow(
    """
    each: {kind: for_each, config: {items: '{{ start.list }}', at_once: 1}}
    one: {kind: write, within: each, config: {text: '{{ each.item }}'}}
    two: {kind: write, within: each, config: {text: '!'}}
    after: {kind: write, config: {text: after}}
    """,
    "- one.output -> two.value\n- each.failed -> after.value",
    "each.output",
)
ROUNDS = flow(
    """
    loop: {kind: repeat, config: {start: '', rounds: 3}}
    word: {kind: write, within: loop, config: {text: '{{ loop.round }}'}}
    """,
    "- start.n -> loop\n- loop.state -> word.value",
    "loop.output",
)
NESTED = flow(
    """
    each: {kind: for_each, config: {items: '{{ start.list }}', at_once: 1}}
    both: {kind: parallel, within: each, config: {branches: [left, right]}}
    loop: {kind: repeat, within: both.left, config: {start: '{{ each.item }}', rounds: 2}}
    deep: {kind: write, within: loop, config: {text: '.'}}
    side: {kind: write, within: both.right, config: {text: side}}
    """,
    "- loop.state -> deep.value\n- loop.output -> both.result\n- both.output -> each.result",
    "each.output",
)
ASKS = flow(
    "a: {kind: write}\nask: {kind: ask_person}\nb: {kind: write, config: {text: b}}",
    "- start.n -> a.value\n- a.output -> ask\n- ask.approve -> b.value",
    "b.output",
)


CAUGHT = flow(
    """
    guard: {kind: try}
    first: {kind: write, within: guard}
    stop: {kind: stop_with_error, within: guard, config: {message: 'no'}}
    sorry: {kind: write, within: guard.catch, config: {text: sorry}}
    tidy: {kind: write, within: guard.finally}
    each: {kind: for_each, config: {items: '{{ start.list }}', on_failure: keep, at_once: 1}}
    item: {kind: write, within: each}
    even: {kind: if, within: each, config: {condition: '{{ each.item % 2 == 0 }}'}}
    bad: {kind: stop_with_error, within: each, config: {message: 'even'}}
    after: {kind: write, config: {text: ' after'}}
    """,
    """
    - start.n -> first.value
    - first.output -> stop
    - guard.output -> each
    - item.output -> even
    - even.true -> bad
    - each.failed -> after.value
    """,
    "after.output",
)


async def test_what_was_caught_or_kept_before_is_not_entered_again(scene: Scene) -> None:
    run = await scene.run(CAUGHT, n=1, list=[1, 2, 3])
    assert await scene.gave(run) == "1 after"
    new = await scene.again(run, again=["after"])
    assert entered == ["after"]
    newer = await scene.again(new, again=["after"])
    assert (entered, await scene.gave(newer)) == (["after"], "1 after")
    with pytest.raises(NotFoundError):
        await scene.again(run, failed=True)


async def test_an_edited_value_in_one_item_touches_that_item_and_what_comes_after(scene: Scene) -> None:
    run = await scene.run(EACH, list=[1, 2, 3])
    new = await scene.again(run, outputs={"each[1]/one": {"output": "edited"}})
    assert entered == ["each[1]/two", "after"]
    assert await scene.gave(new) == ["1!", "edited!", "3!"]
    newer = await scene.again(new, outputs={"each[0]/two": {"output": "again"}})
    assert entered == ["after"]
    assert await scene.gave(newer) == ["again", "edited!", "3!"]


async def test_an_edited_value_of_a_step_with_bodies_enters_none(scene: Scene) -> None:
    run = await scene.run(EACH, list=[1, 2])
    new = await scene.again(run, outputs={"each": {"output": ["said"], "failed": 0}})
    assert entered == ["after"]
    assert await scene.gave(new) == ["said"]


async def test_other_items_are_other_bodies(scene: Scene) -> None:
    run = await scene.run(EACH, list=[1, 2, 3])
    new = await scene.again(run, outputs={"start": {"n": None, "list": [3, 2]}})
    assert entered == ["each[0]/one", "each[0]/two", "each[1]/one", "each[1]/two", "after"]
    assert await scene.gave(new) == ["3!", "2!"]


async def test_rounds_come_of_one_another(scene: Scene) -> None:
    run = await scene.run(ROUNDS, n=1)
    assert await scene.gave(run) == "123"
    assert await scene.gave(await scene.again(run, again=["loop[2]/word"])) == "123"
    assert entered == ["loop[2]/word", "loop[3]/word"]
    edited = await scene.again(run, outputs={"loop[2]/word": {"output": "E"}})
    assert entered == ["loop[3]/word"]
    assert await scene.gave(edited) == "E3"


async def test_deep_inside_only_what_comes_of_the_step_is_entered(scene: Scene) -> None:
    run = await scene.run(NESTED, list=["a", "b"])
    assert await scene.gave(run) == [{"left": "a..", "right": "side"}, {"left": "b..", "right": "side"}]
    new = await scene.again(run, again=["each[1]/both/loop[2]/deep"])
    assert entered == ["each[1]/both/loop[2]/deep"]
    assert await scene.gave(new) == await scene.gave(run)


async def test_from_the_failed_step_in_an_item_the_others_are_not_entered(scene: Scene) -> None:
    broken.add("each[1]/two")
    run = await scene.run(EACH, list=[1, 2, 3])
    broken.clear()
    new = await scene.again(run, failed=True)
    assert entered == ["each[1]/two", "each[2]/one", "each[2]/two", "after"]
    assert await scene.gave(new) == ["1!", "2!", "3!"]


async def test_a_run_that_waits_is_repeated_and_can_still_be_answered(scene: Scene) -> None:
    run = await scene.run(ASKS, n=1)
    asked_anew = await scene.again(run, again=["ask"])
    assert (entered, await scene.asked(asked_anew)) == ([], ["ask"])
    whole = await scene.again(run)
    assert (entered, await scene.asked(whole)) == (["a"], ["ask"])
    entered.clear()
    await scene.answer(run, "ask", {"choice": "approve"})
    assert entered == ["b"]
    assert await scene.asked(asked_anew) == ["ask"], "each run has questions of its own"
    with pytest.raises(NotFoundError):
        await scene.again(asked_anew, failed=True)


async def test_a_value_given_for_a_question_that_waits_is_its_answer(scene: Scene) -> None:
    run = await scene.run(ASKS, n=1)
    new = await scene.again(run, outputs={"ask": {"approve": {"choice": "approve"}, "by": "nobody"}})
    assert (entered, await scene.asked(new)) == (["b"], [])
    assert await scene.asked(run) == ["ask"]


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({"b": {"nope": 1}}, "nope"),
        ({"b": {"output": float("nan")}}, "finite"),
        ({"b": "a text"}, "object"),
        ({"start": {"n": "a text", "list": None}}, "expected a number"),
    ],
)
async def test_a_value_that_the_step_could_not_give_is_refused(scene: Scene, outputs: Any, says: str) -> None:
    run = await scene.run(ASKS, n=1)
    await scene.answer(run, "ask", {"choice": "approve"})
    with pytest.raises(CallerError, match=says):
        await scene.again(run, outputs=outputs)
    assert entered == []


async def test_an_answer_stands_unless_what_comes_before_it_runs_again(scene: Scene) -> None:
    run = await scene.run(ASKS, n=1)
    await scene.answer(run, "ask", {"choice": "approve"})
    after = await scene.again(run, again=["b"])
    assert (entered, await scene.asked(after)) == (["b"], [])
    before = await scene.again(run, again=["a"])
    assert (entered, await scene.asked(before)) == (["a"], ["ask"])


async def test_a_run_that_was_stopped_while_it_waited_asks_again(scene: Scene) -> None:
    run = await scene.run(ASKS, n=1)
    await scene.back.stop(scene.ada, run)
    assert (await scene.settled(run)).state == "cancelled"
    new = await scene.again(run, again=["ask"])
    assert (entered, await scene.asked(new)) == ([], ["ask"])
