"""The editor as a person uses it: what one looks for on the page, and what one does there."""

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect


@dataclass(slots=True)
class Drawing:
    """The editor that is open in a tab."""

    page: Page

    # --- what is there -----------------------------------------------------------------------------------------

    @property
    def canvas(self) -> Locator:
        return self.page.get_by_role("application", name="Canvas")

    @property
    def properties(self) -> Locator:
        return self.page.get_by_role("complementary", name="Properties")

    @property
    def preview(self) -> Locator:
        return self.page.get_by_role("region", name="Preview")

    @property
    def steps(self) -> Locator:
        return self.canvas.locator(".react-flow__node-step")

    @property
    def wires(self) -> Locator:
        return self.canvas.locator(".react-flow__edge")

    def step(self, name: str) -> Locator:
        """The card of a step, by its id."""
        return self.canvas.locator(f'.react-flow__node-step[data-id="{name}"]')

    def live(self, name: str) -> Locator:
        """What a run says on a step's card."""
        return self.step(name).locator(".live")

    def port(self, name: str, side: str) -> Locator:
        """An end for wires, such as `start.text`. side: source or target."""
        step, port = name.split(".")
        return self.canvas.locator(f'.port.{side}[data-nodeid="{step}"][data-handleid="{port}"]')

    def room(self, step: str, body: str = "body") -> Locator:
        """Where the steps inside a step stand."""
        return self.canvas.locator(f'.room[data-step="{step}"][data-body="{body}"]')

    def field(self, name: str) -> Locator:
        """A setting of the selected step, with its label, help and problems."""
        return self.properties.locator(f'[data-field="{name}"]')

    # --- what one does -----------------------------------------------------------------------------------------

    def opened(self) -> "Drawing":
        """Wait until the flow is there."""
        expect(self.canvas.locator(".react-flow__pane")).to_be_visible()
        self.saved()
        return self

    def saved(self) -> None:
        """Wait until the server has every edit."""
        expect(self.page.locator(".save-state")).to_have_accessible_name("Saved")

    def call(self, name: str) -> None:
        """Give the flow a name."""
        title = self.page.get_by_label("Name of the flow")
        title.fill(name)
        title.press("Enter")
        self.saved()

    def add(self, kind: str, name: str) -> None:
        """Add a step with the palette's search; name: the id it gets."""
        search = self.page.get_by_role("combobox", name="Search steps").first
        search.fill(kind)
        expect(self.page.get_by_role("option", name=re.compile(f"^{kind}")).first).to_have_attribute(
            "aria-selected", "true"
        )
        search.press("Enter")
        expect(self.step(name)).to_be_visible()
        self.saved()

    def drag_in(self, kind: str, name: str, at: tuple[int, int], onto: Locator | None = None) -> None:
        """Drag a kind from the palette to a place on the canvas, or into a room."""
        self.page.get_by_role("combobox", name="Search steps").first.fill(kind)
        item = self.page.get_by_role("option", name=re.compile(f"^{kind}")).first
        item.drag_to(onto or self.canvas.locator(".react-flow__pane"), target_position={"x": at[0], "y": at[1]})
        expect(self.step(name)).to_be_visible()
        self.saved()

    def connect(self, source: str, target: str) -> None:
        """Draw a wire with the mouse from an output to an input."""
        before = self.wires.count()
        self._draw(source, self.port(target, "target"))
        expect(self.wires).to_have_count(before + 1)
        self.saved()

    def connect_to_card(self, source: str, step: str) -> None:
        """Let a wire go over a step as a whole: it fills what the step waits for."""
        self._draw(source, self.step(step).locator("header .title"))
        self.saved()

    def _draw(self, source: str, target: Locator) -> None:
        self.port(source, "source").hover()  # waits until the canvas stands still
        self.page.mouse.down()
        self.page.mouse.move(*_middle(target), steps=8)
        self.page.mouse.up()

    def fill(self, name: str, value: str) -> None:
        """Write into a setting of the selected step."""
        box = self.field(name).get_by_role("textbox")
        box.fill(value)
        box.blur()
        self.saved()

    def select(self, name: str) -> None:
        """Click a step's card."""
        self.step(name).locator("header .title").click()
        expect(self.properties.get_by_label("Name in expressions")).to_have_value(name)

    def fit(self) -> None:
        """Show the whole flow, and wait until it no longer moves."""
        self.page.get_by_role("button", name="Fit the view").click()
        self.page.evaluate(STILL)

    def open_preview(self) -> None:
        """Open the preview's panel."""
        self.page.locator("#run-button").click()
        expect(self.preview).to_be_visible()

    def say(self, message: str) -> None:
        """Write in the preview's chat and send."""
        self.preview.get_by_role("textbox", name="Message").fill(message)
        self.preview.get_by_role("button", name="Send").click()


# Waits until the canvas has stood where it is for a while: on a busy machine it sets out late.
STILL = """() => new Promise((done) => {
  let where, since;
  const look = (now) => {
    const { transform } = document.querySelector(".react-flow__viewport").style;
    if (transform !== where) [where, since] = [transform, now];
    return now - since > 400 ? done() : requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def _middle(thing: Locator) -> tuple[float, float]:
    box = thing.bounding_box()
    assert box is not None, f"{thing} is not on the page"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
