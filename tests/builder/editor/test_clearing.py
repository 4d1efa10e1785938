"""What keeps clear of frames that grow."""

from builder.editor.clearing import cleared
from builder.editor.desk import settled
from builder.editor.edits import Add, Batch, Edit, Move, Set, apply
from runtime.graph.flow import Flow
from runtime.graph.reading import read_flow
from tests.builder.editor.documents import flow_of
from tests.builder.editor.nodes import CATALOG


def drawn() -> Flow:
    """A frame in a frame, each with a neighbour to its right, and one below the outer frame."""
    flow = flow_of(
        steps={
            "outer": {"kind": "each"},
            "inner": {"kind": "each", "within": "outer"},
            "first": {"kind": "join", "within": "inner"},
            "beside": {"kind": "join", "within": "outer"},
            "right": {"kind": "join"},
            "below": {"kind": "join"},
            "left": {"kind": "join"},
        },
        layout={
            "outer": [0, 0],
            "inner": [0, 0],
            "first": [0, 0],
            "beside": [560, 0],
            "right": [1200, 0],
            "below": [0, 500],
            "left": [-400, 0],
        },
    )
    return settled(read_flow(flow, CATALOG))


def moved(flow: Flow, edit: Edit) -> dict[str, tuple[float, float]]:
    """By how much the steps make way for an edit."""
    after = apply(flow, edit)
    found = cleared(read_flow(flow, CATALOG), read_flow(after, CATALOG))
    where = found.steps if found else {}
    return {name: (at[0] - after.layout[name][0], at[1] - after.layout[name][1]) for name, at in where.items() if at}


def test_a_frame_that_grows_moves_what_is_to_its_right_in_every_frame_around_it() -> None:
    found = moved(drawn(), Add("second", "join", at=(344, 0), within="inner"))
    assert set(found) == {"beside", "right"}
    assert all(across > 0 and down == 0 for across, down in found.values())
    assert found["beside"] == found["right"]


def test_a_frame_that_grows_downwards_moves_what_is_below() -> None:
    found = moved(drawn(), Move({"first": (0, 400)}))
    assert list(found) == ["below"]
    assert found["below"][0] == 0
    assert found["below"][1] > 0


def test_another_body_makes_way_too() -> None:
    flow = flow_of(
        steps={"guard": {"kind": "guard"}, "below": {"kind": "join"}}, layout={"guard": [0, 0], "below": [0, 520]}
    )
    assert list(moved(flow, Set("guard", "names", ["try", "catch", "more"]))) == ["below"]


def test_nothing_moves_where_there_is_room_or_nothing_grew() -> None:
    flow = drawn()
    assert moved(flow, Move({"first": (0, 16)})) == {}
    assert moved(flow, Move({"right": (700, 0)})) == {}
    wide = apply(flow, Batch((Move({"beside": (3000, 0)}), Move({"right": (5000, 0)}))))
    assert moved(wide, Add("second", "join", at=(344, 0), within="inner")) == {}
