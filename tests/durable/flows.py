"""Flows that leave marks outside: what is cut off, kept, put away and gone on with in the tests of durable runs."""

from collections.abc import Mapping
from typing import Any

from nodes.catalog import NODES
from runtime.errors import ProviderError
from runtime.graph.catalog import Catalog
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow
from runtime.graph.node import Context, Node
from runtime.graph.plan import Plan
from runtime.interpreter.journal import RunRecord


class Post(Node, effect="writes"):
    """Tells the world outside, which keeps it with the key of the execution."""

    async def run(self, context: Context, value: Any = None) -> Any:
        await context.http.post(context.key)  # type: ignore[attr-defined]
        return value


class PostOnce(Node, effect="writes", once=True):
    """As `Post`, where the world outside knows no keys: it may not be told twice."""

    async def run(self, context: Context, value: Any = None) -> Any:
        await context.http.post(context.key)  # type: ignore[attr-defined]
        return value


class Busy(Node, effect="reads"):
    """Asks a service outside that is busy the first times."""

    async def run(self, context: Context, value: Any = None) -> Any:
        if await context.http.busy(context.key):  # type: ignore[attr-defined]
            raise ProviderError("The service is busy", mend="Try again.", retry=True)
        return value


CATALOG = Catalog([*NODES, Post, PostOnce, Busy])
START = {"kind": "api_start", "config": {"fields": [{"name": "value", "required": False}]}}
POST = {"kind": "post"}
ASK = {"kind": "ask_person", "config": {"title": "Ship it?"}}
YES = {"choice": "approve"}
DONE_BEFORE = 2  # times that the service of `Busy` is busy


def drawn(name: str, *edges: str, queue: str = "", **steps: Any) -> Flow:
    """A flow; a wire without ports goes from `output` to `value`."""
    ends = [edge.split(" -> ") for edge in edges]
    wires = [f"{a if '.' in a else f'{a}.output'} -> {b if '.' in b else f'{b}.value'}" for a, b in ends]
    document = {"name": name, "steps": {"start": START, **steps}, "edges": wires, "running": {"queue": queue}}
    return Flow.model_validate(document)


def drawn_all(wait: float = 0.2) -> dict[str, Flow]:
    """By name. wait: seconds for which one of them waits."""
    within = {"kind": "post", "within": "each"}
    pause = {"kind": "wait", "config": {"duration": wait, "unit": "seconds"}}
    flows = (
        drawn("chain", "start.value -> a", "a -> b", "b -> c", "c -> d", a=POST, b=POST, c=POST, d=POST),
        drawn(
            "each", "start.value -> each.after", "one -> two", "each -> last", queue="narrow", one=within, two=within,
            each={"kind": "for_each", "config": {"items": [1, 2, 3, 4], "at_once": 3}}, last=POST,
        ),
        drawn(
            "try", "start.value -> guard.after", "one -> stop.after", "guard -> last", queue="narrow",
            guard={"kind": "try"}, one={**POST, "within": "guard"},
            stop={"kind": "stop_with_error", "within": "guard", "config": {"message": "no"}},
            caught={**POST, "within": "guard.catch"}, clean={**POST, "within": "guard.finally"}, last=POST,
        ),
        drawn("wait", "start.value -> a", "a -> pause", "pause -> b", queue="narrow", a=POST, pause=pause, b=POST),
        drawn("ask", "start.value -> a", "a -> ask.after", "ask.approve -> b", queue="narrow", a=POST, ask=ASK, b=POST),
        drawn("retry", "start.value -> busy", "busy -> a", queue="narrow", a=POST,
              busy={"kind": "busy", "retry": {"times": 4, "wait": 0.02, "jitter": 0.0}}),
        drawn("once", "start.value -> a", "a -> once", "once -> b", a=POST, once={"kind": "post_once"}, b=POST),
    )  # fmt: skip
    return {flow.name: flow for flow in flows}


POSTS = {
    "chain": ("a", "b", "c", "d"),
    "each": (*(f"each[{number}]/{step}" for number in range(4) for step in ("one", "two")), "last"),
    "try": ("guard/one", "guard.catch/caught", "guard.finally/clean", "last"),
    "wait": ("a", "b"),
    "ask": ("a", "b"),
    "retry": ("a",),
    "once": ("a", "once", "b"),
}
"""The steps of each flow that post, by their paths."""


class Plans:
    """What runs are started and gone on with, by the name of their flow."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.plans = {name: compile_flow(flow, CATALOG) for name, flow in flows.items()}

    async def of(self, record: RunRecord, pins: Mapping[str, int]) -> Plan:
        return self.plans[record.flow]
