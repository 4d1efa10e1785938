"""A running Canevas and a Chromium for the canvas tests, with a flow of its own for each test."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from nodes.catalog import builtin
from runtime.assembly import open_runtime
from runtime.graph.flow import Flow
from runtime.settings import Settings
from tests.browser import Product, chromium, product
from tests.builder.editor.canvas import drawn, shown


async def seed(home: Path, names: list[str], drawing: Callable[[str], Flow]) -> dict[str, str]:
    settings = replace(Settings.from_environment({"CANEVAS_HOME": str(home)}), weights=home / "weights")
    async with open_runtime(settings, builtin()) as runtime:
        owner = await runtime.people.ensure_owner()
        return {name: (await runtime.flows.create(owner.workspace, drawing(name), owner.name)).id for name in names}


@pytest.fixture(scope="module")
def drawing() -> Callable[[str], Flow]:
    """The flow of each test, by its name; a file that draws on another one says so."""
    return drawn


@pytest.fixture(scope="module")
def flows(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, drawing: Callable[[str], Flow]
) -> Iterator[tuple[Product, Any]]:
    """A running Canevas with a flow for each test of this file."""
    home = tmp_path_factory.mktemp("canvas")
    names = [item.name for item in request.session.items if item.path == request.path]
    ids = asyncio.run(seed(home, names, drawing))
    with product(home, CANEVAS_WEIGHTS=str(home / "weights")) as started:
        yield started, ids


@pytest.fixture(scope="module")
def browser(flows: tuple[Product, Any]) -> Iterator[Browser]:  # after the flows: Playwright brings a loop of its own
    with chromium() as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, flows: tuple[Product, Any]) -> Iterator[Any]:
    """`window(**options)`: a browser of somebody signed in. What its pages complain of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(**options: Any) -> BrowserContext:
        chosen = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "color_scheme": "dark", **options}
        context = browser.new_context(**chosen)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.new_page().goto(flows[0].new_link())
        contexts.append(context)
        return context

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def address(flows: tuple[Product, Any], request: pytest.FixtureRequest) -> str:
    """Where this test's flow is."""
    return f"{flows[0].url}/flows/{flows[1][request.node.name]}"


@pytest.fixture
def page(window: Any, address: str) -> Page:
    return shown(window().pages[0], address)
