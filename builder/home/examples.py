"""The flows to start from: the files of `examples/`, as the gallery shows them."""

from functools import cache
from pathlib import Path
from typing import TypedDict

from builder.editor.view import view
from builder.sketch import Sketch, sketch
from runtime.errors import NotFoundError
from runtime.graph.catalog import Catalog
from runtime.graph.flowfile import read
from runtime.graph.reading import read_flow

EXAMPLES = Path(__file__).parents[2] / "examples"
# In the order of the gallery: what it is called and what it shows, English texts of the catalogue.
SHOWN = {
    "support-desk": (
        "Support desk",
        "Sorts a customer’s message, answers from a FAQ, and hands the rest to a colleague with a summary.",
    ),
    "lead-to-quote": (
        "Lead to quote",
        "Turns a request in free text into fields, prices it by expressions, and answers with a quote.",
    ),
    "fan-out-research": (
        "Fan-out research",
        "Asks three prompts at once and joins what comes back into one answer.",
    ),
}


class Example(TypedDict):
    """One card of the gallery. slug: names the file. title, said: English texts of the catalogue."""

    slug: str
    title: str
    said: str
    steps: int
    sketch: Sketch


def example_text(slug: str) -> str:
    """The file of an example. Raises NotFoundError for a name that is none, or when the file is not installed."""
    path = EXAMPLES / f"{slug}.yaml"
    if slug not in SHOWN or not path.is_file():
        raise NotFoundError("There is no such example", slug, "Choose one of the gallery.")
    return path.read_text(encoding="utf-8")


@cache
def gallery(catalog: Catalog) -> list[Example]:
    """The cards of the examples that are installed."""
    cards = []
    for slug, (title, said) in SHOWN.items():
        if not (EXAMPLES / f"{slug}.yaml").is_file():
            continue
        flow, _ = read(example_text(slug))
        if flow is not None:
            drawn = sketch(view(read_flow(flow, catalog), []))
            cards.append(Example(slug=slug, title=title, said=said, steps=len(flow.steps), sketch=drawn))
    return cards
