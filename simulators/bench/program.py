"""A helper program of a benchmark as a process: started with a plan, asked line by line, gone when its block is left.

Owns the process and the conversation; answering.py is the other side. Senders, viewers and floors are run by it.
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from simulators.bench.errors import BenchError

ANSWER_TIMEOUT_S: Final = 400.0  # filling a store, opening thousands of connections on a busy machine takes its time


class Program:
    """A running program and its answers."""

    def __init__(self, name: str, process: trio.Process) -> None:
        self.name = name
        self._process = process
        self._heard = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, line: str) -> dict[str, Any]:
        """Say a line and return the answer. Raises BenchError where the program has given up or does not answer."""
        assert self._process.stdin is not None
        try:
            with trio.fail_after(ANSWER_TIMEOUT_S):
                await self._process.stdin.send_all(line.encode() + b"\n")
                answer = await self._line()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            answer = await self._line()  # why it ended
        except trio.TooSlowError:
            raise BenchError(f"{self.name} did not answer within {ANSWER_TIMEOUT_S:g} s", "ask for less load") from None
        said: dict[str, Any] = json.loads(answer)
        if "failed" in said:
            raise BenchError(f"{self.name}: {said['failed']}", "ask for less load, or look at what else this machine does")
        return said

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        while b"\n" not in self._heard:
            piece = await self._process.stdout.receive_some(65_536)
            if not piece:
                raise BenchError(f"{self.name} ended with code {await self._process.wait()}", "its reason stands above")
            self._heard += piece
        answer, _, self._heard = self._heard.partition(b"\n")
        return answer


@asynccontextmanager
async def started(name: str, plan: Mapping[str, Any]) -> AsyncIterator[tuple[Program, dict[str, Any]]]:
    """Start simulators/bench/<name>.py with its plan; yields it and its first answer. It is gone when the block is left."""
    command = [sys.executable, "-m", f"simulators.bench.{name}"]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        program = Program(name, process)
        yield program, await program.ask(json.dumps(plan))
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            await trio.aclose_forcefully(stream)
