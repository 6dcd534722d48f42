"""A device session as the journal knows it, for tests that submit frames: it remembers what it was told.

Owns nothing but that memory.
"""

from collections.abc import Mapping

import trio

from devices.wire.messages import Channel
from hub.core.records import Row, RowKind
from hub.journal import Entry
from hub.ports import Opening

CHANNELS = (Channel("temp", "Cel"),)


class Session:
    """An owner that remembers what it was told."""

    def __init__(self, device: str = "pump") -> None:
        self.device = device
        self.told: dict[int, int] = {}
        self.calls = 0
        self.changed = trio.Event()

    def committed(self, marks: Mapping[int, int]) -> None:
        self.told.update(marks)
        self.calls += 1
        self.changed.set()

    async def is_told(self, epoch: int, seq: int) -> None:
        with trio.fail_after(30):
            while self.told.get(epoch, 0) < seq:
                self.changed = trio.Event()
                await self.changed.wait()

    def entry(self, epoch: int, seq: int, body: bytes = b"body") -> Entry:
        return Entry(self, Row(0, self.device, epoch, seq, RowKind.DATA, 1_000 + seq, body, None))

    def opening(self, epoch: int, elsewhere: int = 0) -> Opening:
        return Opening(self.device, epoch, CHANNELS, 1_000, elsewhere)
