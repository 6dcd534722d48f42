"""`python -m tests.gate.slow_viewers --viewers 50 --dead 10`: what viewers that do not read do to the delay of the others.

Owns the verdict on simulators/bench/crowd.py: windows without and with them in turn, seven of each and one without at the end. A pair is a
window with them and the one before it; an idle pair is two windows without, as far apart: by how much those differ is what the machine
does by itself. Exits with 1 where the others' p99 grows by a tenth or more, and by more than idle pairs differ; where the hub grows by 5 MB
or more for each; or where one that is slow did not get the spike of one reading.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from simulators.bench.course import Say, run_bench, running_hub
from simulators.bench.crowd import CrowdPlan, CrowdRuns, measure_crowd
from simulators.bench.fanout import watching
from simulators.bench.report import BenchRow

MAX_CHANGE: Final = 0.10
MAX_GROWTH_MB: Final = 5.0  # for each that does not read
DEVICES: Final = 2


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the runs say: changes of p99 as parts of it, memory in MB."""

    change: float
    idle: tuple[float, ...]
    grown_mb: float
    allowed_mb: float
    lost_spikes: int

    @property
    def holds(self) -> bool:
        """Tell whether everything is as promised."""
        is_quick = self.change < MAX_CHANGE or self.change <= max(map(abs, self.idle))
        return is_quick and self.grown_mb < self.allowed_mb and not self.lost_spikes


def judge(runs: CrowdRuns, slow_ones: int) -> Judgement:
    """Compare each window with the one before it, and windows without with each other."""
    changes = [beside / alone - 1 for beside, alone in zip(runs.with_ms, runs.without_ms, strict=False)]
    idle = tuple(after / before - 1 for before, after in pairwise(runs.without_ms))
    lost = sum(not found for found in runs.spikes_found)
    return Judgement(median(changes), idle, max(runs.grown_mb), MAX_GROWTH_MB * slow_ones, lost)


async def _run(plan: CrowdPlan, runs: CrowdRuns, say: Say) -> None:
    async with running_hub(plan.viewers + DEVICES) as hub:
        devices = await hub.provision(DEVICES)
        await measure_crowd(plan, hub, devices, watching(hub, devices), runs, say)


def _said(judgement: Judgement, runs: CrowdRuns) -> Sequence[str]:
    idle = f"idle pairs {min(judgement.idle):+.1%} to {max(judgement.idle):+.1%}"
    return (
        f"N = {len(runs.with_ms)} pairs",
        f"p99 {median(runs.without_ms):.1f} ms without, {median(runs.with_ms):.1f} ms with them: {judgement.change:+.1%}, {idle}",
        f"the hub grew by {judgement.grown_mb:.1f} MB at most, {judgement.allowed_mb:.0f} MB allowed; {judgement.lost_spikes} spikes lost",
    )


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.slow_viewers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--viewers", type=int, default=500, help="in all (default 500)")
    parser.add_argument("--dead", type=int, default=100, help="of them, who never read (default 100); one more is slow")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each window (default 5)")
    given = parser.parse_args()
    plan = CrowdPlan(viewers=given.viewers, dead=given.dead, seconds=given.seconds, pairs=given.pairs)
    runs = CrowdRuns()

    async def bench(plan: CrowdPlan, say: Say) -> list[BenchRow]:
        await _run(plan, runs, say)
        return []

    run_bench(bench, plan, lambda line: print(line, flush=True))
    judgement = judge(runs, plan.slow + plan.dead)
    print(*_said(judgement, runs), sep="\n")
    return 0 if judgement.holds else 1


if __name__ == "__main__":
    sys.exit(main())
