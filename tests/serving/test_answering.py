"""`/answer/{token}`: a page for somebody without an account, good for one answer."""

import asyncio
import re
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest

from runtime.serving.answer_form import value_of
from runtime.serving.links import AnswerLinks, Question
from tests.serving.stage import ASK, Stage, flow, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = [
    {"name": "sum", "type": "number"},
    {"name": "why", "required": False, "description": "In a <word>."},
    {"name": "sure", "type": "boolean", "required": False},
    {"name": "tags", "type": "list", "required": False},
]
FULL = {
    **ASK,
    "config": {
        **ASK["config"],
        "text": "<b>Really</b>? **Yes**, [look](https://shop.example)\n\n[no](javascript:alert(1))",
        "to": "sales",
        "fields": FIELDS,
    },
}


class Page(HTMLParser):
    """What stands on a page: its inputs by name, and its labels by what they are for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, list[dict[str, Any]]] = {}
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.ids += [told["id"]] if "id" in told else []
        if tag in ("input", "textarea"):
            self.inputs.setdefault(told["name"], []).append(told)
        if tag == "label":
            self.labelled.add(told["for"])


async def asked(stage: Stage, slug: str, ask: Any = FULL) -> tuple[str, str]:
    """A run that asks, and the address of its link."""
    at = stage.deploy(slug, flow("{{ ask.approve }}", ask=ask))
    run = (await stage.post(f"{at}/run", {"text": ""})).json()["run"]
    (wait,) = await stage.runs.waits("home", run)
    return f"{at}/runs/{run}", f"/answer/{stage.links.token(Question('home', run, wait.step, wait.asked))}"


def anonymous(stage: Stage) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{stage.port}", timeout=20)


async def test_the_page_asks_and_takes_the_answer_once(stage: Stage):
    path, link = await asked(stage, "page")
    async with anonymous(stage) as client:
        response = await client.get(link)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert (response.headers["cache-control"], response.headers["referrer-policy"]) == ("no-store", "no-referrer")
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "<script" not in response.text
        assert "&lt;b&gt;Really&lt;/b&gt;? <strong>Yes</strong>" in response.text  # Markdown, and no markup of others
        assert '<a href="https://shop.example">look</a>' in response.text
        assert 'href="javascript' not in response.text
        assert "&lt;word&gt;" in response.text
        page = Page(response.text)
        assert sorted(page.inputs) == ["choice", "sum", "sure", "tags", "why"]
        assert [each["value"] for each in page.inputs["choice"]] == ["approve", "reject"]
        assert {each["id"] for inputs in page.inputs.values() for each in inputs} <= page.labelled
        assert len(page.ids) == len(set(page.ids))
        given = {"choice": "approve", "sum": "9.50", "why": "it\r\nfits", "sure": "true", "tags": '["a"]'}
        response = await client.post(link, data=given)
        assert (response.status_code, "Thank you" in response.text) == (200, True)
        for again in (await client.post(link, data=given), await client.get(link)):
            assert (again.status_code, "Nothing to answer here" in again.text) == (410, True)
    async with asyncio.timeout(10):
        while (run := (await stage.client.get(path)).json())["state"] != "done":
            await asyncio.sleep(0.01)
    assert run["output"] == {"choice": "approve", "sum": 9.5, "why": "it\nfits", "sure": True, "tags": ["a"]}


async def test_what_is_wrong_stands_at_its_field_and_what_was_entered_stays(stage: Stage):
    _, link = await asked(stage, "wrong-form")
    async with anonymous(stage) as client:
        response = await client.post(
            link, data={"sum": "many", "why": "<kept>", "tags": "{"}, headers={"accept-language": "fr-FR,fr;q=0.9"}
        )
        assert response.status_code == 422
        assert 'lang="fr"' in response.text
        assert "doit être un nombre" in response.text
        assert "&lt;kept&gt;" in response.text
        page = Page(response.text)
        assert page.inputs["sum"][0]["aria-invalid"] == "true"
        assert page.inputs["sum"][0]["aria-describedby"] in page.ids
        assert "aria-invalid" not in page.inputs["why"][0]
        assert 'role="alert"' in response.text
        assert (await client.get(link)).status_code == 200


async def test_a_link_that_is_none_says_no_more_than_one_that_is_over(stage: Stage):
    _, link = await asked(stage, "none")
    token = link.removeprefix("/answer/")
    said, _, signature = token.partition(".")
    foreign = AnswerLinks(b"another key").token(stage.links.read(token))
    async with anonymous(stage) as client:
        for wrong in ("x", f"{said}.", f"{said}.{signature[:-2]}", f"{said[:-2]}.{signature}", foreign, "é.é"):
            response = await client.get(f"/answer/{wrong}")
            assert (response.status_code, "Nothing to answer here" in response.text) == (410, True), wrong
        before = stage.links.read(token)
        assert before is not None
        older = stage.links.token(Question(before.workspace, before.run, before.step, before.asked - 1))
        assert (await client.get(f"/answer/{older}")).status_code == 410
        refused(await client.put(link), 405, "method-not-allowed")
        refused(await client.post(link, json={}), 415, "unsupported-body")
        refused(await client.get(f"{link}/more"), 404, "unknown-path")


async def test_two_who_hold_the_link_at_once(stage: Stage):
    _, link = await asked(stage, "twice", ASK)
    async with anonymous(stage) as client:
        answers = await asyncio.gather(*(client.post(link, data={"choice": "approve"}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410]


async def test_the_page_tells_nothing_but_the_question(stage: Stage):
    path, link = await asked(stage, "quiet")
    async with anonymous(stage) as client:
        text = (await client.get(link)).text
    for inside in (path.rpartition("/")[2], "Stage", "home", "flow of quiet"):
        assert inside not in text
    assert set(re.findall(r'(?:src|href)="([^"]*)', text)) <= {"https://shop.example"}


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ({"type": "number"}, "3", 3),
        ({"type": "number"}, "1e400", "1e400"),
        ({"type": "number"}, "nan", "nan"),
        ({"type": "integer"}, "2.5", 2.5),
        ({"enum": [1, "1", None]}, "null", None),
        ({"oneOf": [{"const": True, "title": "Sure"}]}, "true", True),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"type": "array"}, "[" * 100_000, "[" * 100_000),
        ({"type": "string"}, " x ", " x "),
    ],
)
async def test_what_was_filled_in_becomes_what_the_schema_asks(field: dict, text: str, value: Any):
    assert value_of({"properties": {"it": field}}, {"it": text}) == {"it": value}
    assert value_of({"properties": {"it": field}}, {"it": ["first", text]}) == {"it": value}


async def test_what_is_left_empty_is_left_out():
    schema = {"properties": {"text": {"type": "string"}, "sure": {"type": "boolean"}, "one": {"enum": ["a"]}}}
    assert value_of(schema, {"text": " "}) == {"sure": False}
