"""A real VictoriaMetrics as a process of its own, on a free port and a directory: started, stopped, killed, started again.

Owns the process and the flags that docs/operating.md asks for; knows nothing of what is stored. Used by the benchmarks, the backlog and
the crash test. Its methods block; call them from a thread where an event loop must go on.
"""

import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from simulators.hub_process import free_port

PROGRAM: Final = "victoria-metrics"
_FLAGS: Final = ("-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y", "-selfScrapeInterval=0", "-loggerLevel=WARN")
_BUSY: Final = re.compile(r"^vm_(?:active_merges|pending_rows)\{.*\} (\S+)$", re.MULTILINE)
_QUIET_S: Final = 2.0


class VictoriaFailed(Exception):
    """The server ended, or did not answer in time; the text has the end of its log."""


def find_program() -> str | None:
    """Return the path of the server, None where it is not installed."""
    return shutil.which(PROGRAM)


class VictoriaProcess:
    """One server on one directory; `start` after `kill` or `stop` makes the next life of the same one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory.with_name(directory.name + ".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def store_url(self) -> str:
        """What the hub's setting `store` says."""
        return f"victoriametrics+{self.url}"

    @property
    def pid(self) -> int:
        """The process id of the present life."""
        assert self._process is not None
        return self._process.pid

    def start(self, timeout_s: float = 30.0) -> None:
        """Start and return once it answers. Raises VictoriaFailed."""
        program = find_program()
        if program is None:
            raise VictoriaFailed(f"{PROGRAM} is not installed")
        command = [program, f"-storageDataPath={self.directory}", f"-httpListenAddr=127.0.0.1:{self.port}", *_FLAGS]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline_s = time.monotonic() + timeout_s
        while not self._answers("/health"):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                raise VictoriaFailed(f"{PROGRAM} did not answer: {self.log.read_text(errors='replace')[-2_000:]}")
            time.sleep(0.01)  # waits for a condition: another process's port

    def _answers(self, path: str, timeout_s: float = 1.0) -> bool:
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def rest(self, timeout_s: float = 120.0) -> None:
        """Wait until it merges nothing: asked to stop in the middle of a merge, 1.79 loses what is in memory. Raises VictoriaFailed."""
        deadline_s, quiet_s = time.monotonic() + timeout_s, time.monotonic() + _QUIET_S
        while time.monotonic() < quiet_s:
            if any(float(value) for value in _BUSY.findall(self._metrics())):
                quiet_s = time.monotonic() + _QUIET_S
            if time.monotonic() > deadline_s:
                raise VictoriaFailed(f"{PROGRAM} was still merging after {timeout_s:g} s")
            time.sleep(0.05)  # waits for a condition: another process's work

    def _metrics(self) -> str:
        with urllib.request.urlopen(self.url + "/metrics", timeout=10) as answer:
            said: bytes = answer.read()
        return said.decode()

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, timeout_s: float = 60.0) -> None:
        """Ask it to stop; it writes what it has in memory first. Raises VictoriaFailed."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise VictoriaFailed(f"{PROGRAM} did not stop within {timeout_s:g} s of SIGTERM") from None
