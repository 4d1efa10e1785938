"""Starts: the schema of what they take, and the ports of what they give."""

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from nodes.triggers import ApiStart, ChatStart, ScheduleStart, WebhookStart
from runtime.graph.node import Port
from runtime.graph.schedule import Rule
from runtime.graph.values import Kind
from runtime.interpreter.services import Services
from tests.nodes.running import Failed, run_node

FIELDS = [
    {"name": "name", "description": "Who asks."},
    {"name": "amount", "type": "number"},
    {"name": "urgent", "type": "boolean", "required": False},
    {"name": "tags", "type": "list", "required": False},
    {"name": "more", "type": "object", "required": False},
]


def test_api_start_says_what_a_caller_sends() -> None:
    assert ApiStart(fields=FIELDS).accepts() == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Who asks."},
            "amount": {"type": "number"},
            "urgent": {"type": "boolean"},
            "tags": {"type": "array"},
            "more": {"type": "object"},
        },
        "required": ["name", "amount"],
        "additionalProperties": False,
    }


def test_api_start_has_a_port_a_field() -> None:
    assert ApiStart(fields=FIELDS).outputs() == (
        Port("name", Kind.TEXT, help="Who asks."),
        Port("amount", Kind.NUMBER),
        Port("urgent", Kind.BOOLEAN, nullable=True),
        Port("tags", Kind.LIST, nullable=True),
        Port("more", Kind.OBJECT, nullable=True),
    )


@pytest.mark.parametrize("name", ["", "Name", "1st", "a-b", "a b", "é"])
def test_api_start_refuses_what_cannot_name_a_port(name: str) -> None:
    with pytest.raises(ValidationError):
        ApiStart(fields=[{"name": name}])


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"message": "hi"}, True),
        ({"message": ""}, True),
        ({"message": "hi", "history": [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}]}, True),
        ({"message": "hi", "session": "abc"}, True),
        ({}, False),
        ({"message": 1}, False),
        ({"message": "hi", "history": "before"}, False),
        ({"message": "hi", "history": [{"role": "system", "text": "a"}]}, False),
        ({"message": "hi", "history": [{"role": "user"}]}, False),
        ({"message": "hi", "history": [{"role": "user", "text": "a", "at": 1}]}, False),
    ],
)
def test_chat_start_takes_conversations(given: dict, fits: bool) -> None:
    assert Draft202012Validator(ChatStart().accepts()).is_valid(given) is fits


@pytest.mark.parametrize("body", [None, "text", 1, [1], {"a": 1}, True])
def test_webhook_start_takes_any_body(body: object) -> None:
    given = {"body": body, "headers": {"x": "y"}, "query": {"a": "b"}, "method": "POST"}
    assert Draft202012Validator(WebhookStart().accepts()).is_valid(given)


def test_webhook_start_takes_a_call_without_anything() -> None:
    assert Draft202012Validator(WebhookStart().accepts()).is_valid({})


@pytest.mark.parametrize(
    ("config", "rule", "summary"),
    [
        ({}, Rule(cron="0 9 * * *"), "09:00"),
        ({"time": " 7:05 ", "zone": " Asia/Kolkata"}, Rule(cron="5 7 * * *", zone="Asia/Kolkata"), "7:05"),
        (
            {"repeats": "week", "weekdays": ["monday", "friday"], "time": "17:30", "missed": "all"},
            Rule(cron="30 17 * * MON,FRI", missed="all"),
            "mon, fri 17:30",
        ),
        ({"repeats": "interval"}, Rule(seconds=900), "every 15 minutes"),
        ({"repeats": "interval", "every": 2, "unit": "hours"}, Rule(seconds=7200), "every 2 hours"),
        (
            {"repeats": "interval", "every": 3, "unit": "days"},
            Rule(days=3, start="2001-01-01T09:00"),
            "every 3 days, 09:00",
        ),
        ({"repeats": "cron", "cron": "*/5 8-18  * * mon-fri"}, Rule(cron="*/5 8-18 * * MON-FRI"), None),
        ({"repeats": "cron", "cron": "@daily"}, Rule(cron="0 0 * * *"), "@daily"),
    ],
)
def test_schedule_start_says_when(config: dict, rule: Rule, summary: str | None) -> None:
    start = ScheduleStart(**config)
    assert start.schedule() == rule
    assert start.summary() == summary or summary is None
    assert rule.next(1_790_000_000.0) is not None


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("time", "9 o'clock", "no time of the day"),
        ("time", "24:00", "no time of the day"),
        ("time", "", "no time of the day"),
        ("cron", "every day", "five fields"),
        ("cron", "0 25 * * *", "cannot be read at `25`"),
        ("zone", "Europe/Berln", "such as Europe/Berlin"),
        ("zone", "CEST", "such as"),
        ("weekdays", [], "at least 1"),
        ("weekdays", ["mon"], "'monday'"),
        ("every", 0, "greater than or equal to 1"),
    ],
)
def test_schedule_start_refuses_what_is_no_time(field: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ScheduleStart(**{field: value})
    (error,) = raised.value.errors()
    assert error["loc"][0] == field
    assert says in error["msg"]


async def test_schedule_start_that_is_previewed_comes_now(real: Services) -> None:
    output = await run_node(real, ScheduleStart, {"repeats": "interval", "every": 1, "unit": "days"})
    assert output["at"].endswith("+00:00")
    assert output["previous"] < output["at"]
    assert 0 <= output["late"] < 60


@pytest.mark.parametrize("at", ["soon", "0001-01-01T00:00", "9999-12-31T23:59"])
async def test_schedule_start_refuses_what_is_no_moment(real: Services, at: str) -> None:
    with pytest.raises(Failed, match="The input `at` is no moment"):
        await run_node(real, ScheduleStart, {}, given={"at": at})
