"""What stands under a siege: a real hub, devices of it that stream all the while, and what it says of itself.

Owns the hub's process and the neighbours' threads; attacks nothing. Used by scenes.py.
"""

import json
import re
import select
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from simulators.hub_process import HubProcess
from simulators.siege.caller import Caller, Place

NEIGHBOUR: Final = "127.0.0.1"  # exempt; where an operator's own programs come from
_STEP_S: Final = 0.02


class Stand:
    """A hub that runs."""

    def __init__(self, hub: HubProcess) -> None:
        self.hub = hub
        self.place = Place("127.0.0.1", int(hub.url.rpartition(":")[2]))

    def add_device(self, name: str) -> str:
        """Add a device; return its token."""
        return str(self._ask("/api/v1/devices", {"name": name})["token"])

    def figure(self, name: str) -> float:
        """Return the sum of a metric over its labels; 0 where there is none."""
        with urllib.request.urlopen(f"{self.hub.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))

    def resident_bytes(self) -> int:
        """Return the most memory that the hub ever had."""
        status = Path(f"/proc/{self.hub.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def until(self, holds: Callable[[], bool], timeout_s: float) -> float | None:
        """Return after how many seconds something holds; None: it does not."""
        began_s = time.monotonic()
        while not holds():
            if time.monotonic() - began_s > timeout_s:
                return None
            time.sleep(_STEP_S)
        return time.monotonic() - began_s

    def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.hub.admin_token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.hub.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            said: dict[str, Any] = json.loads(answer.read())
        return said


@contextmanager
def standing(directory: Path, open_files: int = 0, **settings: str) -> Iterator[Stand]:
    """Run a hub with settings, to which all of 127.0.0.0/8 but NEIGHBOUR is a foreign network, and that may open so many files, 0: all."""
    environment = {f"TRIBUTARY_{name.upper()}": value for name, value in {"exempt_addresses": NEIGHBOUR, **settings}.items()}
    prefix = ("sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh") if open_files else ()
    hub = HubProcess(directory / "data", environment=environment, prefix=prefix)
    hub.start()
    try:
        yield Stand(hub)
    finally:
        hub.kill()


class Neighbour:
    """A device that sends a frame after each ack, all the while; `acks_s` are how long each took."""

    def __init__(self, stand: Stand, name: str = "neighbour") -> None:
        self.acks_s: list[float] = []
        self.error: Exception | None = None
        self._caller = Caller(stand.place, NEIGHBOUR, stand.add_device(name), name)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Neighbour":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            with self._caller as caller:
                caller.hello()
                while not self._ended.wait(_STEP_S):
                    self.acks_s.append(caller.stream())
        except Exception as error:  # told in the table
            self.error = error


class Attacker:
    """An attacker that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def has_tried(self) -> bool:
        """Tell whether it has tried all that it is to open, or has ended."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def said(self) -> dict[str, Any]:
        """Return what it says once it has tried everything."""
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def attacking(stand: Stand, **plan: Any) -> Iterator[Attacker]:
    """Run an attacker until the block is left."""
    command = [sys.executable, "-m", "simulators.siege.attacker", json.dumps({"place": stand.place, **plan})]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as attacker:
        try:
            yield Attacker(attacker)
        finally:
            attacker.kill()
