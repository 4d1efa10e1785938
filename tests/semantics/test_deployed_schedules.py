"""What is deployed starts by itself as its steps say, from the editor's deploy on."""

from runtime.assembly import Runtime
from runtime.graph.schedule import Rule
from runtime.storage.schedules import ScheduleStore
from tests.semantics.scene import Scene, flow


async def test_deploying_sets_the_schedules_of_a_flow(scene: Scene) -> None:
    nightly = flow(
        """
        nightly: {kind: schedule_start, config: {time: "03:30", zone: Europe/Paris, missed: all}}
        often: {kind: schedule_start, config: {repeats: interval, every: 10}}
        join: {kind: gather, config: {}}
        """,
        "- nightly.at -> join\n- often.at -> join",
    )
    runtime = scene.back._runtime
    assert isinstance(runtime, Runtime)
    store = ScheduleStore(runtime.database)
    published = await scene.back.deploy(scene.ada, await scene.back.create(scene.ada, nightly), "nightly")
    found = {each.step: each for each in await store.schedules("home")}
    assert {step: each.rule for step, each in found.items()} == {
        "nightly": Rule(cron="30 3 * * *", zone="Europe/Paris", missed="all"),
        "often": Rule(seconds=600),
    }
    assert {(each.slug, each.version) for each in found.values()} == {("nightly", published.version)}
    await scene.back.undeploy(scene.ada, "nightly")
    assert await store.schedules("home") == []


async def test_a_schedule_start_is_previewed_without_an_input(scene: Scene) -> None:
    often = flow("often: {kind: schedule_start}", answer="often.at")
    run = await scene.back.preview(scene.ada, await scene.back.create(scene.ada, often), {}, "often")
    await scene.settled(run)
    record = await scene.back.run(scene.ada, run)
    assert record.state == "done", record.error
