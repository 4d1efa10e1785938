"""`canevas serve` is killed while runs wait: the next process knows what was asked and answered, and the time."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.semantics.scene import Ada, flow, opened

ASKS = flow(
    """
    guard: {kind: try}
    each: {kind: for_each, within: guard, config: {items: '{{ start.list }}', on_failure: keep}}
    ask: {kind: ask_person, within: each, config: {title: '{{ each.item }}?', choices: [{name: 'yes'}, {name: 'no'}]}}
    good: {kind: template, within: each, config: {template: 'yes to {{ each.item }}'}}
    bad: {kind: stop_with_error, within: each, config: {message: 'no to {{ each.item }}'}}
    """,
    "- ask.yes -> good\n- ask.no -> bad\n- good.output -> each.result\n- each.output -> guard.result",
    "guard.output",
)
LATE = flow(
    """
    ask: {kind: ask_person, config: {title: Now?, expires: 7, unit: seconds}}
    late: {kind: template, config: {template: nobody came}}
    """,
    "- start.n -> ask\n- ask.expired -> late",
    "late.output",
)


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A `canevas serve` of its own, and its address; it is killed in the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "canevas", "serve", "--port", "0", "--home", str(home)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            said = (await process.stdout.readline()).decode()
        found = re.search(r"http://[\w.:]+", said)
        assert found, said
        yield process, found.group()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(state: str, client: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while (run := (await client.get(address)).json())["state"] != state:
            await asyncio.sleep(0.05)
    return run


async def test_what_was_asked_is_answered_in_the_next_process(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        keys = []
        for slug, drawn in (("asks", ASKS), ("late", LATE)):
            published = await scene.back.deploy(Ada(), await scene.back.create(Ada(), drawn), slug)
            keys.append({"authorization": f"Bearer {published.key}"})
    async with (
        httpx2.AsyncClient(timeout=30, headers=keys[0]) as client,
        httpx2.AsyncClient(timeout=30, headers=keys[1]) as other,
    ):
        async with serving(tmp_path) as (process, url):
            told = (await client.post(f"{url}/api/flows/asks/run", json={"list": ["a", "b", "c"]})).json()
            late = (await other.post(f"{url}/api/flows/late/run", json={"n": 1})).json()
            assert (told["state"], late["state"]) == ("waiting", "waiting")
            asked = [each["answer"] for each in told["asked"]]
            assert (await client.post(url + asked[1], json={"choice": "no"})).status_code == 202
            run = f"/api/flows/asks/runs/{told['run']}"
            await until("waiting", client, url + run)
            process.kill()
            await process.wait()
        async with serving(tmp_path) as (_, url):
            waits = (await client.get(url + run)).json()
            assert [each["step"] for each in waits["asked"]] == ["guard/each[0]/ask", "guard/each[2]/ask"]
            assert (await client.post(url + asked[1], json={"choice": "yes"})).status_code == 409
            posts = [client.post(url + asked[0], json={"choice": "yes"}) for _ in range(4)]
            assert sorted(each.status_code for each in await asyncio.gather(*posts)) == [202, 409, 409, 409]
            assert (await client.post(url + asked[2], json={"choice": "yes"})).status_code == 202
            first, second, third = (await until("done", client, url + run))["output"]
            assert (first, second["error"]["what"], third) == ("yes to a", "no to b", "yes to c")
            ended = await until("done", other, f"{url}/api/flows/late/runs/{late['run']}")
            assert ended["output"] == "nobody came"
