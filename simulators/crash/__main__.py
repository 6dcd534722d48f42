"""`python -m simulators.crash [--short] [--seed N] [--rounds N] [--kills N]`: run the scenes, compare, print the verdict.

Owns the command line and the order of scenes. Exit code 0: every reading is where it must be; 1: the first difference is
printed by name; the directory with ledgers, spools and data is then kept. `make crash-test` runs it.
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from math import ceil
from pathlib import Path

import trio

from hub.client import HubClient
from simulators.crash.bulk import judge_bulk_device
from simulators.crash.disk import DiskUnavailable, SmallDisk, enter_namespace, small_disk
from simulators.crash.fleet import Fleet
from simulators.crash.ledger import Made
from simulators.crash.readback import judge_device
from simulators.crash.scenes import DRAIN_TIMEOUT_S, SMALL_SPOOL_BYTES, CrashPlan, Stage, device_kills, disk_fulls, hub_kills, overflows
from simulators.crash.store_scenes import BULK, BULK_DEVICES, BULK_FRAMES_PER_S, COARSE, server_kills, store_kills
from simulators.crash.sync_scenes import may_trace, slow_syncs, sync_errors
from simulators.crash.verdict import Verdict
from simulators.hub_process import HubProcess, free_port, raise_descriptor_limit
from simulators.victoria_process import VictoriaProcess, find_program

SMALL_DISK_BYTES = 96 * 1024 * 1024
NOTHING = CrashPlan(
    0, hub_kills=0, device_kills=0, overflows=0, disk_fulls=0, store_kills=0, server_kills=0, sync_errors=0, slow_syncs=0
)  # fmt: skip
Scene = Callable[[Stage, Fleet], Awaitable[None]]
Judge = Callable[[HubClient, str, Made], Awaitable[Verdict]]


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


async def play(stage: Stage, fleet: Fleet, scene: Scene, judge: Judge = judge_device) -> Verdict:
    """Play one scene on a running fleet, drain it, and compare all its devices."""
    try:
        await scene(stage, fleet)
        await fleet.drain(DRAIN_TIMEOUT_S)
    finally:
        await fleet.aclose()
    verdict = Verdict()
    async with HubClient(stage.hub.url, stage.hub.admin_token) as client:
        for device in fleet.devices:
            verdict.add(await judge(client, device.name, fleet.made(device)))
    say(f"{stage.name}: {verdict.line()}")
    return verdict


async def run(plan: CrashPlan, directory: Path, disk: SmallDisk | None) -> Verdict:
    """Play every scene that has rounds; hubs are gone when this returns."""
    verdict = Verdict()
    hub = HubProcess(directory / "data", port=free_port())
    try:
        hub.start()
        if plan.hub_kills:
            stage = Stage("kill", hub, directory, plan, say)
            verdict.add(await play(stage, await stage.fleet(plan.devices, plan.workers, plan.frames_per_s), hub_kills))
            verdict.differences += slow_starts(stage)
        if plan.device_kills:
            stage = Stage("device", hub, directory, plan, say)
            verdict.add(await play(stage, await stage.fleet(plan.devices, plan.workers, plan.frames_per_s), device_kills))
        if plan.overflows:
            stage = Stage("overflow", hub, directory, plan, say)
            verdict.add(await play(stage, await stage.fleet(5, 1, plan.frames_per_s, spool_bytes=SMALL_SPOOL_BYTES), overflows))
        for name, rounds, scene in (("error", plan.sync_errors, sync_errors), ("slow", plan.slow_syncs, slow_syncs)):
            if rounds:
                stage = Stage(name, hub, directory, plan, say)
                verdict.add(await play(stage, await stage.fleet(plan.devices, plan.workers, plan.frames_per_s), scene))
        if plan.store_kills:
            stage = Stage("store", hub, directory, plan, say)
            fleet = await stage.fleet(BULK_DEVICES, 1, BULK_FRAMES_PER_S, **BULK)
            verdict.add(await play(stage, fleet, store_kills, judge_bulk_device))
    finally:
        hub.kill()
    if disk is not None:
        verdict.add(await run_on_small_disk(plan, directory, disk))
    if plan.server_kills:
        verdict.add(await run_with_server(plan, directory))
    return verdict


def slow_starts(stage: Stage) -> list[str]:
    """Say how long a hub took to listen again, and what of that is against the plan's promise."""
    starts_s = sorted(stage.restarts_s)
    p99_s = starts_s[ceil(0.99 * len(starts_s)) - 1]
    say(f"{stage.name}: listened again after {starts_s[len(starts_s) // 2]:.2f} s (p50), {p99_s:.2f} s (p99), {starts_s[-1]:.2f} s at most")
    is_broken = stage.plan.listens_in_s is not None and p99_s >= stage.plan.listens_in_s
    return [f"the hub listened again only after {p99_s:.2f} s (p99)"] if is_broken else []


