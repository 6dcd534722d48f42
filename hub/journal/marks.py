"""The marks in memory: which epochs of which device are known, how far each is durable, and with which channels.

Owns the copy that sessions ask, and which epochs may be forgotten; the file is the truth and is written first. Plain code; `channels`
is also called by worker threads.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Final

from devices.wire.limits import MAX_UNFINISHED
from devices.wire.messages import Channel
from hub.core.epochs import IMPORTED_FROM
from hub.ports import EpochMark, Opening

# Per device, whatever their age: the 64 it may list in hello, which makes them the last used, and 64 more. Age is no bound: a device
# that connects anew every ten seconds opens 260,000 epochs in a month.
KEPT_EPOCHS: Final = 2 * MAX_UNFINISHED


class _Mark:
    __slots__ = ("channels", "position", "seq", "used")

    def __init__(self, seq: int, position: int, channels: tuple[Channel, ...], used: int) -> None:
        self.seq = seq
        self.position = position  # no row of the epoch is above it
        self.channels = channels
        self.used = used  # rises from use to use; those of one commit are equal


_NONE: Final[Mapping[int, _Mark]] = {}


class Marks:
    """Durable seq and channels of every epoch, by device."""

    def __init__(self, marks: Sequence[EpochMark]) -> None:
        """Take the marks of the file, the longest unused first."""
        self._uses = count()
        self._devices: dict[str, dict[int, _Mark]] = {}
        for mark in marks:
            self._add(mark.device, mark.epoch, mark.seq, mark.position, mark.channels)

    def of(self, device: str) -> Mapping[int, int]:
        """Return {epoch: durable seq} as it stands now."""
        return {epoch: mark.seq for epoch, mark in self._devices.get(device, {}).items()}

    def position_of(self, device: str, epoch: int) -> int:
        """Return a position above which there is no row of an epoch; 0 for one that is not known."""
        mark = self._devices.get(device, _NONE).get(epoch)
        return 0 if mark is None else mark.position

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channel list of an epoch; asking counts as a use of it. Raises KeyError."""
        mark = self._devices[device][epoch]
        mark.used = next(self._uses)
        return mark.channels

    def committed(self, openings: Iterable[Opening], moves: Mapping[tuple[str, int], int], position: int) -> None:
        """Follow a commit whose last row has this position."""
        for opening in openings:
            if opening.epoch not in self._devices.get(opening.device, {}):
                self._add(opening.device, opening.epoch, 0, 0, opening.channels)
        devices, used = self._devices, next(self._uses)
        for (device, epoch), seq in moves.items():
            mark = devices.get(device, _NONE).get(epoch)
            if mark is not None:
                if seq > mark.seq:
                    mark.seq = seq
                mark.position = position
                mark.used = used

    def forget(self, first: int) -> list[tuple[str, int]]:
        """Forget, and return as (device, epoch), what is beyond the KEPT_EPOCHS last used of its device and has no row from `first` on;
        never those of imported files.

        The same epochs must leave the file before the next commit.
        """
        forgotten = []
        for device, marks in self._devices.items():
            if len(marks) > KEPT_EPOCHS:
                of_connections = [epoch for epoch in marks if epoch < IMPORTED_FROM]
                last_used_first = sorted(of_connections, key=lambda epoch: marks[epoch].used, reverse=True)
                forgotten += [(device, epoch) for epoch in last_used_first[KEPT_EPOCHS:] if marks[epoch].position < first]
        for device, epoch in forgotten:
            del self._devices[device][epoch]
        return forgotten

    def _add(self, device: str, epoch: int, seq: int, position: int, channels: tuple[Channel, ...]) -> None:
        marks = self._devices.setdefault(device, {})
        if marks:
            before = next(reversed(marks.values())).channels
            channels = before if before == channels else channels  # mostly the same list: then it is kept once
        marks[epoch] = _Mark(seq, position, channels, next(self._uses))
