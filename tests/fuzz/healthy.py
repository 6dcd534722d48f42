"""A device that does everything right beside the attackers, and must not notice them.

Owns its life on one connection; stage.py starts it, and compares what is stored of it with what it said.
"""

import secrets
import time
from typing import Any, Final

import msgpack
import trio

from tests.fuzz.exchange import CHANNELS
from tests.support.door import upgrade
from tests.support.rfc6455 import PONG, Ear, frame

_PACE_S: Final = 0.01


class Healthy:
    """A device that says a number every 10 ms, each once, and hears that they are on disk."""

    def __init__(self, name: str, token: str, address: tuple[str, int], patience_s: float) -> None:
        self.name = name
        self.sent = 0
        self.acked = 0
        self.slowest_ack_s = 0.0
        self._token, self._address, self._patience_s = token, address, patience_s
        self._epoch = secrets.randbelow(2**62) + 2**33
        self._sent_s: dict[int, float] = {}
        self._is_welcome = False
        self._sending = trio.Lock()
        self._may_go_on = trio.Event()
        self._has_all = trio.Event()

    async def run(self) -> None:
        """Stream until told to stop, then return when everything is acked. Raises AssertionError at anything but acks."""
        ear = Ear()
        async with await trio.open_tcp_stream(*self._address) as stream, trio.open_nursery() as nursery:
            await stream.send_all(upgrade(Authorization=f"Bearer {self._token}"))
            hello = {"op": "hello", "device": self.name, "epoch": self._epoch, "unfinished": [], "channels": CHANNELS}
            await stream.send_all(frame(msgpack.packb(hello)))
            nursery.start_soon(self._hear, stream, ear)
            while not self._may_go_on.is_set():
                with trio.move_on_after(_PACE_S):
                    await self._may_go_on.wait()
                if self._is_welcome:
                    await self._say(stream)
            with trio.fail_after(self._patience_s):
                while self.acked < self.sent:
                    self._has_all = trio.Event()
                    await self._has_all.wait()
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Say nothing more."""
        self._may_go_on.set()

    async def _say(self, stream: trio.SocketStream) -> None:
        self.sent += 1
        self._sent_s[self.sent] = trio.current_time()
        said = {"e": self._epoch, "s": self.sent, "op": "data", "t": time.time_ns() // 1000, "c": [1], "d": [0], "v": [self.sent]}
        async with self._sending:
            await stream.send_all(frame(msgpack.packb(said)))

    async def _hear(self, stream: trio.SocketStream, ear: Ear) -> None:
        while data := await stream.receive_some(65_536):
            ear.hear(bytes(data))
            for message in ear.messages:
                self._take(msgpack.unpackb(message))
            ear.messages.clear()
            ear.raw.clear()
            for payload in ear.pings:
                async with self._sending:
                    await stream.send_all(frame(payload, PONG))
            ear.pings.clear()
        raise AssertionError(f"the healthy device's connection ended with {ear.code} {ear.reason}, {self.acked} of {self.sent} acked")

    def _take(self, message: dict[str, Any]) -> None:
        if message["op"] == "welcome":
            self._is_welcome = True
            return
        assert message["op"] == "ack", f"the healthy device heard {message}"
        for epoch, seq in message["acks"]:
            assert epoch == self._epoch
            assert self.acked < seq <= self.sent
            for acked in range(self.acked + 1, seq + 1):
                self.slowest_ack_s = max(self.slowest_ack_s, trio.current_time() - self._sent_s.pop(acked))
            self.acked = seq
        self._has_all.set()
