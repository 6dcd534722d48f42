"""Who attacks: a program that opens connections and says nothing, lets heads drip, or sends frames that carry nothing.

Owns its sockets. Its plan is one JSON argument; it prints one JSON line when all it has to open was tried, and ends at the end of stdin.
Started by scenes.py.
"""

import json
import select
import socket
import sys
import time
from contextlib import suppress
from typing import Any, Final

from simulators.hub_process import raise_descriptor_limit
from simulators.siege.caller import MASK, Caller, Place, opened

_LOOK_EVERY: Final = 200  # connections
_MAX_OPEN: Final = 15_000
_HEAD: Final = b"GET /v1/device HTTP/1.1\r\nHost: hub\r\nX-Long: " + b"x" * 4_000
_FRAMES: Final = {"ping": b"\x89\x80" + MASK, "fragment": b"\x00\x81" + MASK + b"x", "empty": b"\x82\x80" + MASK}
_FRAMES_AT_ONCE: Final = 500


class Crowd:
    """Connections that are open, as far as the hub bears them."""

    def __init__(self) -> None:
        self.open: dict[int, socket.socket] = {}
        self._poll = select.poll()

    def add(self, sock: socket.socket) -> None:
        self.open[sock.fileno()] = sock
        self._poll.register(sock, select.POLLIN)

    def look(self) -> None:
        """Close those that the hub has closed, or has answered."""
        for descriptor, _ in self._poll.poll(0):
            self._poll.unregister(descriptor)
            self.open.pop(descriptor).close()


def connect(plan: dict[str, Any], place: Place) -> Crowd:
    """Open so many connections, as fast as can be, from each source in turn."""
    crowd = Crowd()
    for number in range(plan["count"]):
        with suppress(OSError):
            crowd.add(opened(place, plan["sources"][number % len(plan["sources"])], is_blocking=False))
        if number % _LOOK_EVERY == 0 or len(crowd.open) > _MAX_OPEN:
            crowd.look()
    return crowd


def drip(crowd: Crowd, until_end: Any) -> None:
    """Send a byte of a head on each connection each second, until stdin ends or nobody is left."""
    for at in range(len(_HEAD)):
        crowd.look()
        for sock in list(crowd.open.values()):
            with suppress(OSError):
                sock.send(_HEAD[at : at + 1])
        if until_end(1.0):
            return


def shout(plan: dict[str, Any], place: Place) -> dict[str, Any]:
    """Send frames that carry nothing until the hub ends the connection; tell how many, how fast, and its close code."""
    each, sent, began_s = _FRAMES[plan["frames"]], 0, time.monotonic()
    with Caller(place, plan["sources"][0], plan["token"], plan["name"]) as caller:
        caller.hello()
        heard = b""
        with suppress(OSError):
            if plan["frames"] == "fragment":
                caller.socket.sendall(b"\x02\x80" + MASK)
            while b"\x88" not in heard:
                caller.socket.sendall(each * _FRAMES_AT_ONCE)
                sent += _FRAMES_AT_ONCE
                if select.select([caller.socket], [], [], 0)[0]:
                    heard = heard[-100:] + caller.socket.recv(65_536)
        seconds = time.monotonic() - began_s
        at = heard.rfind(b"\x88")
        code = int.from_bytes(heard[at + 2 : at + 4], "big") if at >= 0 else 0
    return {"sent": sent, "seconds": seconds, "code": code}


def main() -> None:
    """Attack as the plan says."""
    plan = json.loads(sys.argv[1])
    raise_descriptor_limit()
    place, began_s = Place(*plan["place"]), time.monotonic()

    def until_end(wait_s: float) -> bool:
        return bool(select.select([sys.stdin], [], [], wait_s)[0])

    if "frames" in plan:
        print(json.dumps(shout(plan, place)), flush=True)
        return
    crowd = connect(plan, place)
    print(json.dumps({"seconds": time.monotonic() - began_s, "open": len(crowd.open)}), flush=True)
    if plan.get("drips"):
        drip(crowd, until_end)
    while not until_end(0.2):
        crowd.look()


if __name__ == "__main__":
    main()
