"""What a run says of an expression that fails: the step, the place in its settings, the expression, and what exists."""

from dataclasses import replace
from typing import Any

import pytest

from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.fields import Expression
from runtime.graph.flow import Step
from runtime.graph.node import Node
from runtime.interpreter.events import RunFailed, RunFinished
from runtime.interpreter.execution import Execution
from runtime.interpreter.sandbox import Sandbox
from tests.interpreter import stage

GIVEN = {"items": [{"name": "thé", "price": 3}], "n": 2}
SLOW = "{{ [j for i in range(10**9) for j in []] }}"


class Fill(Node):
    """Has settings of every shape."""

    values: list[dict[str, Any]] = []
    headers: dict[str, Any] = {}
    template: str = ""
    condition: Expression = None
    count: int = 0

    async def run(self) -> Any:
        return [self.values, self.headers, self.template, self.condition, self.count]


CATALOG = Catalog([*stage.NODES, Fill])


@pytest.fixture
async def services():
    sandbox = Sandbox()
    yield replace(stage.SERVICES, sandbox=sandbox)
    await sandbox.close()


async def run(services, config):
    drawn = stage.flow({"s": "begin", "fill": Step(kind="fill", config=config)}, "s.output -> fill.after")
    return await Execution(compile_flow(drawn, CATALOG), services, GIVEN).outcome()


FINE = {
    "values": [{"name": "a", "value": "{{ s.output.n + 1 }}"}, {"name": "b", "value": "plain"}],
    "headers": {"X-Sum": "{{ sum(i.price for i in s.output.items) }}"},
    "template": "{{ s.output.n }} of {{ len(s.output.items) }}",
    "condition": "{{ s.output.n > 1 }}",
}
ITEM = "{{ [i.cost for i in s.output.items] }}"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"values": [*FINE["values"], {"name": "c", "value": ITEM}]},
         f"`values[2].value`: An object here has no `cost`; it has: name, price ({ITEM})"),
        ({"values": [*FINE["values"], {"name": "c", "value": "{{ s.output.m }}"}]},
         "`values[2].value`: `s.output` has no `m`; it has: items, n ({{ s.output.m }})"),
        ({"headers": {"X-Sum": "1", "Accept": "{{ s.output.m + 1 }}"}},
         "`headers.Accept`: `s.output` has no `m`; it has: items, n ({{ s.output.m + 1 }})"),
        ({"template": "{{ s.output.n + 1 }} of {{ 1 / (s.output.n - 2) }} of {{ s.output.n }}"},
         "`template`: The expression failed: ZeroDivisionError: division by zero ({{ 1 / (s.output.n - 2) }})"),
        ({"condition": "{{ s.output.items > 1 }}"},
         "`condition`: The expression failed: TypeError: '>' not supported between instances of 'list' and 'int' "
         "({{ s.output.items > 1 }})"),
        ({"condition": SLOW}, f"`condition`: The expression takes more than 0.5 seconds ({SLOW})"),
        ({"template": "a {{ 'a' * 10**9 }}"},
         "`template`: The expression needs more than 32 MB ({{ 'a' * 10**9 }})"),
        ({"headers": {"X Y": "{{ (lambda f: f(f))(lambda f: f(f)) }}"}},
         "`headers['X Y']`: The expression calls itself more than 100 times ({{ (lambda f: f(f))(lambda f: f(f)) }})"),
        ({"values": ["{{ s.output.n }}"]}, "`values[0]`: it must be an object ({{ s.output.n }})"),
        ({"count": "{{ str(s.output.n) + 'x' }}"},
         "`count`: it must be a whole number ({{ str(s.output.n) + 'x' }})"),
    ],
)  # fmt: skip
async def test_names_the_place_the_expression_and_what_exists(services, broken, says):
    ending = await run(services, {**FINE, **broken})
    assert isinstance(ending, RunFailed)
    assert (ending.step, ending.failure.what) == ("fill", says)
    assert ending.failure.mend
    assert ending.failure.who == "author"
    assert isinstance(await run(services, FINE), RunFinished)
