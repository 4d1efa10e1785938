"""Durable runs as their owner keeps house: how they are kept, a pause, filters, many stopped and run again at once."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser import Product, picture
from tests.journeys.conftest import imported
from tests.journeys.drawing import Drawing

AAA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa"]}}
FLOW = """
canevas: 1
name: Parcels to weigh
steps:
  start:
    kind: api_start
    version: 1
    config:
      fields:
      - name: parcels
        type: list
  share:
    kind: template
    version: 1
    config:
      template: '{{ 12 / len(start.parcels) }}'
  ask:
    kind: ask_person
    version: 1
    config:
      title: May the parcels go?
      shown: '{{ share.output }}'
  answer:
    kind: answer
    version: 1
    config:
      value: sent
edges:
- share.output -> ask
- ask.approve -> answer
"""
NIGHTLY = """
canevas: 1
name: Nightly sweep
steps:
  start:
    kind: schedule_start
    version: 1
    title: Each night
    config:
      time: "04:30"
      zone: Europe/Paris
  answer:
    kind: answer
    version: 1
    config:
      value: '{{ start.at }}'
"""
PHONE = {"width": 390, "height": 844}


def test_many_runs(visitor: Callable[..., BrowserContext], running: Product) -> None:
    drawing = imported(visitor(reduced_motion="reduce").new_page(), FLOW)
    every_step_is_kept(drawing)
    key = deployed(drawing.page)
    for parcels in ([1, 2], [3], [4], []):
        call(running, key, parcels)
    page = drawing.page
    pauses(page)
    page.goto("/runs")
    finds(page)
    stops(page)
    runs_again(page)
    goes_on_where_they_failed(page)
    one_run(page)
    french = visitor(reduced_motion="reduce", locale="fr-FR", viewport=PHONE, color_scheme="light").new_page()
    in_french(french, drawing.page.url)


def test_a_schedule_says_when_it_comes(visitor: Callable[..., BrowserContext]) -> None:
    drawing = imported(visitor(reduced_motion="reduce", timezone_id="America/New_York").new_page(), NIGHTLY)
    page = drawing.page
    drawing.properties.get_by_role("button", name=re.compile("How it runs")).click()
    expect(page.get_by_role("dialog")).to_contain_text("nobody waits for what a webhook or a schedule starts")
    page.keyboard.press("Escape")
    deployed(page)
    ticks = page.get_by_role("dialog").locator(".ticks li")
    expect(ticks).to_have_count(3)
    expect(ticks.first).to_contain_text(re.compile(r"04:30 Europe/Paris.*2\d:30 where you are.*Each night"))
    expect(page.locator("#deploy-command")).to_have_count(0)
    accessible(page)
    picture(page, "deploy-schedule")


def every_step_is_kept(drawing: Drawing) -> None:
    """The settings of the flow are an edit like any other; each says what it costs."""
    page = drawing.page
    page.keyboard.press("Escape")
    button = drawing.properties.get_by_role("button", name=re.compile("How it runs"))
    button.click()
    dialog = page.get_by_role("dialog", name="How it runs")
    expect(dialog).to_contain_text("every step is kept, because it may wait")
    dialog.get_by_role("radio", name=re.compile("^Every step")).check()
    queue = dialog.get_by_label("Queue")
    queue.fill("Not a name")
    expect(dialog).to_contain_text("Small letters, digits")
    queue.fill("parcels")
    dialog.get_by_label("Cost in US dollars").fill("2,5")
    dialog.get_by_label("Cost in US dollars").blur()
    drawing.saved()
    accessible(page)
    picture(page, "flow-settings")
    page.keyboard.press("Escape")
    expect(button).to_contain_text("Every step")
    page.get_by_role("button", name=re.compile("^Undo")).click()
    drawing.saved()
    button.click()
    expect(dialog.get_by_label("Cost in US dollars")).to_have_value("")
    expect(dialog.get_by_label("Queue")).to_have_value("parcels")
    dialog.get_by_role("button", name="Close").click()


def deployed(page: Page) -> str:
    """The key of the flow under its address."""
    page.locator("#deploy-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    key = page.locator("#deploy-key")
    expect(key).to_be_visible()
    return key.inner_text()


def call(running: Product, key: str, parcels: list[int]) -> None:
    request = urllib.request.Request(
        running.url + "/api/flows/parcels-to-weigh/run",
        json.dumps({"parcels": parcels}).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    fails = pytest.raises(urllib.error.HTTPError) if not parcels else nullcontext()
    with fails:
        urllib.request.urlopen(request, timeout=20).read()


def pauses(page: Page) -> None:
    """The dialog says what a pause means, and takes it back."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("status").filter(has_text="stay queued")).to_be_visible()
    picture(page, "deploy-paused")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_text("stay queued until then")).to_have_count(0)


