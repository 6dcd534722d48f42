"""What goes into one commit, by owner: frames and epochs to open, and what that means for marks and owners.

Owns the arithmetic of a batch; plain code without I/O. By owner, because owners leave, and thousands of them at once: each takes its
share out without a look at the others. Filled by pending.py, committed by journal.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import trio

from hub.core.records import Row, RowKind
from hub.ports import Opening


class Owner(Protocol):
    """Who submitted a frame: a device session. Compared by identity."""

    def committed(self, marks: Mapping[int, int]) -> None:
        """Take the word that frames up to {epoch: seq} are durable. Called in the event loop; must not raise."""


class Entry(NamedTuple):
    """A frame on its way into the journal."""

    owner: Owner
    row: Row  # its position is 0
    marks: tuple[tuple[int, int], ...] = ()  # (epoch, seq) moves beside the one to the row's own seq


@dataclass(slots=True, eq=False)
class OpeningRequest:
    """Epochs that a session waits to have opened."""

    openings: Sequence[Opening]
    settled: trio.Event = field(default_factory=trio.Event)
    is_durable: bool = False


class Share:
    """What one owner, that is one device, has in a batch, in the order it came."""

    __slots__ = ("marks", "requests", "rows")

    def __init__(self) -> None:
        self.requests: list[OpeningRequest] = []
        self.rows: list[Row] = []
        self.marks: dict[int, int] = {}  # {epoch: highest seq} of the rows

    @property
    def size_bytes(self) -> int:
        """Bytes of the rows' bodies."""
        return sum([len(row.body) for row in self.rows])


@dataclass(slots=True)
class Batch:
    """What goes into one commit. The frames of an owner stay in order; owners go one after another.

    Once it is being committed only a thread reads it, and nobody changes it.
    """

    shares: dict[Owner, Share] = field(default_factory=dict)
    size_bytes: int = 0  # of the frames' bodies
    entries: int = 0
    has_requests: bool = False  # mostly there are none, and they need not be looked for
    has_moves: bool = False  # of marks, beside those that the rows say by themselves

    def add(self, entry: Entry) -> None:
        """Append a frame."""
        owner, row, moves = entry
        share = self.shares.get(owner)
        if share is None:
            share = self.shares[owner] = Share()
        share.rows.append(row)
        marks = share.marks
        if row[3] > marks.get(row[2], 0):
            marks[row[2]] = row[3]
        if moves:
            self.has_moves = True
            for epoch, seq in moves:
                marks[epoch] = max(seq, marks.get(epoch, 0))
        self.size_bytes += len(row.body)
        self.entries += 1

    def ask(self, owner: Owner, request: OpeningRequest) -> None:
        """Append epochs to open."""
        self._share(owner).requests.append(request)
        self.has_requests = True

    def _share(self, owner: Owner) -> Share:
        return self.shares.setdefault(owner, Share())

    def remove(self, owner: Owner) -> None:
        """Take an owner's share out."""
        share = self.shares.pop(owner, None)
        if share is not None:
            self.size_bytes -= share.size_bytes
            self.entries -= len(share.rows)

    def append(self, later: "Batch") -> None:
        """Append what came later."""
        for owner, share in later.shares.items():
            mine = self._share(owner)
            mine.requests += share.requests
            mine.rows += share.rows
            for epoch, seq in share.marks.items():
                mine.marks[epoch] = max(seq, mine.marks.get(epoch, 0))
        self.size_bytes += later.size_bytes
        self.entries += later.entries
        self.has_requests |= later.has_requests
        self.has_moves |= later.has_moves

    def split(self, max_entries: int) -> "Batch":
        """Take out and return the owners after those who have so many frames together; they wait for the next commit."""
        rest = Batch(has_requests=self.has_requests, has_moves=self.has_moves)
        kept = 0
        for owner, share in self.shares.items():
            if kept < max_entries:
                kept += len(share.rows)
            else:
                rest.shares[owner] = share
        for owner, share in rest.shares.items():
            del self.shares[owner]
            rest.size_bytes += share.size_bytes
        rest.entries = self.entries - kept
        self.entries = kept
        self.size_bytes -= rest.size_bytes
        return rest

    @property
    def is_plain(self) -> bool:
        """Tell whether the rows say by themselves how marks move."""
        return not (self.has_requests or self.has_moves)

    def requests(self) -> Iterator[OpeningRequest]:
        """Yield the requests to open epochs."""
        for share in self.shares.values() if self.has_requests else ():
            yield from share.requests

    def openings(self) -> list[Opening]:
        """Return the epochs to open."""
        return [opening for request in self.requests() for opening in request.openings]

    def rows(self) -> list[Row]:
        """Return the rows: first what openings note as acked elsewhere, then the frames."""
        rows = [
            Row(0, opening.device, opening.epoch, opening.elsewhere, RowKind.ELSEWHERE, opening.opened_us, b"", None)
            for opening in self.openings()
            if opening.elsewhere
        ]
        for share in self.shares.values():
            rows += share.rows
        return rows

    def marks(self) -> dict[tuple[str, int], int]:
        """Return how far each mark moves."""
        moves = [((opening.device, opening.epoch), opening.elsewhere) for opening in self.openings() if opening.elsewhere]
        for share in self.shares.values():
            for epoch, seq in share.marks.items():
                moves.append(((share.rows[0][1], epoch), seq))
        marks = dict(moves)
        if len(marks) < len(moves):  # an epoch that is opened and goes on at once
            for key, seq in moves:
                marks[key] = max(seq, marks[key])
        return marks

    def told(self) -> Iterator[tuple[Owner, dict[int, int]]]:
        """Yield what each owner is told."""
        for owner, share in self.shares.items():
            if share.marks:
                yield owner, share.marks
