"""The device processes of a scene: started, killed at any moment, started again on the same spools, drained at the end.

Owns the processes and their plans; what they make is in the ledgers. Used by simulators/crash/scenes.py.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import trio

from simulators.crash.ledger import Made, read_ledger


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device of a scene. `spool_bytes` 0: the client's default."""

    name: str
    token: str
    spool: str
    ledger: str
    rate: float  # frames a second, of a reading of each channel
    spool_bytes: int = 0
    pack_every: int = 40  # frames; then a pack of so many readings,
    pack_values: int = 100
    pack_step_us: int = 1_000  # so far apart
    resolution_us: int = 1  # of the times of other readings


class FleetFailed(Exception):
    """A device process ended by itself, or did not drain in time."""


class Fleet:
    """Some devices spread over some processes."""

    def __init__(self, url: str, devices: Sequence[DevicePlan], workers: int) -> None:
        self.devices = devices
        self._plans = [json.dumps({"url": url, "devices": [asdict(device) for device in devices[at::workers]]}) for at in range(workers)]
        self._processes: list[trio.Process] = []

    async def start(self) -> None:
        """Start every process and wait until it runs."""
        for plan in self._plans:
            self._processes.append(await self._begin(plan))

    async def _begin(self, plan: str) -> trio.Process:
        command = [sys.executable, "-m", "simulators.crash.worker"]
        process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        await process.stdin.send_all(plan.encode() + b"\n")
        await self._expect(process, b"running", 30.0)
        return process

    async def _expect(self, process: trio.Process, word: bytes, timeout_s: float) -> None:
        assert process.stdout is not None
        heard = b""
        with trio.move_on_after(timeout_s) as scope:
            while word not in heard:
                piece = await process.stdout.receive_some(4096)
                if not piece:
                    raise FleetFailed(f"a device process ended (code {await process.wait()}) before it said {word.decode()}")
                heard += piece
        if scope.cancelled_caught:
            raise FleetFailed(f"a device process did not say {word.decode()} within {timeout_s:g} s")

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return len(self._processes)

    async def kill(self, at: int) -> None:
        """End one process with SIGKILL."""
        self._processes[at].kill()
        await self._processes[at].wait()

    async def restart(self, at: int) -> None:
        """Start a killed process again: same devices, same spools, new connections."""
        self._processes[at] = await self._begin(self._plans[at])

    def made(self, device: DevicePlan) -> Made:
        """Read what a device has made so far."""
        return read_ledger(Path(device.ledger))

    async def drain(self, timeout_s: float) -> None:
        """Stop making readings and wait until every spool is empty."""
        for process in self._processes:
            assert process.stdin is not None
            await process.stdin.send_all(b"stop\n")
        async with trio.open_nursery() as nursery:
            for process in self._processes:
                nursery.start_soon(self._expect, process, b"drained", timeout_s)
        for process in self._processes:
            await process.wait()

    async def aclose(self) -> None:
        """Kill what still runs."""
        with trio.CancelScope(shield=True):
            for process in self._processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
