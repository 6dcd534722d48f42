"""What goes into one commit: frames and epochs to open, in order, and what that means for marks and owners.

Owns the arithmetic of a batch; plain code without I/O. Filled by pending.py, committed by journal.py.
"""

from collections.abc import Mapping, Sequence
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
    marks: tuple[tuple[int, int], ...]  # (epoch, seq) moves: mostly one, of the frame itself


@dataclass(slots=True, eq=False)
class OpeningRequest:
    """Epochs that a session waits to have opened."""

    owner: Owner
    openings: Sequence[Opening]
    settled: trio.Event = field(default_factory=trio.Event)
    is_durable: bool = False


@dataclass(slots=True)
class Batch:
    """What goes into one commit, in order."""

    requests: list[OpeningRequest] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    size_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.requests or self.entries)

    def openings(self) -> list[Opening]:
        """Return the openings in order."""
        return [opening for request in self.requests for opening in request.openings]

    def rows(self) -> list[Row]:
        """Return the rows: first what openings note as acked elsewhere, then the frames."""
        elsewhere = [
            Row(0, opening.device, opening.epoch, opening.elsewhere, RowKind.ELSEWHERE, opening.opened_us, b"", None)
            for opening in self.openings()
            if opening.elsewhere
        ]
        return elsewhere + [entry.row for entry in self.entries]

    def marks(self) -> dict[tuple[str, int], int]:
        """Return how far each mark moves."""
        marks = {(opening.device, opening.epoch): opening.elsewhere for opening in self.openings() if opening.elsewhere}
        for entry in self.entries:
            for epoch, seq in entry.marks:
                key = (entry.row.device, epoch)
                if seq > marks.get(key, 0):
                    marks[key] = seq
        return marks

    def told(self) -> dict[Owner, dict[int, int]]:
        """Return what each owner is told."""
        told: dict[Owner, dict[int, int]] = {}
        for owner, _, marks in self.entries:
            mine = told.setdefault(owner, {})
            for epoch, seq in marks:
                if seq > mine.get(epoch, 0):
                    mine[epoch] = seq
        return told

    def followed_by(self, later: "Batch") -> "Batch":
        """Return both as one."""
        return Batch(self.requests + later.requests, self.entries + later.entries, self.size_bytes + later.size_bytes)

    def without(self, owner: Owner) -> "Batch":
        """Return what is left when an owner's share is taken out."""
        entries = [entry for entry in self.entries if entry.owner is not owner]
        requests = [request for request in self.requests if request.owner is not owner]
        return Batch(requests, entries, sum(len(entry.row.body) for entry in entries))

    def has(self, owner: Owner) -> bool:
        """Tell whether something of an owner is in it."""
        return any(entry.owner is owner for entry in self.entries) or any(request.owner is owner for request in self.requests)
