"""A real hub as a process of its own: started, killed, stopped, and asked where it listens.

Owns the process and its log file; speaks no HTTP (hub.client does). Used by the benchmarks, the crash test and the
end-to-end tests. Its methods block; call them from a thread where an event loop must go on.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class HubFailed(Exception):
    """The hub ended, or did not listen in time; the text has the end of its log."""


def raise_descriptor_limit() -> int:
    """Let this process and the ones it starts open as many files as the system allows; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port() -> int:
    """Return a port that is free now, for a hub that must come back on the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serve_command(data_dir: Path, port: int) -> list[str]:
    """Return the command line of a hub on this data directory."""
    return [str(Path(sys.executable).parent / "tributary"), "serve", "--port", str(port), "--data-dir", str(data_dir)]


class HubProcess:
    """One hub on one data directory; `start` after `kill` or `stop` makes the next life of the same hub.

    What it prints goes to `log`, beside the data directory, so that a full data directory stays as full as it was.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.data_dir = data_dir
        self.port = port
        self.log = log or data_dir.with_name(data_dir.name + ".log")
        self.url = ""
        # What is counted here is what devices send: the hub's own figures stay out of it.
        self._environment = {**os.environ, "TRIBUTARY_OWN_DEVICE": "", **(environment or {})}
        self._prefix = prefix  # a command that becomes the one behind it
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the present life; raises HubFailed where there is none."""
        if self._process is None:
            raise HubFailed("the hub was not started")
        return self._process.pid

    @property
    def admin_token(self) -> str:
        """The admin credential, which the hub writes into its data directory."""
        return (self.data_dir / "admin.token").read_text().strip()

    @property
    def device_url(self) -> str:
        """The WebSocket address for devices."""
        return self.url.replace("http", "ws", 1) + "/v1/device"

    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the last life ended; None while it goes on."""
        return None if self._process is None else self._process.poll()

    def start(self, timeout_s: float = 30.0, arguments: Sequence[str] = ()) -> float:
        """Start and return after how many seconds it listened. Raises HubFailed."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            command = [*self._prefix, *serve_command(self.data_dir, self.port), *arguments]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment)
        while not self._listens():
            if not self.is_running():
                raise HubFailed(f"the hub ended with code {self._process.returncode}: {self.tail()}")
            if time.monotonic() - began > timeout_s:
                self.kill()
                raise HubFailed(f"the hub did not listen within {timeout_s:g} s: {self.tail()}")
            time.sleep(0.01)  # waits for a condition: a file of another process
        return time.monotonic() - began

    def _listens(self) -> bool:
        """Tell whether hub.json of this very process is there and its port is open."""
        try:
            said = json.loads((self.data_dir / "hub.json").read_text())
        except (OSError, ValueError):
            return False
        if said.get("pid") != self.pid:
            return False
        self.url = str(said["url"]).rstrip("/")
        host, _, port = self.url.rpartition("/")[2].rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def tail(self, lines: int = 12) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """End it with SIGKILL; nothing of it runs when this returns."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, timeout_s: float = 20.0) -> int:
        """Ask it to stop and return its exit code; raises HubFailed where it does not within `timeout_s`."""
        if self._process is None:
            return 0
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise HubFailed(f"the hub did not stop within {timeout_s:g} s of SIGTERM: {self.tail()}") from None
