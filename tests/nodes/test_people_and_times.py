"""Asking and waiting: what the samples of the contract and the golden flows do not say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from nodes.joins import Join
from nodes.people import AskPerson
from nodes.times import Wait
from runtime.graph.check import check
from runtime.graph.node import Quorum
from runtime.interpreter.events import StepPaused
from runtime.interpreter.services import Services
from tests.nodes.running import CATALOG, STEP, events_of, flow_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = [{"name": "sum", "type": "number"}, {"name": "why", "required": False}]


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ({"choice": "approve", "sum": 3}, True),
        ({"choice": "reject", "sum": 3, "why": "no"}, True),
        ({"choice": "maybe", "sum": 3}, False),
        ({"sum": 3}, False),
        ({"choice": "approve"}, False),
        ({"choice": "approve", "sum": "3"}, False),
        ({"choice": "approve", "sum": 3, "more": 1}, False),
        ("approve", False),
    ],
)
async def test_schema_takes_an_answer_and_nothing_else(answer: Any, fits: bool) -> None:
    schema = AskPerson(fields=FIELDS).schema_of_answer()
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(answer) is fits


async def test_request_says_all_that_a_form_needs(real: Services) -> None:
    config = {
        "title": "Send?",
        "text": "It is *ready*.",
        "shown": {"a": 1},
        "to": "sales",
        "expires": 2,
        "unit": "hours",
    }
    paused = (await events_of(real, AskPerson, config))[-1]
    assert isinstance(paused, StepPaused)
    assert paused.until is not None
    assert abs(paused.until - paused.at - 7200) < 60
    asked = paused.request
    assert asked is not None
    assert (asked["title"], asked["text"], asked["shown"], asked["to"]) == (
        "Send?",
        "It is *ready*.",
        {"a": 1},
        "sales",
    )
    options = asked["schema"]["properties"]["choice"]["oneOf"]
    assert options == [{"const": "approve", "title": "Approve"}, {"const": "reject", "title": "Reject"}]


@pytest.mark.parametrize(
    ("config", "ports"),
    [
        ({}, ["approve", "reject", "by"]),
        ({"expires": 1}, ["approve", "reject", "by", "expired"]),
        ({"expires": 1, "late": "fail"}, ["approve", "reject", "by"]),
        ({"choices": [], "fields": FIELDS}, ["answer", "sum", "why", "by"]),
        ({"choices": []}, ["answer", "by"]),
    ],
)
async def test_ports_of_a_question(config: dict[str, Any], ports: list[str]) -> None:
    assert [port.name for port in AskPerson(**config).outputs()] == ports


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"fields": [{"name": "choice"}]}, "fields"),
        ({"expires": 0}, "expires"),
        ({"expires": 1, "late": "answer", "default": {"choice": "later"}}, ""),
        ({"title": ""}, "title"),
    ],
)
async def test_question_that_cannot_be_asked_is_told(config: dict[str, Any], field: str) -> None:
    (problem,) = check(flow_of(AskPerson, config, {}), CATALOG)
    assert (problem.step, problem.field) == (STEP, field)


async def test_answer_without_one_counts_only_where_it_is_taken() -> None:
    assert AskPerson(expires=1, default={"choice": "later"}).late == "branch"


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({"duration": 2}, 120),
        ({"duration": 1.5, "unit": "hours"}, 5400),
        ({"duration": 3, "unit": "days", "until": ""}, 259_200),
    ],
)
async def test_wait_lasts_as_long_as_it_says(real: Services, config: dict[str, Any], seconds: float) -> None:
    paused = (await events_of(real, Wait, config))[-1]
    assert isinstance(paused, StepPaused)
    assert paused.request is None
    assert paused.until is not None
    assert abs(paused.until - paused.at - seconds) < 60


@pytest.mark.parametrize("until", ["2099-01-31T10:00+01:00", "2099-01-31T09:00:00Z", "2099-01-31 09:00"])
async def test_wait_until_a_moment(real: Services, until: str) -> None:
    paused = (await events_of(real, Wait, {"until": until}))[-1]
    assert isinstance(paused, StepPaused)
    assert paused.until == datetime(2099, 1, 31, 9, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("until", ["tomorrow", "2027-13-01", "09:00"])
async def test_wait_refuses_what_is_no_moment(until: str) -> None:
    with pytest.raises(ValidationError, match="this is no moment"):
        Wait(until=until)


async def test_join_knows_how_many_are_enough() -> None:
    assert Join().quorum() is None
    assert Join(waits_for="first").quorum() == Quorum(1)
    assert Join(waits_for="some", needed=3, end_others=True).quorum() == Quorum(3, cancel=True)
    computed = Join.model_construct(waits_for="some", needed="{{ start.needed }}")
    assert computed.quorum() is None
