"""What viewers that do not read do to those who do: the others' delay with one slow viewer and a hundred that never read, and without.

Owns the course: with and without in turn, so that the runs without tell how far apart runs are by themselves; the hub's memory before
and after; and a spike of one sample, which must be in the slow one's picture. fanout.py calls it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from simulators.bench.accounting import memory_of
from simulators.bench.course import BenchHub, Devices, Say, against, window
from simulators.bench.errors import BenchError, check
from simulators.bench.report import BenchRow, row_of

CROWD_READINGS = 10  # a frame: enough that one who does not read is soon far behind


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """The load and how long it is measured. Raises BenchError."""

    viewers: int = 500  # of which
    slow: int = 1
    dead: int = 100  # never read
    updates_per_s: float = 10.0
    seconds: float = 8.0
    pairs: int = 3  # runs with; there is one more without
    warm_up_s: float = 2.0
    seed: int = 1

    def __post_init__(self) -> None:
        check("--crowd", self.viewers, self.slow + self.dead + 1, 5_000)
        check("--seconds", self.seconds, 0.5, 15)  # a viewer that never answers a ping is let go after 40 s


@dataclass(slots=True)
class CrowdRuns:
    """The others' p99 in ms of each run, what the hub grew by, and whether each slow one had the spike."""

    with_ms: list[float] = field(default_factory=list)
    without_ms: list[float] = field(default_factory=list)
    grown_mb: list[float] = field(default_factory=list)
    spikes_found: list[float] = field(default_factory=list)


async def measure_crowd(plan: CrowdPlan, hub: BenchHub, devices: Devices, watching: Mapping[str, Any], runs: CrowdRuns, say: Say) -> None:
    """Run without and with in turn, and without at the end."""
    for pair in range(plan.pairs):
        await _run_once(plan, hub, devices, watching, runs, is_crowded=False)
        await _run_once(plan, hub, devices, watching, runs, is_crowded=True)
        say(
            f"crowd {pair + 1}/{plan.pairs}: p99 {runs.without_ms[-1]:.1f} ms without, {runs.with_ms[-1]:.1f} ms with viewers that do "
            f"not read; the hub grew by {runs.grown_mb[-1]:.1f} MB; spike {'found' if runs.spikes_found[-1] else 'LOST'}"
        )
    await _run_once(plan, hub, devices, watching, runs, is_crowded=False)


async def _run_once(
    plan: CrowdPlan, hub: BenchHub, devices: Devices, watching: Mapping[str, Any], runs: CrowdRuns, *, is_crowded: bool
) -> None:
    others: dict[str, Any] = {"slow": plan.slow, "dead": plan.dead} if is_crowded else {}
    load: dict[str, Any] = {"devices": devices, "rate": plan.updates_per_s, "readings": CROWD_READINGS, "seed": plan.seed}
    quick = plan.viewers - plan.slow - plan.dead
    async with (
        against("sender", hub.port, is_hub=True, **load) as sender,
        against("viewers", hub.port, is_hub=True, quick=quick, **others, **watching) as viewers,
    ):
        await trio.sleep(plan.warm_up_s)
        before = memory_of(hub.pid).rss
        if is_crowded:
            await sender.ask("spike")
        measured = await window(hub.pid, plan.seconds, viewers)
        grown_mb = (memory_of(hub.pid).rss - before) / 1e6
        said = measured.said[0]
        if not said["samples"]:
            raise BenchError("no update was delivered in the window", "give --seconds more")
        (runs.with_ms if is_crowded else runs.without_ms).append(said["p99_s"] * 1e3)
        if is_crowded:
            runs.grown_mb.append(grown_mb)
            runs.spikes_found.append(float((await viewers.ask("finish"))["spike_found"]))


def crowd_rows(runs: CrowdRuns) -> list[BenchRow]:
    """Make the rows; how far apart the runs without are is what one may expect of the runs with."""
    others = row_of("fanout: others' p99 beside viewers that do not read : without", "ms", runs.with_ms, runs.without_ms)
    others = replace(others, target={"final": "within the runs without"}, met="final" if others.value <= max(runs.without_ms) else "none")
    return [
        others,
        row_of("fanout: the hub grows beside them by", "MB", runs.grown_mb),
        row_of("fanout: the slow viewer has the spike", "of 1", runs.spikes_found),
    ]
