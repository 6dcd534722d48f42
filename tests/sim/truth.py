"""What really happened, noted where it cannot be mistaken: at the journal's file and on the wires.

Owns what is durable, frame by frame, and what the devices were told; complains at once where an ack is ahead of the journal or an epoch
is out of order. Knows nothing of how the hub works.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgpack
import trio

from hub.core.records import Cursor, Row, RowKind
from hub.journal import SQLiteJournalFile
from hub.ports import FollowerCursor, JournalBroken, JournalFull, JournalState, Opening
from tests.sim.wires import Message

_ACK: Final = msgpack.packb({"op": "ack"})[1:]  # how the map of an ack begins


class Truth:
    """Everything that is durable, and what went over the wires."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.durable: dict[tuple[str, int], int] = {}  # (device, epoch) -> highest seq
        self.rows: list[Row] = []
        self.acked: dict[tuple[str, int], int] = {}
        self.acks = 0
        self.journaled: set[tuple[str, int]] = set()  # (device, number) of readings that were accepted
        self.rejected: dict[tuple[str, int], int] = {}  # and when they came to the hub, in us
        self.sent: set[tuple[str, Message]] = set()  # every message of a device
        self.lost: dict[str, int] = {}  # device -> readings that its gaps declare
        self.lines: list[bytes] | None = None  # of the trace, where somebody wants to read it
        self._hash = blake2b(digest_size=16)
        self.messages = 0

    def complain(self, said: str) -> None:
        """Note that something is wrong."""
        self.complaints.append(f"{trio.current_time():.3f} s: {said}")

    def note(self, *what: Any) -> None:
        """Add an event to the trace."""
        self._trace(f"{trio.current_time():.6f} {what!r}\n".encode())

    def _trace(self, line: bytes) -> None:
        self._hash.update(line)
        if self.lines is not None:
            self.lines.append(line)

    @property
    def trace(self) -> str:
        """What stands for everything that happened: equal where all of it was."""
        return self._hash.hexdigest()

    def spoken(self, device: str | None, number: int, way: str, message: Message) -> None:
        """Take a message that was sent on a wire; of a device its acks are compared with what is durable."""
        self.messages += 1
        body = message.encode() if isinstance(message, str) else message
        self._trace(b"%.6f %d %s %s\n" % (trio.current_time(), number, way.encode(), body))
        if device is not None and way == "up":
            self.sent.add((device, message))
        elif device is not None and body.startswith(_ACK, 1):
            for epoch, seq in msgpack.unpackb(body)["acks"]:
                self.acks += 1
                self.acked[device, epoch] = max(seq, self.acked.get((device, epoch), 0))
                if seq > self.durable.get((device, epoch), 0):
                    self.complain(f"{device} was told that {seq} of {epoch} is durable, and only {self.durable.get((device, epoch), 0)} is")

    def committed(self, rows: Sequence[Row]) -> None:
        """Take rows that are on the disk now."""
        self.note("commit", len(rows))
        for row in rows:
            before = self.durable.get((row.device, row.epoch), 0)
            last = row.seq
            if (row.device, row.body) not in self.sent:
                self.complain(f"{row.device}: {row.seq} of {row.epoch} is in the journal as {row.body!r}, which it never sent")
            if row.kind == RowKind.DATA:
                self._readings(row)
            elif row.kind == RowKind.GAP:
                said = msgpack.unpackb(row.body)
                self.lost[row.device] = self.lost.get(row.device, 0) + said["readings"]
                last = said["last"]
                if "of" in said:
                    given_up = (row.device, said["of"])
                    self.durable[given_up] = max(said["of_last"], self.durable.get(given_up, 0))
            if row.kind == RowKind.ELSEWHERE:
                self.complain(f"{row.device}: frames up to {row.seq} of {row.epoch} count as acked elsewhere, and there is no elsewhere")
            if row.seq != before + 1:
                self.complain(f"{row.device}: {row.seq} of {row.epoch} is in the journal after {before}")
            self.durable[row.device, row.epoch] = max(last, before)
        self.rows += rows

    def has(self, device: str, number: int) -> bool:
        """Tell whether a reading is in the journal, as good or as rejected."""
        return (device, number) in self.journaled or (device, number) in self.rejected

    def _readings(self, row: Row) -> None:
        said = msgpack.unpackb(row.body)
        refused = {index for index, _ in msgpack.unpackb(row.rejects)} if row.rejects else ()
        for index, (channel, value) in enumerate(zip(said["c"], said["v"], strict=True)):
            if channel == 0:
                if self.has(row.device, value):
                    self.complain(f"{row.device}: {value} is in the journal twice")
                if index in refused:
                    self.rejected[row.device, value] = row.arrived_us
                else:
                    self.journaled.add((row.device, value))


class WatchedFile:
    """A JournalFile that tells the truth what it has committed, and fails when it is told to."""

    def __init__(self, path: Path, truth: Truth) -> None:
        self._file = SQLiteJournalFile(path)
        self._truth = truth
        self.is_full = False
        self.breaks = False  # at the next write, once: a sync after a failed one says that all is well
        self.is_broken = False

    def _check(self) -> None:
        if self.is_broken:
            self._truth.complain("the hub goes on writing on a file of which a write failed")
        if self.breaks:
            self.breaks, self.is_broken = False, True
            raise JournalBroken("the disk failed")
        if self.is_full:
            raise JournalFull("no room")

    def open(self, seen: Sequence[Cursor] = ()) -> JournalState:
        """Open the file."""
        return self._file.open(seen)

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Commit, and tell the truth."""
        self._check()
        first = self._file.commit(openings, rows, marks)
        self._truth.committed(rows)
        return first

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Read."""
        return self._file.read(after, max_rows, max_bytes)

    def copy_to(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Copy."""
        self._file.copy_to(path, told)

    def set_cursor(self, follower: str, cursor: FollowerCursor) -> None:
        """Keep a cursor."""
        self._check()
        self._file.set_cursor(follower, cursor)

    def trim(self, below: int, max_rows: int) -> int:
        """Trim."""
        self._check()
        return self._file.trim(below, max_rows)

    def forget_marks(self, marks: Iterable[tuple[str, int]]) -> None:
        """Forget."""
        self._check()
        self._file.forget_marks(marks)

    def size_bytes(self) -> int:
        """Say a size that is the same on every disk."""
        return 4_096 * len(self._truth.rows)

    def free_bytes(self) -> int:
        """Say how much room there is."""
        return 100_000_000_000

    def disk_bytes(self) -> int:
        """Say how large the disk is."""
        return 200_000_000_000

    def close(self) -> None:
        """Close."""
        self._file.close()
