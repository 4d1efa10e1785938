"""The server is killed while somebody draws: nothing is lost, and the page says how things stand."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Product, product
from tests.journeys.conftest import SCREEN, new_flow
from tests.journeys.drawing import Drawing

AGAIN = 45_000  # ms in which a page has found the server again; it asks ever more seldom


class Power:
    """Canevas on one home and one port, to be cut off and started again."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._home, self._stack, self._port = home, stack, 0
        self.running = self.on()

    def on(self) -> Product:
        self.running = self._stack.enter_context(product(self._home, self._port))
        self._port = int(self.running.url.rpartition(":")[2])
        return self.running

    def cut(self) -> None:
        self.running.process.send_signal(signal.SIGKILL)
        self.running.process.wait()


@pytest.fixture(scope="module")
def power(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Power]:
    with ExitStack() as stack:
        yield Power(tmp_path_factory.mktemp("cut-off"), stack)


@pytest.fixture
def drawing(browser: Browser, power: Power) -> Iterator[Drawing]:
    context = browser.new_context(viewport=SCREEN, color_scheme="dark", locale="en-GB")
    page = context.new_page()
    page.goto(power.running.new_link())
    yield new_flow(page)
    context.close()


def write(drawing: Drawing, text: str) -> None:
    """Say what the flow is for."""
    place = drawing.page.get_by_label("What it is for")
    place.fill(text)
    place.blur()


def test_edits_wait_in_the_browser_for_the_server(drawing: Drawing, power: Power) -> None:
    page = drawing.page
    write(drawing, "Known to the server")
    drawing.saved()
    power.cut()
    write(drawing, "Drawn while nobody listened")
    state = page.locator(".save-state")
    expect(state).to_have_accessible_name("Not saved; kept in this browser", timeout=20_000)
    power.on()
    expect(state).to_have_accessible_name("Saved", timeout=AGAIN)
    page.reload()
    drawing.opened()
    expect(page.get_by_label("What it is for")).to_have_value("Drawn while nobody listened")


def test_a_page_that_was_closed_meanwhile_is_offered_its_edits(drawing: Drawing, power: Power) -> None:
    page = drawing.page
    write(drawing, "Known to the server")
    drawing.saved()
    power.cut()
    write(drawing, "Left behind")
    expect(page.locator(".save-state")).to_have_accessible_name("Not saved; kept in this browser", timeout=20_000)
    address = page.url
    page.goto("about:blank")
    power.on()
    page.goto(address)
    offer = page.get_by_role("alert").filter(has_text="One change of your last visit was not saved.")
    expect(offer).to_be_visible()
    expect(page.get_by_label("What it is for")).to_have_value("Known to the server")
    offer.get_by_role("button", name="Apply them").click()
    expect(offer).to_be_hidden()
    drawing.saved()
    page.reload()
    drawing.opened()
    expect(page.get_by_label("What it is for")).to_have_value("Left behind")
    expect(offer).to_be_hidden()
