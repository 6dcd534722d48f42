"""`python -m tests.gate.storm --devices 1000`: all devices lose their hub in one moment, and come back.

Owns two storms, each on a hub of its own: every link breaks, three times, and all come back as fast as they may (`cut`); the hub restarts,
and devices spread their return over 15 s, as it tells them (`restart`). Measured is what devices see, until the last one has a new frame
acked, and the hub's memory: of `cut` before, when the journal's newest rows have filled their room in it, and after; of `restart` the old
hub's and the new one's, at about the same age. Exits with 1 where it takes longer than promised, an acked reading is missing or doubled, or
the memory does not come back.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from hub.client import HubClient
from hub.journal.room import JournalSettings
from simulators.bench.accounting import gauge_of
from simulators.fleet.figures import FaultRecord
from simulators.fleet.report import Report
from simulators.fleet.scenario import Fault, Group, Phase, Scenario
from simulators.hub_process import raise_descriptor_limit
from tests.gate.loaded_hub import Load, under_load

WITHIN_S: Final = {"cut": 10.0, "restart": 20.0}
MEMORY_BACK: Final = 1.10
# The journal keeps so many bytes of its newest rows in memory, a row for 300 at least: until it has them memory grows without any storm.
FILL_ROWS: Final = JournalSettings().tail_bytes // 300
FILL_S: Final = 50.0  # at the rate that this takes
CALM_S: Final = 20.0  # between that and a storm, at the rate of the load
CUTS: Final = 3  # a hub that keeps something of each grows with each
EVERY_S: Final = 25.0
AFTER_S: Final = 10.0
LONGEST_S: Final = 240.0
CUT_S: Final = 0.5
CHANNELS: Final = ({"name": "air", "kind": "temperature"},)


@dataclass(slots=True)
class Seen:
    """What a storm came to: seconds until the last device streams again (None: not all do); memory in MB, and how many rows are in it."""

    back_s: float | None = None
    before_mb: float = 0.0
    after_mb: float = 0.0
    rows_before: int = 0
    rows_after: int = 0


def scenario_of(name: str, devices: int, rate: float) -> Scenario:
    """Return the load of one storm."""
    faults: list[Fault] = []
    phases = [Phase("load", LONGEST_S)]
    if name == "cut":
        faults = [Fault("storm", at_s=FILL_S + CALM_S + number * EVERY_S, for_s=CUT_S) for number in range(CUTS)]
        phases.insert(0, Phase("fill", FILL_S, max(1.0, FILL_ROWS / FILL_S / (devices * rate))))
    groups = (Group("storm", devices, rate, tables=CHANNELS),)
    return Scenario(name=name, ramp_s=max(1.0, devices / 200), groups=groups, phases=tuple(phases), faults=tuple(faults))


async def rows_in_memory(load: Load) -> int:
    """Return how many of its newest rows the journal has in memory."""
    async with HubClient(load.hub.url, load.hub.admin_token) as client:
        return round(gauge_of(await client.metrics(), "tributary_journal_tail_rows"))


async def play(name: str, devices: int, rate: float, directory: Path) -> tuple[Seen, Report]:
    """Have one storm; the hub is gone when this returns."""
    seen = Seen()

    async def act(load: Load) -> None:
        await trio.sleep((FILL_S if name == "cut" else 0.0) + CALM_S - 2.0)
        seen.before_mb, seen.rows_before = load.memory_mb(), await rows_in_memory(load)
        if name == "cut":
            if await load.until(lambda: back_after_s(load.figures.faults), CUTS * EVERY_S + LONGEST_S / 4):
                seen.back_s = back_after_s(load.figures.faults)
        else:
            await trio.to_thread.run_sync(load.hub.stop)
            await trio.to_thread.run_sync(load.hub.start)
            if await load.until(lambda: load.figures.away.total >= devices, LONGEST_S / 2):
                seen.back_s = load.figures.away.max_us / 1e6
        await trio.sleep(AFTER_S)
        seen.after_mb, seen.rows_after = load.memory_mb(), await rows_in_memory(load)

    load, report = await under_load(scenario_of(name, devices, rate), directory, act)
    load.hub.kill()
    return seen, report


def back_after_s(cuts: Sequence[FaultRecord]) -> float | None:
    """Return after how many seconds the last device streamed again, after the worst of all cuts; None while one is to come or to end."""
    times = [cut.recovered_s for cut in cuts]
    return max(time_s for time_s in times if time_s is not None) if len(times) == CUTS and None not in times else None


def wrong_with(name: str, seen: Seen, report: Report) -> list[str]:
    """Return what is not as promised."""
    wrong = []
    if seen.back_s is None or seen.back_s >= WITHIN_S[name]:
        wrong.append(f"not all stream again within {WITHIN_S[name]:g} s")
    if report.exit_code:
        wrong.append(report.verdict())
    if seen.after_mb > MEMORY_BACK * seen.before_mb:
        is_filling = name == "cut" and seen.rows_after > 1.05 * seen.rows_before
        busy = "the machine was too busy to tell: rows were still filling its memory"
        wrong.append(busy if is_filling else "its memory did not come back within 10 %")
    return wrong


def said(seen: Seen, report: Report) -> str:
    """Return a storm as one line."""
    back = "not all stream again" if seen.back_s is None else f"all stream again after {seen.back_s:.1f} s"
    stored = f"{report.stored['stored']:,} of {report.stored['made']:,} readings stored once"
    rows = f"{seen.rows_before:,} -> {seen.rows_after:,} of its newest rows in it"
    return f"{back}, {stored}, {seen.before_mb:.0f} -> {seen.after_mb:.0f} MB, {rows}"


async def _run(names: list[str], devices: int, rate: float, directory: Path) -> int:
    broken = 0
    for name in names:
        (place := directory / name).mkdir()
        seen, report = await play(name, devices, rate, place)
        print(f"{name}: {said(seen, report)}", flush=True)
        for each in wrong_with(name, seen, report):
            broken += 1
            print(f"   WRONG, {name}: {each}", flush=True)
    return broken


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.storm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("storms", nargs="*", choices=[*WITHIN_S, []], metavar="STORM", help="cut or restart; both where none is named")
    parser.add_argument("--devices", type=int, default=5_000, help="default 5,000")
    parser.add_argument("--rate", type=float, default=0.5, help="frames a second of each (default 0.5)")
    given = parser.parse_args()
    raise_descriptor_limit()
    directory, began_s = Path(tempfile.mkdtemp(prefix="tributary-storm-")), time.monotonic()
    broken = trio.run(_run, list(given.storms or WITHIN_S), given.devices, given.rate, directory)
    print(f"N = {given.devices:,} devices, {time.monotonic() - began_s:.0f} s")
    if broken:
        print(f"FAILED: {broken} things are not as promised; data and logs are kept in {directory}")
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