async def run_with_server(plan: CrashPlan, directory: Path) -> Verdict:
    """Play the scene of the database server on a hub of its own."""
    server = VictoriaProcess(directory / "server")
    environment = {"TRIBUTARY_STORE": server.store_url}
    hub = HubProcess(directory / "server-data", port=free_port(), environment=environment)
    try:
        await trio.to_thread.run_sync(server.start)
        hub.start()
        stage = Stage("server", hub, directory, plan, say)
        fleet = await stage.fleet(plan.devices, plan.workers, plan.frames_per_s, **COARSE)
        return await play(stage, fleet, lambda stage, fleet: server_kills(stage, fleet, server))
    finally:
        hub.kill()
        server.kill()


async def run_on_small_disk(plan: CrashPlan, directory: Path, disk: SmallDisk) -> Verdict:
    """Play the disk scene on a hub of its own."""
    hub = HubProcess(disk.path / "data", port=free_port(), log=directory / "disk.log")
    try:
        hub.start()
        stage = Stage("disk", hub, directory, plan, say)
        fleet = await stage.fleet(5, 1, min(plan.frames_per_s, 500))
        return await play(stage, fleet, lambda stage, fleet: disk_fulls(stage, fleet, disk))
    finally:
        hub.kill()


def plan_of(arguments: argparse.Namespace) -> CrashPlan:
    """Return what the command line asks for."""
    plan = CrashPlan(arguments.seed if arguments.seed is not None else secrets.randbits(32))
    if arguments.short:
        plan = CrashPlan(
            plan.seed,
            hub_kills=2,
            device_kills=1,
            overflows=1,
            disk_fulls=1,
            store_kills=1,
            most_changes=1,
            server_kills=0,  # tests/e2e/test_victoria*.py has them
            sync_errors=1,
            slow_syncs=0,
            devices=10,
            workers=2,
            frames_per_s=500,
            longest_s=1.0,
        )
    if arguments.store:
        plan = replace(plan, hub_kills=0, device_kills=0, overflows=0, disk_fulls=0, sync_errors=0, slow_syncs=0)
    if arguments.rounds is not None:
        changed = ("store_kills", "server_kills") if arguments.store else ("hub_kills", "device_kills")
        plan = replace(plan, **dict.fromkeys(changed, arguments.rounds))
    if arguments.kills is not None:
        load = {"devices": 200, "workers": 4, "frames_per_s": 3_000}
        plan = replace(NOTHING, seed=plan.seed, hub_kills=arguments.kills, listens_in_s=2.0, longest_s=8.0, **load)
    if arguments.sync:
        plan = replace(plan, **dict.fromkeys(("hub_kills", "device_kills", "overflows", "disk_fulls", "store_kills", "server_kills"), 0))
    return plan


def possible(plan: CrashPlan) -> CrashPlan:
    """Return what of a plan this machine can do, and say what it cannot."""
    if plan.server_kills and find_program() is None:
        say("NOT RUN, the scene of a database server: victoria-metrics is not installed")
        plan = replace(plan, server_kills=0)
    if (plan.sync_errors or plan.slow_syncs) and not may_trace():
        say("NOT RUN, the scenes of failing and slow syncs: strace is missing, or may not trace here")
        plan = replace(plan, sync_errors=0, slow_syncs=0)
    return plan


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.crash", description="Kill hubs and devices under load; no reading may be lost."
    )
    parser.add_argument("--short", action="store_true", help="2 hub kills, 1 device kill, 1 overflow, 1 full disk; below 40 s")
    parser.add_argument("--seed", type=int, help="draw the same faults again")
    parser.add_argument("--rounds", type=int, help="so many hub kills, and as many with a device process; with --store of each there")
    parser.add_argument("--kills", type=int, help="so many hub kills and nothing else, under 3,000 frames/s of 200 devices")
    parser.add_argument("--store", action="store_true", help="the scenes of the history store alone: its files, a database server")
    parser.add_argument("--sync", action="store_true", help="the scenes of syncs that fail or are slow alone")
    plan = possible(plan_of(parser.parse_args()))
    enter_namespace("simulators.crash")
    raise_descriptor_limit()
    directory, began = Path(tempfile.mkdtemp(prefix="tributary-crash-")), time.monotonic()
    say(f"crash test with seed {plan.seed} in {directory}")
    with ExitStack() as mounted:
        disk = None
        if plan.disk_fulls:
            try:
                disk = mounted.enter_context(small_disk(directory / "disk", SMALL_DISK_BYTES))
            except DiskUnavailable as reason:
                say(f"NOT RUN, the disk-full scene: {reason}")
        verdict = trio.run(run, plan, directory, disk)
    n = plan.hub_kills + plan.device_kills + plan.overflows + plan.store_kills + (plan.disk_fulls if disk else 0)
    n += plan.server_kills + plan.sync_errors + plan.slow_syncs
    say(f"N = {n} faults, seed {plan.seed}, {time.monotonic() - began:.0f} s: {verdict.line()}")
    if verdict.differences:
        say(f"FAILED: {verdict.differences[0]}")
        say(f"ledgers, spools, data and logs are kept in {directory}")
        return 1
    say("PASSED: every reading is in exactly one place")
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
