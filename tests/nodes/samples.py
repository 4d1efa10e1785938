"""One sample or more of every built-in node: settings, inputs, and exactly what it must give."""

from dataclasses import dataclass, field
from typing import Any

from nodes.bodies import ForEach, Parallel, Repeat, Try
from nodes.data import Gather, JoinTexts, SetValues, Template
from nodes.flows import SubFlow
from nodes.http import HttpRequest
from nodes.joins import Join
from nodes.lists import Aggregate, Filter, Split
from nodes.logic import Answer, If, StopWithError, Switch
from nodes.meaning import Classify, FindEntry
from nodes.models import LLM
from nodes.people import AskPerson
from nodes.times import Wait
from nodes.triggers import ApiStart, ChatStart, ScheduleStart, WebhookStart
from runtime.graph.node import Node


@dataclass(frozen=True)
class Sample:
    """inputs: a value a port, a list of values for a port that gathers. given: what the run is started with.

    answer: what a person says who is asked. output: what the node gives; `...` stands for a value that is checked
    elsewhere. fails: instead, what its failure says.
    """

    node: type[Node]
    config: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    answer: Any = None
    output: dict[str, Any] = field(default_factory=dict)
    fails: str = ""


FAQ = [
    {"question": "Where is my parcel?", "answer": "Use the link.", "also": "Où est mon colis ?", "page": 3},
    {"question": "How do I pay?", "answer": "By card."},
]
LABELS = [
    {"name": "parcel", "description": "A parcel or a delivery", "examples": "Where is it?\nMon colis est en retard."},
    {"name": "payment", "description": "An invoice or a payment", "examples": "I paid twice.\nMa facture est fausse."},
]
FIELDS = [{"name": "name"}, {"name": "age", "type": "number", "required": False}]

