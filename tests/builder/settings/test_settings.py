"""Settings as a person uses them: choices that follow the account, secrets that nobody sees again."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocket, expect

from tests.browser import Product, picture, product
from tests.builder.conftest import WorkedIn

pytestmark = pytest.mark.browser
VALUE = "sk-ant-a-value-that-nobody-sees-again"


@pytest.fixture
def settings(page: Page, worked_in: WorkedIn) -> Page:
    page.goto(worked_in.product.url + "/settings")
    expect(row(page, "weather_api")).to_be_visible()
    return page


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def enter(page: Page, value: str, name: str = "") -> None:
    dialog = page.get_by_role("dialog")
    if name:
        dialog.get_by_label("Name", exact=True).fill(name)
    field = dialog.get_by_label("Value", exact=True)
    expect(field).to_have_attribute("type", "password")
    field.fill(value)
    dialog.get_by_role("button", name="Keep it").click()


def test_the_anthropic_key_is_set_replaced_and_deleted(settings: Page) -> None:
    heard: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: heard.append(str(frame)))

    settings.on("websocket", listen)
    settings.reload()
    key = row(settings, "Anthropic key")
    expect(key).to_contain_text("Not set")
    key.get_by_role("button", name="Set the key").click()
    picture(settings, "settings-key")
    enter(settings, VALUE)
    expect(settings.get_by_role("dialog")).to_have_count(0)
    expect(key.get_by_role("button", name="Replace anthropic")).to_be_visible()
    key.get_by_role("button", name="Replace anthropic").click()
    expect(settings.get_by_label("Value", exact=True)).to_have_value("")
    enter(settings, VALUE + "2")
    expect(settings.get_by_role("dialog")).to_have_count(0)
    key.get_by_role("button", name="Delete anthropic").click()
    expect(settings.get_by_role("dialog")).to_contain_text("Flows that ask Claude will not run")
    settings.get_by_role("button", name="Delete it").click()
    expect(key).to_contain_text("Not set")
    assert heard
    assert [frame for frame in heard if VALUE in frame] == []
    assert VALUE not in settings.content()


def test_another_secret_by_name(settings: Page) -> None:
    settings.get_by_role("button", name="Add a secret").click()
    enter(settings, "", "two words")
    expect(settings.get_by_text("Begin with a letter;")).to_be_visible()
    expect(settings.get_by_text("A secret needs a value.")).to_be_visible()
    enter(settings, VALUE, "mail_password")
    expect(row(settings, "mail_password")).to_contain_text("Set now")
    settings.get_by_role("button", name="Delete mail_password").click()
    settings.get_by_role("button", name="Cancel").click()
    expect(row(settings, "mail_password")).to_be_visible()
    settings.get_by_role("button", name="Delete mail_password").click()
    settings.get_by_role("button", name="Delete it").click()
    expect(row(settings, "mail_password")).to_have_count(0)


def test_it_says_where_secrets_are_which_models_are_missing_and_which_hosts_are_allowed(
    settings: Page, worked_in: WorkedIn
) -> None:
    main = settings.get_by_role("main")
    expect(main).to_contain_text(str(worked_in.product.home / "master.key"))
    expect(row(settings, "Text (demo model)")).to_contain_text("Missing")
    expect(main).to_contain_text("canevas weights")
    expect(main).to_contain_text("CANEVAS_ALLOWED_HOSTS")
    expect(settings.locator(".hosts")).to_have_text("127.0.0.1")


def test_theme_and_language_follow_the_account(chrome: BrowserContext, tmp_path: Path) -> None:
    """In a home of its own: what an account has chosen holds for every tab of it."""
    assert chrome.browser is not None
    with product(tmp_path) as running:
        choose_and_follow(chrome.browser, running)


def choose_and_follow(browser: Browser, running: Product) -> None:
    first, second = (browser.new_context(color_scheme="dark", locale="en-GB").new_page() for _ in range(2))
    for tab in (first, second):
        tab.goto(running.new_link())
    first.goto(running.url + "/settings")
    first.get_by_label("Light").check()
    first.get_by_label("Français").check()
    expect(first.locator("main h1")).to_have_text("Réglages")
    first.wait_for_timeout(500)  # until the account has it; the page shows nothing of that
    second.goto(running.url + "/settings")
    expect(second.locator("html")).to_have_attribute("data-theme", "light")
    expect(second.locator("html")).to_have_attribute("lang", "fr")
    expect(row(second, "Clé Anthropic")).to_contain_text("Non définie")
    picture(second, "settings-french-light")
    for tab in (first, second):
        tab.context.close()
