"""One life of a worker as a process: started, said to listen, ended.

Owns the process and its two pipes: by the one it says that it listens, and by the end of the other it notices that its parent is gone.
Knows nothing of the others. Used by supervisor.py.
"""

import subprocess
from collections.abc import Sequence
from typing import Final

import structlog
import trio

_READY: Final = b"ready "
_STOP_S: Final = 30.0  # for saying bye to everybody and committing what there is
_log: Final = structlog.get_logger(__name__)


class WorkerProcess:
    """A process that runs."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str]) -> "WorkerProcess":
        """Start it, out of reach of the terminal's signals: its parent passes them on."""
        pipe = subprocess.PIPE
        return cls(await trio.lowlevel.open_process(list(command), stdin=pipe, stdout=pipe, start_new_session=True))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def is_ready(self) -> bool:
        """Return whether it listens; False where it ended before. What it says later nobody reads."""
        said, out = b"", self._process.stdout
        assert out is not None
        async for part in out:
            said += part
            if _READY in said:
                return True
        return False

    async def ended(self) -> int:
        """Wait for its end; return its exit code, below 0 that of a signal."""
        return await self._process.wait()

    def ask_to_stop(self) -> None:
        """Have it stop in order; nothing where it has ended."""
        if self._process.returncode is None:
            self._process.terminate()

    async def stop(self) -> None:
        """Have it stop, and return when it has; one that does not is killed."""
        self.ask_to_stop()
        with trio.move_on_after(_STOP_S):
            await self._process.wait()
            return
        _log.error("worker_killed", pid=self.pid, reason=f"it did not stop within {_STOP_S:g} s")
        self._process.kill()
        await self._process.wait()

    async def aclose(self) -> None:
        """Close the pipes."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                await trio.aclose_forcefully(pipe)
