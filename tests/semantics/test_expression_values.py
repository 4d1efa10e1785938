"""What expressions give, and what they say when they cannot: the field, the expression, and what is there instead."""

import asyncio
from typing import Any

import pytest

from runtime.graph.compiler import compile_flow
from runtime.interpreter.events import RunFailed, RunFinished
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services
from tests.golden.services import services
from tests.semantics.scene import CATALOG, flow

GIVEN = {"n": 1, "list": [1, None, {"clé": {"日本": 5}}, {"if": 3, "a b": 2, "items": [7], "0": "zero"}]}


@pytest.fixture(scope="module")
def ends() -> Any:
    """How a run of a flow with this text as its answer ends; one loop and one sandbox for all."""

    async def run(real: Services, text: str) -> RunFinished | RunFailed:
        drawn = flow("hold: {kind: set_values, config: {values: {value: ''}}}", "- start.n -> hold", "hold.value")
        held = drawn.steps["hold"].model_copy(update={"config": {"values": {"value": text}}})
        plan = compile_flow(drawn.model_copy(update={"steps": {**drawn.steps, "hold": held}}), CATALOG)
        events = [event async for event in Execution(plan, real, GIVEN)]
        assert isinstance(events[-1], RunFinished | RunFailed)
        return events[-1]

    with asyncio.Runner() as runner:
        entered = services()
        real = runner.run(entered.__aenter__())
        yield lambda text: runner.run(run(real, text))
        runner.run(entered.__aexit__(None, None, None))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ start.list[2]['clé']['日本'] }}", 5),
        ("{{ start.list[2].clé.日本 + 1 }}", 6),
        ("{{ start.list[-1]['a b'] }}", 2),
        ("{{ start.list[3].items }}", [7]),  # a key wins over a method of Python's
        ("{{ start.list[3].items + [8] }}", [7, 8]),
        ("{{ start.list[3].get('none') }}", None),
        ("{{ [x for x in start.list if x == None] }}", [None]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ range(3) }}", [0, 1, 2]),
        (" {{ start.n }} ", 1),
        ("{{ start.n }}{{ start.n }}", "11"),
        ("{{ True }} {{ None }} {{ [True, None] }}", "true  [true,null]"),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ '}}' }}", "}}"),
        (r"\{{ start.n }}", "{{ start.n }}"),
        ("{{ [start.list.append(3), len(start.list)][1] }}", 5),  # a copy: what the step gave stays as it is
    ],
)
def test_gives(ends: Any, text: str, value: Any) -> None:
    ended = ends(text)
    assert isinstance(ended, RunFinished), ended
    assert (ended.output, type(ended.output)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("start.list[3].nope", "has no `nope`; it has: if, a b, items, 0"),
        ("start.list[3].nope + 1", "has no `nope`; it has: if, a b, items, 0"),
        ("start.list[1].x", "is nothing"),
        ("start.list[9]", "has 4 entries"),
        ("start.list[9] + 1", "has 4 entries"),
        ("start.list.x", "take an entry first"),
        ("1 / 0", "division by zero"),
        ("'x' * 10 ** 9", "32 MB"),
        ("2 ** 10 ** 8", "32 MB"),
        ("(lambda f: f(f))(lambda f: f(f))", "100 times"),
        ("sum(range(10 ** 8))", "0.5 seconds"),
        ("float('nan')", "not finite"),
        ("10 ** 400", "64 bits"),
        ("{1, 2}", "a set"),
        ("{1: 2}", "number as a key"),
    ],
)
def test_says_what_is_wrong(ends: Any, expression: str, says: str) -> None:
    failed = ends("{{ " + expression + " }}")
    assert isinstance(failed, RunFailed)
    assert (failed.step, failed.failure.who) == ("hold", "author")
    assert says in failed.failure.what
    assert f"{{{{ {expression} }}}}" in failed.failure.what
    assert failed.failure.what.startswith("`values")
    assert failed.failure.mend
    well = ends("{{ start.n + 1 }}")  # the next one is evaluated, whatever became of the worker
    assert isinstance(well, RunFinished)
    assert well.output == 2
