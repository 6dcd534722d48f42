"""The scenes of a disk that fails or is slow under a running hub: strace answers its syncs with an error, or lets them wait.

Owns the order of faults, drawn from the seed; judges what a ledger cannot tell: the exit code, how much memory a slow disk costs, and that
devices then send less ahead. As scenes.py, called by simulators/crash/__main__.py.
"""

import resource
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from hub.client import HubClient
from simulators.crash.fleet import Fleet
from simulators.crash.scenes import Stage, until

BROKEN_EXIT_CODE = 75  # the journal is broken (docs/operating.md)
END_TIMEOUT_S = 20.0
SLOW_S = (0.2, 1.0, 5.0)  # a sync
SLOW_FOR_S = 12.0  # and four syncs: two of three commits must have been slow before windows shrink
MAX_GROWTH_BYTES = 50 << 20
WHOLE_WINDOW_FRAMES = 256
SHRINKS_ABOVE_DEVICE_S = 100.0  # seconds of a commit times devices: well above 78, from where on windows shrink (docs/operating.md)


class FaultUnnoticed(Exception):
    """The hub did not do what it must; the text says what."""


def may_trace() -> bool:
    """Tell whether strace is here and may attach to other processes of ours."""
    if shutil.which("strace") is None:
        return False
    with subprocess.Popen(["sleep", "30"]) as sleeping:
        tried = subprocess.run(["timeout", "0.5", "strace", "-qq", "-o", "/dev/null", "-p", str(sleeping.pid)], capture_output=True)
        sleeping.kill()
    return b"attach" not in tried.stderr


def memory_bytes(pid: int) -> int:
    """Return how much memory a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


@asynccontextmanager
async def injected(stage: Stage, fault: str) -> AsyncIterator[None]:
    """Let the hub's syncs of the journal go wrong while the block runs."""
    log = stage.hub.data_dir / "journal.db-wal"
    options = ["-P", str(log), "-P", str(log.with_name("journal.db")), "-e", f"inject=fdatasync,fsync:{fault}"]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", *options, "-p", str(stage.hub.pid)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.run_process, command, check=False, capture_stderr=True))
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


async def sync_errors(stage: Stage, fleet: Fleet) -> None:
    """Let one sync of the journal fail, or every one from then on: the hub must end with its own exit code, and start again as it is."""
    for number in range(stage.plan.sync_errors):
        is_once = stage.dice.random() < 0.5
        await stage.a_while()
        async with injected(stage, f"error=EIO:when={stage.dice.randint(1, 20)}{'' if is_once else '+'}"):
            await until(lambda: _has_ended(stage), END_TIMEOUT_S, "the hub goes on after a sync has failed")
        if stage.hub.exit_code != BROKEN_EXIT_CODE:
            raise FaultUnnoticed(f"the hub ended with {stage.hub.exit_code} and not with {BROKEN_EXIT_CODE}: {stage.hub.tail(3)}")
        await stage.start_hub()
        stage.say(f"{stage.name}: sync error {number + 1}, {'once' if is_once else 'from then on'}, the hub ended with {BROKEN_EXIT_CODE}")


async def _has_ended(stage: Stage) -> bool:
    return not stage.hub.is_running()


async def slow_syncs(stage: Stage, fleet: Fleet) -> None:
    """Let each sync of the journal take long: acks come late, devices send less ahead, the hub answers.

    It takes no more memory than its bound.
    """
    async with HubClient(stage.hub.url, stage.hub.admin_token) as client:
        for number in range(stage.plan.slow_syncs):
            await stage.a_while()
            sync_s = SLOW_S[number % len(SLOW_S)]
            before_bytes = memory_bytes(stage.hub.pid)
            async with injected(stage, f"delay_enter={int(sync_s * 1e6)}"):
                looks = await _looks(stage, client, SLOW_FOR_S + 4 * sync_s)
            grown = max(look.memory_bytes for look in looks) - before_bytes
            window, slowest_s = min(look.window_frames for look in looks), max(look.answer_s for look in looks)
            said = f"{grown / 1e6:.0f} MB more memory, windows down to {window:.0f} frames, slowest answer after {slowest_s:.2f} s"
            stage.say(f"{stage.name}: slow sync {number + 1}, {sync_s:g} s each, {said}")
            if grown > MAX_GROWTH_BYTES:
                raise FaultUnnoticed(f"a disk that takes {sync_s:g} s for a sync made the hub take {grown:,} bytes")
            if sync_s * stage.plan.devices > SHRINKS_ABOVE_DEVICE_S and window >= WHOLE_WINDOW_FRAMES:
                raise FaultUnnoticed(f"a disk that takes {sync_s:g} s for a sync left {stage.plan.devices} devices their whole window")


class _Look(NamedTuple):
    memory_bytes: int
    window_frames: float
    answer_s: float


async def _looks(stage: Stage, client: HubClient, for_s: float) -> list[_Look]:
    """Ask the hub again and again, for so long."""
    looks, ends_s = [], trio.current_time() + for_s
    while trio.current_time() < ends_s:
        asked_s = trio.current_time()
        figures = dict(line.split() for line in (await client.metrics()).splitlines() if line.startswith("tributary_devices_"))
        window_frames = float(figures["tributary_devices_window_frames"])
        looks.append(_Look(memory_bytes(stage.hub.pid), window_frames, trio.current_time() - asked_s))
        await trio.sleep(0.2)
    return looks
