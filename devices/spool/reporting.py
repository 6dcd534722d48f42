"""A shelf that keeps what a device was told as well: what is desired of it and was reported last, and the highest fence.

Owns that a report and its frame are one transaction, and that the frame of the newest report stays while it is unacked: older ones are
worth nothing beside it. Blocking, as shelf.py is; spool.py is the only caller.
"""

from dataclasses import replace

from devices.spool.records import FRAME_COST_BYTES, SEQ_BITS, Draft, FrameKind, ShadowEntry
from devices.spool.shelf import DROP_PART, Shelf
from devices.spool.tables import Tables
from devices.wire.messages import Reported


class ReportingShelf(Shelf):
    """Frames, epochs, commands, the shadow and the fence of one open spool file."""

    def __init__(self, tables: Tables, max_bytes: int) -> None:
        super().__init__(tables, max_bytes)
        self.shadow = tables.load_shadow() or ShadowEntry()
        self.fence = tables.load_fence()
        if (epoch := self.epochs.get(self.shadow.epoch)) is not None:
            self.kept_key = epoch.ordinal << SEQ_BITS | self.shadow.seq

    def keep_fence(self, fence: int) -> None:
        """Keep the highest fence, synced with the next command id at the latest."""
        self._tables.put_fence(fence)
        self.fence = fence

    def keep_shadow(self, entry: ShadowEntry) -> None:
        """Keep what is desired, synced."""
        with self._tables.transaction(is_synced=True):
            self._tables.put_shadow(entry)
        self.shadow = entry

    def report(self, entry: ShadowEntry) -> None:
        """Keep a report and its frame, synced."""
        rows = self._numbered([_draft(entry)])
        assert self.current is not None
        entry = replace(entry, epoch=self.current.epoch, seq=rows[0].last)
        size = len(rows[0].body) + FRAME_COST_BYTES
        excess = self.bytes + size - self._max_bytes
        if excess > 0:
            self.kept_key = None  # the report before is worth nothing beside this one
            self._drop_oldest(max(excess, self._max_bytes // DROP_PART))
        with self._tables.transaction(is_synced=True):
            self._tables.insert(rows)
            self._tables.put_shadow(entry)
        self.shadow = entry
        self.kept_key = rows[0].key
        self._kept(rows, size)

    def is_report_unacked(self) -> bool:
        """Tell whether the newest report is in a frame that has yet to be acked."""
        epoch = self.epochs.get(self.shadow.epoch)
        return epoch is not None and epoch.first <= self.shadow.seq

    def give_up(self, number: int, reason: str) -> None:
        """Declare the rest of an epoch lost; outcomes of commands in it and the newest report are written again."""
        is_lost = self.shadow.epoch == number and self.is_report_unacked()
        super().give_up(number, reason)
        if is_lost:
            self.report(self.shadow)

    def renumber(self, number: int, to: int) -> None:
        """Give an epoch another number in every frame of it."""
        super().renumber(number, to)
        if self.shadow.epoch == number:
            self.keep_shadow(replace(self.shadow, epoch=to))


def _draft(entry: ShadowEntry) -> Draft:
    number, document, error = entry.number, entry.document, entry.error
    version = entry.version if error is None else entry.failed
    return Draft(FrameKind.LOG, lambda epoch, seq: Reported(epoch, seq, number, version, document, error))
