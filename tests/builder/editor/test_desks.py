"""Saving: one tab, two tabs, answers that got lost, a disk that is full."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.editor.desk import reread, settled
from builder.editor.desks import Desks, StaleError
from builder.editor.document import EditError
from builder.editor.edits import Add, Remove, Set, apply
from builder.editor.sizes import COLUMN
from builder.editor.view import plain, view
from builder.editor.wire_edits import Connect
from runtime.errors import NotFoundError, OperatorError
from runtime.graph.check import check_reading
from runtime.graph.flow import Flow
from runtime.graph.reading import read_flow
from tests.builder.editor.documents import ANY_EDIT, broken, flow_of, ordinary, written
from tests.builder.editor.nodes import CATALOG
from tests.builder.editor.store import MemoryStore, Someone
from tests.builder.editor.test_view import patched

ADA = Someone()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore({"f": (settled(read_flow(ordinary(), CATALOG)), 7)})


@pytest.fixture
def desks(store: MemoryStore) -> Desks:
    ticks = iter(range(0, 10_000, 10))
    return Desks(store, CATALOG, clock=lambda: next(ticks))


async def test_an_edit_is_saved_and_answered_with_what_changed(desks: Desks, store: MemoryStore) -> None:
    opened = await desks.open(ADA, "f", "tab")
    saved = await desks.edit(ADA, "f", "tab", opened.revision, [Set("ask", "prompt", "Hi")])
    assert (opened.revision, saved.before, saved.revision) == (7, 7, 8)
    assert saved.changes["steps"]["ask"]["config"]["prompt"] == "Hi"
    assert (saved.undo, saved.redo) == (("Change {field} of {step}", {"field": "prompt", "step": "ask"}), None)
    assert store.drafts["f"][0].steps["ask"].config["prompt"] == "Hi"


async def test_what_opens_and_what_changes_agree_with_the_document(desks: Desks, store: MemoryStore) -> None:
    shown = (await desks.open(ADA, "f", "tab")).view
    for edit in (Add("more", "join", at=(9, 9)), Connect(("ask.output -> more.texts",)), Remove(("answer",))):
        shown = patched(shown, (await desks.edit(ADA, "f", "tab", 7, [edit])).changes)
    for walk in (desks.undo, desks.undo, desks.redo):
        shown = patched(shown, (await walk(ADA, "f", "tab")).changes)
    reading = read_flow(store.drafts["f"][0], CATALOG)
    assert shown == plain(view(reading, check_reading(reading)))


async def test_edits_sent_together_are_one_thing_to_undo(desks: Desks, store: MemoryStore) -> None:
    before = written(store.drafts["f"][0])
    await desks.open(ADA, "f", "tab")
    await desks.edit(ADA, "f", "tab", 7, [Add("more", "join"), Connect(("ask.output -> more.texts",))])
    assert (await desks.undo(ADA, "f", "tab")).undo is None
    assert written(store.drafts["f"][0]) == before
    assert await desks.undo(ADA, "f", "tab") is None


async def test_an_edit_that_does_not_fit_changes_nothing(desks: Desks, store: MemoryStore) -> None:
    await desks.open(ADA, "f", "tab")
    with pytest.raises(EditError):
        await desks.edit(ADA, "f", "tab", 7, [Set("ask", "limit", 1), Set("gone", "x", 1)])
    assert store.drafts["f"][1] == 7
    assert await desks.undo(ADA, "f", "tab") is None


async def test_a_batch_sent_twice_is_applied_once(desks: Desks, store: MemoryStore) -> None:
    await desks.open(ADA, "f", "tab")
    first = await desks.edit(ADA, "f", "tab", 7, [Add("more", "join")], batch="b1")
    assert await desks.edit(ADA, "f", "tab", 7, [Add("more", "join")], batch="b1") == first
    assert store.drafts["f"][1] == 8


@pytest.mark.parametrize("tab", ["tab", "another"])
@pytest.mark.parametrize("base", [7, 8])
async def test_a_batch_sent_again_after_a_restart_is_applied_once(store: MemoryStore, tab: str, base: int) -> None:
    more = [Add("more", "join", at=(9, 9))]
    await Desks(store, CATALOG).edit(ADA, "f", "tab", 7, more, batch="b1")
    desks = Desks(store, CATALOG)
    again = await desks.edit(ADA, "f", tab, base, more, batch="b1")
    assert (again.before, again.revision, again.changes, store.drafts["f"][1]) == (8, 8, {}, 8)
    assert await desks.edit(ADA, "f", tab, 7, more, batch="b1") == again
    assert (await desks.edit(ADA, "f", tab, 8, [Set("ask", "limit", 2)], batch="b2")).revision == 9
    assert await desks.edit(ADA, "f", tab, 7, more, batch="b1") == again


async def test_a_batch_sent_again_under_another_name_of_the_tab_is_applied_once(
    desks: Desks, store: MemoryStore
) -> None:
    await desks.open(ADA, "f", "before")
    await desks.open(ADA, "f", "after")
    sent = [desks.edit(ADA, "f", tab, 7, [Set("ask", "limit", 2)], batch="b1") for tab in ("before", "after")]
    assert [each.revision for each in await asyncio.gather(*sent)] == [8, 8]
    assert store.drafts["f"][1] == 8
    assert desks.flow(ADA, "f", "after") == store.drafts["f"][0]


async def test_a_batch_that_was_made_before_anothers_is_stale(store: MemoryStore) -> None:
    await Desks(store, CATALOG).edit(ADA, "f", "tab", 7, [Set("ask", "limit", 2)], batch="b1")
    for batch in ("b2", ""):
        with pytest.raises(StaleError):
            await Desks(store, CATALOG).edit(ADA, "f", "tab", 7, [Set("ask", "limit", 3)], batch)
    desks = Desks(store, CATALOG)
    await desks.open(ADA, "f", "other")
    await desks.tidy(ADA, "f", "other")
    await desks.edit(ADA, "f", "other", 8, [Set("ask", "limit", 4)])
    with pytest.raises(StaleError):  # what came after it may have built on it
        await Desks(store, CATALOG).edit(ADA, "f", "tab", 7, [Set("ask", "limit", 2)], "b1")


async def test_opening_a_flow_without_places_remembers_the_batch(store: MemoryStore) -> None:
    store.drafts["g"], store.batches["g"] = (flow_of(steps={"a": {"kind": "join"}}), 1), "b1"
    again = await Desks(store, CATALOG).edit(ADA, "g", "tab", 0, [Add("more", "join")], batch="b1")
    assert (again.revision, list(store.drafts["g"][0].steps)) == (2, ["a"])


async def test_a_second_tab_does_not_overwrite(desks: Desks, store: MemoryStore) -> None:
    await desks.open(ADA, "f", "one")
    await desks.open(ADA, "f", "two")
    await desks.edit(ADA, "f", "one", 7, [Set("ask", "prompt", "one")])
    with pytest.raises(StaleError) as caught:
        await desks.edit(ADA, "f", "two", 7, [Set("ask", "prompt", "two")])
    assert caught.value.revision == 8
    with pytest.raises(StaleError):
        await desks.edit(ADA, "f", "two", 7, [Set("ask", "prompt", "two")])
    assert store.drafts["f"][0].steps["ask"].config["prompt"] == "one"


async def test_two_tabs_at_the_same_moment(desks: Desks, store: MemoryStore) -> None:
    await desks.open(ADA, "f", "one")
    await desks.open(ADA, "f", "two")
    edits = [desks.edit(ADA, "f", tab, 7, [Set("ask", "prompt", tab)]) for tab in ("one", "two")]
    results = await asyncio.gather(*edits, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Saved", "StaleError"]


async def two_tabs_apart(desks: Desks) -> None:
    await desks.open(ADA, "f", "one")
    await desks.open(ADA, "f", "two")
    await desks.edit(ADA, "f", "one", 7, [Set("ask", "prompt", "one"), Remove(("answer",))])


async def test_mine_on_top_of_the_newer_one(desks: Desks, store: MemoryStore) -> None:
    await two_tabs_apart(desks)
    mine = [Set("ask", "limit", 2), Set("answer", "data", 1)]
    opened = await desks.put_on_top(ADA, "f", "two", mine)
    assert (opened.revision, opened.skipped) == (9, 1)
    assert opened.view["steps"]["ask"]["config"] == {"prompt": "one", "limit": 2}
    assert (await desks.undo(ADA, "f", "two")).revision == 10
    assert store.drafts["f"][0].steps["ask"].config == {"prompt": "one", "limit": 5}


async def test_mine_as_a_copy(desks: Desks, store: MemoryStore) -> None:
    await two_tabs_apart(desks)
    copy = await desks.keep_as_copy(ADA, "f", "two", [Set("ask", "prompt", "two")])
    assert store.drafts[copy][0].name == "Test 2"
    assert store.drafts[copy][0].steps["ask"].config["prompt"] == "two"
    assert "answer" in store.drafts[copy][0].steps
    assert store.drafts["f"][0].steps["ask"].config["prompt"] == "one"


async def test_looking_again_takes_over_what_changed_elsewhere(desks: Desks, store: MemoryStore) -> None:
    await two_tabs_apart(desks)
    seen = await desks.look(ADA, "f", "two")
    assert seen.changes["steps"]["answer"] is None
    assert await desks.look(ADA, "f", "two") is None
    with pytest.raises(StaleError):  # drawn before the tab showed what it took over
        await desks.edit(ADA, "f", "two", 7, [Set("ask", "limit", 2)])
    assert (await desks.edit(ADA, "f", "two", seen.revision, [Set("ask", "limit", 2)])).revision == 9


async def test_after_a_restart_a_tab_goes_on_where_nothing_changed(store: MemoryStore) -> None:
    desks = Desks(store, CATALOG)
    assert (await desks.edit(ADA, "f", "tab", 7, [Set("ask", "limit", 2)])).revision == 8
    with pytest.raises(StaleError):
        await Desks(store, CATALOG).edit(ADA, "f", "tab", 7, [Set("ask", "limit", 3)])


async def test_a_full_disk_leaves_the_desk_as_it_was(desks: Desks, store: MemoryStore) -> None:
    opened = await desks.open(ADA, "f", "tab")
    store.full = True
    with pytest.raises(OperatorError, match="full"):
        await desks.edit(ADA, "f", "tab", 7, [Set("ask", "limit", 2)], batch="b")
    store.full = False
    assert (await desks.edit(ADA, "f", "tab", opened.revision, [Set("ask", "limit", 2)], batch="b")).revision == 8


async def test_a_flow_without_places_gets_them_once(store: MemoryStore, desks: Desks) -> None:
    store.drafts["g"] = (flow_of(steps={"a": {"kind": "join"}, "b": {"kind": "join"}}, edges=["a.text -> b"]), 1)
    opened = await desks.open(ADA, "g", "tab")
    assert (opened.revision, store.drafts["g"][1]) == (2, 2)
    assert set(store.drafts["g"][0].layout) == {"a", "b"}
    assert (await desks.open(ADA, "g", "tab")).revision == 2


async def test_tidying_is_one_edit_that_can_be_undone(store: MemoryStore, desks: Desks) -> None:
    heap = dict.fromkeys(ordinary().steps, (0, 0))
    store.drafts["f"] = (ordinary().model_copy(update={"layout": heap}), 7)
    await desks.open(ADA, "f", "tab")
    tidy = await desks.tidy(ADA, "f", "tab")
    places = [step["at"] for step in tidy.changes["steps"].values()]
    assert sorted(x for x, _ in places) == [0, COLUMN, 2 * COLUMN]
    assert await desks.tidy(ADA, "f", "tab") is None
    assert (await desks.undo(ADA, "f", "tab")).changes["steps"].keys() == tidy.changes["steps"].keys()


async def test_people_and_tabs_have_desks_of_their_own(desks: Desks) -> None:
    await desks.open(ADA, "f", "tab")
    assert desks.flow(ADA, "f", "tab") is not None
    assert desks.flow(ADA, "f", "other") is None
    assert desks.flow(Someone("bob"), "f", "tab") is None
    desks.close(ADA, "f", "tab")
    assert desks.flow(ADA, "f", "tab") is None
    with pytest.raises(NotFoundError):
        await desks.open(ADA, "nowhere", "tab")


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY_EDIT, min_size=1, max_size=5), st.sampled_from([ordinary, broken]))
def test_reading_again_is_reading(edits: list[Any], make: Any) -> None:
    flow: Flow = make()
    reading = read_flow(flow, CATALOG)
    for edit in edits:
        try:
            flow = apply(flow, edit)
        except EditError:
            continue
        reading = reread(flow, CATALOG, reading)
    assert reading == read_flow(flow, CATALOG)
