"""The pure parts that run in the browser, run here: they must agree with the Python that they follow."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from builder.editor import sizes
from builder.editor.desk import settled
from builder.editor.document import EditError, said_of
from builder.editor.edits import Add, Batch, Move, Paste, Remove, Set, apply, encode
from builder.editor.following import with_followers
from builder.editor.kinds import kinds_view
from builder.editor.nest_edits import Nest
from builder.editor.view import changes, plain, shapes, view
from builder.editor.wire_edits import Connect, Disconnect
from nodes.catalog import builtin
from runtime.graph.check import check_reading
from runtime.graph.compiler import compile_flow
from runtime.graph.flow import Flow, Step, free_id
from runtime.graph.reading import Reading, read_flow
from runtime.graph.values import Kind, fits
from runtime.interpreter.journal import Source
from runtime.interpreter.start import durability_of
from tests.builder.editor.documents import flow_of, nested
from tests.builder.editor.nodes import CATALOG

BROWSER = Path(sys.modules["builder.editor"].__file__ or "").parent / "browser"
BUN = Path(sys.executable).parent / "bun"


def run(code: str, given: Any) -> Any:
    """What a module says: `given` is the input, `tell(value)` the answer."""
    program = (
        "import * as wires from './wires.js'; import * as model from './model.js';"
        "import * as geometry from './geometry.js'; import * as surface from './surface.js';"
        "import * as landing from './landing.js'; import * as frames from './frames.js';"
        "import * as nesting from './nesting.js'; import * as scopes from './scopes.js';"
        "import * as running from './running.js';"
        "const given = await new Response(Bun.stdin.stream()).json();"
        f"const tell = (value) => console.log(JSON.stringify(value)); {code}"
    )
    done = subprocess.run([BUN, "-e", program], cwd=BROWSER, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def support() -> Flow:
    return settled(
        read_flow(
            flow_of(
                steps={
                    "start": {"kind": "start"},
                    "route": {"kind": "route", "config": {"value": "{{ start.message }}", "branches": ["a", "b"]}},
                    "ask": {"kind": "llm", "version": 2, "config": {"prompt": "Hi"}, "on_error": "port"},
                    "total": {"kind": "total"},
                    "join": {"kind": "join"},
                    "answer": {"kind": "answer", "config": {"value": "{{ ask.output }}"}},
                },
                edges=[
                    "start.message -> ask.context",
                    "route.a -> ask",
                    "ask.output -> join.texts",
                    "join.text -> answer",
                ],
            ),
            CATALOG,
        )
    )


def drawn(flow: Flow) -> tuple[Reading, Any]:
    reading = read_flow(flow, CATALOG)
    return reading, view(reading, check_reading(reading))


def high(step: dict[str, Any]) -> float:
    """The height of a card that the browser was given."""
    return sizes.height(len(step.get("inputs", [])), len(step.get("outputs", [])), bool(step.get("summary")))


def test_changes_make_the_next_view_and_edits_foresee_it() -> None:
    flow = support()
    _, before = drawn(flow)
    edits = [
        Add("more", "join", at=(8.0, 16.0)),
        Connect(("ask.output -> more.texts", "start.message -> ask.prompt")),
        Disconnect(("route.a -> ask",)),
        Move({"ask": (80.0, 80.0)}),
        Set("ask", "prompt", "Other"),
        Remove(("total",)),
    ]
    for edit in edits:
        flow = apply(flow, edit)
    _, after = drawn(flow)
    given = {
        "before": plain(before),
        "changes": changes(before, after),
        "edits": [encode(edit) for edit in edits],
        "kinds": kinds_view(CATALOG)["kinds"],
    }
    code = """
      const start = model.modelOf(given.before);
      const foreseen = given.edits.reduce((next, edit) => model.applied(next, edit, given.kinds), start);
      tell({ patched: model.patched(start, given.changes), foreseen });
    """
    said = run(code, given)
    expected = json.loads(json.dumps(plain(after)))
    patched = said["patched"]
    assert {**patched, "order": None} == {**expected, "order": None}
    assert patched["order"] == list(expected["steps"])
    foreseen = said["foreseen"]
    assert foreseen["order"] == patched["order"]
    drawn_wires = {name for name, wire in expected["wires"].items() if not wire.get("reference")}
    assert {name for name, wire in foreseen["wires"].items() if not wire.get("reference")} == drawn_wires
    for name, step in expected["steps"].items():
        ports = [port["name"] for port in step.get("inputs", [])]
        assert [port["name"] for port in foreseen["steps"][name].get("inputs", [])] == ports
        assert foreseen["steps"][name]["at"] == step["at"]


def test_cards_are_as_high_as_python_thinks() -> None:
    steps = plain(drawn(support())[1])["steps"]
    said = run("tell(Object.values(given).map(geometry.heightOf))", steps)
    assert said == [high(step) for step in steps.values()]
    handles = run("tell(Object.values(given).map((step) => geometry.handlesOf(step)))", steps)
    for step, ends, height in zip(steps.values(), handles, said, strict=True):
        assert all(0 < end["y"] + end["height"] / 2 < height for end in ends)
        assert len(ends) == len(step.get("inputs", [])) + len(step.get("outputs", [])) + step.get("entry", True)


def test_a_wire_is_refused_where_the_flow_would_be_wrong() -> None:
    flow = support()
    reading, whole = drawn(flow)
    pairs = [
        ({"step": one, "port": output}, {"step": other, "port": port})
        for one, source in reading.steps.items()
        for output in source.gives
        for other, target in reading.steps.items()
        for port in ["after", *(p.name for p in target.inputs)]
    ]
    code = """
      const start = model.modelOf(given.view);
      tell(given.pairs.map(([from, to]) => wires.refusal(start, given.accepts, from, to)));
    """
    said = run(code, {"view": plain(whole), "pairs": pairs, "accepts": kinds_view(CATALOG)["accepts"]})
    assert {not refused for refused in said} == {True, False}
    for (source, target), refused in zip(pairs, said, strict=True):
        assert (refused is None) == may_join(flow, source, target), (source, target, refused)


def may_join(flow: Flow, source: dict[str, str], target: dict[str, str]) -> bool:
    """Whether `check` has nothing to say about the flow with that wire that it did not say before."""
    end = target["step"] if target["port"] == "after" else f"{target['step']}.{target['port']}"
    try:
        wired = apply(flow, Connect((f"{source['step']}.{source['port']} -> {end}",)))
    except EditError:
        return False
    wrong = {"type_mismatch", "cycle", "edge_unknown_input", "edge_unknown_output", "crossing", "duplicate_edge"}
    return not any(problem.code in wrong for problem in check_reading(read_flow(wired, CATALOG)))


def test_what_a_run_says_is_found_in_the_rounds_and_items_that_are_shown() -> None:
    overlay = {
        "guard": {"state": "running"},
        "guard/each": {"state": "running"},
        "guard/each[0]": {"state": "idle"},
        "guard/each[0]/ask": {"state": "done", "text": "first"},
        "guard/each[0]/total": {"state": "done"},
        "guard/each[1]/ask": {"state": "running", "text": "second"},
    }
    code = """
      const desk = (overlay, chosen = {}) => ({ model: model.modelOf(given.view), overlay, chosen });
      const calls = ({ model, overlay, chosen }, step, body) => scopes.callsOf(model, overlay, chosen, step, body);
      const body = { keys: ["0", "1"], ended: 1, total: 10 };
      const told = { ...given.overlay, "guard/each": { state: "running", calls: { body } } };
      const first = desk(given.overlay, { "guard/each": "0" });
      tell([
        scopes.saysOf(desk(given.overlay), "ask").text,
        scopes.saysOf(first, "ask").text,
        scopes.saysOf(desk(given.overlay), "mend") ?? null,
        scopes.saysOf(desk(given.overlay), "guard").state,
        calls(desk(given.overlay), "each", "body"),
        calls(desk(told), "each", "body"),
        calls(desk({}), "each", "body"),
      ]);
    """
    latest, first, mend, guard, calls, told, none = run(code, {"view": plain(drawn(nested())[1]), "overlay": overlay})
    assert (latest, first, mend, guard, none) == ("second", "first", None, "running", None)
    assert calls == {"path": "guard/each", "keys": ["0", "1"], "key": "1", "ended": 1, "total": 2}
    assert (told["ended"], told["total"]) == (1, 10)


Inner = tuple[str, str, str]  # step, port, and the body on whose inside it is


def inner_ends(reading: Reading) -> tuple[list[Inner], list[Inner]]:
    """Every end that wires may leave from, and every one that they may go into."""
    sources = [(name, port, "") for name, step in reading.steps.items() for port in step.gives]
    targets = [(n, port, "") for n, s in reading.steps.items() for port in ["after", *(p.name for p in s.inputs)]]
    for name, step in reading.steps.items():
        for body in step.bodies:
            sources += [(name, port.name, body.name) for port in body.gives]
            targets += [(name, port.name, body.name) for port in body.takes]
    return sources, targets


def may_cross(flow: Flow, reading: Reading, source: Inner, target: Inner) -> bool:
    """The same as `may_join`, and the wire is read on that side of the frame where it was drawn."""
    inside = reading.nesting.inside(target[0], source[0])
    home = reading.nesting.place(source[0])
    if source[2] != (inside.body if inside else "") or target[2] != (home.body if home.step == target[0] else ""):
        return False
    return may_join(flow, {"step": source[0], "port": source[1]}, {"step": target[0], "port": target[1]})


def test_wires_cross_frames_only_where_the_flow_lets_them() -> None:
    flow = apply(nested(), Disconnect(("each.item -> ask.context", "ask.output -> each.result")))
    reading, whole = drawn(flow)
    sources, targets = inner_ends(reading)
    pairs = [(source, target) for source in sources for target in targets]
    code = """
      const start = model.modelOf(given.view);
      const end = ([step, port, body]) => ({ step, port, ...(body ? { body } : {}) });
      tell(given.pairs.map(([from, to]) => wires.refusal(start, given.accepts, end(from), end(to))));
    """
    said = run(code, {"view": plain(whole), "pairs": pairs, "accepts": kinds_view(CATALOG)["accepts"]})
    allowed = {pair for pair, refused in zip(pairs, said, strict=True) if refused is None}
    assert allowed == {pair for pair in pairs if may_cross(flow, reading, *pair)}
    assert (("each", "item", "body"), ("ask", "context", "")) in allowed
    assert (("start", "message", ""), ("ask", "context", "")) in allowed
    assert (("ask", "output", ""), ("each", "result", "body")) in allowed
    assert (("ask", "output", ""), ("answer", "after", "")) not in allowed


def test_frames_are_as_large_as_python_thinks_and_hold_their_inside() -> None:
    flow = nested()
    reading, whole = drawn(flow)
    boxes = run("tell(frames.boxesOf(model.modelOf(given)))", plain(whole))
    shape = shapes(reading)
    inner = sizes.size(shape["each"], {"body": (344 + sizes.WIDTH, sizes.size(shape["ask"], {})[1])})
    assert (boxes["each"]["width"], boxes["each"]["height"]) == inner
    mend = sizes.size(shape["mend"], {})
    outer = sizes.size(shape["guard"], {"try": (inner[0], 8 + inner[1]), "catch": mend})
    assert (boxes["guard"]["width"], boxes["guard"]["height"]) == outer
    for box in boxes.values():
        rooms = box["rooms"]
        assert all(room["x"] >= 0 and room["x"] + room["width"] <= box["width"] for room in rooms)
        assert all(one["y"] + one["height"] <= other["y"] for one, other in pairwise(rooms))


def test_nodes_come_after_the_frame_around_them_and_edges_leave_by_handles_that_are_there() -> None:
    whole = plain(drawn(nested())[1])
    code = """
      const start = model.modelOf(given);
      const nodes = surface.nodesOf(start);
      const again = surface.nodesOf({ ...start, steps: { ...start.steps } }, nodes);
      const closed = surface.nodesOf(start, nodes, null, { guard: true });
      const few = surface.edgesOf(start, [], [], { guard: true }).map(({ target }) => target);
      const kept = again.map((node, at) => node === nodes[at]);
      tell([nodes, surface.edgesOf(start, []), kept, closed.map(({ id }) => id), few]);
    """
    nodes, edges, kept, closed, few = run(code, whole)
    order = [node["id"] for node in nodes]
    assert order == ["start", "guard", "each", "ask", "total", "mend", "answer"]
    assert all(order.index(node["parentId"]) < order.index(node["id"]) for node in nodes if "parentId" in node)
    handles = {(node["id"], handle["type"], handle["id"]) for node in nodes for handle in node["handles"]}
    assert {edge["id"] for edge in edges} == set(whole["wires"])
    for edge in edges:
        assert (edge["source"], "source", edge["sourceHandle"]) in handles
        assert (edge["target"], "target", edge["targetHandle"]) in handles
    assert all(kept)
    assert closed == ["start", "guard", "answer"]
    assert set(few) == {"guard", "answer"}


def test_a_point_lies_in_the_innermost_room() -> None:
    code = """
      const start = model.modelOf(given);
      const boxes = frames.boxesOf(start);
      const middle = (id) => frames.absolute(start, boxes, id).map((side) => side + 20);
      const at = (id, except) => frames.placeAt(start, boxes, middle(id), new Set(except));
      tell([at("ask"), at("ask", ["each"]), at("ask", ["guard"]), at("mend"), at("start"), at("each")]);
    """
    places = run(code, plain(drawn(nested())[1]))
    assert [(place["step"], place["body"]) for place in places] == [
        ("each", "body"),
        ("guard", "try"),
        ("", ""),
        ("guard", "catch"),
        ("", ""),
        ("guard", "try"),
    ]


def test_copies_of_a_frame_are_foreseen_as_python_makes_them() -> None:
    flow = nested()
    adds = tuple(Add(name, at=(1, 2), **said_of(flow.steps[name])) for name in ("each", "ask", "total"))
    paste = Paste(
        adds,
        {"each": "each_2", "ask": "ask_2", "total": "total_2"},
        ("each.item -> ask.context", "ask.output -> total.texts", "ask.output -> each.result"),
    )
    move = Nest({"total_2": (0, 0)}, "guard.catch")
    edits = [paste, move, Remove(("each",))]
    after = apply(flow, Batch(tuple(with_followers(flow, edits, CATALOG))))
    assert after.steps["ask_2"].config["prompt"] == "{{ each_2.item }} of {{ start.message }}"
    given = {
        "before": plain(drawn(flow)[1]),
        "edits": [encode(edit) for edit in edits],
        "kinds": kinds_view(CATALOG)["kinds"],
    }
    code = """
      const start = model.modelOf(given.before);
      tell(given.edits.reduce((next, edit) => model.applied(next, edit, given.kinds), start));
    """
    foreseen = run(code, given)
    expected = plain(drawn(after)[1])
    assert foreseen["order"] == list(after.steps)
    for name, step in expected["steps"].items():
        seen = foreseen["steps"][name]
        assert [seen.get("parent", ""), seen.get("body", "")] == [step.get("parent", ""), step.get("body", "")]
        assert seen["at"] == list(step["at"])
    assert {name for name, wire in expected["wires"].items() if not wire.get("reference")} == {
        name for name, wire in foreseen["wires"].items() if not wire.get("reference")
    }


def landed(flow: Flow, source: str, target: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a wire from an output would do over a step, and the edits that it makes there."""
    step, port = source.split(".")
    _, whole = drawn(flow)
    kinds = kinds_view(CATALOG)
    kind = next(p.get("kind", "any") for p in plain(whole)["steps"][step]["outputs"] if p["name"] == port)
    end = {"step": step, "port": port, "type": "source", "kind": kind}
    code = """
      const start = model.modelOf(given.view);
      const found = landing.landing(start, given.catalog, given.end, given.target);
      const offered = landing.offers(start, given.catalog, given.end).filter(({ step }) => step === given.target);
      tell([found, found.end ? landing.joining(start, given.end, found.end) : [], offered]);
    """
    found, edits, offered = run(code, {"view": plain(whole), "catalog": kinds, "end": end, "target": target})
    if "end" in found:  # then the keyboard offers the same
        assert place(found["end"]) in [place(offer) for offer in offered]
    return found, edits


