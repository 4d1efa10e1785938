"""A step's new name in expressions: everything that reads it follows, nothing else changes by a character."""

import pytest

from builder.editor.renaming import NameTaken, rename_output, rename_step
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
    assert rename_step(before, "ask", "tell") == expected


def test_what_reads_nothing_of_it_is_the_same_object() -> None:
    value = {"a": ["{{ start.x }}", {"ask": "ask"}], "b": "{{ 1 + 1 }}"}
    assert rename_step(value, "ask", "tell") is value


def test_a_name_that_means_something_else_is_refused() -> None:
    with pytest.raises(NameTaken):
        rename_step("{{ [x + ask.n for x in ask.items] }}", "ask", "x")
    with pytest.raises(NameTaken):
        rename_step("{{ list(map(lambda x: x + ask.n, [1])) }}", "ask", "x")


def test_an_expression_reads_the_same_as_before_but_for_the_name() -> None:
    text = "{{ ask.a.b[0] }} {{ sum(ask.rows[i]['n'] for i in range(len(ask.rows))) + start.x }}"
    renamed = rename_step(text, "ask", "tell")
    swapped = [("tell" if r.step == "ask" else r.step, r.keys) for r in references(text)]
    assert [(r.step, r.keys) for r in references(renamed)] == swapped


OUTPUTS = {
    "a path": ("{{ ask.text }} and {{ ask.text.x[0] }}", "{{ ask.words }} and {{ ask.words.x[0] }}"),
    "a key in brackets": ("{{ ask['text'] }} {{ len(ask[\"text\"]) }}", "{{ ask['words'] }} {{ len(ask['words']) }}"),
    "inside code": ("{{ ask.text.upper() + start.text }}", "{{ ask.words.upper() + start.text }}"),
    "only that output": ("{{ ask.texts }} {{ ask.x.text }} {{ ask }}", "{{ ask.texts }} {{ ask.x.text }} {{ ask }}"),
    "only that step": ("{{ other.text }}", "{{ other.text }}"),
    "several lines": ("{{ ask\n  .text +\n  'é' + ask.text }}", "{{ ask\n  .words +\n  'é' + ask.words }}"),
    "inside an f-string": ("{{ f'{ask.text}!' }}", "{{ f'{ask.words}!' }}"),
    "a name of the expression's own": ("{{ [ask.text for ask in start.x] }}", "{{ [ask.text for ask in start.x] }}"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_expressions_follow_an_output_with_a_new_name(case: str) -> None:
    before, expected = OUTPUTS[case]
    assert rename_output({"deep": [before]}, "ask", "text", "words") == {"deep": [expected]}
