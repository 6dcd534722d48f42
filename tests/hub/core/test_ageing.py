"""Commands that have ended go after their time or when there are too many; open ones never."""

from pathlib import Path

import pytest

from devices.wire.messages import CommandState, Outcome
from hub.core.ageing import Keep
from hub.ports import CommandsWanted
from tests.support.command_bench import CommandBench, command_bench
from tests.support.waiting import until

DAY_US = 86_400_000_000


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.commands.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("hub.core.ageing._BATCH", 3)


async def kept(bench: CommandBench) -> list[str]:
    return [record.id for record in (await bench.state.commands(CommandsWanted(), 999)).records]


async def done(bench: CommandBench, count: int) -> list[str]:
    ids = []
    for _ in range(count):
        bench.now_us += 1
        record = await bench.desk.create("d0", "blink", {}, 600, "ann")
        await bench.desk.said("d0", [Outcome(record.id, CommandState.DONE)])
        ids.append(record.id)
    return ids


async def test_what_ended_long_ago_goes_in_batches_and_what_is_open_stays(tmp_path: Path) -> None:
    async with command_bench(tmp_path, keep=Keep(days=30)) as bench:
        await bench.add("d0")
        await bench.come("d0")
        await done(bench, 10)
        running = await bench.desk.create("d0", "blink", {}, 600, "ann")
        await bench.desk.said("d0", [Outcome(running.id, CommandState.RUNNING)])
        bench.now_us += 30 * DAY_US
        newer = await done(bench, 2)
        async with bench.running():
            await until(lambda: bench.desk.statistics()["forgotten"] == 10)
        assert await kept(bench) == [*newer[::-1], running.id]


async def test_of_too_many_the_oldest_go(tmp_path: Path) -> None:
    async with command_bench(tmp_path, keep=Keep(days=0, commands=4)) as bench:
        await bench.add("d0")
        ids = await done(bench, 10)
        bench.now_us += 1_000 * DAY_US  # for ever, by time
        async with bench.running():
            await until(lambda: bench.desk.statistics()["forgotten"] == 6)
        assert await kept(bench) == ids[:5:-1]


async def test_the_key_of_a_command_that_is_gone_means_a_new_one(tmp_path: Path) -> None:
    async with command_bench(tmp_path, keep=Keep(days=1)) as bench:
        await bench.add("d0")
        await bench.come("d0")
        first = await bench.desk.create("d0", "blink", {}, 600, "ann", "k")
        await bench.desk.said("d0", [Outcome(first.id, CommandState.DONE)])
        assert (await bench.desk.create("d0", "blink", {}, 600, "ann", "k")).state == "done"
        bench.now_us += 2 * DAY_US
        async with bench.running():
            await until(lambda: bench.desk.statistics()["forgotten"] == 1)
        assert (await bench.desk.create("d0", "blink", {}, 600, "ann", "k")).state == "sent"


async def test_a_group_goes_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with command_bench(tmp_path, keep=Keep(days=1)) as bench:
        await bench.add("d0", "d1")
        await bench.come("d0", "d1")
        old, _ = await bench.send(devices=("d0", "nobody"))
        half, _ = await bench.send(devices=("d0", "d1"))
        await bench.answer(old, "d0", state=CommandState.DONE)
        await bench.answer(half, "d0", state=CommandState.DONE)
        await bench.answer(half, "d1", state=CommandState.RUNNING)
        bench.now_us += 2 * DAY_US
        async with bench.running():
            await until(lambda: bench.desk.groups.page(9)[0] == [bench.desk.groups.known(half.id)])
        assert bench.tally(half) == {"running": 1, "done": 1}
        assert len(await kept(bench)) == 2
        assert [each.key for each in await bench.state.documents("group command")] == [half.id]
        assert await bench.state.documents("group refusals") == []
