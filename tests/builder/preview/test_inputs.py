"""Which start the preview begins at, and what it asks for."""

from builder.preview.inputs import start_forms
from nodes.catalog import builtin
from runtime.graph.flow import Edge, Flow, Step
from runtime.graph.reading import read_flow


def flow(*edges: str, answer: str = "done") -> Flow:
    steps = {
        "start": Step(kind="api_start"),
        "chat": Step(kind="chat_start"),
        "answer": Step(kind="answer", config={"value": answer}),
    }
    return Flow(steps=steps, edges=tuple(Edge.parse(edge) for edge in edges))


def order(drawn: Flow) -> list[str]:
    return [form["step"] for form in start_forms(read_flow(drawn, builtin()))]


def test_a_start_that_leads_nowhere_comes_last() -> None:
    assert order(flow("chat.message -> answer")) == ["chat", "start"]


def test_an_expression_leads_somewhere_too() -> None:
    assert order(flow(answer="{{ chat.message }}")) == ["chat", "start"]


def test_otherwise_the_order_of_the_flow_counts() -> None:
    assert order(flow()) == ["start", "chat"]
    assert order(flow("start.text -> answer", "chat.message -> answer")) == ["start", "chat"]