def place(end: dict[str, Any]) -> tuple[Any, Any]:
    """The port of an end, or the setting."""
    return end.get("port"), end.get("field", {}).get("name")


def test_a_wire_over_a_step_goes_to_what_the_step_waits_for() -> None:
    flow = flow_of(
        steps={
            "start": {"kind": "start"},
            "total": {"kind": "total"},
            "route": {"kind": "route", "config": {"value": "{{ start.message }}", "branches": ["a", "b"]}},
            "answer": {"kind": "answer"},
        },
        edges=["route.a -> answer"],
    )
    found, edits = landed(flow, "start.message", "answer")
    assert found["says"][0] == "fills {name}"
    assert edits == [
        {"do": "set", "step": "answer", "field": "value", "value": "{{ start.message }}"},
        {"do": "connect", "edges": ["start.message -> answer"]},
    ]
    _, edits = landed(flow, "route.a", "answer")  # the wire is there already, the value is not
    assert edits == [{"do": "set", "step": "answer", "field": "value", "value": "{{ route.a }}"}]
    _, edits = landed(flow, "start.message", "route")  # it lacks nothing
    assert edits == [{"do": "connect", "edges": ["start.message -> route"]}]
    found, edits = landed(flow, "route.a", "start")
    assert "why" in found
    assert edits == []
    found, edits = landed(flow, "route.a", "route")
    assert "why" in found
    assert edits == []


