"""A hub that starts with 1,000 devices of the hub before it: who comes back in time was never missed, who does not is, within the bound."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from hub.core.presence import RETURN_S
from hub.rules import RuleDesk, RulesSide
from hub.sessions.presence import PresenceWatch
from tests.support.ingest_hub import IngestHub, ingest_hub, now_us
from tests.support.waiting import until

COUNT, LOST, INTERVAL_S = 1_000, 3, 60.0
STEP_S = 0.25
NAMES = [f"d{number}" for number in range(COUNT)]


async def connect(hub: IngestHub, names: list[str], epoch: int) -> None:
    """Let devices come at once."""

    async def come(name: str) -> None:
        await (await hub.connect(name)).hello(epoch, interval_s=INTERVAL_S)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(come, name)
    await until(lambda: all(hub.registry.is_connected(name) for name in names))


async def passes(clock: MockClock, desk: RuleDesk, seconds: float) -> None:
    """Let time go by in steps, each of which is done before the next: what passes while the rules write counts for no absence."""
    for _ in range(math.ceil(seconds / STEP_S)):
        clock.jump(STEP_S)
        await wait_all_tasks_blocked()
        await desk.make_safe()


async def test_1000_devices_that_come_back_raise_no_alarm_and_the_few_that_do_not_are_alarmed(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    mock_clock.rate = 1.0  # beside the jumps: disks are waited for
    async with ingest_hub(tmp_path) as before:
        await before.registry.add_devices(NAMES)
        await connect(before, NAMES, 7)
    async with ingest_hub(tmp_path) as hub, trio.open_nursery() as nursery:
        states: dict[str, set[str]] = {name: {"unconfirmed"} for name in NAMES}

        def saw(what: str, item: Mapping[str, Any]) -> None:
            if what == "device":
                states[item["device"]].add(item["presence"])

        hub.entities.watch(saw)
        side = RulesSide(hub.state, hub.entities, hub.journal, now_us)
        for run in [*side.runs(), PresenceWatch(hub.registry, lambda: hub.journal.holding).run]:
            await nursery.start(run)
        await until(lambda: side.desk.is_current)
        await side.desk.put_rule("gone", {"kind": "offline"}, None, "ann")
        for at in range(LOST, COUNT, 100):  # over a minute, as after an outage that was long enough for the longest pauses
            await passes(mock_clock, side.desk, 6)
            await connect(hub, NAMES[at : at + 100], 8)
        assert side.desk.alerts() == []
        assert all(states[name] == {"unconfirmed", "online"} for name in NAMES[LOST:])
        await passes(mock_clock, side.desk, RETURN_S - 60 + INTERVAL_S + 1)
        await until(lambda: len(side.desk.alerts()) == LOST)
        assert {alert["device"] for alert in side.desk.alerts()} == set(NAMES[:LOST])
        nursery.cancel_scope.cancel()
