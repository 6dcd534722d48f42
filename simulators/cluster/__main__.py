"""`python -m simulators.cluster [--short] [--seed N]`: three nodes behind HAProxy, what is done to them, the audit, a table.

Owns the command line, the load, and which acts are played on which. Exit code 0: everything is as promised; 1: the first thing that is
not is named, and the directory with logs and data is kept. `make cluster-test` runs it.
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import trio

from simulators.cluster.acts import Acts, Plan, Row
from simulators.cluster.stand import Stand
from simulators.fleet.course import Course, Wish
from simulators.fleet.figures import Figures
from simulators.fleet.report import Report
from simulators.fleet.scenario import Commands, Group, Phase, Scenario, Viewers
from simulators.hub_process import raise_descriptor_limit
from simulators.influx_bucket import URL

WORKERS: Final = 2  # processes of devices
LONGEST_S: Final = 1_800.0  # of a load; the acts end it
LOADS: Final = (("calm", "kills"), ("redis_killed",), ("flapping",), ("rolling",))  # each is audited by itself
OF_STORE: Final = (("calm", "kill_for_good"),)  # where acks wait for the store
CHANNELS: Final = ({"name": "air", "kind": "temperature"},)  # one, so that a minute of all devices is shown reading by reading


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def scenario_of(plan: Plan, name: str) -> Scenario:
    """Return the load."""
    return Scenario(
        name=name,
        seed=plan.seed,
        groups=(Group(name, plan.devices, plan.rate, tables=CHANNELS),),
        phases=(Phase("load", LONGEST_S),),
        commands=Commands(plan.commands, ttl_s=20.0, takes_s=0.05),
        viewers=Viewers(plan.viewers, plan.devices),
    )


async def play(plan: Plan, directory: Path, loads: Sequence[Sequence[str]], *, on_influxdb: bool) -> list[Row]:
    """Run a cluster, and one load after another with its acts; return the rows of the table."""
    stand, rows = Stand(directory, on_influxdb=on_influxdb), list[Row]()
    try:
        await trio.to_thread.run_sync(stand.start)
        await stand.open()
        for acts in loads:
            rows += await play_on_load(stand, plan, acts)
        return [*rows, row_of_logs(stand)]
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(stand.close)


async def play_on_load(stand: Stand, plan: Plan, names: Sequence[str]) -> list[Row]:
    """Play some acts while devices send, then compare everything with what they sent."""
    figures, enough = Figures(["load"]), trio.Event()
    name = "-".join(names).replace("_", "-")
    acts = Acts(stand, plan, figures, lambda line: say(f"  {line}"))
    wish = Wish(WORKERS, keep=stand.directory / f"{name}.json", enough=enough)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(acts.run, names, enough)
        report = await Course(scenario_of(plan, name), stand.place, wish, figures, lambda line: None).run()
    audit = audited(report, ", ".join(names).replace("_", " "))
    for row in audit:
        say(f"  {row.what}: {row.measured}")
    return [*acts.rows, *audit]


def audited(report: Report, of: str) -> list[Row]:
    """Return what the audit says of a load."""
    stored, shown, wrong = report.stored, report.shown, report.commands["wrong"]
    excused = "".join(f", {count:,} {name.replace('_', ' ')}" for name, count in stored["excused"].items() if count)
    first = f"; the first: {report.differences[0].line()}" if report.differences else ""
    left = f"; {sum(report.not_acked.values())} frames were never acked" if report.not_acked else ""
    readings = f"{stored['made']:,} readings made, {stored['stored']:,} stored once{excused}; {report.different} differ{first}{left}"
    of_all = f"{stored['made'] * shown['viewers']:,}"
    seen = f"{shown['viewers']} viewers were shown {shown['shown']:,} of {of_all} readings one by one, {shown['merged']:,} more in buckets"
    ended = ", ".join(f"{count:,} {state}" for state, count in sorted(report.commands["ended"].items()))
    first = f": {wrong[0]}" if wrong else ""
    commands = f"{report.commands['sent']:,} commands, each in one final state ({ended}); {len(wrong)} wrong{first}"
    is_clean = not report.different and not report.not_acked
    return [
        Row(f"audit of {of}", readings, is_good=is_clean),
        Row(f"audit of {of}", seen, is_good=is_clean),
        Row(f"audit of {of}", commands, is_good=not wrong),
    ]


def row_of_logs(stand: Stand) -> Row:
    """Return whether a node logged an error of its own."""
    found = stand.tracebacks()
    return Row("logs", f"tracebacks in those of {', '.join(found)}" if found else "no traceback in any node's", is_good=not found)


def table(rows: Sequence[Row]) -> str:
    """Return the rows for a terminal."""
    width = max(len(row.what) for row in rows)
    return "\n".join(f"{'ok  ' if row.is_good else 'FAIL'}  {row.what.ljust(width)}  {row.measured}" for row in rows)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return what the command line asks for."""
    plan = Plan(arguments.seed if arguments.seed is not None else secrets.randbits(32))
    if arguments.short:
        plan = replace(plan, devices=24, viewers=3, calm_s=1.0, kills=1, redis_s=2.0, flap_s=3.0, rolls=1)
    return replace(plan, devices=arguments.devices or plan.devices, rate=arguments.rate or plan.rate)


async def run(plan: Plan, directory: Path, loads: Sequence[Sequence[str]], *, has_influxdb: bool) -> list[Row]:
    """Play all that can be played here."""
    say("on VictoriaMetrics")
    rows = await play(plan, directory / "victoria", loads, on_influxdb=False)
    if has_influxdb:
        say("on InfluxDB with ack_after = store; the node that is killed does not come back")
        of_store = await play(plan, directory / "influxdb", OF_STORE, on_influxdb=True)
        rows += [replace(row, what=f"InfluxDB: {row.what}") for row in of_store]
    return rows


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.cluster", description="Kill and restart nodes and Redis behind HAProxy; nothing acked may be lost."
    )
    parser.add_argument("--short", action="store_true", help="everything once and briefly, on one load; some 50 s")
    parser.add_argument("--seed", type=int, help="draw the same faults again")
    parser.add_argument("--devices", type=int, help="so many, up to 100: each viewer watches all")
    parser.add_argument("--rate", type=float, help="frames a second of each device")
    arguments = parser.parse_args()
    plan = plan_of(arguments)
    raise_descriptor_limit()
    directory, began_s = Path(tempfile.mkdtemp(prefix="tributary-cluster-")), time.monotonic()
    say(f"cluster test with seed {plan.seed} in {directory}")
    loads = [tuple(chain.from_iterable(LOADS))] if arguments.short else LOADS
    rows = trio.run(partial(run, plan, directory, loads, has_influxdb=bool(URL)))
    say(f"\n{table(rows)}\n")
    if not URL:
        say("NOT RUN, ack_after = store: TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")
    say(f"seed {plan.seed}, {time.monotonic() - began_s:.0f} s")
    if wrong := [row for row in rows if not row.is_good]:
        say(f"FAILED: {wrong[0].what}: {wrong[0].measured}")
        say(f"data and logs are kept in {directory}")
        return 1
    say("PASSED: nothing that was acked is lost, and everything went on elsewhere")
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
