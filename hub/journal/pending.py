"""What is on its way into the journal: the batch that waits, the batch that is being committed, and who waits for either.

Owns taking, putting back and taking out; commits nothing. Bounded by the devices' credit: room.py stops it above MAX_PENDING_BYTES.
Used by journal.py.
"""

from collections.abc import Sequence

import trio

from hub.journal.batch import Batch, Entry, OpeningRequest, Owner
from hub.ports import Opening


class Pending:
    """Frames and openings that are not durable yet."""

    def __init__(self) -> None:
        self._waiting = Batch()
        self._running: Batch | None = None
        self._work = trio.Event()
        self._settled = trio.Event()  # replaced whenever a batch is durable or put back

    @property
    def waiting_bytes(self) -> int:
        """Bytes of frames that wait for the next commit."""
        return self._waiting.size_bytes

    @property
    def rows(self) -> int:
        """Frames that are not durable yet."""
        return len(self._waiting.entries) + (len(self._running.entries) if self._running else 0)

    def add(self, entry: Entry) -> None:
        """Let a frame wait for the next commit."""
        self._waiting.entries.append(entry)
        self._waiting.size_bytes += len(entry.row.body)
        self._work.set()

    def ask(self, owner: Owner, openings: Sequence[Opening]) -> OpeningRequest:
        """Let epochs wait for the next commit."""
        request = OpeningRequest(owner, openings)
        self._waiting.requests.append(request)
        self._work.set()
        return request

    async def wait_for_work(self) -> None:
        """Return when something waits."""
        while not self._waiting:
            self._work = trio.Event()
            await self._work.wait()
        await trio.lowlevel.checkpoint()

    def take(self) -> Batch:
        """Return what waits; it is being committed until `settle`."""
        batch, self._waiting = self._waiting, Batch()
        self._running = batch
        return batch

    def put_back(self, batch: Batch) -> None:
        """Let a batch that found no room wait on, before what came later; sessions that wait for openings go on, holding."""
        self._waiting = batch.followed_by(self._waiting)
        for request in batch.requests:
            request.settled.set()

    def settle(self) -> None:
        """End the commit that was running, however it went."""
        self._running = None
        woken, self._settled = self._settled, trio.Event()
        woken.set()

    def abandon(self) -> None:
        """Give up everything: the journal has ended. Owners are not told; who waits goes on."""
        for batch in (self._waiting, self._running or Batch()):
            for request in batch.requests:
                request.settled.set()
        self._waiting = Batch()
        self.settle()

    async def withdraw(self, owner: Owner) -> None:
        """Return when nothing of an owner is pending: what waits is taken out, what is being committed is waited for."""
        self._waiting = self._waiting.without(owner)
        while self._running is not None and self._running.has(owner):
            await self._settled.wait()
        # A batch that found no room was put back meanwhile.
        self._waiting = self._waiting.without(owner)
