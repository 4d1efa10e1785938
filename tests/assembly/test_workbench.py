"""What the parts promise together: secrets hidden in every spelling, clients made when needed, flows read once."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from nodes.catalog import builtin
from runtime.assembly import Runtime, open_runtime
from runtime.errors import OperatorError
from runtime.graph.flow import Flow
from runtime.graph.messages import HttpRequest
from runtime.interpreter.events import StepFinished
from runtime.settings import Settings
from runtime.workbench import Workbench, open_workbench

SECRETS = {"plain": "sk-ant-0123456789", "quoted": 'pass"word\\9', "accented": "motdepässe-9"}


@pytest.fixture
async def bench(tmp_path: Any) -> AsyncIterator[Workbench]:
    async def secret(workspace: str, name: str) -> str | None:
        return SECRETS.get(name)

    settings = replace(Settings.from_environment({}), home=tmp_path, weights=tmp_path)
    async with open_workbench(settings, builtin(), secret) as opened:
        yield opened


def spellings(value: str) -> list[str]:
    from json import dumps
    from urllib.parse import quote

    inner = dumps(value)
    return [value, f"Bearer {value}", inner, dumps(inner), quote(value), base64.b64encode(value.encode()).decode()]


@pytest.mark.parametrize("name", SECRETS)
async def test_no_spelling_of_a_secret_leaves_the_workbench(bench: Workbench, name: str) -> None:
    assert await bench.services("home").secret(name) == SECRETS[name]
    for spelled in spellings(SECRETS[name])[:3] + spellings(SECRETS[name])[4:]:
        event = StepFinished(1, 1.0, "step", {"output": {"deep": [f"it says {spelled}!"]}, spelled: "a key"})
        hidden = bench._masked("home", event)
        assert spelled not in str(hidden), spelled
        assert f"•••{name}" in str(hidden)
        assert type(hidden) is StepFinished


async def test_an_event_without_secrets_stays_itself_and_other_workspaces_too(bench: Workbench) -> None:
    event = StepFinished(1, 1.0, "step", {"output": 'nothing to hide, not even é or \\ or "'})
    told = StepFinished(1, 1.0, "step", {"output": SECRETS["plain"]})
    assert bench._masked("home", event) is event
    await bench.services("home").secret("plain")
    assert bench._masked("home", event) is event
    assert bench._masked("elsewhere", told) is told
    assert bench._masked("home", told) is not told


async def test_a_workspace_is_lent_the_same_things_and_no_others(bench: Workbench) -> None:
    assert bench.services("home") is bench.services("home")
    assert bench.services("home").llm is not bench.services("elsewhere").llm


async def test_a_host_that_is_none_is_told_at_the_start(tmp_path: Any) -> None:
    settings = replace(Settings.from_environment({}), home=tmp_path, allowed_hosts=("no host",))

    async def secret(workspace: str, name: str) -> str | None:
        return None

    with pytest.raises(OperatorError, match="host"):
        async with open_workbench(settings, builtin(), secret):
            pass


async def test_the_guarded_client_is_guarded_from_its_first_request(bench: Workbench) -> None:
    with pytest.raises(Exception, match=r"(?i)address|allowed|private|loopback"):
        await bench.http.send(HttpRequest("GET", "http://127.0.0.1:9/"))


async def test_a_deployed_flow_is_read_once_and_its_secrets_are_asked_for_each_time(tmp_path: Any) -> None:
    settings = replace(Settings.from_environment({}), home=tmp_path, weights=tmp_path)
    steps = {
        "start": {"kind": "api_start"},
        "ask": {"kind": "llm", "config": {"prompt": "Hello", "model": "claude-opus-4-1"}},
    }
    flow = Flow.model_validate({"canevas": 1, "name": "Asks", "steps": steps, "edges": ["start.output -> ask.after"]})
    async with open_runtime(settings, builtin()) as runtime:
        assert await problems(runtime, flow)
        assert await problems(runtime, flow)
        assert len(runtime._readings) == 1
        await runtime.secrets.set("home", "anthropic", "sk-ant-0123456789")
        assert await problems(runtime, flow) == []
        assert len(runtime._readings) == 1


async def problems(runtime: Runtime, flow: Flow) -> list[str]:
    return [problem.code for problem in await runtime.ready("home", flow)]
