"""What every journal promises, on memory, SQLite and PostgreSQL."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runtime.errors import ConflictError, NotFoundError
from runtime.interpreter.events import Durable, StepSkipped, decode, encode
from runtime.interpreter.journal import RunRecord
from runtime.interpreter.waits import Wait
from tests.storage.reopened import Journal, Reopen, journal, kept, reopen
from tests.storage.samples import NASTY, done, every_kind, five_steps, record

__all__ = ["journal", "kept", "reopen"]


async def test_a_run_is_opened_filled_and_closed(journal: Journal) -> None:
    events = five_steps()
    await journal.open(record(document="{}"))
    assert (await journal.record("w1", "r1")) == record(document="{}")
    assert await journal.events("w1", "r1") == []
    await journal.append("w1", "r1", events[:4])
    await journal.append("w1", "r1", [])
    await journal.append("w1", "r1", events[4:])
    await journal.close(done())
    assert await journal.events("w1", "r1") == events
    assert await journal.record("w1", "r1") == done(document="{}")


async def test_a_finished_run_is_kept_at_once(journal: Journal) -> None:
    events = five_steps()
    await journal.keep(done(version=3, error="step_2: It broke"), events)
    assert await journal.record("w1", "r1") == done(version=3, error="step_2: It broke")
    assert await journal.events("w1", "r1") == events


async def test_keep_writes_though_nobody_waits(reopen: Reopen) -> None:
    journal = await reopen()
    for number in range(300):
        journal.keep(done(f"r{number}"), five_steps(f"question {number}"))
    journal = await reopen()
    assert len(await journal.records("w1", limit=1000)) == 300
    assert [len(await journal.events("w1", f"r{number}")) for number in (0, 150, 299)] == [12, 12, 12]


async def test_events_after_a_seq(journal: Journal) -> None:
    events = five_steps()
    await journal.open(record())
    for start in range(0, len(events), 5):
        await journal.append("w1", "r1", events[start : start + 5])
    for after in range(len(events) + 2):
        assert await journal.events("w1", "r1", after) == events[after:]
    assert await journal.events("w1", "r1", 10**30) == []


@pytest.mark.parametrize("value", [None, 0, -1.5, 10**25, "", [], {}, [[{"a": [None]}]], NASTY, {NASTY: [NASTY]}])
async def test_values_come_back_as_they_were(journal: Journal, value: Any) -> None:
    events = every_kind(value)
    await journal.open(record())
    await journal.append("w1", "r1", events)
    await journal.keep(done("r2", flow_name=NASTY, error=NASTY, document=NASTY), events)
    assert await journal.events("w1", "r1") == events
    assert await journal.events("w1", "r2") == events
    found = await journal.record("w1", "r2")
    assert (found.flow_name, found.error, found.document) == (NASTY, NASTY, NASTY)


async def test_large_values(journal: Journal) -> None:
    events = every_kind({"text": "é" * 3_000_000, "rows": [{"n": n} for n in range(10_000)]})
    await journal.keep(done(document="x" * 5_000_000), events)
    assert await journal.events("w1", "r1") == events
    assert len((await journal.record("w1", "r1")).document) == 5_000_000


async def test_cut_after_any_event_and_resumed(reopen: Reopen) -> None:
    events = every_kind({"question": NASTY})
    for cut in range(len(events) + 1):
        run = f"cut_{cut}"
        journal = await reopen()
        await journal.open(record(run))
        for event in events[:cut]:
            await journal.append("w1", run, [decode(encode(event))])
        journal = await reopen()
        assert await journal.events("w1", run) == events[:cut]
        assert run in [each.id for each in await journal.unfinished()]
        await journal.append("w1", run, events[cut:])
        await journal.close(done(run))
        assert await journal.events("w1", run) == events


@pytest.mark.parametrize("seqs", [[1], [2], [4], [3, 5], [3, 3], [3, 2], [0], [-1]])
async def test_gaps_and_doubles_are_refused(journal: Journal, seqs: list[int]) -> None:
    skips: list[Durable] = [StepSkipped(seq, 1.0, "a") for seq in seqs]
    await journal.open(record())
    await journal.append("w1", "r1", five_steps()[:2])
    with pytest.raises(ConflictError):
        await journal.append("w1", "r1", skips)
    assert [event.seq for event in await journal.events("w1", "r1")] == [1, 2]
    await journal.append("w1", "r1", [StepSkipped(3, 1.0, "a")])


async def test_the_same_events_are_refused_inside_an_entry(journal: Journal) -> None:
    events = five_steps()
    await journal.open(record())
    await journal.append("w1", "r1", events[:6])
    for start, end in ((0, 6), (2, 4), (5, 8), (0, 12)):
        with pytest.raises(ConflictError):
            await journal.append("w1", "r1", events[start:end])
    await journal.append("w1", "r1", events[6:])
    assert await journal.events("w1", "r1") == events


async def test_kept_events_begin_at_one(journal: Journal) -> None:
    with pytest.raises(ConflictError):
        await journal.keep(done(), five_steps()[1:])
    with pytest.raises(NotFoundError):
        await journal.record("w1", "r1")


async def test_an_id_is_taken_once(journal: Journal) -> None:
    await journal.open(record())
    with pytest.raises(ConflictError):
        await journal.open(record(flow_name="Another"))
    with pytest.raises(ConflictError):
        await journal.keep(done(), five_steps())
    assert await journal.record("w1", "r1") == record()
    assert await journal.events("w1", "r1") == []


async def test_a_taken_id_does_not_cost_its_company(journal: Journal) -> None:
    await journal.open(record("r7"))
    kept = [journal.keep(done(f"r{number}"), five_steps()) for number in range(20)]
    results = await asyncio.gather(*kept, return_exceptions=True)
    assert [number for number, result in enumerate(results) if isinstance(result, ConflictError)] == [7]
    assert len(await journal.records("w1")) == 20
    assert await journal.events("w1", "r7") == []


async def test_unknown_runs(journal: Journal) -> None:
    await journal.open(record())
    for workspace, run in (("w1", "nobody"), ("w2", "r1"), ("w1", "\x00"), ("w1", "")):
        with pytest.raises(NotFoundError):
            await journal.events(workspace, run)
        with pytest.raises(NotFoundError):
            await journal.record(workspace, run)
        with pytest.raises(NotFoundError):
            await journal.append(workspace, run, five_steps())
        with pytest.raises(NotFoundError):
            await journal.close(done(run, workspace))
    assert (await journal.record("w1", "r1")).state == "running"


async def test_workspaces_do_not_see_each_other(journal: Journal) -> None:
    await journal.keep(done("same", "w1", flow_name="one"), five_steps("one"))
    await journal.keep(done("same", "w2", flow_name="two"), five_steps("two"))
    assert [each.flow_name for each in await journal.records("w1")] == ["one"]
    assert [each.flow_name for each in await journal.records("w2", flow="f1")] == ["two"]
    assert (await journal.events("w2", "same"))[0].input == {"message": "two"}  # type: ignore[union-attr]
    assert await journal.records("w3") == []


async def test_the_list_of_runs(journal: Journal) -> None:
    for number in range(12):
        flow = "f2" if number % 3 == 0 else "f1"
        await journal.keep(done(f"r{number:02}", started=1000.0 + number, flow=flow, document="{}"), [])
    newest = [f"r{number:02}" for number in range(11, -1, -1)]
    listed = await journal.records("w1")
    assert [each.id for each in listed] == newest
    assert {each.document for each in listed} == {""}
    assert [each.id for each in await journal.records("w1", limit=3)] == newest[:3]
    assert [each.id for each in await journal.records("w1", before=1004.0)] == newest[8:]
    assert [each.id for each in await journal.records("w1", flow="f2", limit=2, before=1009.0)] == ["r06", "r03"]
    assert await journal.events("w1", "r03") == []


async def test_runs_are_found_by_where_they_came_from_and_what_they_say(journal: Journal) -> None:
    await journal.keep(done("a1", started=1.0), five_steps())
    await journal.keep(done("a2", started=2.0, source="schedule", state="failed", error="ask: 50% of_it broke"), [])
    await journal.keep(done("a3", started=3.0, flow="f2", flow_name="Letters", state="failed", error="no_one"), [])
    await journal.keep(done("a4", "w2", started=4.0, state="failed"), [])

    async def found(**asked: Any) -> list[str]:
        return [each.id for each in await journal.records("w1", **asked)]

    assert await found(source="schedule") == ["a2"]
    assert await found(search="  sUPPORT desk") == ["a2", "a1"]
    assert await found(search="letters NO_ONE") == ["a3"]
    assert await found(search="A2") == ["a2"]
    assert await found(search="50% of_it") == ["a2"]
    for word in ("5_%", "n%one", "no.one", "/", "\\", "'", NASTY):  # nothing in it is a wildcard, or a command
        assert await found(search=word) == []
    assert await found(search="broke", state="failed", flow="f1", source="schedule", before=3.0) == ["a2"]
    assert await found(search="broke", flow="f2") == []


async def test_runs_are_counted_by_state(journal: Journal) -> None:
    assert await journal.counts("w1") == {}
    for number, state in enumerate(("done", "done", "failed", "cancelled")):
        source = "schedule" if number % 2 else "endpoint"
        await journal.keep(done(f"r{number}", state=state, source=source, error=f"word{number}"), [])
    await journal.open(record("r4", flow="f2"))
    await journal.open(record("r5", flow="f2", state="queued"))
    await journal.open(record("r6", "w2"))
    everything = {"done": 2, "failed": 1, "cancelled": 1, "running": 1, "queued": 1}
    assert await journal.counts("w1") == everything
    assert await journal.counts("w1", flow="f2") == {"running": 1, "queued": 1}
    assert await journal.counts("w1", source="schedule") == {"done": 1, "cancelled": 1}
    assert await journal.counts("w1", search="word2") == {"failed": 1}
    await journal.close(done("r4", flow="f2"))
    assert await journal.counts("w1", flow="f2") == {"done": 1, "queued": 1}


async def test_unfinished_runs_of_every_workspace(journal: Journal) -> None:
    await journal.open(record("a", "w1", started=3.0, document="{}"))
    await journal.open(record("b", "w2", started=2.0))
    await journal.keep(done("c", "w1", started=1.0), five_steps())
    await journal.open(record("d", "w1", started=1.0))
    await journal.close(msgspec.structs.replace(record("d"), state="failed", error="no"))
    unfinished = await journal.unfinished()
    assert [(each.workspace, each.id, each.document) for each in unfinished] == [("w2", "b", ""), ("w1", "a", "")]


async def test_many_at_once(journal: Journal) -> None:
    events = five_steps()

    async def drive(run: str) -> None:
        await journal.open(record(run))
        for event in events:
            await journal.append("w1", run, [event])
        await journal.close(done(run))

    await asyncio.gather(
        *(drive(f"r{number}") for number in range(15)), *(journal.keep(done(f"k{n}"), events) for n in range(50))
    )
    assert len(await journal.records("w1", limit=100)) == 65
    for run in ("r0", "r14", "k0", "k49"):
        assert await journal.events("w1", run) == events


async def test_of_two_who_append_the_same_one_wins(journal: Journal) -> None:
    events = five_steps()
    await journal.open(record())
    for event in events:
        results = await asyncio.gather(*(journal.append("w1", "r1", [event]) for _ in range(4)), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 3 + ["NoneType"]
    assert await journal.events("w1", "r1") == events


def waiting(id: str = "r1", workspace: str = "w1", wake: float | None = 2000.5, **changes: Any) -> RunRecord:
    request = {"title": NASTY, "schema": {"type": "object"}, "shown": [1, {"a": None}]}
    waits = (Wait("each[2]/ask", 1001.25, request, wake), Wait("later", 1001.5, until=wake))
    return record(id, workspace, **{"state": "waiting", "waits": waits, "wake": wake, **changes})


async def test_a_run_that_waits_is_kept_goes_on_and_ends(reopen: Reopen) -> None:
    events, journal = five_steps(), await reopen()
    await journal.keep(waiting(parent="r0", document="{}"), events[:4])
    journal = await reopen()
    assert await journal.record("w1", "r1") == waiting(parent="r0", document="{}")
    assert await journal.records("w1", state="waiting") == [waiting(parent="r0")]
    going = record(parent="r0")
    await journal.close(going, events[4:5])
    assert (await journal.record("w1", "r1")).waits == ()
    assert [each.id for each in await journal.unfinished()] == ["r1"]
    await journal.close(waiting(parent="r0", steps=2), events[5:7])
    assert (await journal.records("w1", state="waiting"))[0].steps == 2
    await journal.close(done(parent="r0"), events[7:])
    journal = await reopen()
    assert await journal.record("w1", "r1") == done(parent="r0", document="{}")
    assert await journal.events("w1", "r1") == events


async def test_of_two_who_go_on_with_a_run_one_wins_and_the_other_writes_nothing(journal: Journal) -> None:
    events = five_steps()
    await journal.keep(waiting(), events[:4])
    results = await asyncio.gather(
        *(journal.close(record(steps=number), events[4:5]) for number in range(4)), return_exceptions=True
    )
    won = results.index(None)
    assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 3 + ["NoneType"]
    assert (await journal.record("w1", "r1")).steps == won
    assert await journal.events("w1", "r1") == events[:5]


async def test_the_times_at_which_runs_go_on(journal: Journal) -> None:
    await journal.keep(waiting("a", wake=7.5), [])
    await journal.keep(waiting("b", wake=None), [])
    await journal.keep(waiting("c", "w2", wake=3.0), [])
    await journal.keep(done("d"), [])
    await journal.keep(record("e", state="queued", due=5.0), [])
    await journal.keep(record("f", state="queued"), [])
    assert [each.id for each in await journal.due(2.0)] == ["f"]
    assert sorted(each.id for each in await journal.due(6.0)) == ["c", "e", "f"]
    assert sorted(each.id for each in await journal.due(8.0)) == ["a", "c", "e", "f"]
    assert await journal.next_due() == 3.0


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=JSON)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_json_comes_back(journal: Journal, value: Any) -> None:
    run = f"r{len(await journal.records('w1', limit=10_000))}"
    await journal.keep(done(run), every_kind(value))
    assert await journal.events("w1", run) == every_kind(value)
