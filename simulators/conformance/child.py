"""The client under test as a process of ours: started, killed like a power cut, started again.

Owns the process, what it prints and the folder that survives. Without one (launcher None) a person starts the client. stand.py owns it.
"""

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import trio


class Child:
    """One client. `command` is split as a shell would; no shell runs."""

    def __init__(self, command: str, environment: Mapping[str, str], folder: Path) -> None:
        self._command = shlex.split(command)
        self._environment = {**os.environ, **environment}
        self._printed = folder / "client.log"
        self._process: trio.Process | None = None

    def tell(self, more: Mapping[str, str]) -> None:
        """Give it more variables from its next start on."""
        self._environment |= more

    async def start(self) -> None:
        """Start it anew. Raises OSError where there is no such program."""
        with self._printed.open("ab") as printed:  # a small file of ours, once in a life
            self._process = await trio.lowlevel.open_process(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    async def kill(self) -> None:
        """Cut its power, and that of all it has started."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    @property
    def ended(self) -> int | None:
        """Its exit code, None while it runs."""
        return None if self._process is None else self._process.poll()

    def last_words(self) -> str:
        """Return the last line it printed."""
        lines = self._printed.read_text(errors="replace").strip().splitlines() if self._printed.exists() else []
        return lines[-1][:200] if lines else ""
