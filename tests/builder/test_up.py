"""`canevas up` as a newcomer meets it: start, sign in, look around, leave, stop."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect

from builder.theme import THEMES
from tests.browser import Product, chromium, picture, product

pytestmark = pytest.mark.browser
AAA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PAGES = {"home": "/", "runs": "/runs", "settings": "/settings", "not-found": "/nowhere"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product(tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def signed_in(browser: Browser, running: Product) -> StorageState:
    """The cookie of one sign-in, for every tab that does not sign out."""
    context = browser.new_context()
    context.new_page().goto(running.new_link())
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Browser, running: Product, signed_in: StorageState) -> Iterator[Page]:
    """A tab of somebody signed in. What the browser complains of, such as a broken policy, fails the test."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="dark", locale="en-GB", storage_state=signed_in
    )
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.goto(running.url)
    expect(tab.locator("h1")).to_be_visible()
    yield tab
    context.close()
    assert [said for said in complaints if "404" not in said] == []


def look(page: Page, running: Product, path: str) -> None:
    page.goto(running.url + path)
    expect(page.locator("main h1")).to_be_visible()
    expect(page.get_by_role("button", name="Your account")).to_contain_text("O")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_in_every_theme_is_accessible(page: Page, running: Product, name: str, theme: str) -> None:
    look(page, running, PAGES[name])
    page.evaluate("theme => canevas.choose('theme', theme)", theme)
    page.wait_for_timeout(400)  # colours fade over
    picture(page, f"{name}-{theme}")
    found = Axe().run(page, options=AAA)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("theme", THEMES)
def test_the_account_menu_is_accessible(page: Page, running: Product, theme: str) -> None:
    page.evaluate("theme => canevas.choose('theme', theme)", theme)
    page.get_by_role("button", name="Your account").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_timeout(400)
    picture(page, f"account-{theme}")
    found = Axe().run(page, options=AAA)
    assert found.violations_count == 0, found.generate_report()


def test_on_a_phone_everything_is_in_reach(page: Page, running: Product) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name, path in PAGES.items():
        look(page, running, path)
        picture(page, f"{name}-390")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for control in page.locator("main a, main button, header button, nav a, .segmented label").all():
            if box := control.bounding_box():
                assert box["height"] >= 44, control.inner_html()


def test_theme_and_language_switch_at_once_and_stay(browser: Browser, tmp_path: Path) -> None:
    """In a home of its own: what is chosen is kept with the account, and would hold for the other tests' tabs too."""
    with product(tmp_path / "home") as started:
        context = browser.new_context(color_scheme="dark", locale="en-GB")
        page = context.new_page()
        page.goto(started.link)
        switch(page, started)
        context.close()


def switch(page: Page, running: Product) -> None:
    look(page, running, "/settings")
    html = page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    page.get_by_label("Light").check()
    expect(html).to_have_attribute("data-theme", "light")
    page.get_by_label("Français").check()
    expect(page.locator("main h1")).to_have_text("Réglages")
    expect(page.get_by_label("Clair")).to_be_checked()
    expect(html).to_have_attribute("lang", "fr")
    expect(page).to_have_title("Réglages · Canevas")
    page.reload()
    expect(page.locator("main h1")).to_have_text("Réglages")
    expect(html).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize(
    ("system", "theme"),
    [
        ({"color_scheme": "light"}, "light"),
        ({"color_scheme": "dark"}, "dark"),
        ({"color_scheme": "light", "contrast": "more"}, "contrast"),
    ],
)
def test_until_one_chooses_the_system_decides_before_the_first_paint(
    browser: Browser, running: Product, signed_in: StorageState, system: dict[str, str], theme: str
) -> None:
    context = browser.new_context(locale="fr-FR", storage_state=signed_in, **system)  # type: ignore[arg-type]
    tab = context.new_page()
    # Without the bundle nothing but the first script has run.
    tab.route("**/assets/*.js", lambda route: route.abort())
    tab.goto(running.url)
    expect(tab.locator("html")).to_have_attribute("data-theme", theme)
    expect(tab.locator("html")).to_have_attribute("lang", "fr")
    context.close()


def test_by_keyboard_alone(page: Page, running: Product) -> None:
    look(page, running, "/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    picture(page, "skip-link")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Settings").focus()
    page.keyboard.press("Enter")
    # After a navigation without a page load the heading is where one is.
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_focused()


def test_an_unknown_address_is_404(page: Page, running: Product) -> None:
    answer = page.goto(running.url + "/nowhere")
    assert answer is not None
    assert answer.status == 404
    page.get_by_role("link", name="To your flows").click()
    expect(page).to_have_url(running.url + "/")


def test_signing_out_leads_to_sign_in_in_every_tab(page: Page, running: Product) -> None:
    page.goto(running.new_link())  # a session of its own: the others go on
    other = page.context.new_page()
    look(other, running, "/settings")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(running.url + "/sign-in")
    picture(page, "sign-in")
    # The other tab finds out with its next event, without being asked for anything.
    other.get_by_role("link", name="Runs").click()
    expect(other).to_have_url(running.url + "/sign-in")


def test_a_link_works_once(browser: Browser, running: Product) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(running.link)
    expect(tab).to_have_url(running.url + "/")
    context.clear_cookies()
    answer = tab.goto(running.link)
    assert answer is not None
    assert answer.status == 401
    expect(tab.get_by_role("alert")).to_contain_text("already used")
    context.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_under_an_open_page(browser: Browser, tmp_path: Path, how: signal.Signals) -> None:
    with product(tmp_path / "home") as started:
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(started.link)
        expect(tab.locator("h1")).to_be_visible()
        code, said = started.stop(how)
        assert code == 0
        assert "Traceback" not in said
        expect(tab.get_by_role("status").filter(has_text="does not answer")).to_be_visible(timeout=10_000)
        context.close()


def test_a_taken_port_is_told_in_one_line(running: Product, tmp_path: Path) -> None:

    port = running.url.rpartition(":")[2]
    command = [sys.executable, "-m", "canevas", "up", "--port", port, "--home", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "Traceback" not in refused.stderr
