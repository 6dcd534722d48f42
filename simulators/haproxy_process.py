"""A real HAProxy before several nodes, by docs/deploy/haproxy-nodes.cfg with other ports and without TLS.

Owns the process and what it says of its servers; the configuration is the one that is shipped. Used by simulators/cluster.
"""

import csv
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from simulators.hub_process import free_port

PROGRAM: Final = "haproxy"
SHIPPED: Final = Path(__file__).parents[1] / "docs" / "deploy" / "haproxy-nodes.cfg"
_SERVER: Final = re.compile(r"^    server .*\n", re.MULTILINE)
_BIND: Final = re.compile(r"^    bind :443 .*$", re.MULTILINE)
_START_S: Final = 10.0


class HaproxyFailed(Exception):
    """It ended, or did not listen in time; the text has the end of its log."""


def configuration(shipped: str, port: int, nodes: Mapping[str, str], control: Path) -> str:
    """Return the shipped text with these nodes (name -> host:port), listening on a port of this machine; it can be asked at `control`."""
    if not _SERVER.search(shipped) or not _BIND.search(shipped):
        raise HaproxyFailed(f"{SHIPPED} has no servers or no bind line as they are expected")
    servers = "".join(f"    server {name} {place}\n" for name, place in nodes.items())
    text = _SERVER.sub("", shipped).replace("    balance", f"{servers}    balance")
    return f"global\n    stats socket {control}\n{_BIND.sub(f'    bind 127.0.0.1:{port}', text)}"


class HaproxyProcess:
    """One HAProxy before these nodes."""

    def __init__(self, directory: Path, nodes: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._control = directory / "control"
        self._nodes = dict(nodes)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return once it listens. Raises HaproxyFailed."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise HaproxyFailed(f"{PROGRAM} is not installed")
        self._directory.mkdir(parents=True, exist_ok=True)
        path, log = self._directory / "haproxy.cfg", self._directory / "haproxy.log"
        path.write_text(configuration(SHIPPED.read_text(), self.port, self._nodes, self._control))
        with log.open("ab") as written:
            self._process = subprocess.Popen([program, "-db", "-f", str(path)], stdout=written, stderr=written, stdin=subprocess.DEVNULL)
        deadline_s = time.monotonic() + _START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                raise HaproxyFailed(f"{PROGRAM} does not listen: {log.read_text(errors='replace')[-2_000:]}")
            time.sleep(0.01)  # waits for a condition: another process's port

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def sockets(self) -> dict[str, int]:
        """Return how many sockets each node has that it takes to be up."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(5.0)
            asked.connect(str(self._control))
            asked.sendall(b"show stat\n")
            said = b"".join(iter(lambda: asked.recv(1 << 16), b"")).decode()
        rows = [row for row in csv.DictReader(said.removeprefix("# ").splitlines()) if row["svname"] in self._nodes]
        # Before its first check a node counts as up, and a part that HAProxy checks apart may know better.
        down = {row["svname"] for row in rows if not (row["status"].startswith("UP") and "L7OK" in row["check_status"])}
        return {row["svname"]: int(row["scur"]) for row in rows if row["pxname"] == "sockets" and row["svname"] not in down}

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
