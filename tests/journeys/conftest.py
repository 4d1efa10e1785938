"""One Chromium and one running Canevas for all journeys of a worker; each journey draws its own flows."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.browser import ROOT, Product, chromium, product
from tests.journeys.drawing import Drawing
from tests.wire.anthropic_server import AnthropicServer, anthropic_server

KEY = "sk-ant-journey-3141592653589793"  # the only one that the Claude of these tests takes
WEIGHTS = Path(os.environ.get("CANEVAS_WEIGHTS", ROOT / ".canevas" / "weights"))
SCREEN = {"width": 1280, "height": 800}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


# By module: a Playwright that stays open for the session keeps asyncio's tests on the same worker from running.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def claude() -> Iterator[AnthropicServer]:
    """Where the running Canevas thinks that Anthropic is."""
    with anthropic_server(key=KEY) as server:
        yield server


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, claude: AnthropicServer) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("canevas")
    with product(home, CANEVAS_WEIGHTS=str(WEIGHTS), CANEVAS_ANTHROPIC_URL=claude.url) as started:
        yield started


@pytest.fixture(scope="module")
def signed_in(browser: Browser, running: Product) -> StorageState:
    """The cookie of one sign-in, for every tab."""
    context = browser.new_context()
    context.new_page().goto(running.new_link())
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visitor(browser: Browser, running: Product, signed_in: StorageState) -> Iterator[Callable[..., BrowserContext]]:
    """`visitor(**options)` opens a browser window of its own. What its pages complain of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def visit(**options: object) -> BrowserContext:
        chosen = {"viewport": SCREEN, "color_scheme": "dark", "locale": "en-GB", "base_url": running.url, **options}
        context = browser.new_context(storage_state=signed_in, **chosen)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        contexts.append(context)
        return context

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(visitor: Callable[..., BrowserContext]) -> Page:
    """A tab at home."""
    tab = visitor().new_page()
    at_home(tab)
    return tab


@pytest.fixture
def drawing(page: Page) -> Drawing:
    """The editor with a new flow in it."""
    return new_flow(page)


def at_home(page: Page) -> None:
    """Go to the list of flows, and wait for it."""
    page.goto("/")
    expect(page.get_by_role("heading", name="Start from an example")).to_be_visible()


def new_flow(page: Page) -> Drawing:
    """Draw a new flow, from home."""
    page.get_by_role("button", name="New flow").click()
    return Drawing(page).opened()


def import_file(page: Page, text: str | bytes, name: str = "flow.yaml") -> None:
    """Choose a flow's file at home."""
    content = text.encode() if isinstance(text, str) else text
    chooser = page.get_by_label("A flow’s file")
    chooser.set_input_files({"name": name, "mimeType": "application/yaml", "buffer": content})


def imported(page: Page, text: str) -> Drawing:
    """The editor with the flow of a file."""
    at_home(page)
    import_file(page, text)
    return Drawing(page).opened()
