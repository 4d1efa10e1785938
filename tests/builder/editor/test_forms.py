"""Forms and palette from node classes alone."""

import json

import pytest

from builder.editor.forms import form_of
from builder.editor.kinds import icons, kinds_view
from nodes.http import HttpRequest
from runtime.graph.catalog import Catalog
from runtime.graph.fields import WIDGETS
from tests.builder.editor.nodes import CATALOG, Ask, Route, Start

EXPECTED = {
    "prompt": ("multiline", "Prompt", True, None),
    "model": ("model", "Model", False, "builtin"),
    "temperature": ("number", "Temperature", False, None),
    "tokens": ("number", "Tokens", False, 512),
    "tone": ("select", "Tone", False, "warm"),
    "verbose": ("switch", "Verbose", False, False),
    "stop": ("list", "Stop", False, []),
    "headers": ("key_values", "Headers", False, {}),
    "values": ("key_values", "Values", False, {}),
    "key": ("secret", "Key", False, ""),
    "output_schema": ("json", "Output Schema", False, {}),
    "examples": ("records", "Examples", False, []),
    "helper": ("flow", "Helper", False, ""),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_setting_has_its_widget_label_and_default(name: str) -> None:
    field = next(field for field in form_of(Ask) if field.name == name)
    assert (field.widget, field.label, field.required, field.default) == EXPECTED[name]


def test_the_form_follows_the_class_and_knows_every_widget() -> None:
    assert [field.name for field in form_of(Ask)] == list(EXPECTED)
    shown = {field.widget for node in CATALOG for field in form_of(node)}
    assert shown <= set(WIDGETS)
    assert shown == set(WIDGETS) - {"text"}


def test_limits_options_and_entries() -> None:
    fields = {field.name: field for field in form_of(Ask)}
    assert (fields["temperature"].minimum, fields["temperature"].maximum, fields["temperature"].whole) == (0, 1, False)
    assert fields["tokens"].whole
    assert fields["tone"].options == ("warm", "dry")
    assert (fields["stop"].item, fields["headers"].item, fields["values"].item) == ("text", "text", "expression")
    assert not fields["output_schema"].free  # an object
    assert {field.name: field.free for field in form_of(HttpRequest)}["body"]  # anything
    assert fields["prompt"].help == "What the model is asked."
    assert {f.name: f.item for f in form_of(Route)}["branches"] == "text"


def test_inputs_of_a_start_are_a_table_with_columns() -> None:
    (fields,) = form_of(Start)
    assert [(column.name, column.widget) for column in fields.columns] == [
        ("name", "text"),
        ("type", "select"),
        ("required", "switch"),
        ("description", "text"),
    ]
    assert fields.default == [{"name": "message", "type": "text", "required": True, "description": ""}]
    assert fields.columns[0].pattern


def test_the_palette_has_groups_in_order_and_no_empty_one() -> None:
    shown = kinds_view(CATALOG)
    assert [(g["group"], g["kinds"]) for g in shown["groups"]] == [
        ("trigger", ["start"]),
        ("llm", ["llm"]),
        ("logic", ["route", "answer", "each", "guard"]),
        ("data", ["join", "total"]),
    ]
    llm = shown["kinds"]["llm"]
    assert (llm["stem"], llm["version"], llm["icon"]) == ("llm", 2, "sparkles")
    assert llm["help"].startswith("Asks a model.\n\nA second")
    assert [port["name"] for port in shown["kinds"]["start"]["outputs"]] == ["message"]
    assert json.dumps(shown)
    assert "number" in shown["accepts"]["text"]
    assert "text" not in shown["accepts"]["number"]


def test_icons_stand_once() -> None:
    assert icons(Catalog(list(CATALOG))) == [
        "flag",
        "life-buoy",
        "merge",
        "play",
        "repeat-2",
        "sigma",
        "signpost",
        "sparkles",
    ]
