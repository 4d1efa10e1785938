"""The research flow on its data file: three prompts at once, one answer, and none lost when one fails."""

import re

import pytest

from runtime.interpreter.events import StepFinished, StepStarted
from runtime.interpreter.services import Services
from tests.examples.flows import example, inputs, run
from tests.wire.anthropic_server import Answer, AnthropicServer, Failure

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = example("fan-out-research")
CLAUDE = example("fan-out-research", model="claude-haiku-4-5")
CASES = inputs("fan-out-research")
PROMPTS = ("known", "doubts", "steps")
HEADINGS = {
    False: ["What is known", "What speaks against it", "What to do next"],
    True: ["Ce que l’on sait", "Ce qui s’y oppose", "Que faire ensuite"],
}


def parts(report: str) -> dict[str, str]:
    """The texts under the headings of a report."""
    _, *pieces = re.split(r"^## (.+)\n", report, flags=re.MULTILINE)
    return {heading: text.strip() for heading, text in zip(pieces[::2], pieces[1::2], strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["question"][:40])
async def test_on_the_demo_model(real: Services, case: dict[str, str]) -> None:
    # Short, because the demo model writes slowly on a busy machine; the first one as long as the file says.
    flow = FLOW if case is CASES[0] else example("fan-out-research", max_tokens=24)
    outcome = await run(flow, real, {"question": case["question"]})
    assert outcome.status == 200
    assert outcome.failures == {}
    told = parts(outcome.answer)
    assert list(told) == HEADINGS["french" in case]
    assert all(told.values()), "the demo model says something to each of the three"
    calls = [call for event in outcome.events if isinstance(event, StepFinished) for call in event.calls]
    assert [(call.model, call.demo) for call in calls] == [("builtin", True)] * 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["question"][:40])
async def test_on_a_real_model(claude: Services, anthropic: AnthropicServer, case: dict[str, str]) -> None:
    anthropic.answer = lambda request: f"Said by: {request['system'].split('.')[0]}."
    outcome = await run(CLAUDE, claude, {"question": case["question"]})
    assert [request.json["messages"][-1]["content"] for request in anthropic.requests] == [case["question"]] * 3
    assert list(parts(outcome.answer)) == HEADINGS["french" in case]
    assert list(parts(outcome.answer).values()) == [
        "Said by: You are a librarian.",
        "Said by: You are a friendly sceptic.",
        "Said by: You are a practical adviser.",
    ]


async def test_prompts_run_at_once_and_stream(claude: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: Answer("one two three four five six", piece=4, pause=0.02)
    outcome = await run(CLAUDE, claude, {"question": "Why?"})
    about = [event for event in outcome.events if getattr(event, "step", "") in PROMPTS]
    first_end = next(number for number, event in enumerate(about) if isinstance(event, StepFinished))
    assert [type(event) for event in about[:3]] == [StepStarted] * 3
    assert first_end > 12, "all three speak before the first has finished"


async def test_one_failing_prompt_does_not_lose_the_others(claude: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: (
        Failure(500, "api_error") if "sceptic" in request["system"] else Answer("A thought.")
    )
    flow = CLAUDE.model_copy(
        update={
            "steps": {
                name: step.model_copy(update={"retry": step.retry and step.retry.model_copy(update={"wait": 0.0})})
                for name, step in CLAUDE.steps.items()
            }
        }
    )
    outcome = await run(flow, claude, {"question": "Why?"})
    assert list(parts(outcome.answer).values()) == ["A thought.", "-", "A thought."]
    assert len(anthropic.requests) == 5, "the failing one is tried three times"


@pytest.mark.parametrize("question", ["", " \n\t "])
async def test_no_question_no_model(real: Services, question: str) -> None:
    outcome = await run(FLOW, real, {"question": question})
    assert (outcome.status, outcome.answer) == (400, "Ask a question. Posez une question.")
    assert not outcome.outputs.keys() & set(PROMPTS)
