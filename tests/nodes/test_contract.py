"""The contract that every node keeps, driven by the catalog: a new node without a sample fails here."""

import inspect
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from reflex_components_lucide.icon import LUCIDE_ICON_LIST

from nodes.data import SetValues
from nodes.logic import Switch
from nodes.meaning import Classify
from nodes.people import AskPerson
from nodes.triggers import ApiStart
from runtime.graph.catalog import widget_of
from runtime.graph.check import check
from runtime.graph.fields import WIDGETS
from runtime.graph.flow import free_id
from runtime.graph.flowfile import read, write
from runtime.graph.node import Effect, Group, Node, Trigger
from runtime.graph.values import Kind, fits, kind_of, kind_of_annotation
from runtime.interpreter.services import Services
from tests.nodes.conftest import Website
from tests.nodes.running import CATALOG, LIBRARY, STEP, Failed, flow_of, run_node
from tests.nodes.samples import SAMPLES, Sample
from tests.wire.anthropic_server import AnthropicServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

nodes = pytest.mark.parametrize("node", list(CATALOG), ids=lambda node: node.kind)
samples = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.node.kind)


def models(node: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The node and the models that its settings are made of: everything with fields that a person fills in."""
    yield node
    for spec in node.model_fields.values():
        for part in parts(spec.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from models(part)


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def settings(node: type[Node]) -> Iterator[tuple[str, FieldInfo]]:
    for model in models(node):
        for name, spec in model.model_fields.items():
            yield f"{model.__name__}.{name}", spec


@nodes
async def test_has_a_sample(node: type[Node]) -> None:
    assert any(sample.node is node for sample in SAMPLES)


@nodes
async def test_places_itself_in_the_palette(node: type[Node]) -> None:
    help_text = inspect.getdoc(node) or ""
    assert help_text.endswith(".")
    assert len(help_text) <= 160, "the palette shows it whole"
    assert 2 <= len(node.label) <= 20
    assert node.label[0].isupper()
    assert node.group in get_args(Group)
    assert node.icon.replace("-", "_") in LUCIDE_ICON_LIST
    assert free_id(node.kind, ()).startswith(node.kind)
    assert node.version >= 1


@nodes
async def test_every_setting_explains_itself(node: type[Node]) -> None:
    for name, spec in settings(node):
        if name.startswith("InputField."):
            continue  # drawn by its own widget, which brings its own words
        assert spec.title, name
        assert spec.title[0].isupper(), name
        if issubclass(node, Node) and name.startswith(f"{node.__name__}."):
            assert spec.description, name
            assert spec.description.endswith("."), name
            assert len(spec.description) <= 140, name


@nodes
async def test_form_comes_from_the_schema(node: type[Node]) -> None:
    schema = node.model_json_schema()
    assert json.loads(json.dumps(schema)) == schema
    Draft202012Validator.check_schema(schema)
    for name, part in schema.get("properties", {}).items():
        assert widget_of(part) in WIDGETS, name


@nodes
async def test_defaults_are_valid(node: type[Node]) -> None:
    sample = next(sample for sample in SAMPLES if sample.node is node)
    defaults = {
        name: spec.get_default(call_default_factory=True)
        for name, spec in node.model_fields.items()
        if not spec.is_required()
    }
    assert node.model_validate({**defaults, **sample.config}) == node.model_validate(sample.config)
    assert json.dumps(node.model_validate(sample.config).model_dump(mode="json"))


@nodes
async def test_ports_explain_themselves(node: type[Node]) -> None:
    for port in (*node.ports_in, *node.ports_out):
        if port.name != "output" and node.outputs is Node.outputs:
            assert port.help.endswith("."), port.name
    for body in node.model_construct().bodies():
        for port in (*body.gives, *body.takes):
            assert port.help.endswith("."), (body.name, port.name)


@nodes
async def test_effect_and_flags_agree(node: type[Node]) -> None:
    assert node.effect in get_args(Effect)
    assert node.trigger in get_args(Trigger)
    if node.trigger:
        assert (node.effect, node.group) == ("pure", "trigger")
        assert node.untrusted is (node.trigger != "schedule"), "whoever calls a flow may send anything"
        assert not node.ports_in
    if node.sends:
        assert node.effect != "pure", "whoever sends touches the world"
    if node.effect == "pure":
        assert not node.private


@nodes
async def test_todays_settings_need_no_migration(node: type[Node]) -> None:
    config = {"any": ["thing"]}
    assert node.migrate(dict(config), node.version) == config


@samples
async def test_flow_with_the_sample_is_right_and_can_be_written(sample: Sample) -> None:
    flow = flow_of(sample.node, sample.config, sample.inputs)
    assert check(flow, CATALOG, LIBRARY) == []
    again, problems = read(write(flow))
    assert (again, problems) == (flow, [])


@samples
async def test_summary_is_one_line(sample: Sample) -> None:
    summary = sample.node.model_validate(sample.config).summary()
    assert "\n" not in summary
    assert summary == summary.strip()


@pytest.mark.parametrize("sample", [each for each in SAMPLES if each.node.trigger], ids=lambda each: each.node.kind)
async def test_start_accepts_its_input_and_nothing_else(sample: Sample) -> None:
    schema = sample.node.model_validate(sample.config).accepts()
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(sample.given)
    assert not Draft202012Validator(schema).is_valid({**sample.given, "stray": 1})


@samples
async def test_gives_what_it_promises(
    sample: Sample, real: Services, website: Website, anthropic: AnthropicServer
) -> None:
    """Every port and no other, of its kind. A pure body runs without a task, so it fails here when it waits."""
    if sample.fails:
        with pytest.raises(Failed, match=sample.fails):
            await run_node(real, sample.node, sample.config, sample.inputs, sample.given)
        return
    output = await run_node(
        real, sample.node, placed(sample.config, website), sample.inputs, sample.given, answer=sample.answer
    )
    assert output.keys() == sample.output.keys()
    node = sample.node.model_validate(sample.config)
    ports = {port.name: port for port in node.outputs()}
    for name, value in output.items():
        assert same(value, sample.output[name]), (name, value)
        if not node.ends:
            assert value is None or fits(kind_of(value), ports[name].kind), name
    silent = {name for name in ports if name not in output}
    assert all(ports[name].branch for name in silent)


@samples
async def test_bad_settings_are_told_and_never_raise(sample: Sample) -> None:
    """Every setting of the wrong type becomes a problem at its field; the reading itself never fails."""
    for name in sample.node.model_fields:
        flow = flow_of(sample.node, {**sample.config, name: {"\u0000": [object.__name__]}}, sample.inputs)
        problems = check(flow, CATALOG, LIBRARY)
        assert all(problem.what and problem.mend for problem in problems)
        if kind_of_annotation(sample.node.model_fields[name].annotation) not in (Kind.ANY, Kind.OBJECT):
            assert any((problem.step, problem.field) == (STEP, name) for problem in problems), name


def placed(config: dict[str, Any], website: Website) -> dict[str, Any]:
    """The settings with the address of the test's web server."""
    return json.loads(json.dumps(config).replace("{server}", website.url))  # type: ignore[no-any-return]


def same(value: Any, expected: Any) -> bool:
    """Equal, where `...` equals everything."""
    if expected is ...:
        return True
    if isinstance(expected, dict) and isinstance(value, dict):
        return value.keys() == expected.keys() and all(same(value[key], expected[key]) for key in expected)
    return bool(value == expected)


@pytest.mark.parametrize(
    ("node", "config", "port"),
    [
        (ApiStart, {"fields": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, "a"),
        *((SetValues, {"values": {"a": 1, name: 2}}, name) for name in ("", "a-b", "1a", "a b", "é", "a!")),
        (Switch, {"value": 1, "cases": [{"name": "a"}, {"name": "a"}]}, "a"),
        (Switch, {"value": 1, "cases": [{"name": "default"}]}, "default"),
        (Classify, {"labels": [{"name": "a"}, {"name": "a"}]}, "a"),
        (Classify, {"labels": [{"name": "score"}]}, "score"),
        (Classify, {"labels": [{"name": "a"}], "fallback": "label"}, "label"),
        (AskPerson, {"choices": [{"name": "a"}, {"name": "a"}]}, "a"),
        (AskPerson, {"choices": [{"name": "by"}]}, "by"),
        (AskPerson, {"choices": [], "fields": [{"name": "answer"}]}, "answer"),
        (AskPerson, {"choices": [{"name": "expired"}], "expires": 1}, "expired"),
    ],
)
async def test_ports_without_a_name_of_their_own_are_told(node: type[Node], config: dict[str, Any], port: str) -> None:
    inputs = {name.name: "x" for name in node.ports_in if name.required}
    (problem,) = check(flow_of(node, config, inputs), CATALOG)
    assert (problem.code, problem.step, problem.params["name"]) == ("bad_port", STEP, port)
