"""Outputs that a setting renames: wires and expressions follow, and one undo takes all of it back."""

from builder.editor.desks import Desks
from builder.editor.edits import Batch, Rename, Set, Unset, apply
from builder.editor.following import with_followers
from builder.editor.nest_edits import Nest
from runtime.graph.flow import Flow
from tests.builder.editor.documents import flow_of, nested, written
from tests.builder.editor.nodes import CATALOG
from tests.builder.editor.store import MemoryStore, Someone


def routed() -> Flow:
    return flow_of(
        steps={
            "start": {"kind": "start", "config": {"fields": [{"name": "question"}]}},
            "route": {"kind": "route", "config": {"value": "{{ start.question }}", "branches": ["order", "other"]}},
            "ask": {"kind": "llm", "version": 2, "config": {"prompt": "{{ start.question }}!"}},
            "answer": {"kind": "answer", "config": {"value": "{{ route.other }}"}},
        },
        edges=["route.other -> answer", "route.order -> ask", "route.order -> ask.context"],
        layout={"start": [0, 0], "route": [1, 0], "ask": [2, 0], "answer": [3, 0]},
    )


def edited(flow: Flow, *edits) -> Flow:
    return apply(flow, Batch(tuple(with_followers(flow, edits, CATALOG))))


def wires(flow: Flow) -> list[str]:
    return [str(edge) for edge in flow.edges]


def test_wires_follow_a_branch_with_a_new_name_and_keep_their_order() -> None:
    flow = edited(routed(), Set("route", "branches", ["purchase", "other"]))
    assert wires(flow) == ["route.other -> answer", "route.purchase -> ask", "route.purchase -> ask.context"]


def test_expressions_follow_an_input_with_a_new_name() -> None:
    flow = edited(routed(), Set("start", "fields", [{"name": "message"}]))
    assert flow.steps["route"].config["value"] == "{{ start.message }}"
    assert flow.steps["ask"].config["prompt"] == "{{ start.message }}!"


def test_what_came_or_went_has_no_follower() -> None:
    for branches in (["order"], ["order", "more", "other"], ["other", "order"]):
        edit = Set("route", "branches", branches)
        assert with_followers(routed(), [edit], CATALOG) == [edit]


def test_going_back_to_the_default_is_a_renaming_too() -> None:
    flow = edited(routed(), Unset("route", "branches"))
    assert wires(flow)[:2] == ["route.no -> answer", "route.yes -> ask"]
    assert flow.steps["answer"].config["value"] == "{{ route.no }}"


def test_edits_in_a_batch_follow_one_after_the_other() -> None:
    batch = Batch((Rename("route", "sort"), Set("sort", "branches", ["a", "b"])))
    assert wires(edited(routed(), batch)) == ["sort.b -> answer", "sort.a -> ask", "sort.a -> ask.context"]


def test_wires_that_a_move_makes_impossible_are_cut_and_the_others_stay() -> None:
    out = edited(nested(), Nest({"ask": (0, 0)}))
    gone = set(wires(nested())) - set(wires(out))
    assert gone == {"each.item -> ask.context", "ask.output -> each.result"}
    assert "ask.output -> total.texts" in wires(out)  # now from around into the frame
    into = edited(nested(), Nest({"answer": (0, 0)}, "each"))
    assert set(wires(nested())) - set(wires(into)) == {"guard.output -> answer"}
    back = edited(out, Nest({"ask": (0, 0)}, "each"))
    assert wires(back) == wires(out)


def test_a_wire_that_would_lead_in_a_circle_is_cut() -> None:
    flow = flow_of(
        steps={
            "start": {"kind": "start"},
            "each": {"kind": "each"},
            "join": {"kind": "join"},
            "last": {"kind": "join"},
        },
        edges=[
            "start.message -> each",
            "each.output -> join.texts",
            "join.text -> last.texts",
            "start.message -> last",
        ],
    )
    moved = edited(flow, Nest({"last": (0, 0)}, "each"))
    assert set(wires(flow)) - set(wires(moved)) == {"join.text -> last.texts"}


def test_what_stands_in_a_body_follows_its_new_name() -> None:
    flow = edited(nested(), Set("guard", "names", ["try", "mending"]))
    assert (flow.steps["mend"].within, flow.steps["each"].within) == ("guard.mending", "guard")


async def test_one_undo_takes_back_a_move_and_what_it_cut() -> None:
    store, ada = MemoryStore({"f": (nested(), 1)}), Someone()
    desks = Desks(store, CATALOG)
    await desks.open(ada, "f", "tab")
    saved = await desks.edit(ada, "f", "tab", 1, [Nest({"ask": (0, 0)})])
    assert saved.changes["wires"]["ask.output -> each.result"] is None
    assert saved.changes["steps"]["ask"]["at"] == (0, 0)
    await desks.undo(ada, "f", "tab")
    assert written(store.drafts["f"][0]) == written(nested())


async def test_one_undo_takes_all_of_it_back() -> None:
    store, ada = MemoryStore({"f": (routed(), 1)}), Someone()
    desks = Desks(store, CATALOG)
    await desks.open(ada, "f", "tab")
    saved = await desks.edit(ada, "f", "tab", 1, [Set("route", "branches", ["order", "rest"])])
    assert saved.changes["wires"]["route.other -> answer"] is None
    assert (await desks.undo(ada, "f", "tab")).undo is None
    assert written(store.drafts["f"][0]) == written(routed())
