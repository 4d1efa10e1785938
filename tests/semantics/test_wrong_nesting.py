"""Flows whose steps stand where they cannot: each is refused at the step to blame, and none breaks the check."""

import pytest

from nodes.catalog import NODES
from runtime.graph.catalog import Catalog
from runtime.graph.check import check
from runtime.graph.flow import Flow
from tests.semantics.scene import flow

CATALOG = Catalog(NODES)
EACH = "each: {kind: for_each, config: {items: '{{ start.list }}'}}"
GUARD = "guard: {kind: try}"
TEXT = "{kind: template, config: {template: x}"


def blamed(drawn: Flow) -> set[str]:
    """The steps that have an error."""
    problems = check(drawn, CATALOG)
    assert all(str(problem) for problem in problems)
    return {problem.step for problem in problems if problem.severity == "error"}


@pytest.mark.parametrize(
    ("steps", "edges", "step"),
    [
        (f"plain: {TEXT}}}\ninside: {TEXT}, within: plain}}", "", "inside"),
        (f"inside: {TEXT}, within: nobody}}", "", "inside"),
        ("guard: {kind: try, within: guard}", "", "guard"),
        (f"{GUARD}\ninside: {TEXT}, within: guard.nowhere}}", "", "inside"),
        (f"{GUARD}\ninside: {{kind: answer, within: guard, config: {{value: x}}}}", "", "inside"),
        (f"{GUARD}\ninside: {{kind: chat_start, within: guard}}", "", "inside"),
        (f"{GUARD}\ninside: {TEXT}, within: guard}}\nafter: {TEXT}}}", "- inside.output -> after", "after"),
        (
            f"{GUARD}\ninside: {TEXT}, within: guard}}\n"
            "other: {kind: template, within: guard.catch, config: {template: '{{ inside.output }}'}}",
            "",
            "other",
        ),
        (
            "each: {kind: for_each, config: {items: '{{ inside.output }}'}}\n"
            "inside: {kind: template, within: each, config: {template: x}}",
            "",
            "each",
        ),
        (f"{EACH}\noutside: {{kind: template, config: {{template: '{{{{ each.item }}}}'}}}}", "", "outside"),
        (
            f"{EACH}\ninside: {{kind: template, within: each, config: {{template: '{{{{ each.output }}}}'}}}}",
            "",
            "inside",
        ),
        (f"{EACH}\noutside: {TEXT}}}", "- outside.output -> each.result", "each"),
        (
            f"{GUARD}\ninside: {{kind: template, within: guard, config: {{template: '{{{{ guard.error }}}}'}}}}",
            "",
            "inside",
        ),
        (
            f"{GUARD}\ninside: {{kind: template, within: guard, config: {{template: '{{{{ after.output }}}}'}}}}\n"
            "after: {kind: template, config: {template: '{{ guard.output }}'}}",
            "",
            "guard",
        ),
    ],
)
def test_is_refused_at_the_step_to_blame(steps: str, edges: str, step: str) -> None:
    assert step in blamed(flow(steps, edges))


@pytest.mark.parametrize("size", [3, 2_000])
def test_a_circle_of_steps_in_one_another_is_refused(size: int) -> None:
    circle = "\n".join(f"g{at}: {{kind: try, within: g{(at + 1) % size}}}" for at in range(size))
    drawn = flow(circle)
    assert {f"g{at}" for at in range(size)} & blamed(drawn)


@pytest.mark.parametrize("inside_out", [False, True])
def test_of_thousands_of_levels_the_first_too_deep_one_is_to_blame(inside_out: bool) -> None:
    levels = [f"g{at}: {{kind: try{f', within: g{at - 1}' if at else ''}}}" for at in range(2_000)]
    drawn = flow("\n".join(reversed(levels) if inside_out else levels), "- start.n -> g0")
    assert blamed(drawn) == {"g101"}