def test_a_wire_drawn_backwards_over_a_step_begins_at_the_output_that_fits() -> None:
    given = {"view": plain(drawn(support())[1]), "catalog": kinds_view(CATALOG)}
    code = """
      const start = model.modelOf(given.view);
      const over = (step, port, id) => landing.landing(start, given.catalog, { step, port, type: "target" }, id);
      tell([
        over("total", "numbers", "join"), over("total", "after", "join"),
        over("ask", "context", "join"), over("join", "texts", "answer"),
      ]);
    """
    misfit, after, circle, nothing = run(code, given)
    assert "end" not in misfit  # a text and a number, and here goes a list
    assert after["end"] == {"step": "join", "port": "text", "type": "source"}
    assert circle["why"][0] == "The two steps would wait for each other."
    assert nothing["why"][0] == "It gives nothing."


def test_kinds_fit_as_values_say() -> None:
    accepts = kinds_view(CATALOG)["accepts"]
    assert all((source in accepts[target]) == fits(source, target) for source in Kind for target in Kind)


def test_the_order_of_the_flow_puts_each_step_after_those_it_waits_for() -> None:
    whole = plain(drawn(support())[1])
    order = run("tell(wires.flowOrder(model.modelOf(given)))", whole)
    assert sorted(order) == sorted(whole["steps"])
    assert all(order.index(wire["source"]) < order.index(wire["target"]) for wire in whole["wires"].values())


