"""`python -m tests.gate.page_soak --minutes 480`: whether a dashboard of twelve charts that stays open grows.

Owns the verdict on simulators/bench/soaking.py: exits with 1 where the heap is sure to grow by 50 MB or more in eight hours, that is where
even the lower bound of its slope says so. A soak of minutes is sure of little, and prints how little.
"""

import argparse
import sys
from typing import Final

from simulators.bench.course import run_bench
from simulators.bench.soaking import SoakPlan, run

MAX_KB_H: Final = 50 * 1_024 / 8


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.page_soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=480.0, help="how long the page stays open (default 480)")
    given = parser.parse_args()
    rows = run_bench(run, SoakPlan(given.minutes * 60), lambda line: print(line, flush=True))
    for row in rows:
        low, high = row.spread["ours"]
        print(f"{row.name}: {row.value:+,.0f} {row.unit}, {low:+,.0f} to {high:+,.0f} with 95 %")
    print(f"N = {given.minutes:g} minutes")
    heap = next(row for row in rows if row.unit == "KB/h")
    return int(heap.spread["ours"][0] >= MAX_KB_H)


if __name__ == "__main__":
    sys.exit(main())
