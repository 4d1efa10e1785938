"""A home that somebody has worked in: flows, runs, a deployment, a secret; and a service that answers late."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from builder.backend import Backend
from nodes.catalog import load
from runtime.assembly import open_runtime
from runtime.settings import Settings

GREETING = """canevas: 1
name: Greeting
description: Says hello to whoever comes.
steps:
  start: {kind: api_start, version: 1, config: {fields: [{name: who}]}}
  polite: {kind: if, version: 1, title: Do we know the name?, config: {condition: '{{ start.who }}'}}
  hello: {kind: template, version: 1, title: Say hello, config: {template: 'Hello {{ start.who }}!'}}
  stranger: {kind: template, version: 1, title: Greet a stranger, config: {template: Hello stranger!}}
  tell: {kind: answer, version: 1, config: {value: '{{ hello.output or stranger.output }}'}}
edges: [polite.true -> hello, polite.false -> stranger, hello.output -> tell, stranger.output -> tell]
"""
WEATHER = """canevas: 1
name: Weather mail
steps:
  start: {kind: api_start, version: 1, config: {fields: [{name: town}]}}
  call: {kind: http_request, version: 1, title: Ask the service, config: {url: 'http://10.0.0.1/{{ start.town }}'}}
  tell: {kind: template, version: 1, title: Write the mail, config: {template: '{{ call.body }}'}}
"""
RAIN = WEATHER.replace("Weather mail", "Rain mail")
SLOW = """canevas: 1
name: Slow call
steps:
  start: {kind: api_start, version: 1, config: {fields: [{name: url}]}}
  call: {kind: http_request, version: 1, title: Wait for the service, config: {url: '{{ start.url }}'}}
"""
LETTERS = """canevas: 1
name: Letters
steps:
  start: {kind: api_start, version: 1, config: {fields: [{name: names, type: list}]}}
  each: {kind: for_each, version: 1, config: {items: '{{ start.names }}', result: '{{ ask.by }}'}}
  write:
    {kind: template, version: 1, within: each, title: Write the letter, config: {template: "Dear {{ each.item }}!"}}
  ask:
    kind: ask_person
    version: 1
    within: each
    title: Ask the editor
    config:
      title: May the letter to {{ each.item }} go out?
      text: "It goes to **{{ each.item }}** and to:\\n\\n- the archive\\n- the press"
      shown: '{{ write.output }}'
      choices: [{name: approve, title: Send it}, {name: reject, title: Throw it away}]
      fields: [{name: why, description: A line for the archive.}, {name: copies, type: number, required: false}]
      to: the editor
      expires: 2
      unit: hours
"""


@dataclass(frozen=True, slots=True)
class Furnished:
    """What was put there. flows: ids by name. key: opens `/api/flows/slow/run`."""

    flows: dict[str, str]
    key: str


async def furnish(home: Path) -> Furnished:
    """Fill an empty home as a person would, before Canevas starts on it."""
    settings = replace(Settings.from_environment({"CANEVAS_HOME": str(home)}), weights=home / "weights")
    async with open_runtime(settings, load()) as runtime:
        who, back = await runtime.people.ensure_owner(), Backend(runtime, "")
        flows = {}
        given = {"Greeting": {"who": "Ada"}, "Weather mail": {"town": "Lyon"}, "Rain mail": {"town": "Brest"}}
        for text in (GREETING, WEATHER, RAIN, SLOW, LETTERS):
            made = await back.import_file(who, text)
            assert not made.problems
            name = text.split("name: ")[1].split("\n")[0]
            flows[name] = made.flow_id
            for _ in range(2 if name in given else 0):
                run = await back.preview(who, made.flow_id, given[name])
                async for _ in back.watch(who, run):
                    pass
        await back.preview(who, flows["Letters"], {"names": ["Yan", "Zoe"]})
        while len(await back.waiting(who)) < 2:  # so that somebody is asked something
            await asyncio.sleep(0.01)
        await back.deploy(who, flows["Greeting"], "greeting")
        published = await back.deploy(who, flows["Slow call"], "slow")
        await back.set_secret(who, "weather_api", "a value that nobody may see")
        return Furnished(flows, published.key)


@dataclass(frozen=True, slots=True)
class Late:
    """A service that answers once it may."""

    url: str
    may_answer: threading.Event


@contextlib.contextmanager
def late() -> Iterator[Late]:
    """A real server on a free port, until the test ends."""
    may = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            may.wait(30)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"at last")

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Late(f"http://127.0.0.1:{server.server_address[1]}/", may)
    finally:
        may.set()
        server.shutdown()
        thread.join(5)
        server.server_close()
