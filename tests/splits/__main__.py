"""`python -m tests.splits --splits 1000`: cut nodes off from Redis again and again, and look for commands that ran twice.

Owns the command line and what it prints. Exits with 1 where anything was wrong.
"""

import argparse
import sys
import time

import trio

from tests.splits.course import run


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.splits", description="Cut nodes off from Redis while devices move.")
    parser.add_argument("--splits", type=int, default=1_000, help="how many (default 1,000)")
    parser.add_argument("--seed", type=int, default=1, help="of what goes when (default 1)")
    given = parser.parse_args()
    began_s = time.monotonic()
    outcome = trio.run(run, given.splits, given.seed)
    doubled = sum(times > 1 for times in outcome.runs.values())
    took_s, ran = time.monotonic() - began_s, sum(outcome.runs.values())
    print(f"{outcome.splits:,} splits in {took_s:.0f} s: {len(outcome.made):,} commands, {ran:,} ran, {doubled} of them twice;")
    print(f"{outcome.stale:,} messages of nodes whose device another one had were refused")
    print(*outcome.complaints, sep="\n")
    return 1 if outcome.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
