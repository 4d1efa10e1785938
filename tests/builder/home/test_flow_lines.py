"""The list of flows: what a line says, what a search finds, which names a flow can have."""

from dataclasses import replace
from typing import Any

import pytest

from builder.home.lines import FlowLine, found, fresh_flow, line, rename_error
from nodes.catalog import builtin
from runtime.graph.check import check
from runtime.graph.problems import errors
from runtime.storage.flows import FlowEntry

SUPPORT = FlowEntry(id="a", name="Support", description="", revision=1, steps=3, created=1.0, updated=2.0)


def entry(**given: Any) -> FlowEntry:
    return replace(SUPPORT, **given)


def test_a_draft_that_never_ran() -> None:
    said = line(entry())
    assert (said["slug"], said["version"], said["ran"], said["ran_at"]) == ("", 0, "", 0.0)


def test_a_deployed_flow_with_a_run() -> None:
    said = line(entry(slug="support", version=4, last_run="failed", last_run_at=9.0))
    assert (said["slug"], said["version"], said["ran"], said["ran_at"]) == ("support", 4, "failed", 9.0)


def lines() -> list[FlowLine]:
    return [
        line(entry(id="1", name="Support desk", description="Answers customers")),
        line(entry(id="2", name="Préparer un devis", slug="quotes")),
        line(entry(id="3", name="Weather")),
    ]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("", ["1", "2", "3"]),
        ("  ", ["1", "2", "3"]),
        ("DESK", ["1"]),
        ("customers support", ["1"]),
        ("quotes", ["2"]),
        ("PRÉPARER", ["2"]),
        ("support weather", []),
    ],
)
def test_a_search_finds_every_word(words: str, ids: list[str]) -> None:
    assert [line["id"] for line in found(lines(), words)] == ids


@pytest.mark.parametrize(("name", "wrong"), [("Support", False), ("  ", True), ("x" * 200, False), ("x" * 201, True)])
def test_names(name: str, wrong: bool) -> None:
    assert bool(rename_error(name)) is wrong


def test_a_new_flow_holds_a_start_and_is_sound() -> None:
    flow = fresh_flow("Untitled", builtin())
    assert list(flow.steps) == ["start"]
    assert errors(check(flow, builtin())) == []
