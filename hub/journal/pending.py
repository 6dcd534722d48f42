"""What is on its way into the journal: the batch that waits, the batch that is being committed, and who waits for either.

Owns taking, putting back and taking out; commits nothing. Bounded by the devices' credit: room.py stops it above MAX_PENDING_BYTES.
Used by journal.py.
"""

from collections.abc import Sequence
from typing import Final

import trio

from hub.journal.batch import Batch, Entry, OpeningRequest, Owner
from hub.ports import Opening

# To tell the owners of so many frames takes some ms of the event loop; half as many were half as fast with 1,000 busy devices, as a turn
# of the loop takes 20 ms then.
MAX_COMMIT_ROWS: Final = 4_000


class Pending:
    """Frames and openings that are not durable yet."""

    def __init__(self) -> None:
        self._waiting = Batch()
        self._running = Batch()
        self._work = trio.Event()
        self._settled = trio.Event()  # replaced whenever a batch is durable or put back

    @property
    def size_bytes(self) -> int:
        """Bytes of frames that are not durable yet."""
        return self._waiting.size_bytes + self._running.size_bytes

    @property
    def rows(self) -> int:
        """Frames that are not durable yet."""
        return self._waiting.entries + self._running.entries

    def __bool__(self) -> bool:
        return bool(self._waiting.shares or self._running.shares)

    def add(self, entry: Entry) -> None:
        """Let a frame wait for the next commit."""
        if not self._waiting.shares:
            self._work.set()
        self._waiting.add(entry)

    def ask(self, owner: Owner, openings: Sequence[Opening]) -> OpeningRequest:
        """Let epochs wait for the next commit."""
        request = OpeningRequest(openings)
        self._waiting.ask(owner, request)
        self._work.set()
        return request

    async def wait_for_work(self) -> None:
        """Return when something waits."""
        while not self._waiting.shares:
            self._work = trio.Event()
            await self._work.wait()
        await trio.lowlevel.checkpoint_if_cancelled()

    def take(self) -> Batch:
        """Return what waits, or of very much a part; it is being committed until `settle`."""
        self._running, self._waiting = self._waiting, Batch()
        if self._running.entries > MAX_COMMIT_ROWS:
            self._waiting = self._running.split(MAX_COMMIT_ROWS)
        return self._running

    def put_back(self) -> None:
        """Let a batch that found no room wait on, before what came later; sessions that wait for openings go on, holding."""
        batch, later = self._running, self._waiting
        for request in batch.requests():
            request.settled.set()
        batch.append(later)
        self._waiting = batch
        self.settle()

    def settle(self) -> None:
        """End the commit that was running, however it went."""
        self._running = Batch()
        woken, self._settled = self._settled, trio.Event()
        woken.set()

    def abandon(self) -> None:
        """Give up everything: the journal has ended. Owners are not told; who waits goes on."""
        for batch in (self._waiting, self._running):
            for request in batch.requests():
                request.settled.set()
        self._waiting = Batch()
        self.settle()

    async def withdraw(self, owner: Owner) -> None:
        """Return when nothing of an owner is pending: what waits is taken out, what is being committed is waited for."""
        self._waiting.remove(owner)
        while owner in self._running.shares:
            await self._settled.wait()
            self._waiting.remove(owner)  # a batch that found no room was put back
