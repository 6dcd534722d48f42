"""What viewers are shown of a group command: its tally, as often as eyes can follow and not as often as devices answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio
import trio.testing

from devices.wire.messages import CommandState
from hub.core.tallies import SHOW_EVERY_S
from tests.support.command_bench import command_bench


async def test_a_thousand_answers_are_a_handful_of_pushes_and_the_last_one_is_true(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.001  # at zero the loop never rests, and the thread of the store gets no turn
    names = [f"d{number}" for number in range(1_000)]
    async with command_bench(tmp_path) as bench:
        await bench.registry.add_devices(names)
        await bench.add(*names)
        await bench.come(*names)
        shown: list[Mapping[str, Any]] = []
        bench.entities.watch(lambda what, item: shown.append(item) if what == "group_command" else None)
        async with bench.running():
            began_s = trio.current_time()
            group, _ = await bench.send(devices=tuple(names))
            for at in range(0, len(names), 5):
                await bench.answer(group, *names[at : at + 5], state=CommandState.DONE, position=at)
            await trio.sleep(2 * SHOW_EVERY_S)
            took_s = trio.current_time() - began_s
        assert shown[-1]["tally"] == {"done": 1_000}
        assert shown[-1]["ended_us"] == bench.now_us
        assert len(shown) <= took_s / SHOW_EVERY_S + 2
        versions = [item["version"] for item in shown]
        assert versions == sorted(set(versions))
        assert bench.entities.commands() == []


async def test_a_restart_shows_the_newest_groups_as_they_are(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0")
        first, _ = await bench.send(devices=("d0",))
        bench.now_us += 1
        second, _ = await bench.send(devices=("d0",))
        await bench.desk.groups.cancel(first.id, "ann")
    async with command_bench(tmp_path) as bench, bench.running():
        await trio.sleep(SHOW_EVERY_S)
        shown = {item["id"]: item["tally"] for item in bench.entities.group_commands()}
        assert shown == {second.id: {"queued": 1}, first.id: {"cancelled": 1}}
