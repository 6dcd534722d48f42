"""The worker processes of a simulation: started, told, heard, killed and started again.

Owns one process and its two pipes; what is said is for whoever listens. A worker runs in a session of its own, so that a Ctrl-C at the
terminal reaches the course alone, which then cleans up. course.py has one for each part of the fleet.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import trio

from simulators.fleet.errors import FleetError
from simulators.fleet.plans import WorkerPlan

Heard = Callable[["Worker", dict[str, Any]], None]


class Worker:
    """One worker: `run` starts it and listens until cancelled; `restart` follows `kill`."""

    def __init__(self, program: str, plan: WorkerPlan, heard: Heard) -> None:
        self.plan = plan
        self.program = program
        self.is_killed = False  # by us: its end is no failure
        self._heard = heard
        self._process: trio.Process | None = None
        self._words: dict[str, trio.Event] = {}
        self._writing = trio.Lock()  # faults of the same moment speak to the same worker

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start the process and hear it, also after a kill; kills it when cancelled. Raises FleetError where it ends by itself."""
        try:
            await self._start()
            task_status.started()
            while True:
                process = self._process
                assert process is not None
                await self._listen(process)
                code = await process.wait()
                if process is self._process and not self.is_killed:
                    raise FleetError(f"a worker process ended by itself (code {code})", "what it printed is above")
                while self.is_killed:
                    await self._word("restarted").wait()
        finally:
            with trio.CancelScope(shield=True):
                await self._end()

    async def _start(self) -> None:
        command = [sys.executable, "-m", f"simulators.fleet.{self.program}"]
        self._process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        await self._write(self.plan.line())

    async def _listen(self, process: trio.Process) -> None:
        assert process.stdout is not None
        rest = b""
        while piece := await process.stdout.receive_some(1 << 18):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                said = json.loads(line)
                self._heard(self, said)
                self._word(said["say"]).set()

    def _word(self, word: str) -> trio.Event:
        return self._words.setdefault(word, trio.Event())

    async def heard(self, word: str) -> None:
        """Return once it has said a word in this life."""
        await self._word(word).wait()

    async def order(self, do: str, **more: Any) -> None:
        """Tell it something; a worker that is killed just now is told nothing."""
        if not self.is_killed:
            await self._write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def _write(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            async with self._writing:
                with trio.CancelScope(shield=True):  # half a line would be nonsense; a pipe takes it at once
                    await self._process.stdin.send_all(line)
        except trio.BrokenResourceError:
            pass  # it has ended, which `run` tells

    async def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        self.is_killed = True
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def restart(self, begin_us: int) -> None:
        """Begin its next life: the same devices on the same spools, in the middle of a schedule that is known."""
        self.plan = replace(self.plan, life=self.plan.life + 1, begin_us=begin_us)
        before, self._words = self._words, {}
        await self._start()
        self.is_killed = False
        before.setdefault("restarted", trio.Event()).set()

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with trio.move_on_after(3):
                await self.order("quit")
                await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
