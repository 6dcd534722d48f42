"""One viewer's connection: what it asks for, what it counts of what it is sent, and `drawn`.

Owns the reading of live messages (docs/protocol.md section 12), cheaply: an update is searched and not decoded, unless every reading's
age is asked for. Used by viewers.py.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

from simulators.bench.connection import Connection
from simulators.bench.frames import SPIKE, masked_message

TEXT = 1
SUBSCRIPTION = "bench"
_NUMBER = re.compile(rb'"n": ?(\d+)')
_OLDEST = re.compile(rb'"oldest_us": ?(\d+)')
_SPIKE = str(int(SPIKE)).encode()
_HEAD = 32  # an update says so in its first bytes


def quantiles_s(ages_s: Iterable[float]) -> tuple[float, float]:
    """Return p50 and p99; 0 where there is nothing."""
    ordered = sorted(ages_s) or [0.0]
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]


class ViewerConnection(Connection):
    """One viewer. `ages_s` has, for each update, how old its oldest frame's arrival is, or with `is_timed` each reading's age."""

    def __init__(self, address: tuple[str, int], plan: Mapping[str, Any], receive_buffer_bytes: int = 0) -> None:
        super().__init__(address, receive_buffer_bytes, is_encrypted=plan.get("is_encrypted", False))
        self._is_hub, self._is_timed = plan["is_hub"], plan.get("is_timed", False)
        self._subscribe = {"op": "subscribe", "id": SUBSCRIPTION, **plan["subscribe"]}
        self._drawn_every_s = plan["drawn_every_s"]
        self._drawn_due_s = 0.0
        self._undrawn: bytes | None = None  # the newest number that was not said yet
        self.has_spike = False
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        self.updates = self.update_bytes = 0
        self.ages_s: list[float] = []

    def subscribe(self) -> None:
        """Ask for the series."""
        self.write(masked_message(json.dumps(self._subscribe).encode(), TEXT))

    def read_snapshot(self) -> None:
        """Wait until the whole snapshot has come."""
        while True:
            message = json.loads(self.read_message())
            if message["op"] == "snapshot" and not message.get("more"):
                return

    def hear(self, max_bytes: int = 262_144) -> None:
        """Take what came, count updates, and say what is drawn when that is due."""
        self.receive(max_bytes)
        for _, payload in self.messages():
            if self._is_hub and b'"update"' not in payload[:_HEAD] and b'"snapshot"' not in payload[:_HEAD]:
                continue
            self.updates += 1
            self.update_bytes += len(payload)
            self.has_spike = self.has_spike or _SPIKE in payload
            if self._is_timed:
                self._note_ages(payload)
            if self._is_hub:
                found = _NUMBER.search(payload)
                self._undrawn = found[1] if found else self._undrawn
                if not self._is_timed and (oldest := _OLDEST.search(payload)):
                    self.ages_s.append(time.time() - int(oldest[1]) / 1e6)
            else:
                self._undrawn = b"0"
        self.say_drawn()

    def say_drawn(self) -> bool:
        """Say what is drawn when that is due; True: everything is said."""
        now_s = time.monotonic()
        if self._undrawn is not None and now_s >= self._drawn_due_s:
            self._drawn_due_s = now_s + self._drawn_every_s
            self.write(masked_message(b'{"op":"drawn","id":"%s","n":%s}' % (SUBSCRIPTION.encode(), self._undrawn), TEXT))
            self._undrawn = None
        return self._undrawn is None

    def _note_ages(self, payload: bytes) -> None:
        now_us = time.time_ns() // 1_000
        if not self._is_hub:
            self.ages_s.append((now_us - msgpack.unpackb(payload)["t"]) / 1e6)
            return
        for column in json.loads(payload).get("data", ()):
            if column["w"] == 0:
                self.ages_s += [(now_us - t_us) / 1e6 for t_us in column["t"]]
