"""The pages about nodes stay true: the reference comes from the classes, and the guide's code runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from nodes.catalog import builtin
from nodes.reference import reference
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.node import Node
from runtime.interpreter.events import RunFinished
from runtime.interpreter.execution import Execution
from runtime.interpreter.services import Services
from tests.nodes.running import run_node

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCS = Path(__file__).parents[2] / "docs"


async def test_reference_is_what_the_classes_say() -> None:
    assert (DOCS / "nodes.md").read_text() == reference(builtin()), "run `python -m nodes.reference > docs/nodes.md`"


def guide() -> list[type[Node]]:
    """The nodes of the guide, from the Python blocks of docs/writing-a-node.md."""
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "writing-a-node.md").read_text(), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "guide"}
    exec("\n".join(blocks), names)
    return [each for each in names.values() if isinstance(each, type) and issubclass(each, Node) and each is not Node]


async def test_nodes_of_the_guide_keep_the_contract() -> None:
    catalog = Catalog([*builtin(), *guide()])
    assert {node.kind for node in guide()} <= set(catalog.kinds())
    assert len(guide()) >= 5


@pytest.mark.parametrize(
    ("name", "config", "inputs", "output"),
    [
        ("Shout", {}, {"text": "hi"}, {"output": "HI!"}),
        ("SayAgain", {"times": 3, "wish": "."}, {"text": "a"}, {"output": "a a a."}),
        ("EvenOdd", {}, {"number": 3}, {"odd": 3}),
        ("SplitWords", {"names": ["one", "two", "three"]}, {"text": "a b"}, {"one": "a", "two": "b", "three": ""}),
        ("Greet", {"greeting": "Salut"}, {"name": "Zoé"}, {"output": "Salut Zoé"}),
    ],
)
async def test_nodes_of_the_guide_run(
    real: Services, name: str, config: dict[str, Any], inputs: dict[str, Any], output: dict[str, Any]
) -> None:
    (node,) = (each for each in guide() if each.__name__ == name)
    assert await run_node(real, node, config, inputs, catalog=Catalog([*builtin(), node])) == output


async def test_node_of_the_guide_with_steps_inside_runs_them(real: Services) -> None:
    catalog = Catalog([*builtin(), *guide()])
    steps = {
        "start": Step(kind="webhook_start"),
        "best": Step(kind="best_of", config={"text": "{{ write.output }}"}),
        "write": Step(kind="template", within="best", config={"template": "{{ 'x' * (best.number % 3) }}"}),
    }
    flow = Flow(steps=steps, edges=(Edge("start", "body", "best"),))
    ending = await Execution(compile_flow(flow, catalog), real, {}).outcome()
    assert isinstance(ending, RunFinished)
    assert ending.output == "xx"


@pytest.mark.parametrize("sure", [True, False])
async def test_node_of_the_guide_that_pauses_takes_the_answer(real: Services, sure: bool) -> None:
    (confirm,) = (each for each in guide() if each.__name__ == "Confirm")
    catalog = Catalog([*builtin(), confirm])
    output = await run_node(real, confirm, {}, {"what": "Send it"}, catalog=catalog, answer={"sure": sure})
    assert output == {"output": sure}


async def test_haiku_of_the_guide_streams(real: Services) -> None:
    (haiku,) = (each for each in guide() if each.__name__ == "Haiku")
    output = await run_node(real, haiku, {}, {"about": "rain"}, catalog=Catalog([*builtin(), haiku]))
    assert output["output"]


async def test_guide_tells_how_older_settings_are_read() -> None:
    (greet,) = (each for each in guide() if each.__name__ == "Greet")
    assert greet.migrate({"word": "Hi"}, 1) == {"greeting": "Hi"}