def state(page: Page, name: str, count: int) -> Locator:
    return page.get_by_role("radio", name=re.compile(rf"^{name}\s*{count}$"))


def rows(page: Page) -> Locator:
    return page.locator("table.runs tbody tr")


def finds(page: Page) -> None:
    """By words, flow and origin, with counters that follow."""
    page.get_by_role("searchbox", name="Search").fill("PARCELS weigh")
    expect(rows(page)).to_have_count(4)
    expect(state(page, "Waiting", 3)).to_be_visible()
    expect(state(page, "Failed", 1)).to_be_visible()
    expect(rows(page).first).to_contain_text("Failed")
    expect(rows(page).nth(1)).to_contain_text("May the parcels go?")
    page.get_by_label("From", exact=True).select_option(label="Schedule")
    expect(page.get_by_text("No run is like that.")).to_be_visible()
    page.get_by_role("button", name="Show all runs").click()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("")
    page.get_by_label("Flow", exact=True).select_option(label="Parcels to weigh")
    expect(rows(page)).to_have_count(4)


def stops(page: Page) -> None:
    """Two of those that wait, after a question; one that has ended is left out."""
    for number in (0, 1, 2):
        rows(page).nth(number).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="What to do with the selected runs")
    expect(bar).to_contain_text("3 selected")
    looks(page, "many-runs")
    bar.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Runs that will be stopped: 2")
    expect(dialog).to_contain_text("Left out, because they have ended: 1")
    accessible(page)
    picture(page, "many-runs-stop")
    dialog.get_by_role("button", name="Stop them").click()
    expect(page.get_by_text("Runs that are stopped: 2.")).to_be_visible()
    expect(state(page, "Stopped", 2)).to_be_visible(timeout=10_000)
    expect(state(page, "Waiting", 1)).to_be_visible()


def runs_again(page: Page) -> None:
    """Those that were stopped, with what they were given."""
    state(page, "Stopped", 2).click()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("checkbox", name="Select all that are shown").check()
    page.get_by_role("button", name="Run again", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Run them again").click()
    expect(page.get_by_text("Runs that were started again: 2.")).to_be_visible()
    expect(state(page, "Waiting", 3)).to_be_visible(timeout=10_000)


def goes_on_where_they_failed(page: Page) -> None:
    """The list of what failed says what to do with it."""
    state(page, "Failed", 1).click()
    expect(page.get_by_text("What failed stays here.")).to_be_visible()
    page.keyboard.press("Tab")
    rows(page).first.get_by_role("checkbox").check()
    page.get_by_role("button", name="Run again from the failed step").click()
    page.get_by_role("dialog").get_by_role("button", name="Run them again").click()
    expect(state(page, "Failed", 2)).to_be_visible(timeout=10_000)
    expect(rows(page).first).to_contain_text("run again")


def one_run(page: Page) -> None:
    """A run that waits is found at its page with its question."""
    state(page, "Waiting", 3).click()
    rows(page).first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="May the parcels go?").first).to_be_visible()
    picture(page, "run-that-waits")


def in_french(page: Page, run: str) -> None:
    """The list, a run and the settings of its flow, on a phone."""
    page.goto("/runs")
    expect(page.get_by_role("radio", name=re.compile("^En file d’attente"))).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("Sélectionner l’exécution")).first.check()
    expect(page.get_by_text("Sélection : 1")).to_be_visible()
    accessible(page)
    picture(page, "many-runs-french-390")
    page.goto(run)
    page.get_by_role("link", name="Ouvrir le flux").click()
    expect(page.locator(".react-flow__node-step").first).to_be_visible()
    expect(page.locator(".save-state")).to_have_accessible_name("Enregistré")
    page.get_by_role("navigation", name="Panneaux").get_by_role("button", name="Réglages").click()
    page.get_by_role("button", name=re.compile("Comment il s’exécute")).click()
    expect(page.get_by_role("dialog")).to_contain_text("Chaque étape")
    accessible(page)
    picture(page, "flow-settings-french-390")


def looks(page: Page, name: str) -> None:
    """In each theme, on a phone and in French: pictures to look at, and nothing that axe finds."""
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": 1280, "height": 800})
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        accessible(page)
        picture(page, f"{name}-{theme}")
        page.set_viewport_size(PHONE)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        picture(page, f"{name}-{theme}-390")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")


def accessible(page: Page) -> None:
    found = Axe().run(page, options=AAA).response["violations"]
    assert [(each["id"], [(node["html"][:90], node["any"][:1]) for node in each["nodes"]]) for each in found] == []
