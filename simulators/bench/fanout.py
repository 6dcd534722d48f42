"""`tributary bench fanout`: CPU per delivery to one of many viewers of the same subscription.

Owns the course of the measurement. The floor is a trio-websocket server with a task and a channel per viewer that sends as many messages of
the same length to the same viewers at the same pace. crowd.py has the other half: viewers that do not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from simulators.bench.course import BenchHub, Devices, Say, against, floor, running_hub, window
from simulators.bench.crowd import CrowdPlan, CrowdRuns, crowd_rows, measure_crowd
from simulators.bench.errors import BenchError, check
from simulators.bench.report import BenchRow, Target, row_of

TARGET: Final = Target(0.25, 0.125)
DRAWN_EVERY_S: Final = 1.0  # as rarely as the protocol lets a viewer


@dataclass(frozen=True, slots=True)
class FanoutPlan:
    """The load and how long it is measured. 3 pairs of 8 s, and as many of the crowd, take about 3 minutes. Raises BenchError."""

    viewers: int = 1_000
    devices: int = 2
    updates_per_s: float = 10.0  # frames of all devices together: each is an update of its own
    readings: int = 1  # a frame: an update is about 300 bytes long
    seconds: float = 8.0
    pairs: int = 3
    crowd: CrowdPlan = field(default_factory=CrowdPlan)
    warm_up_s: float = 2.0
    seed: int = 1
    is_encrypted: bool = False  # then without the crowd

    def __post_init__(self) -> None:
        check("--viewers", self.viewers, 1, 10_000)
        check("--rate", self.updates_per_s, 0.5, 50)
        check("--seconds", self.seconds, 0.5, 60)
        check("--pairs", self.pairs, 1, 10)


@dataclass(slots=True)
class FanoutRuns:
    """What each run gave: µs of CPU per delivery of both sides."""

    hub_us: list[float] = field(default_factory=list)
    floor_us: list[float] = field(default_factory=list)
    mean_bytes: list[float] = field(default_factory=list)
    hub_per_s: list[float] = field(default_factory=list)
    floor_per_s: list[float] = field(default_factory=list)


def watching(hub: BenchHub, devices: Devices) -> Mapping[str, Any]:
    """Return the viewers' plan: the same subscription for all, raw points of all the devices."""
    subscribe = {"devices": [name for name, _ in devices], "channels": ["*"], "width_us": 0, "span_s": 10}
    return {"token": hub.admin_token, "subscribe": subscribe, "drawn_every_s": DRAWN_EVERY_S, "is_encrypted": hub.certificate is not None}


async def measure_hub(plan: FanoutPlan, hub: BenchHub, devices: Devices, runs: FanoutRuns) -> dict[str, Any]:
    """Feed the hub with its viewers connected, and return what they say."""
    load: dict[str, Any] = {"devices": devices, "rate": plan.updates_per_s, "readings": plan.readings, "seed": plan.seed}
    load["is_encrypted"] = plan.is_encrypted
    async with (
        against("viewers", hub.port, is_hub=True, quick=plan.viewers, **watching(hub, devices)) as viewers,
        against("sender", hub.port, is_hub=True, **load) as sender,
    ):
        await trio.sleep(plan.warm_up_s)
        measured = await window(hub.pid, plan.seconds, viewers, sender)
    said = measured.said[0]
    if not said["deliveries"]:
        raise BenchError("no update was delivered in the window", "give --seconds more")
    runs.hub_us.append(measured.cpu_s / said["deliveries"] * 1e6)
    runs.hub_per_s.append(said["deliveries"] / measured.elapsed_s)
    runs.mean_bytes.append(said["mean_bytes"])
    return said


async def measure_floor(plan: FanoutPlan, hub: BenchHub, devices: Devices, runs: FanoutRuns) -> dict[str, Any]:
    """Let the floor send as many messages as long as the hub's to as many viewers."""
    async with (
        floor("relay", hub.certificate, push_bytes=round(runs.mean_bytes[-1]), push_per_s=plan.updates_per_s) as (relay, port),
        against("viewers", port, is_hub=False, quick=plan.viewers, **watching(hub, devices)) as viewers,
    ):
        await trio.sleep(plan.warm_up_s)
        measured = await window(relay.pid, plan.seconds, viewers)
    said = measured.said[0]
    if not said["deliveries"]:
        raise BenchError("the floor delivered nothing in the window", "give --seconds more")
    runs.floor_us.append(measured.cpu_s / said["deliveries"] * 1e6)
    runs.floor_per_s.append(said["deliveries"] / measured.elapsed_s)
    return said


async def run(plan: FanoutPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, then the crowd, and return the rows."""
    runs, crowd = FanoutRuns(), CrowdRuns()
    async with running_hub(max(plan.viewers, plan.crowd.viewers) + plan.devices, is_encrypted=plan.is_encrypted) as hub:
        devices = await hub.provision(plan.devices)
        for pair in range(plan.pairs):
            said = await measure_hub(plan, hub, devices, runs)
            beside = await measure_floor(plan, hub, devices, runs)
            say(
                f"fanout {pair + 1}/{plan.pairs}: hub {runs.hub_us[-1]:.1f} µs, floor {runs.floor_us[-1]:.1f} µs a delivery of "
                f"{said['mean_bytes']:.0f} B; {said['deliveries']:,} and {beside['deliveries']:,} deliveries; "
                f"the viewers used {said['cpu_share']:.0%} of a core"
            )
        if not plan.is_encrypted:
            await measure_crowd(plan.crowd, hub, devices, watching(hub, devices), crowd, say)
    return rows_of(runs, is_encrypted=plan.is_encrypted) + (crowd_rows(crowd) if crowd.with_ms else [])


def rows_of(runs: FanoutRuns, *, is_encrypted: bool = False) -> list[BenchRow]:
    """Make the rows out of the runs; the targets are those of plain sockets."""
    name, target = ("fanout over TLS", None) if is_encrypted else ("fanout", TARGET)
    return [
        row_of(f"{name}: CPU per delivery : a task, a channel, send_message", "µs", runs.hub_us, runs.floor_us, target=target),
        row_of(f"{name}: deliveries : the same due of the floor", "1/s", runs.hub_per_s, runs.floor_per_s),
        row_of(f"{name}: length of an update", "B", runs.mean_bytes),
    ]
