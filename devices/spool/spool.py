"""The spool as the client sees it: async, one lock, one worker thread, group commit.

Owns who waits for whom; the rules are shelf.py's. Nothing here knows of connections. A call that was cancelled may or may not have taken
effect, but never in part.

Where work runs: an append in WAL with synchronous=NORMAL takes 15 to 30 µs, a hop to a thread and back 60 to 100 µs (measured), and a
commit without a sync only writes to the page cache. So with sync="kill" an append runs in the event loop; what syncs
(checkpoints, command ids) or grows with its size (acks, reads from the file) runs in the thread. With sync="power" an append syncs, so
it runs there too, and all that wait share one commit.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import trio

from devices.spool.records import CommandEntry, Draft, ShadowEntry, SpooledEpoch, SpooledFrame
from devices.spool.reporting import ReportingShelf
from devices.wire.messages import Channel, Outcome

CHECKPOINT_BYTES: Final = 8 * 1024 * 1024  # of the log: it then syncs in some ms, and the log stays small
T = TypeVar("T")


class Spool:
    """An open spool. New frames are numbered in the epoch last opened."""

    def __init__(
        self, shelf: ReportingShelf, *, is_in_memory: bool, is_power_safe: bool, lock: int | None = None, lost: str | None = None
    ) -> None:
        self._shelf = shelf
        self._is_in_memory = is_in_memory  # then no thread at all, so that a simulation owns time
        self._is_append_inline = is_in_memory or not is_power_safe
        self._file_lock = lock
        self.lost = lost  # what was found damaged at opening
        self.on_append: Callable[[], None] = lambda: None
        self._lock = trio.Lock()
        self._limiter = trio.CapacityLimiter(1)
        self._pending: list[list[Draft]] = []
        self._emptied = trio.Event()

    @property
    def current(self) -> SpooledEpoch | None:
        """The epoch that new frames are numbered in."""
        return self._shelf.current

    @property
    def commands(self) -> Mapping[str, CommandEntry]:
        """Every command kept, by id, oldest first."""
        return self._shelf.commands

    @property
    def bytes(self) -> int:
        """Bytes of all unacked frames, with what a row costs."""
        return self._shelf.bytes

    @property
    def frames(self) -> int:
        """Number of unacked frames."""
        return sum(epoch.frames for epoch in self._shelf.epochs.values())

    @property
    def generation(self) -> int:
        """Rises when frames were replaced: what was read before is stale."""
        return self._shelf.generation

    @property
    def dropped_readings(self) -> int:
        """Readings given up since the spool was opened, because it was full."""
        return self._shelf.dropped_readings

    @property
    def gaps(self) -> int:
        """Gaps declared since the spool was opened, for whatever reason."""
        return self._shelf.gaps

    def unfinished(self) -> list[SpooledEpoch]:
        """Return the epochs with unacked frames, oldest first."""
        return sorted((epoch for epoch in self._shelf.epochs.values() if not epoch.is_finished), key=lambda epoch: epoch.ordinal)

    def pin(self, in_flight: Mapping[int, int]) -> None:
        """Drop frames at or below these seqs, by epoch, only when no other is left; the mapping is read as it changes."""
        self._shelf.pinned = in_flight

    async def append(self, drafts: Sequence[Draft]) -> None:
        """Number the drafts and keep them; durable as `sync` says when it returns.

        Raises sqlite3.OperationalError where the disk takes no more: nothing of this call was kept.
        """
        mine = list(drafts)
        if not mine:
            return
        self._pending.append(mine)
        try:
            async with self._lock:
                if any(group is mine for group in self._pending):  # else whoever had the lock before kept it as well
                    batch, self._pending = self._pending, []
                    flat = [draft for group in batch for draft in group]
                    await self._run(lambda: self._shelf.append(flat), is_inline=self._is_append_inline)
                    if self._shelf.log_bytes >= CHECKPOINT_BYTES and not self._is_in_memory:
                        await self._run(self._shelf.checkpoint)
        finally:
            self._pending = [group for group in self._pending if group is not mine]
        self.on_append()

    async def open_epoch(self, number: int, channels: Sequence[Channel]) -> None:
        """Begin a new epoch and number new frames in it."""
        await self._locked(lambda: self._shelf.open_epoch(number, channels))

    async def settle(self) -> None:
        """Forget every finished epoch but the current one, durable also against a power cut: only then leave it out of hello."""
        await self._locked(self._shelf.settle)

    async def read(self, number: int, after: int, max_frames: int = 128, max_bytes: int = 256 * 1024) -> list[SpooledFrame]:
        """Return frames of an epoch that reach beyond `after`, in order; at least one where there is one."""
        epoch = self._shelf.epochs.get(number)
        if epoch is None or epoch.last <= after or epoch.is_finished:
            return []
        if not self._lock.locked():
            found = self._shelf.tail_after(epoch, after, max_frames)
            if found is not None:
                return found
        return await self._locked(lambda: self._shelf.read(epoch, after, max_frames, max_bytes))

    async def ack(self, marks: Mapping[int, int]) -> int:
        """Let go of every frame at or below its epoch's mark; return how many went."""
        gone = await self._locked(lambda: self._shelf.ack(marks))
        if not self.frames:
            self._emptied.set()
            self._emptied = trio.Event()
        return gone

    async def replace_by_gap(self, number: int, seq: int, reason: str) -> bool:
        """Put a gap in the place of the frame that begins at `seq`; tell whether there was one."""
        return await self._locked(lambda: self._shelf.replace_by_gap(number, seq, reason))

    async def give_up(self, number: int, reason: str) -> None:
        """Declare the rest of an older epoch lost; outcomes of commands in it are written again."""
        await self._locked(lambda: self._shelf.give_up(number, reason))
        self.on_append()

    async def renumber(self, number: int, to: int) -> None:
        """Give an epoch that the hub knows from somebody else another number, in every frame of it."""
        await self._locked(lambda: self._shelf.renumber(number, to))

    async def record(self, outcome: Outcome, expires_us: int) -> None:
        """Keep an outcome of a command and its result frame in one transaction, on disk even after a power cut."""
        await self._locked(lambda: self._shelf.record(outcome, expires_us))
        self.on_append()

    def is_unacked(self, entry: CommandEntry) -> bool:
        """Tell whether the latest outcome of a command has yet to be acked."""
        return self._shelf.is_unacked(entry)

    async def purge_commands(self, now_us: int) -> None:
        """Forget commands that ended, whose result is acked and whose time to live is over."""
        await self._locked(lambda: self._shelf.purge_commands(now_us))

    @property
    def fence(self) -> int:
        """The highest fence that a hub gave; 0: none did."""
        return self._shelf.fence

    async def keep_fence(self, fence: int) -> None:
        """Keep a fence if it is the highest, on disk before the id of any command that is recorded after it."""
        async with self._lock:
            if fence > self.fence:
                await self._run(lambda: self._shelf.keep_fence(fence), is_inline=self._is_append_inline)

    @property
    def shadow(self) -> ShadowEntry:
        """The shadow that is kept."""
        return self._shelf.shadow

    async def keep_desired(self, version: int, document: Mapping[str, Any]) -> None:
        """Keep what is desired now, on disk even after a power cut."""
        await self._locked(lambda: self._shelf.keep_shadow(replace(self.shadow, wanted_version=version, wanted=document)))

    async def report(self, entry: ShadowEntry) -> None:
        """Keep a report and its frame in one transaction, on disk even after a power cut."""
        await self._locked(lambda: self._shelf.report(entry))
        self.on_append()

    def is_report_unacked(self) -> bool:
        """Tell whether the newest report is in a frame that has yet to be acked."""
        return self._shelf.is_report_unacked()

    async def wait_empty(self) -> None:
        """Return when every frame is acked."""
        while self.frames or self._pending:
            await self._emptied.wait()

    def close(self) -> None:
        """Close the file and let go of the folder; idempotent."""
        self._shelf.close()
        if self._file_lock is not None:
            os.close(self._file_lock)
            self._file_lock = None

    async def _locked(self, work: Callable[[], T]) -> T:
        if self._is_in_memory or self._lock.locked():
            async with self._lock:
                return await self._run(work)
        self._lock.acquire_nowait()  # who waits for a thread lets others run: no turn of the loop for the lock, too
        try:
            return await self._run(work)
        finally:
            self._lock.release()

    async def _run(self, work: Callable[[], T], *, is_inline: bool = False) -> T:
        if is_inline or self._is_in_memory:
            return work()
        # Not abandoned on cancel: begun is finished.
        return await trio.to_thread.run_sync(work, limiter=self._limiter)
