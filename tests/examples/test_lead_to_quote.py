"""The quote flow on its data file: the right product, quantity and price, or the right question."""

from typing import Any

import pytest

from runtime.interpreter.services import Services
from tests.examples.flows import Outcome, example, inputs, run
from tests.wire.anthropic_server import AnthropicServer, Failure

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = example("lead-to-quote")
CLAUDE = example("lead-to-quote", model="claude-haiku-4-5")
CASES = inputs("lead-to-quote")


def text_of(case: dict[str, Any]) -> str:
    return case["body"]["message"] if isinstance(case["body"], dict) else case["body"] or "nothing"


def check(case: dict[str, Any], outcome: Outcome) -> None:
    """Hold one outcome against what the data file says."""
    answer = outcome.answer
    if case.get("empty"):
        assert outcome.status == 400
        assert "fields" not in outcome.outputs, "no model is asked about nothing"
    elif "missing" in case:
        assert outcome.status == 422
        assert answer["missing"] == case["missing"]
        assert answer["question"].startswith("Que voulez-vous" if case.get("language") == "fr" else "What would you")
    else:
        assert outcome.status == 200
        assert (answer["product"], answer["quantity"]) == (case["product"], case["quantity"])
        assert answer["express"] is case.get("express", False)
        assert answer["total"] == pytest.approx(case["total"], abs=1e-9)
        assert answer["total"] == pytest.approx(answer["net"] + answer["vat"], abs=1e-9)
        assert answer["quote"].startswith("Devis" if case.get("language") == "fr" else "Quote")
        assert f"{answer['total']:.2f}" in answer["quote"]
        assert f"{case['quantity']} × " in answer["quote"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(text_of(case))[:40])
async def test_on_the_demo_model(real: Services, case: dict[str, Any]) -> None:
    check(case, await run(FLOW, real, {"body": case["body"]}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(text_of(case))[:40])
async def test_on_a_model_that_reads_well(claude: Services, anthropic: AnthropicServer, case: dict[str, Any]) -> None:
    read = {"product": case.get("product", "other"), "quantity": case.get("quantity", 0), "company": ""}
    anthropic.answer = lambda request: read
    check(case, await run(CLAUDE, claude, {"body": case["body"]}))
    for request in anthropic.requests:
        assert request.json["messages"][-1]["content"].strip() == text_of(case).strip()
        assert request.json["output_config"]["format"]["type"] == "json_schema"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(text_of(case))[:40])
async def test_on_a_model_that_invents(claude: Services, anthropic: AnthropicServer, case: dict[str, Any]) -> None:
    """Nothing is priced that does not stand in the request, whatever the model says."""
    anthropic.answer = lambda request: {"product": "hoodie", "quantity": 7777, "company": "Invented Ltd"}
    answer = (await run(CLAUDE, claude, {"body": case["body"]})).answer
    assert "7777" not in str(answer)
    assert "Invented" not in str(answer)
    if "product" in answer:
        assert (answer["product"], answer["quantity"]) == (case["product"], case["quantity"])


async def test_company_of_the_request_stands_on_the_quote(claude: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: {"product": "mug", "quantity": 120, "company": "Acme Robotics"}
    outcome = await run(CLAUDE, claude, {"body": CASES[0]["body"]})
    assert outcome.answer["quote"].startswith("Quote for Acme Robotics\n\n120 × mug at €8.00\nDiscount 10%\n")
    assert outcome.answer["company"] == "Acme Robotics"


async def test_words_alone_make_a_quote_when_the_model_is_down(claude: Services, anthropic: AnthropicServer) -> None:
    anthropic.answer = lambda request: Failure(529, "overloaded_error")
    outcome = await run(CLAUDE, claude, {"body": "25 mugs, please"})
    assert len(anthropic.requests) == 2, "the step is tried once more"
    assert (outcome.status, outcome.answer["total"]) == (200, 240.0)
