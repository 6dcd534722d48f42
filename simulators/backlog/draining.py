"""Let the store come and watch how the journal drains into it, while devices go on sending.

Owns the course and what is measured of it; judges nothing but the order of what is there already. Called by __main__.py.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import trio

from hub.client import HubClient
from simulators.backlog.checking import out_of_order
from simulators.backlog.numbers import Backlog
from simulators.bench.accounting import cpu_s
from simulators.bench.course import Devices, against
from simulators.bench.program import Program
from simulators.hub_process import HubProcess
from simulators.victoria_process import VictoriaProcess

LOOK_EVERY_S: Final = 0.2
SAY_EVERY_S: Final = 10.0
NO_PROGRESS_S: Final = 120.0
Say = Callable[[str], None]


@dataclass(slots=True)
class Drained:
    """How it went. `frames` are those of the backlog; devices sent others meanwhile."""

    frames: int
    seconds: float = 0.0
    hub_cores: float = 0.0
    live: dict[str, Any] = field(default_factory=dict)  # what the sender says: sent, acked, delays
    disorder: list[str] = field(default_factory=list)

    @property
    def frames_per_s(self) -> float:
        """Frames of the backlog that got into the store each second."""
        return self.frames / max(self.seconds, 1e-9)


class DrainFailed(Exception):
    """The lag does not get smaller."""


async def drain(
    hub: HubProcess, server: VictoriaProcess | None, backlog: Backlog, devices: Devices, live_per_s: float, say: Say
) -> Drained:
    """Start the hub, then its store where that is a server; return once everything is stored. Raises DrainFailed."""
    drained = Drained(backlog.devices * backlog.frames)
    await trio.to_thread.run_sync(partial(hub.start, 120.0))
    load: dict[str, Any] = {"devices": devices, "rate": live_per_s, "readings": backlog.channels, "seed": 1}
    async with HubClient(hub.url, hub.admin_token) as client:
        began_s = trio.current_time()
        port = int(hub.url.rpartition(":")[2])
        async with against("sender", port, is_hub=True, **load) as sender:
            if server is not None:
                await trio.sleep(2.0)  # of live frames that nobody stores yet
                await trio.to_thread.run_sync(server.start)
                began_s = trio.current_time()
            spent_s = cpu_s(hub.pid)
            await _watch(client, server is None, backlog, live_per_s, drained, say)
            drained.seconds = trio.current_time() - began_s
            drained.hub_cores = (cpu_s(hub.pid) - spent_s) / drained.seconds
            drained.live = await _ended(sender)
        await _settled(client)
    return drained


async def _watch(client: HubClient, has_order: bool, backlog: Backlog, live_per_s: float, drained: Drained, say: Say) -> None:
    dice, said_s, moved_s, before = random.Random(1), trio.current_time(), trio.current_time(), float("inf")
    while (lag := int((await client.hub())["store_lag"])) > max(2_000, 4 * live_per_s):
        now_s = trio.current_time()
        if lag < before:
            before, moved_s = lag, now_s
        elif now_s - moved_s > NO_PROGRESS_S:
            raise DrainFailed(f"{lag:,} frames wait for the store, no fewer than {NO_PROGRESS_S:g} s ago")
        if now_s - said_s > SAY_EVERY_S:
            said_s = now_s
            say(f"{lag:,} frames wait for the store")
        if has_order and (wrong := await out_of_order(client, backlog, dice.randrange(backlog.devices))):
            drained.disorder.append(wrong)
        await trio.sleep(LOOK_EVERY_S)


async def _ended(sender: Program) -> dict[str, Any]:
    said = await sender.ask("end")
    return {**said, **{f"last_{name}": value for name, value in (await sender.ask("quit")).items()}}


async def _settled(client: HubClient) -> None:
    with trio.fail_after(NO_PROGRESS_S):
        while (await client.hub())["store_lag"]:  # noqa: ASYNC110
            await trio.sleep(LOOK_EVERY_S)  # another process's state: there is nothing to be woken by
