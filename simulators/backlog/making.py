"""Write a backlog into a hub's journal at full speed, as that hub would have: same file, same commits, frames as devices encode them.

Owns the bytes of the frames and the order: all devices in turn, as they report. Blocking; no hub runs on the directory meanwhile. Called
by __main__.py.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final

import msgpack
import numpy as np

from devices.wire.messages import Channel
from hub.core.records import Row, RowKind
from hub.journal import SQLiteJournalFile
from hub.ports import Opening
from simulators.backlog.numbers import Backlog, Numbers

COMMIT_FRAMES: Final = 10_000
MAX_JOURNAL_BYTES: Final = 19_000_000_000  # a hub holds at 20 GB
SPARE_BYTES: Final = 5_000_000_000  # of the disk
FRAME_OVERHEAD_BYTES: Final = 45  # in the journal beside the frame: device, epoch, seq, time
READING_BYTES: Final = 12  # in the store, at most
_WIDE: Final = 1 << 40  # a number that msgpack writes in 8 bytes, as epochs and times are
# Offsets in a frame, fixed by the order of the entries: 1 map byte, then "e" in 11, "s" in 7, "op" in 8, "t" in 11.
_EPOCH_AT, _SEQ_AT, _TIME_AT = 4, 15, 30
_FLOAT_BYTES: Final = 9  # of msgpack, its type byte first
_as_row: Final = partial(tuple.__new__, Row)


def template(channels: int) -> bytes:
    """Return a data frame with a reading of each channel at its own time, all numbers of full length."""
    body = {"e": _WIDE, "s": 2**31, "op": "data", "t": _WIDE, "c": list(range(channels)), "d": [0] * channels, "v": [0.5] * channels}
    return bytes(msgpack.packb(body))


def frames_that_fit(wanted: int, channels: int, directory: Path) -> int:
    """Return how many frames journal and disk have room for, at most `wanted`."""
    disk = os.statvfs(directory)
    frame_bytes = len(template(channels)) + FRAME_OVERHEAD_BYTES
    by_disk = (disk.f_bavail * disk.f_frsize - SPARE_BYTES) // (frame_bytes + channels * READING_BYTES)
    return max(0, min(wanted, MAX_JOURNAL_BYTES // frame_bytes, by_disk))


class FrameWriter:
    """Makes the frames of a backlog, many at once."""

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.epochs = [secrets.randbits(61) | 1 << 61 for _ in range(backlog.devices)]
        self._template = np.frombuffer(template(backlog.channels), np.uint8)
        epochs = np.array(self.epochs, ">u8").view(np.uint8).reshape(-1, 8)
        self._round = np.tile(self._template, (backlog.devices, 1))  # a frame of each device
        self._round[:, _EPOCH_AT : _EPOCH_AT + 8] = epochs
        self._devices = np.arange(backlog.devices)
        self._names = [backlog.name(device) for device in range(backlog.devices)]

    def openings(self) -> list[Opening]:
        """Return the epochs to open before the first frame."""
        channels = tuple(Channel(f"c{number}", "Cel") for number in range(self.backlog.channels))
        begin_us = self.backlog.begin_us
        return [Opening(name, epoch, channels, begin_us) for name, epoch in zip(self._names, self.epochs, strict=True)]

    def rounds(self) -> Iterator[list[Row]]:
        """Yield rows, frame number by frame number, each of all devices; COMMIT_FRAMES together or a little less."""
        backlog, most = self.backlog, max(1, COMMIT_FRAMES // self.backlog.devices)
        for first in range(1, backlog.frames + 1, most):
            numbers = np.arange(first, min(first + most, backlog.frames + 1))
            yield self._rows(numbers)

    def _rows(self, numbers: Numbers) -> list[Row]:
        backlog, count = self.backlog, len(numbers)
        frames = np.tile(self._round, (count, 1, 1))  # number, device, byte
        size = frames.shape[2]
        frames[:, :, _SEQ_AT : _SEQ_AT + 4] = numbers.astype(">u4").view(np.uint8).reshape(count, 1, 4)
        times = backlog.times_us(self._devices, numbers[:, None])
        frames[:, :, _TIME_AT : _TIME_AT + 8] = times.astype(">u8").view(np.uint8).reshape(*times.shape, 8)
        for channel in range(backlog.channels):
            values = backlog.values(self._devices, channel, numbers[:, None])
            at = size - (backlog.channels - channel) * _FLOAT_BYTES + 1
            frames[:, :, at : at + 8] = values.astype(">f8").view(np.uint8).reshape(*values.shape, 8)
        whole = frames.tobytes()
        bodies = [whole[at : at + size] for at in range(0, len(whole), size)]
        seqs = np.repeat(numbers, backlog.devices).tolist()
        same = (repeat(0), self._names * count, self.epochs * count, seqs, repeat(int(RowKind.DATA)), times.ravel().tolist(), bodies)
        return list(map(_as_row, zip(*same, repeat(None))))


def write_journal(path: Path, backlog: Backlog, said: Callable[[int], None]) -> None:
    """Append the backlog to a journal; `said(frames)` is called after each commit. Raises JournalFull, JournalBroken."""
    writer = FrameWriter(backlog)
    with closing(SQLiteJournalFile(path)) as file:
        file.open()
        file.commit(writer.openings(), [], {})
        done = 0
        for rows in writer.rounds():
            file.commit([], rows, {})
            done += len(rows)
            said(done)
