"""A large value on the page of a run: its beginning, the whole as a file, and never a part of it in a new run."""

import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser import picture
from tests.builder.conftest import WorkedIn

pytestmark = pytest.mark.browser
TEXT = "no address, é " * 10_000


def test_the_beginning_is_shown_and_the_whole_is_saved(page: Page, worked_in: WorkedIn) -> None:
    address = f"{worked_in.product.url}/api/flows/slow/run"
    told = httpx2.post(address, json={"url": TEXT}, headers={"x-api-key": worked_in.furnished.key}, timeout=20).json()
    frames: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(len(frame))))
    page.goto(f"{worked_in.product.url}/runs/{told['run']}")
    page.get_by_role("button", name=re.compile("API start")).click()
    shown = page.get_by_label("url", exact=True)
    expect(shown.first).to_have_text(TEXT[:20_000].rstrip())
    expect(
        page.get_by_text("120,000 more characters").or_(page.get_by_text("120000 more characters")).first
    ).to_be_visible()
    assert max(frames) < 100_000
    page.get_by_role("button", name="Save the whole").last.scroll_into_view_if_needed()
    picture(page, "large-value")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the whole").last.click()
    assert download.value.suggested_filename == "start-url.txt"
    assert Path(download.value.path()).read_text(encoding="utf-8") == TEXT
    page.get_by_role("button", name="Use another value …").click()
    expect(page.get_by_text("What this step gave is too large to be edited here.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
