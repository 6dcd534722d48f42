"""`tributary bench latency`: from a device's send to a viewer's socket, persist first, the viewer subscribed to every commit.

Owns the course of the measurement. The device stamps each reading when it writes the frame; the viewer, on the same clock, takes the
age of every reading that comes: all devices, one channel, raw. The floor is a trio-websocket relay that stores nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from simulators.bench.course import Say, against, floor, running_hub, window
from simulators.bench.errors import BenchError
from simulators.bench.load_plan import LoadPlan
from simulators.bench.report import BenchRow, Target, row_of

P50, P99 = Target(15, 6, of="value"), Target(50, 20, of="value")
DRAWN_EVERY_S: Final = 0.1  # a page draws ten times a second at least


@dataclass(frozen=True, slots=True)
class LatencyPlan(LoadPlan):
    """The load, half of that of `bench ingest`, and how long it is measured. 3 pairs of 12 s take about 2 minutes. Raises BenchError."""


@dataclass(slots=True)
class LatencyRuns:
    """Both quantiles of each run, in ms."""

    hub_p50_ms: list[float] = field(default_factory=list)
    hub_p99_ms: list[float] = field(default_factory=list)
    relay_p50_ms: list[float] = field(default_factory=list)
    relay_p99_ms: list[float] = field(default_factory=list)


async def measure(
    plan: LatencyPlan, load: Mapping[str, Any], watching: dict[str, Any], port: int, pid: int, *, is_hub: bool
) -> dict[str, Any]:
    """Run load and viewer against one side, and return what the viewer says."""
    async with against("viewers", port, is_hub=is_hub, **watching) as viewer, against("sender", port, is_hub=is_hub, **load) as sender:
        await trio.sleep(plan.warm_up_s)
        said, sent = (await window(pid, plan.seconds, viewer, sender)).said
    if not said["samples"]:
        raise BenchError(f"the viewer was told no reading, in {said['deliveries']:,} updates", "lower --rate, or give --seconds more")
    on_their_way = plan.frames_per_s  # of a second: what a busy machine has not shown when the window ends
    if said["samples"] < sent["sent"] * 0.9 - on_their_way:
        raise BenchError(f"the viewer was told {said['samples']:,} of {sent['sent']:,} readings: it got buckets for points", "lower --rate")
    return said


async def run(plan: LatencyPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, and return the rows."""
    runs = LatencyRuns()
    async with running_hub(plan.devices) as hub:
        devices = await hub.provision(plan.devices)
        load = plan.load(devices)
        subscribe = {"devices": ["*"], "channels": ["c0"], "width_us": 0, "span_s": 1}
        watching = {"token": hub.admin_token, "subscribe": subscribe, "drawn_every_s": DRAWN_EVERY_S, "is_timed": True, "quick": 1}
        for pair in range(plan.pairs):
            async with floor("relay") as (relay, port):
                said = await measure(plan, load, watching, port, relay.pid, is_hub=False)
            runs.relay_p50_ms.append(said["p50_s"] * 1e3)
            runs.relay_p99_ms.append(said["p99_s"] * 1e3)
            said = await measure(plan, load, watching, hub.port, hub.pid, is_hub=True)
            runs.hub_p50_ms.append(said["p50_s"] * 1e3)
            runs.hub_p99_ms.append(said["p99_s"] * 1e3)
            say(
                f"latency {pair + 1}/{plan.pairs}: hub p50 {runs.hub_p50_ms[-1]:.1f} p99 {runs.hub_p99_ms[-1]:.1f} ms, "
                f"relay p50 {runs.relay_p50_ms[-1]:.1f} p99 {runs.relay_p99_ms[-1]:.1f} ms; {said['samples']:,} readings in "
                f"{said['deliveries']:,} updates; the viewer used {said['cpu_share']:.0%} of a core"
            )
    return rows_of(runs)


def rows_of(runs: LatencyRuns) -> list[BenchRow]:
    """Make the rows out of the runs."""
    return [
        row_of("latency: device to viewer p50 : bare relay", "ms", runs.hub_p50_ms, runs.relay_p50_ms, target=P50),
        row_of("latency: device to viewer p99 : bare relay", "ms", runs.hub_p99_ms, runs.relay_p99_ms, target=P99),
    ]
