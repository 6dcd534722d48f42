"""`tributary bench idle`: memory per idle device connection, beside a bare trio-websocket server that holds as many.

Owns the course of the measurement: what the process grows by when the connections open and have been welcomed. A few connections
come and go first, so that code and pools are in memory already. Both sides are new processes for each run, as memory is seldom given back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from simulators.bench.accounting import Memory, memory_of
from simulators.bench.course import Devices, Say, against, floor, running_hub
from simulators.bench.errors import check
from simulators.bench.report import BenchRow, Target, row_of

TARGET: Final = Target(30, 22, of="value")
FIRST: Final = 100  # come and go before anything is measured
SETTLE_S: Final = 2.0  # openings are committed, presence is told, garbage is collected


@dataclass(frozen=True, slots=True)
class IdlePlan:
    """How many connections. 3 pairs of 2,000 take about a minute. Raises BenchError."""

    devices: int = 2_000
    pairs: int = 3
    settle_s: float = SETTLE_S

    def __post_init__(self) -> None:
        check("--devices", self.devices, 10, 20_000)
        check("--pairs", self.pairs, 1, 10)


@dataclass(slots=True)
class IdleRuns:
    """KB per connection of each run."""

    hub: list[Memory] = field(default_factory=list)  # bytes per connection
    floor: list[Memory] = field(default_factory=list)


async def grown_by(plan: IdlePlan, pid: int, port: int, devices: Devices, *, is_hub: bool) -> Memory:
    """Return the bytes that a process grows by for each connection."""
    load: dict[str, Any] = {"rate": 0, "readings": 1, "seed": 1}
    async with against("sender", port, is_hub=is_hub, devices=devices[:FIRST], **load):
        await trio.sleep(plan.settle_s / 2)
    await trio.sleep(plan.settle_s)
    before = memory_of(pid)
    async with against("sender", port, is_hub=is_hub, devices=devices, **load):
        await trio.sleep(plan.settle_s)
        after = memory_of(pid)
    count = len(devices)
    return Memory((after.rss - before.rss) // count, (after.pss - before.pss) // count, (after.uss - before.uss) // count)


async def run(plan: IdlePlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, and return the rows."""
    runs = IdleRuns()
    for pair in range(plan.pairs):
        async with running_hub(plan.devices + FIRST) as hub:
            devices = await hub.provision(plan.devices)
            runs.hub.append(await grown_by(plan, hub.pid, hub.port, devices, is_hub=True))
        async with floor("sink") as (sink, port):
            runs.floor.append(await grown_by(plan, sink.pid, port, devices, is_hub=False))
        say(
            f"idle {pair + 1}/{plan.pairs}: hub {runs.hub[-1].rss / 1024:.1f} KB, trio-websocket alone {runs.floor[-1].rss / 1024:.1f} KB "
            f"per connection of {plan.devices:,}"
        )
    return rows_of(runs)


def rows_of(runs: IdleRuns) -> list[BenchRow]:
    """Make the rows out of the runs."""

    def kb(found: Sequence[int]) -> list[float]:
        return [size_bytes / 1024 for size_bytes in found]

    hub, bare = runs.hub, runs.floor
    name = "idle: resident memory per connection : trio-websocket"
    return [
        row_of(name, "KB", kb([each.rss for each in hub]), kb([each.rss for each in bare]), target=TARGET),
        row_of("idle: of its own alone (USS)", "KB", kb([each.uss for each in hub]), kb([each.uss for each in bare])),
    ]
