"""The marks in memory: which epochs of which device are known, how far each is durable, and with which channels.

Owns the copy that sessions ask, and which epochs may be forgotten; the file is the truth and is written first. Plain code; `channels`
is also called by worker threads.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Final

from devices.wire.channel_lists import weight
from devices.wire.limits import MAX_UNFINISHED
from devices.wire.messages import Channel
from hub.core.epochs import IMPORTED_FROM
from hub.ports import EpochMark, Opening

# Per device, whatever their age: the 64 it may list in hello, which makes them the last used, and 64 more. Age is no bound: a device
# that connects anew every ten seconds opens 260,000 epochs in a month.
KEPT_EPOCHS: Final = 2 * MAX_UNFINISHED
# Beyond those a device may have more epochs only where they and their channels, each list once, are no more than this: about 10 MB. Epochs
# that the journal has rows of cannot be forgotten, and one with a new list of 900 channels at each connection took 0.3 MB every time.
MAX_HELD: Final = 32_768


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
        self._unknown: set[str] = set()  # devices that were no device's when somebody last looked
        self._lists: dict[str, dict[tuple[Channel, ...], tuple[Channel, ...]]] = {}  # of devices with more than one, each as it is kept
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

    def has_room_for(self, device: str, lists: Collection[tuple[Channel, ...]]) -> bool:
        """Tell whether a device may open epochs with these channels; if not, it may once the journal has fewer rows of it."""
        marks = self._devices.get(device, {})
        if len(marks) + len(lists) <= KEPT_EPOCHS:
            return True
        known = self._lists.get(device) or {mark.channels: mark.channels for mark in list(marks.values())[:1]}
        return len(marks) + len(lists) + sum(map(weight, {*known, *lists})) <= MAX_HELD

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

    def forget(self, first: int, is_known: Callable[[str], bool] = lambda device: True) -> list[tuple[str, int]]:
        """Forget, and return as (device, epoch), what has no row from `first` on and is beyond the KEPT_EPOCHS last used of its device, or
        is of a device that is known no more, now and when this was last called; never those of imported files.

        The same epochs must leave the file before the next commit.
        """
        unknown = {device for device in self._devices if not is_known(device)}
        removed, self._unknown = unknown & self._unknown, unknown
        forgotten = []
        for device, marks in self._devices.items():
            kept = 0 if device in removed else KEPT_EPOCHS
            if len(marks) > kept:
                of_connections = [epoch for epoch in marks if epoch < IMPORTED_FROM]
                last_used_first = sorted(of_connections, key=lambda epoch: marks[epoch].used, reverse=True)
                forgotten += [(device, epoch) for epoch in last_used_first[kept:] if marks[epoch].position < first]
        for device, epoch in forgotten:
            del self._devices[device][epoch]
        for device in {device for device, _ in forgotten}:
            left = self._devices[device]
            if device in self._lists:
                self._lists[device] = {mark.channels: mark.channels for mark in left.values()}
            if not left:
                del self._devices[device]
                self._lists.pop(device, None)
        return forgotten

    def _add(self, device: str, epoch: int, seq: int, position: int, channels: tuple[Channel, ...]) -> None:
        marks = self._devices.setdefault(device, {})
        if marks:
            channels = self._shared(device, next(reversed(marks.values())).channels, channels)
        marks[epoch] = _Mark(seq, position, channels, next(self._uses))

    def _shared(self, device: str, before: tuple[Channel, ...], channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        """Return a list that the device has already, where it is the same: then it is kept once. Mostly it is that of the epoch before."""
        if before == channels:
            return before
        return self._lists.setdefault(device, {before: before}).setdefault(channels, channels)
