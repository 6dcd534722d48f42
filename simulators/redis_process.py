"""A real Redis as a process of its own, on a free port and a directory: started, killed, started again.

Owns the process and the settings that docs/operating.md asks for: each change is synced before it is answered. Knows nothing of what is
kept. Its methods block; call them from a thread where an event loop must go on.
"""

import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from simulators.hub_process import free_port

PROGRAM: Final = "redis-server"
_SETTINGS: Final = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
_START_S: Final = 20.0


class RedisFailed(Exception):
    """The server ended, or did not answer in time."""


class RedisProcess:
    """One server on one directory; `start` after `kill` makes the next life of the same one. With a `config` it is a sentinel, by that."""

    def __init__(self, directory: Path, *arguments: str, config: Path | None = None) -> None:
        self._directory = directory
        self._arguments = arguments
        self._config = config
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What the hub's setting `redis_url` says."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id of the present life."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and return once it answers and has read what it kept. Raises RedisFailed."""
        self._directory.mkdir(parents=True, exist_ok=True)
        place = ("--port", str(self.port), "--dir", str(self._directory), "--bind", "127.0.0.1")
        command = [PROGRAM, *([] if self._config is None else [str(self._config)]), *place]
        command += _SETTINGS if self._config is None else ["--sentinel"]
        command += self._arguments
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline_s = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                raise RedisFailed((self._directory / "redis.log").read_text()[-2_000:])
            time.sleep(0.01)  # waits for a condition: another process's port

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
