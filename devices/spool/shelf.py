"""What is on the spool: numbering, the bound in bytes, gaps, acks, outcomes of commands; blocking and without a lock.

Owns the rules and the counts in memory, which change once their transaction is committed; SQL is tables.py's. Base of reporting.py.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final

from devices.spool import gaps
from devices.spool.records import (
    FRAME_COST_BYTES,
    SEQ_BITS,
    CommandEntry,
    Draft,
    FrameKind,
    FrameRow,
    SpooledEpoch,
    SpooledFrame,
    result_draft,
)
from devices.spool.tables import Tables
from devices.spool.tail import Tail
from devices.wire.codec import encode
from devices.wire.messages import Channel, Outcome

DROP_PART: Final = 64  # a full spool drops 1/64 of its bound at once, so that a gap is rewritten seldom


class Shelf:
    """Frames, epochs and commands of one open spool file."""

    def __init__(self, tables: Tables, max_bytes: int) -> None:
        self._tables = tables
        self._max_bytes = max_bytes
        self.epochs: dict[int, SpooledEpoch] = {epoch.epoch: epoch for epoch in tables.load_epochs()}
        self.commands: dict[str, CommandEntry] = {entry.id: entry for entry in tables.load_commands()}
        self.current: SpooledEpoch | None = None
        self.pinned: Mapping[int, int] = {}  # epoch -> highest seq in flight: a full spool drops those last
        self.kept_key: int | None = None  # of a row that a full spool does not drop
        self.generation = 0  # rises when frames were replaced: what was read before is stale
        self.dropped_readings = 0
        self.gaps = 0  # made since the spool was opened; those that were merged count once
        self.log_bytes = 0  # about how much the write-ahead log grew since the last checkpoint
        self._tail = Tail()  # of the current epoch

    def open_epoch(self, number: int, channels: Sequence[Channel]) -> None:
        """Begin an epoch and number new frames in it."""
        ordinal = max((known.ordinal for known in self.epochs.values()), default=0) + 1
        opened = SpooledEpoch(ordinal, number, tuple(channels))
        with self._tables.transaction():
            self._tables.forget_epochs([ordinal])
            self._tables.insert_epoch(opened)
        self.epochs[number] = self.current = opened
        self._forget_tail()

    def append(self, drafts: Sequence[Draft]) -> None:
        """Number the drafts and keep them in one transaction, dropping the oldest frames where there is no room."""
        rows = self._numbered(drafts)
        size = sum(len(row.body) for row in rows) + FRAME_COST_BYTES * len(rows)
        excess = self.bytes + size - self._max_bytes
        if excess > 0:
            self._drop_oldest(max(excess, self._max_bytes // DROP_PART))
        if len(rows) == 1:
            self._tables.insert(rows)  # a transaction by itself
        else:
            with self._tables.transaction():
                self._tables.insert(rows)
        self._kept(rows, size)

    def settle(self) -> None:
        """Forget every epoch without frames but the current one, synced: what is gone is gone after a power cut too."""
        gone = [epoch for epoch in self.epochs.values() if epoch.is_finished and epoch is not self.current]
        with self._tables.transaction(is_synced=True):
            self._tables.forget_epochs([epoch.ordinal for epoch in gone])
        for epoch in gone:
            del self.epochs[epoch.epoch]
        self.checkpoint()

    def checkpoint(self) -> None:
        """Sync what is committed and let the log start over."""
        self._tables.checkpoint()
        self.log_bytes = 0

    def tail_after(self, epoch: SpooledEpoch, after: int, max_frames: int) -> list[SpooledFrame] | None:
        """Return frames out of memory; None where they must be read."""
        return self._tail.after(after, max_frames) if epoch is self.current else None

    def read(self, epoch: SpooledEpoch, after: int, max_frames: int, max_bytes: int) -> list[SpooledFrame]:
        """Return frames that reach beyond `after`, in order."""
        return self._tables.read(epoch.ordinal, after, max_frames, max_bytes)

    def ack(self, marks: Mapping[int, int]) -> int:
        """Let go of frames at or below the marks; return how many went."""
        moves = []
        with self._tables.transaction():
            for number, seq in marks.items():
                epoch = self.epochs.get(number)
                if epoch is not None and epoch.first <= seq and not epoch.is_finished:
                    moves.append((epoch, min(seq, epoch.last), *self._tables.delete_through(epoch.ordinal, seq)))
        for epoch, seq, frames, size in moves:
            epoch.frames -= frames
            epoch.bytes -= size
            epoch.first = seq + 1  # a gap that reaches beyond it is clipped by the hub
        if self.current is not None:
            self._tail.drop_below(self.current.first)
        return sum(frames for _, _, frames, _ in moves)

    def replace_by_gap(self, number: int, seq: int, reason: str) -> bool:
        """Put a gap in the place of the frame that begins at `seq`, or of one that is missing there; tell whether it was needed."""
        epoch = self.epochs.get(number)
        if epoch is None:
            return False
        rows = self._tables.rows(epoch.ordinal, seq, 1)
        if not rows:
            return self._fill_hole(epoch, seq, reason)
        if rows[0].kind in {FrameKind.GAP, FrameKind.GIVE_UP}:
            return False
        self._put_gaps([rows], reason)
        return True

    def give_up(self, number: int, reason: str) -> None:
        """Declare the rest of an epoch lost in one frame of the current epoch, and write its outcomes of commands again."""
        old = self.epochs[number]
        entries = [entry for entry in self.commands.values() if entry.epoch == number and self.is_unacked(entry)]
        drafts = [gaps.give_up(old, self._tables.all_rows(old.ordinal), reason), *(result_draft(entry.outcome) for entry in entries)]
        rows = self._numbered(drafts)
        assert self.current is not None
        with self._tables.transaction():
            self._tables.forget_epochs([old.ordinal])
            self._tables.insert(rows)
            for seq, entry in enumerate(entries, self.current.last + 2):
                entry.epoch, entry.seq = self.current.epoch, seq
                self._tables.put_command(entry)
        del self.epochs[number]
        self.gaps += 1
        self._kept(rows, sum(len(row.body) for row in rows) + FRAME_COST_BYTES * len(rows))

    def renumber(self, number: int, to: int) -> None:
        """Give an epoch another number in every frame of it."""
        epoch = self.epochs[number]
        entries = [entry for entry in self.commands.values() if entry.epoch == number]
        with self._tables.transaction():
            self._tables.rename_epoch(epoch.ordinal, to)
            for row in self._tables.all_rows(epoch.ordinal):
                self._tables.replace([row], row._replace(body=gaps.renumbered(row.body, to)))
            for entry in entries:
                entry.epoch = to
                self._tables.put_command(entry)
        del self.epochs[number]
        epoch.epoch = to
        self.epochs[to] = epoch
        self._forget_tail()

    def record(self, outcome: Outcome, expires_us: int) -> None:
        """Keep an outcome and its result frame, synced."""
        rows = self._numbered([result_draft(outcome)])
        assert self.current is not None
        entry = CommandEntry(outcome.id, expires_us, outcome, self.current.epoch, self.current.last + 1)
        with self._tables.transaction(is_synced=True):
            self._tables.insert(rows)
            self._tables.put_command(entry)
        self.commands[outcome.id] = entry
        self._kept(rows, len(rows[0].body) + FRAME_COST_BYTES)

    def is_unacked(self, entry: CommandEntry) -> bool:
        """Tell whether the latest outcome of a command has yet to be acked."""
        epoch = self.epochs.get(entry.epoch)
        return epoch is not None and epoch.first <= entry.seq

    def purge_commands(self, now_us: int) -> None:
        """Forget commands that ended, whose result is acked and whose time to live is over."""
        gone = [e.id for e in self.commands.values() if e.outcome.state.is_final and e.expires_us < now_us and not self.is_unacked(e)]
        if gone:
            with self._tables.transaction():
                self._tables.delete_commands(gone)
            for id_ in gone:
                del self.commands[id_]

    @property
    def bytes(self) -> int:
        """Bytes of all unacked frames, with what a row costs."""
        return sum(epoch.bytes for epoch in self.epochs.values())

    def close(self) -> None:
        """Close the file."""
        self._tables.close()

    def _numbered(self, drafts: Sequence[Draft]) -> list[FrameRow]:
        epoch = self.current
        if epoch is None:
            raise RuntimeError("no epoch is open: call open_epoch first")
        base = epoch.ordinal << SEQ_BITS
        rows = []
        for seq, draft in enumerate(drafts, epoch.last + 1):
            body = encode(draft.build(epoch.epoch, seq))
            rows.append(FrameRow(base | seq, seq, draft.kind, draft.readings, draft.from_us, draft.to_us, body))
        return rows

    def _kept(self, rows: Sequence[FrameRow], size: int) -> None:
        epoch = self.current
        assert epoch is not None
        epoch.frames += len(rows)
        epoch.bytes += size
        self.log_bytes += size + 8_192  # about what a small commit writes beside its rows
        epoch.last = rows[-1].last
        self._tail.extend(rows)

    def _drop_oldest(self, need: int) -> None:
        """Free about `need` bytes: frames not in flight first; where all are, those too."""
        runs = self._choose(self.pinned, need) or self._choose({}, need)
        self._put_gaps(runs, "spool_full")
        self.dropped_readings += sum(row.readings for run in runs for row in run if row.kind != FrameKind.GAP)

    def _choose(self, pinned: Mapping[int, int], need: int) -> list[list[FrameRow]]:
        with closing(self._tables.stream()) as rows:
            return gaps.choose(rows, pinned, self._numbers(), need, self.kept_key)

    def _fill_hole(self, epoch: SpooledEpoch, seq: int, reason: str) -> bool:
        following = self._tables.read(epoch.ordinal, seq - 1, 1, 1)
        if not epoch.first <= seq <= epoch.last or not following or following[0].seq <= seq:
            return False
        gap = gaps.over_hole(epoch, seq, following[0].seq - 1, reason)
        self._tables.insert((gap,))
        epoch.frames += 1
        epoch.bytes += len(gap.body) + FRAME_COST_BYTES
        self.gaps += 1
        self._forget_tail()
        return True

    def _put_gaps(self, runs: Sequence[Sequence[FrameRow]], reason: str) -> None:
        """Put one gap in the place of each run of neighbouring rows, all of them in one transaction."""
        epochs = {epoch.ordinal: epoch for epoch in self.epochs.values()}
        made = [(epochs[run[0].key >> SEQ_BITS], run) for run in runs]
        gap_rows = [gaps.in_place_of(epoch.epoch, run, reason) for epoch, run in made]
        with self._tables.transaction():
            for run, gap in zip(runs, gap_rows, strict=True):
                self._tables.replace(run, gap)
        for (epoch, run), gap in zip(made, gap_rows, strict=True):
            self.gaps += 1 - sum(row.kind == FrameKind.GAP for row in run)
            epoch.frames -= len(run) - 1
            epoch.bytes -= sum(len(row.body) + FRAME_COST_BYTES for row in run) - len(gap.body) - FRAME_COST_BYTES
        self._forget_tail()

    def _numbers(self) -> dict[int, int]:
        return {epoch.ordinal: epoch.epoch for epoch in self.epochs.values()}

    def _forget_tail(self) -> None:
        self._tail.clear()
        self.generation += 1