def test_names_of_new_steps_are_found_as_python_finds_them() -> None:
    taken = ["llm", "llm_2", "if_1"]
    said = run("tell(given.map(([stem, taken]) => wires.freeId(stem, taken)))", [["llm", dict.fromkeys(taken, 1)]])
    assert said == [free_id("llm", taken)]


def test_new_cards_do_not_cover_others() -> None:
    steps = plain(drawn(support())[1])["steps"]
    code = """
      const spots = {};
      for (let number = 0; number < 12; number++) {
        const at = geometry.freeSpot({ ...given, ...spots }, [0, 0], {});
        spots[`new${number}`] = { at };
      }
      tell(Object.values(spots).map((step) => step.at));
    """
    spots = run(code, steps)
    boxes = [(x, y, sizes.height(0, 0, False)) for x, y in spots]
    boxes += [(*step["at"], high(step)) for step in steps.values()]
    width = sizes.COLUMN - 88
    for at, (x, y, height) in enumerate(boxes[:12]):
        for other_x, other_y, other_height in boxes[at + 1 :]:
            assert abs(x - other_x) >= width or y >= other_y + other_height or other_y >= y + height


def test_a_flow_that_says_nothing_is_kept_as_python_keeps_it() -> None:
    flows = {
        "result": ["api_start", "chat_start"],
        "alone": ["schedule_start", "webhook_start"],
        "mixed": ["schedule_start", "api_start"],
        "waits": ["api_start", "wait"],
    }
    kept = {"result": {"result"}, "alone": {"step"}, "mixed": {"step", "result"}, "waits": {"step"}}
    sources: dict[str, Source] = {"api_start": "endpoint", "chat_start": "chat", "webhook_start": "webhook"}
    cases = []
    for said, kinds in flows.items():
        flow = Flow(steps={kind: Step(kind=kind) for kind in kinds})
        cases.append({kind: {"kind": kind} for kind in kinds})
        plan, starts = compile_flow(flow, builtin()), [kind for kind in kinds if kind != "wait"]
        assert {durability_of(plan, sources.get(start, "schedule")) for start in starts} == kept[said]
    code = "tell(given.cases.map((steps) => running.usual(steps, given.kinds)));"
    assert run(code, {"cases": cases, "kinds": kinds_view(builtin())["kinds"]}) == list(flows)


def test_numbers_names_and_labels_as_people_type_them() -> None:
    code = """
      tell([
        ["100 000", "1,000", "1.5", "-3", ""].map((text) => running.amount(text, true)),
        ["2,5", "2.50", "86 400", "1,000", "1e3"].map((text) => running.amount(text, false)),
        ["gpu, eu-1", "gpu eu", "", "GPU", "a b c d e"].map(running.labelsIn),
        running.configured({ queue: "slow", labels: ["a"] }, { labels: [], priority: "low" }, { priority: "low" }),
      ]);
    """
    assert run(code, None) == [
        [100_000, None, None, None, None],
        [2.5, 2.5, 86_400, None, None],
        [["gpu", "eu-1"], ["gpu", "eu"], [], None, None],
        {"queue": "slow"},
    ]
