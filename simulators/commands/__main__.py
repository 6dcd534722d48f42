"""`python -m simulators.commands [--short] [--seed N] [--commands N]`: send commands among faults, compare, print the verdict.

Owns the command line. Exit code 0: no command ran twice and each has ended in exactly one state; 1: the first difference is printed, and
the directory with data, spools and files of runs is kept. `make command-test` runs it.
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import trio

from simulators.commands.course import CommandPlan, Course
from simulators.commands.groups import FIRST
from simulators.commands.verdict import differences, runs_of
from simulators.faults import fault_proxy
from simulators.hub_process import HubProcess, free_port, raise_descriptor_limit

_TOLD = ("outcome_unknown", "interrupted", "busy")  # reasons that say what kind of end it is


async def run(plan: CommandPlan, directory: Path) -> list[str]:
    """Play the course on a hub of its own, print what happened, return the differences."""
    hub = HubProcess(directory / "data", port=free_port())
    try:
        hub.start()
        async with fault_proxy("127.0.0.1", hub.port) as proxy:
            course = Course(plan, hub, proxy, directory)
            items = await course.run()
    finally:
        hub.kill()
    runs = runs_of(course.runs, FIRST)
    ends = Counter(f"{item['state']} ({item['reason']})" if item.get("reason") in _TOLD else item["state"] for item in items.values())
    print(f"faults: {', '.join(f'{count} x {name}' for name, count in course.faults.items())}", flush=True)
    print(f"ends: {', '.join(f'{count:,} {end}' for end, count in ends.most_common())}; {runs.total():,} runs", flush=True)
    print(f"{plan.commands:,} commands to one device, {len(course.told) - plan.commands:,} as parts of commands to all", flush=True)
    return course.groups.wrong + differences(course.told, items, runs)


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulators.commands", description="Send commands to devices that are cut and killed.")
    parser.add_argument("--short", action="store_true", help="600 commands; below 20 s")
    parser.add_argument("--seed", type=int, help="draw the same faults again")
    parser.add_argument("--commands", type=int, help="so many instead of 10,000")
    arguments = parser.parse_args()
    plan = CommandPlan(arguments.seed if arguments.seed is not None else secrets.randbits(32))
    if arguments.short:
        plan = replace(plan, commands=600, devices=6, workers=2, pause_s=(0.05, 0.3), hub_kills=1, short_lived=0.0, groups=6)
    plan = replace(plan, commands=arguments.commands) if arguments.commands else plan
    raise_descriptor_limit()
    directory, began = Path(tempfile.mkdtemp(prefix="tributary-commands-")), time.monotonic()
    print(f"command test with seed {plan.seed} in {directory}", flush=True)
    found = trio.run(run, plan, directory)
    print(
        f"{plan.commands:,} commands and those to all, seed {plan.seed}, {time.monotonic() - began:.0f} s: {len(found)} differences",
        flush=True,
    )
    if found:
        print(f"FAILED: {found[0]}\ndata, spools and files of runs are kept in {directory}", flush=True)
        return 1
    print("PASSED: no command ran twice, each has ended in exactly one state", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
