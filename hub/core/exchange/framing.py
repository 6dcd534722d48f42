"""Readings of a file as numbered data frames, the same ones each time: what the journal recognises the second time.

Owns which readings share a frame and its number. A frame's number decides the point keys of its readings (hub/core/columns.py), so
readings whose place in the microsecond is known get a number that gives just that. Plain code.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Final

import msgpack

from devices.wire.limits import MAX_CHANNELS
from devices.wire.messages import Channel
from hub.core.epochs import imported_epoch
from hub.core.exchange.table import Block, Found, bad_file
from hub.core.exchange.times import NO_N
from hub.core.ingest import MAX_EQUAL_STAMPS

WINDOW: Final = 200_000  # readings that are sorted into frames together: some 60 MB
_MAX_READINGS: Final = 2_000  # of a frame: 21 bytes each at most, without texts
_MAX_TEXT_BYTES: Final = 40_000  # of texts in a frame
_SPREAD: Final = 1_000
_PAIR: Final = Struct(">QQ")


@dataclass(frozen=True, slots=True)
class ImportFrame:
    """A data frame of an import; its readings are sound."""

    device: str
    seq: int
    readings: int
    n: int  # the place in the microsecond that its readings were said to have; -1: nothing was said
    body: bytes


@dataclass(slots=True)
class DeviceImport:
    """What a file holds of one device."""

    device: str
    epoch: int
    channels: list[Channel] = field(default_factory=list)  # whole only when the file was read to its end
    readings: int = 0
    first_us: int = 2**63
    last_us: int = -(2**63)
    frames: int = 0
    last_seq: int = 0
    first_row: int = 0


def epoch_of(content: bytes, device: str) -> int:
    """Return the epoch of a device in a file."""
    return imported_epoch(hashlib.sha256(content + device.encode()).digest())


class Framer:
    """Collects readings and gives them back as frames, window by window. `content` says what the file is: its hash."""

    def __init__(self, content: bytes, series: Sequence[Found]) -> None:
        self.devices: dict[str, DeviceImport] = {}
        self._content = content
        self._found = series  # grows while the file is read
        self._places: list[tuple[DeviceImport, int]] = []  # device and number of the channel, by series
        self._window = Block([], [], [], [], [])

    def add(self, block: Block) -> Iterator[ImportFrame]:
        """Take readings; yield what makes a window. Raises Refusal for more channels, or equal times, than a device may have."""
        self._note(len(self._found))
        window = self._window
        for name in Block.__slots__:
            getattr(window, name).extend(getattr(block, name))
        if len(window.series) >= WINDOW:
            yield from self.rest()

    def rest(self) -> Iterator[ImportFrame]:
        """Yield what was collected."""
        window, self._window = self._window, Block([], [], [], [], [])
        groups: dict[tuple[str, int], list[int]] = {}
        for at, (number, n) in enumerate(zip(window.series, window.n, strict=True)):
            device = self._places[number][0].device
            group = groups.get((device, n))
            if group is None:
                group = groups[(device, n)] = []
            group.append(at)
        for (name, n), members in groups.items():
            for part in _parts(window.values, members):
                yield self._frame(self.devices[name], window, n, part)

    def _note(self, count: int) -> None:
        """Give each new series its place among its device's channels."""
        for found in self._found[len(self._places) : count]:
            series = found.series
            device = self.devices.get(series.device)
            if device is None:
                epoch = epoch_of(self._content, series.device)
                device = self.devices[series.device] = DeviceImport(series.device, epoch, first_row=found.first_row)
            if len(device.channels) >= MAX_CHANNELS:
                said = f"row {found.first_row:,}: device {series.device} has more than {MAX_CHANNELS:,} channels"
                raise bad_file(said, "split the file by channels")
            self._places.append((device, len(device.channels)))
            device.channels.append(Channel(series.channel, series.unit, series.kind))

    def _frame(self, device: DeviceImport, window: Block, n: int, members: list[int]) -> ImportFrame:
        times = [window.t_us[at] for at in members]
        base_us = times[0]
        channels = [self._places[window.series[at]][1] for at in members]
        offsets = [time - base_us for time in times]
        _check_equal(channels, offsets, window, members)
        device.last_seq = _next_seq(device.epoch, device.last_seq, n)
        device.readings += len(members)
        device.frames += 1
        device.first_us, device.last_us = min(device.first_us, *times), max(device.last_us, *times)
        values = [window.values[at] for at in members]
        said = {"e": device.epoch, "s": device.last_seq, "op": "data", "t": base_us, "c": channels, "d": offsets, "v": values}
        return ImportFrame(device.device, device.last_seq, len(members), n, bytes(msgpack.packb(said, unicode_errors="surrogatepass")))


def _next_seq(epoch: int, seq: int, n: int) -> int:
    """Return the next number whose frame puts its readings on this place in the microsecond; any where it is not known."""
    seq += 1
    while n != NO_N and zlib.crc32(_PAIR.pack(epoch, seq)) % _SPREAD != n:
        seq += 1
    return seq


def _parts(values: Sequence[Any], members: list[int]) -> Iterator[list[int]]:
    """Yield the members in portions that fit a frame."""
    part: list[int] = []
    size = 0
    for at in members:
        value = values[at]
        weight = 4 * len(value) if isinstance(value, str) else 0
        if len(part) >= _MAX_READINGS or (size + weight > _MAX_TEXT_BYTES and part):
            yield part
            part, size = [], 0
        part.append(at)
        size += weight
    if part:
        yield part


def _check_equal(channels: list[int], offsets: list[int], window: Block, members: list[int]) -> None:
    """Refuse more readings of a channel in a microsecond than there are places in it."""
    stamps = list(zip(channels, offsets, strict=True))
    if len(stamps) - len(set(stamps)) < MAX_EQUAL_STAMPS:
        return
    counts: dict[tuple[int, int], int] = {}
    for stamp, at in zip(stamps, members, strict=True):
        counts[stamp] = counts.get(stamp, 0) + 1
        if counts[stamp] > MAX_EQUAL_STAMPS:
            said = f"row {window.rows[at]:,}: more than {MAX_EQUAL_STAMPS:,} readings of a channel have the same time"
            raise bad_file(said, "does the time column hold dates alone? Name another with --time-column")
