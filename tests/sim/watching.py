"""Viewers in the simulation: they come and go, go on from their cursor, stop reading for a while, and know what they should see.

Owns a screen by the rules of docs/protocol.md (tests/support/picture.py) and the newest of each entity; complains where a
final state changed.
"""

import json
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import trio

from devices.link import LinkClosed
from tests.sim.fleet import Net
from tests.sim.wires import Wire
from tests.support.picture import ViewerPicture

_FINAL: Final = frozenset({"done", "failed", "expired", "cancelled", "rejected"})
DAY_S: Final = 86_000


class SimViewer:
    """One viewer with one subscription, at `width_us` and `span_s` back, of some devices."""

    def __init__(self, net: Net, name: str, draw: Random, devices: list[str], width_us: int, span_s: int) -> None:
        self.name = name
        self.screen = ViewerPicture()
        self.entities: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.is_away = False
        self.snapshots: list[str] = []
        self.updates = 0
        self._net, self._draw = net, draw
        self.devices, self._width_us, self._span_s = devices, width_us, span_s
        self._wire: Wire | None = None
        self._may_read = trio.Event()
        self._may_read.set()
        self._came_back = trio.Event()
        self.is_connected = False

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            while self.is_away:
                await self._came_back.wait()
            node = self._net.hub.node
            if node is not None:
                wire = self._wire = self._net.wire(None, self._draw)
                node.accept_viewer(wire.hub)
                try:
                    await self._watch(wire)
                except LinkClosed:
                    pass
                finally:
                    self.is_connected = False
                    await wire.far.aclose()
            await trio.sleep(self._draw.uniform(0.1, 5))

    def leave(self) -> None:
        """Close the page."""
        self.is_away = True
        self.cut()

    def come_back(self) -> None:
        """Open it again."""
        self.is_away = False
        self._came_back.set()
        self._came_back = trio.Event()

    def cut(self) -> None:
        """Lose the connection."""
        if self._wire is not None:
            self._wire.cut()

    def stall(self) -> None:
        """Stop reading."""
        if self._may_read.is_set():
            self._may_read = trio.Event()

    def read_on(self) -> None:
        """Read again."""
        self._may_read.set()

    async def _watch(self, wire: Wire) -> None:
        self.screen.comes_back()
        self.entities.clear()  # a hub may have begun anew; it tells all of them
        asked = {
            "op": "subscribe",
            "id": "a",
            "devices": self.devices,
            "channels": ["n"],
            "span_s": self._span_s,
            "width_us": self._width_us,
        }
        asked |= {"cursor": self.screen.cursor} if self.screen.cursor else {}
        await wire.far.send(json.dumps(asked))
        while True:
            message = json.loads(await wire.far.receive())
            if not self._may_read.is_set():
                await self._may_read.wait()
            await self._take(wire, message, asked)

    async def _take(self, wire: Wire, message: dict[str, Any], asked: dict[str, Any]) -> None:
        op = message["op"]
        self.is_connected = True
        if op in ("snapshot", "update"):
            self._draw_it(message)
            await wire.far.send(json.dumps({"op": "drawn", "id": "a", "n": message["n"]}))
        elif op == "changed":
            await wire.far.send(json.dumps({key: value for key, value in asked.items() if key != "cursor"}))
        elif op == "error":
            self._net.truth.complain(f"{self.name} was refused: {message}")
        elif op in ("devices", "commands", "shadows"):
            for item in message["items"]:
                self._note(op, item)

    def _draw_it(self, message: Mapping[str, Any]) -> None:
        if message["op"] == "snapshot":
            self.snapshots.append(message["reason"])
        else:
            self.updates += 1
        try:
            self.screen.apply(message)
        except AssertionError as error:
            self._net.truth.complain(f"{self.name} got what does not follow: {error} {str(message)[:300]}")

    def _note(self, op: str, item: Mapping[str, Any]) -> None:
        known = self.entities.setdefault(op, {})
        key = item["id"] if op == "commands" else item["device"]
        before = known.get(key)
        if before is not None and before["version"] > item["version"]:
            return
        if before is not None and op == "commands" and before["state"] in _FINAL and before["state"] != item["state"]:
            self._net.truth.complain(f"command {key} was {before['state']} and became {item['state']}")
        known[key] = item

    def difference(self, device: str, points: Mapping[int, Any]) -> str:
        """Return how what is on the screen of a device's counter differs from what is stored of the span; empty: in nothing."""
        return self.screen.difference((device, "n"), points, self._net.now() - self._span_s * 1_000_000)
