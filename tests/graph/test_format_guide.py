"""The guide to the flow file says the truth: its example is a flow, and its numbers are those of the code."""

import re
from pathlib import Path

import pytest

from nodes.catalog import builtin
from runtime.graph import flow, markup, values
from runtime.graph.check import check
from runtime.graph.compiler import DEFAULT_TIMEOUT, compile_flow
from runtime.graph.flowfile import read, write
from runtime.interpreter.engine import LONGEST_WAIT

GUIDE = (Path(__file__).parents[2] / "docs" / "flow-format.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_is_a_flow_as_canevas_writes_it(text: str) -> None:
    made, problems = read(text)
    assert problems == []
    assert made is not None
    assert check(made, builtin()) == []
    assert write(made) == text
    assert compile_flow(made, builtin()).starts == {"start": 0}


def test_there_is_an_example() -> None:
    assert len(EXAMPLES) == 1


@pytest.mark.parametrize(
    "said",
    [
        f"today `{flow.FORMAT}`",
        f"Up to {flow.MAX_STEPS:,}",
        f"| {DEFAULT_TIMEOUT:.0f}, none for pure nodes |",
        f"no more than {values.DEEPEST} lists and",
        f"up to {markup.MAX_BYTES // 1_000_000} MB, {markup.MAX_VALUES:,} values and",
        f"{markup.MAX_DEPTH} levels, {flow.DEEPEST_SETTING} of them inside a setting",
        *(f"`{kind}`" for kind in values.Kind),
    ],
)
def test_numbers_and_names_are_those_of_the_code(said: str) -> None:
    assert said in GUIDE
    assert LONGEST_WAIT == 3600  # "an hour"


@pytest.mark.parametrize(("model", "table"), [(flow.Flow, "The parts"), (flow.Step, "Steps")], ids=["flow", "step"])
def test_every_key_is_told(model: type[flow.Flow] | type[flow.Step], table: str) -> None:
    section = GUIDE.split(f"## {table}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(model.model_fields)
