"""`python -m tests.fuzz --cases 10000`: the 24 families against a whole hub; what breaks is made small and kept in tests/fuzz/cases.

Owns the command line and what it prints. Exits with 1 where anything broke.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trio

from tests.fuzz.course import BATCH, CASES, MAX_GROWTH_BYTES, Course, Finding
from tests.fuzz.exchange import Exchange
from tests.fuzz.families import FAMILIES, GOOD, exchange_of
from tests.fuzz.stage import Stage, staged
from tests.fuzz.traces import Figures

_WARM = 4 * BATCH  # cases of good clients: more than what a hub keeps in memory of its traffic
_KEPT = 5  # of one family: more of them are mostly the same again


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--family", action="append", choices=[*FAMILIES, GOOD], help="only this one (H1 to H24), again and again")
    parser.add_argument("--cases", type=int, default=10_000, help="of each family (default 10,000)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--keep-nothing", action="store_true", help="do not minimise nor write files")
    return parser.parse_args()


async def _keep(course: Course, findings: Sequence[Finding], exchanges: Sequence[Exchange]) -> None:
    for finding in list({finding.exchange: finding for finding in findings}.values())[:_KEPT]:
        found = await course.minimised(finding, exchanges)
        if found is None:
            print("   not again when said alone")
            continue
        print(f"   {found[0].save(CASES, found[1][:500])}: {found[0].size_bytes} bytes in {len(found[0].steps)} steps")


async def _family(stage: Stage, family: str, seeds: range, before: Figures, *, is_kept: bool) -> tuple[int, Figures]:
    """Say the cases of a family; return how many broke something, and what the hub has then."""
    course, broken, began_s = Course(stage), 0, time.monotonic()
    for begin in range(seeds.start, seeds.stop, BATCH):
        exchanges = [exchange_of(family, seed) for seed in range(begin, min(begin + BATCH, seeds.stop))]
        findings = await course.batch(exchanges)
        for finding in findings[:20]:
            print(f"{family} seed {finding.exchange.seed if finding.exchange else f'{begin} and on'}: {finding.what}")
        broken += len(findings)
        for still in course.stood_still if findings else ():
            print(f"   the event loop stood still for {still}")
        course.stood_still.clear()
        if findings and is_kept:
            await _keep(course, findings, exchanges)
    now = await stage.settled()
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(course.counts.items()))
    print(
        f"{family}: {len(seeds):,} cases in {time.monotonic() - began_s:.0f} s, {broken} broken, "
        f"{(now.memory_bytes - before.memory_bytes) / 1e6:+.1f} MB; {counts}",
        flush=True,
    )
    return broken, now


async def _run(given: argparse.Namespace) -> int:
    seeds, broken = range(given.first, given.first + given.cases), 0
    with tempfile.TemporaryDirectory() as directory:
        async with staged(Path(directory)) as stage:
            _, first = await _family(stage, GOOD, range(_WARM), await stage.figures(), is_kept=False)
            last = first
            for family in given.family or FAMILIES:
                found, last = await _family(stage, family, seeds, last, is_kept=not given.keep_nothing)
                broken += found
            healthy = stage.healthy
        print(f"healthy device: {healthy.sent:,} frames, {healthy.acked:,} acked, the slowest after {healthy.slowest_ack_s:.2f} s")
        print(f"the hub's event loop was {stage.latest_s:.2f} s late at most")
    growth = last.memory_bytes - first.memory_bytes
    print(f"memory: the hub grew by {growth / 1e6:+.1f} MB; with good clients alone: {first}; at the end: {last}")
    if growth >= MAX_GROWTH_BYTES:
        print(f"that is more than {MAX_GROWTH_BYTES / 1e6:.0f} MB")
        broken += 1
    return broken


def main() -> int:
    """Run and print."""
    given = _arguments()
    print(f"seeds {given.first} to {given.first + given.cases - 1} of {len(given.family or FAMILIES)} families")
    broken = trio.run(_run, given)
    print(f"{broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
