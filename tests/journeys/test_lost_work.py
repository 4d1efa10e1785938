"""The server is killed while somebody draws: nothing is lost, and the page says how things stand."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

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


def between(drawing: Drawing, relay: Callable[[WebSocketRoute, WebSocketRoute], None]) -> None:
    """Load the page anew, with what it and the server say to each other in the hands of `relay`."""
    drawing.page.route_web_socket(re.compile("/_event"), lambda page: relay(page, page.connect_to_server()))
    drawing.page.reload()
    drawing.opened()


def test_edits_that_arrive_twice_count_once(drawing: Drawing) -> None:
    sent: list[str | bytes] = []

    def relay(page: WebSocketRoute, server: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if '"batch":' in str(message):
                sent.append(message)
                message = sent[0] if len(sent) == 2 else message  # the first ones again, and the second ones get lost
            server.send(message)

        page.on_message(pass_on)

    between(drawing, relay)
    drawing.call("Sent twice")
    write(drawing, "Lost on the way")
    drawing.page.wait_for_timeout(1_000)  # in which the second answer to the first ones comes
    expect(drawing.page.locator(".save-state")).to_have_accessible_name("Saved", timeout=AGAIN)
    drawing.page.reload()
    drawing.opened()
    expect(drawing.page.get_by_label("What it is for")).to_have_value("Lost on the way")
    expect(drawing.page.get_by_label("Name of the flow")).to_have_value("Sent twice")


def test_what_is_added_to_edits_whose_answer_was_lost_is_saved_too(drawing: Drawing) -> None:
    lost: list[str | bytes] = []
    drawing.add("Text template", "template")

    def relay(page: WebSocketRoute, server: WebSocketRoute) -> None:
        def answer(message: str | bytes) -> None:
            if "Saved, but" in str(message) and not lost:
                lost.append(message)
            else:
                page.send(message)

        server.on_message(answer)

    between(drawing, relay)
    drawing.select("template")
    place = drawing.field("template").get_by_role("textbox")
    place.fill("Saved, but")
    place.blur()
    state = drawing.page.locator(".save-state")
    expect(state).to_have_accessible_name("Not saved; kept in this browser", timeout=20_000)
    assert lost
    place.fill("Saved, but nobody heard")
    place.blur()
    expect(state).to_have_accessible_name("Saved", timeout=AGAIN)
    drawing.page.reload()
    drawing.opened()
    drawing.select("template")
    expect(drawing.field("template").get_by_role("textbox")).to_have_value("Saved, but nobody heard")


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
    expect(offer).to_be_visible(timeout=30_000)
    expect(page.get_by_label("What it is for")).to_have_value("Known to the server")
    offer.get_by_role("button", name="Apply them").click()
    expect(offer).to_be_hidden()
    drawing.saved()
    page.reload()
    drawing.opened()
    expect(page.get_by_label("What it is for")).to_have_value("Left behind")
    expect(offer).to_be_hidden()
