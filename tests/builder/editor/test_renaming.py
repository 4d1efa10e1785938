"""A step's new name in expressions: everything that reads it follows, nothing else changes by a character."""

import pytest

from builder.editor.renaming import NameTaken, rename_in
from runtime.graph.expressions import references

CASES = {
    "a path": ("{{ ask.output }}", "{{ tell.output }}"),
    "blanks and texts around stay": ("  a {{ask.x}} b {{  ask.y }}c", "  a {{tell.x}} b {{  tell.y }}c"),
    "only this step": ("{{ asks.x }} {{ start.ask }} ask", "{{ asks.x }} {{ start.ask }} ask"),
    "inside code": ("{{ len(ask.items)+ask['n'] }}", "{{ len(tell.items)+tell['n'] }}"),
    "several lines": ("{{ ask.a +\n   ask.b }}", "{{ tell.a +\n   tell.b }}"),
    "keyword arguments are no steps": ("{{ dict(ask=ask.x) }}", "{{ dict(ask=tell.x) }}"),
    "beside letters of several bytes": ("{{ 'é€😀' + ask.x }}", "{{ 'é€😀' + tell.x }}"),
    "inside an f-string": ("{{ f'{ask.x}!' }}", "{{ f'{tell.x}!' }}"),
    "a name of the expression's own follows": ("{{ [ask for ask in ask.x] }}", "{{ [tell for tell in tell.x] }}"),
    "literal braces": (r"\{{ ask.x }} {{ ask.x }}", r"\{{ ask.x }} {{ tell.x }}"),
    "a backslash before braces": (r"\\{{ ask.x }}", r"\\{{ tell.x }}"),
    "what cannot be read stays": ("{{ ask.x", "{{ ask.x"),
    "texts in lists and objects": (
        {"a": ["{{ ask.x }}", 1], "ask": None},
        {"a": ["{{ tell.x }}", 1], "ask": None},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_expressions_follow_a_new_name(case: str) -> None:
    before, expected = CASES[case]
    assert rename_in(before, "ask", "tell") == expected


def test_what_reads_nothing_of_it_is_the_same_object() -> None:
    value = {"a": ["{{ start.x }}", {"ask": "ask"}], "b": "{{ 1 + 1 }}"}
    assert rename_in(value, "ask", "tell") is value


def test_a_name_that_means_something_else_is_refused() -> None:
    with pytest.raises(NameTaken):
        rename_in("{{ [x + ask.n for x in ask.items] }}", "ask", "x")
    with pytest.raises(NameTaken):
        rename_in("{{ list(map(lambda x: x + ask.n, [1])) }}", "ask", "x")


def test_an_expression_reads_the_same_as_before_but_for_the_name() -> None:
    text = "{{ ask.a.b[0] }} {{ sum(ask.rows[i]['n'] for i in range(len(ask.rows))) + start.x }}"
    renamed = rename_in(text, "ask", "tell")
    swapped = [("tell" if r.step == "ask" else r.step, r.keys) for r in references(text)]
    assert [(r.step, r.keys) for r in references(renamed)] == swapped
