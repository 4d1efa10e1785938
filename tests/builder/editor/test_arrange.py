"""Where steps stand that nobody has placed."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.editor.arrange import arranged, places, tidy
from builder.editor.sizes import COLUMN, GAP, PLAIN, Shape, height
from builder.editor.view import reads, shapes
from runtime.graph.reading import read_flow
from tests.builder.editor.documents import flow_of, nested
from tests.builder.editor.nodes import CATALOG

ROW = PLAIN + GAP


def chain(*wires: str, names: str = "abcdef", layout: dict | None = None):
    return flow_of(steps={name: {"kind": "x"} for name in names}, edges=list(wires), layout=layout or {})


def test_each_step_stands_to_the_right_of_those_before_it() -> None:
    where = places(chain("a.o -> b", "b.o -> c", "a.o -> c", names="abc"))
    assert [where[name][0] for name in "abc"] == [0, COLUMN, 2 * COLUMN]


def test_branches_stand_above_one_another_around_their_middle() -> None:
    where = places(chain("a.o -> b", "a.o -> c", "a.o -> d", "b.o -> e", "c.o -> e", "d.o -> e", names="abcde"))
    assert [where[name][1] for name in "bcd"] == [0, ROW, 2 * ROW]
    assert where["a"][1] == where["e"][1] == ROW


def test_branches_are_ordered_so_that_wires_do_not_cross() -> None:
    where = places(chain("a.o -> d", "b.o -> c", names="abcd"))
    assert where["d"][1] < where["c"][1]


def test_what_is_placed_stays_and_the_rest_stands_below() -> None:
    where = places(chain("a.o -> b", "b.o -> c", names="abc", layout={"a": [10, 500]}))
    assert where["a"] == (10, 500)
    assert where["b"][0] == 10
    assert min(where["b"][1], where["c"][1]) > 500 + ROW
    assert list(where) == ["a", "b", "c"]


def test_tidy_ignores_the_layout_and_references_count_as_wires() -> None:
    flow = chain(names="ab", layout={"a": [5, 5], "b": [5, 5]})
    assert tidy(flow, [("b", "a")]) == {"b": (0, 0), "a": (COLUMN, 0)}


def test_a_high_card_pushes_the_next_one_down() -> None:
    where = places(chain("a.o -> b", "a.o -> c", names="abc"), shapes={"b": Shape(10, 1)})
    assert where["c"][1] - where["b"][1] == height(10, 1, True) + GAP


def test_a_very_long_flow_goes_on_in_another_line() -> None:
    names = [f"s{number}" for number in range(10_000)]
    where = arranged(names, list(pairwise(names)))
    assert len(set(where.values())) == len(names)
    assert where["s199"][1] == 0 < where["s200"][1]
    assert max(x for x, _ in where.values()) == 199 * COLUMN


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_any_graph_is_placed_with_no_two_steps_in_one_spot(joins: list[tuple[int, int]]) -> None:
    names = [f"s{number}" for number in range(12)]
    where = arranged(names, [(names[a], names[b]) for a, b in joins])
    assert set(where) == set(names)
    assert len(set(where.values())) == len(names)


def test_a_frame_is_arranged_from_the_inside_out() -> None:
    reading = read_flow(nested(), CATALOG)
    where = tidy(reading.flow, reads(reading), shapes(reading), reading.nesting)
    assert (where["ask"], where["total"]) == ((0, 0), (COLUMN, 0))  # in the room of `each`
    assert where["each"] == where["mend"] == (0, 0)  # each in a room of its own
    assert where["answer"][0] > where["guard"][0] + 2 * COLUMN
    assert list(where) == list(reading.flow.steps)


def test_a_step_without_a_place_stands_below_those_of_its_room() -> None:
    flow = nested().model_copy(update={"layout": {k: v for k, v in nested().layout.items() if k != "total"}})
    reading = read_flow(flow, CATALOG)
    where = places(flow, reads(reading), shapes(reading), reading.nesting)
    assert where["total"][0] == where["ask"][0]
    assert where["total"][1] > where["ask"][1] + PLAIN
    assert where["guard"] == nested().layout["guard"]
