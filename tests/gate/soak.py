"""`python -m tests.gate.soak --hours 24`: a hub under steady load, devices and viewers of which some always lose their connection.

Owns the looks at the hub, one a minute, and the verdict: the slope of its memory after the first 15 %, the descriptors that are left when
everybody has gone, the delay from when a reading was due to when viewers were shown it, minute by minute, and the audit of every reading.
Exits with 1 where memory grows by 1 MB/h or more (even the lower bound of the slope's confidence: a short soak is not sure of much).
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import trio

from simulators.bench.slope import slope_of
from simulators.fleet.proxies import LANES
from simulators.fleet.report import Report
from simulators.fleet.scenario import Fault, Group, Phase, Scenario, Viewers
from simulators.hub_process import raise_descriptor_limit
from tests.gate.loaded_hub import Load, under_load

MAX_SLOPE_MB_H: Final = 1.0
MAX_P99_MS: Final = 250.0
WARM_UP: Final = 0.15
LOOK_S: Final = 60.0
MIN_LOOKS: Final = 12
LEFT_S: Final = 30.0
SPARE_DESCRIPTORS: Final = 5  # files of the history, which come and go
CHANNELS: Final = ({"name": "air", "kind": "temperature"},)


@dataclass(slots=True)
class Looks:
    """What was seen, look by look."""

    hours: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    descriptors: tuple[int, int] = (0, 0)  # before anybody came, and after all went


def scenario_of(given: argparse.Namespace) -> Scenario:
    """Return the load: each cut hits a tenth of all, as often as makes so many a second."""
    every_s = given.devices / LANES / given.churn
    return Scenario(
        name="soak",
        ramp_s=max(1.0, given.devices / 200),
        groups=(Group("soak", given.devices, given.rate, tables=CHANNELS),),
        phases=(Phase("load", given.hours * 3_600),),
        faults=(Fault("cut", at_s=every_s, every_s=every_s, share=1 / LANES, on="both"),),
        viewers=Viewers(given.viewers),
    )


async def run(given: argparse.Namespace, directory: Path, looks: Looks) -> tuple[Report, Sequence[float]]:
    """Have the load and look at the hub; return the report and the p99 of each minute in ms. The hub is gone when this returns."""
    length_s = given.hours * 3_600
    every_s = min(LOOK_S, length_s / MIN_LOOKS)

    async def act(load: Load) -> None:
        began_s = trio.current_time()
        while (at_s := trio.current_time() - began_s) < length_s:
            looks.hours.append(at_s / 3_600)
            looks.memory_mb.append(load.memory_mb())
            print(f"after {at_s / 3_600:.2f} h: {looks.memory_mb[-1]:.1f} MB, {load.descriptors()} descriptors", flush=True)
            await trio.sleep(every_s)

    def idle(load: Load) -> None:
        looks.descriptors = (load.descriptors(), 0)

    load, report = await under_load(scenario_of(given), directory, act, idle)
    try:
        before = looks.descriptors[0]
        await load.until(lambda: load.descriptors() <= before + SPARE_DESCRIPTORS, LEFT_S)
        looks.descriptors = (before, load.descriptors())
    finally:
        load.hub.kill()
    ticks = load.figures.ticks
    minutes = [[tick["seen_p99"] for tick in ticks[at : at + 60] if tick["seen_p99"]] for at in range(0, len(ticks), 60)]
    return report, [sorted(minute)[len(minute) // 2] for minute in minutes if minute]


def wrong_with(looks: Looks, report: Report, p99_ms: Sequence[float]) -> list[str]:
    """Say what was found, and return what of it is not as promised."""
    wrong, begin = [], next(at for at, hours in enumerate(looks.hours) if hours >= WARM_UP * looks.hours[-1])
    slope = slope_of(looks.hours[begin:], looks.memory_mb[begin:])
    print(f"memory {slope.value:+.2f} MB/h, {slope.low:+.2f} to {slope.high:+.2f} with 95 %; {looks.memory_mb[-1]:.0f} MB at the end")
    worst_ms = max(p99_ms, default=0.0)
    print(f"p99 due to shown {worst_ms:.0f} ms in the worst minute, {median(p99_ms or [0.0]):.0f} ms in the middle one")
    print(f"descriptors: {looks.descriptors[0]} before, {looks.descriptors[1]} after; {report.verdict()}")
    if slope.low >= MAX_SLOPE_MB_H:
        wrong.append(f"memory grows by {slope.low:.1f} MB/h or more")
    if looks.descriptors[1] > looks.descriptors[0] + SPARE_DESCRIPTORS:
        wrong.append("connections or files are left")
    if worst_ms >= MAX_P99_MS:
        wrong.append(f"viewers are shown readings {worst_ms:.0f} ms late")
    if report.exit_code:
        wrong.append(report.verdict())
    return wrong


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0.1, help="frames a second of each device (default 0.1)")
    parser.add_argument("--churn", type=float, default=5.0, help="connections of devices that are cut each second (default 5)")
    given = parser.parse_args()
    raise_descriptor_limit()
    directory, looks = Path(tempfile.mkdtemp(prefix="tributary-soak-")), Looks()
    report, p99_ms = trio.run(run, given, directory, looks)
    wrong = wrong_with(looks, report, p99_ms)
    print(f"N = {given.hours:g} hours, {report.frames['connects']:,} connections, {report.stored['made']:,} readings")
    if wrong:
        print(*[f"WRONG: {each}" for each in wrong], f"data and log are kept in {directory}", sep="\n")
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