SAMPLES = [
    Sample(ApiStart, given={"text": "hi"}, output={"text": "hi"}),
    Sample(ApiStart, {"fields": FIELDS}, given={"name": "Léa"}, output={"name": "Léa", "age": None}),
    Sample(ChatStart, given={"message": "hi"}, output={"message": "hi", "history": [], "session": ""}),
    Sample(
        WebhookStart,
        given={"body": {"id": 7}, "headers": {"x-key": "1"}, "query": {"page": "2"}, "method": "PUT"},
        output={"body": {"id": 7}, "headers": {"x-key": "1"}, "query": {"page": "2"}, "method": "PUT"},
    ),
    Sample(
        ScheduleStart,
        {"zone": "Europe/Paris"},
        given={"at": "2026-03-30T07:00+00:00"},
        output={"at": "2026-03-30T09:00:00+02:00", "late": ..., "previous": "2026-03-29T09:00:00+02:00"},
    ),
    Sample(ScheduleStart, {"repeats": "cron", "cron": "@hourly"}, output={"at": ..., "late": ..., "previous": ...}),
    Sample(LLM, {"prompt": "Hello", "model": "claude-haiku-4-5"}, output={"text": ..., "data": None, "model": ...}),
    Sample(
        Classify,
        {"labels": LABELS},
        {"text": "My delivery is late"},
        output={"parcel": "My delivery is late", "label": "parcel", "score": ...},
    ),
    Sample(Classify, {"labels": LABELS}, {"text": " "}, output={"other": " ", "label": "other", "score": 0.0}),
    Sample(
        FindEntry,
        {"entries": FAQ},
        {"question": "Où se trouve mon colis ?"},
        output={
            "answer": "Use the link.",
            "found": {"question": "Where is my parcel?", "answer": "Use the link.", "page": 3, "score": ...},
        },
    ),
    Sample(FindEntry, {"entries": FAQ}, {"question": "Who was Ada?"}, output={"not_found": "Who was Ada?"}),
    Sample(If, {"condition": True}, {"value": [1]}, output={"true": [1]}),
    Sample(If, {"condition": "false"}, output={"false": None}),
    Sample(Switch, {"value": "YES"}, output={"yes": "YES"}),
    Sample(Switch, {"value": 3, "cases": [{"name": "three", "equals": "3"}]}, output={"three": 3}),
    Sample(Switch, {"value": 3.0, "cases": [{"name": "three", "equals": "3"}]}, output={"three": 3.0}),
    Sample(Switch, {"value": None}, output={"default": None}),
    Sample(Answer, {"value": {"ok": True}, "status": 201}, output={"value": {"ok": True}, "status": 201}),
    Sample(Template, {"template": "Bonjour"}, output={"output": "Bonjour"}),
    Sample(SetValues, {"values": {"a": 1, "b": ["x"]}}, output={"a": 1, "b": ["x"]}),
    Sample(JoinTexts, {"separator": ", "}, {"texts": ["a", " ", "b"]}, output={"output": "a, b"}),
    Sample(Gather, {}, {"values": [1, None, {"a": 2}]}, output={"output": [1, None, {"a": 2}]}),
    Sample(Join, {}, {"values": [1, None]}, output={"values": [1, None], "first": 1}),
    Sample(
        Join, {"waits_for": "some", "end_others": True}, {"values": ["a", "b"]}, output={"values": ..., "first": "a"}
    ),
    Sample(ForEach, {"items": [1, 2]}, output={"output": [None, None], "failed": 0}),
    Sample(ForEach, {"items": ["a"], "result": "x", "at_once": 1}, output={"output": ["x"], "failed": 0}),
    Sample(Repeat, {"start": 1, "rounds": 3}, output={"output": None, "rounds": 3, "met": False}),
    Sample(Repeat, {"until": True, "state": "new"}, output={"output": "new", "rounds": 1, "met": True}),
    Sample(Parallel, {"branches": ["a", "b"]}, output={"output": {"a": None, "b": None}}),
    Sample(Try, output={"output": None}),
    Sample(SubFlow, {"flow": "greets"}, {"name": "Léa"}, output={"output": "Hello Léa"}),
    Sample(SubFlow, {"flow": "greets", "pinned": 2}, {"name": "Léa", "age": 5}, output={"output": "Hello Léa"}),
    Sample(Wait, {"duration": 0.01, "unit": "seconds"}, {"value": [1]}, output={"output": [1]}),
    Sample(Wait, {"until": "2020-01-01"}, output={"output": None}),
    Sample(StopWithError, {"message": "Stock is empty\nfor good"}, fails="Stock is empty\nfor good"),
    Sample(
        Filter,
        {"items": [{"n": 1}, {"n": "7"}], "conditions": [{"field": "n", "test": "more_than", "value": "3"}]},
        output={"kept": [{"n": "7"}], "others": [{"n": 1}]},
    ),
    Sample(Split, {"value": "a, b,,c", "separator": ",", "size": 2}, output={"output": [["a", "b"], ["c"]]}),
    Sample(Aggregate, {"items": [{"n": 1}, {"n": 3}], "how": "mean", "field": "n"}, output={"output": 2.0}),
    Sample(
        AskPerson,
        {"text": "**Ship** it?", "shown": {"total": 9}, "fields": [{"name": "why", "required": False}]},
        answer={"choice": "approve"},
        output={"approve": {"choice": "approve", "why": None}, "by": "Ada"},
    ),
    Sample(
        AskPerson,
        {"choices": [], "fields": [{"name": "sum", "type": "number"}], "to": "sales", "expires": 2},
        answer={"sum": 5},
        output={"answer": {"sum": 5}, "sum": 5, "by": "Ada"},
    ),
    Sample(
        AskPerson,
        {"shown": [1], "expires": 0.01, "unit": "seconds"},
        output={"expired": [1]},
    ),
    Sample(HttpRequest, {"url": "{server}/hello"}, output={"status": 200, "body": {"hello": "you"}, "headers": ...}),
]
