"""A real Mosquitto as a process of its own, on a free port and a directory: started, killed, started again.

Owns the process and its configuration, which is kinder than the usual one: nothing is thrown away where a subscriber is slow. Knows
nothing of what is published. Used by `tributary bench peers`. Its methods block; call them from a thread.
"""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from simulators.bench.errors import BenchError
from simulators.hub_process import free_port

# Debian's package puts it where only root's PATH looks.
PLACES: Final = ("mosquitto", "/usr/sbin/mosquitto")
_START_S: Final = 10.0
_CONFIG: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/
max_inflight_messages 0
max_queued_messages 0
max_connections -1
log_dest file {directory}/mosquitto.log
log_type error
"""


def find_mosquitto() -> str | None:
    """Return the path of the broker, None where it is not installed."""
    return next((found for place in PLACES if (found := shutil.which(place))), None)


class MosquittoProcess:
    """One broker on one directory; `start` after `kill` makes the next life of the same one."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._config = directory / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the present life."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and return once it listens. Raises BenchError."""
        program = find_mosquitto()
        if program is None:
            raise BenchError("mosquitto is not installed", "apt-get install mosquitto")
        self._directory.mkdir(parents=True, exist_ok=True)
        self._config.write_text(_CONFIG.format(port=self.port, directory=self._directory))
        # As root it would become the user `mosquitto`, who may not write here.
        command = [program, "-c", str(self._config)]
        self._directory.chmod(0o777)
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline_s = time.monotonic() + _START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                raise BenchError(f"mosquitto did not listen within {_START_S:g} s", f"look at {self._directory}/mosquitto.log")
            time.sleep(0.01)  # waits for a condition: another process's port

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
