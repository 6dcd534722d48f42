"""Which readings of an import the history has: those of the same series, microsecond and value, and of the same point where that is said.

Owns that comparison, window by window, and frames without what is known. A frame keeps its number, so that an import that was cut off
goes on where it was. Plain code, called in a worker thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

from hub.core.exchange.framing import DeviceImport, ImportFrame
from hub.core.exchange.runs import NS, runs_of
from hub.core.exchange.times import NO_N
from hub.core.records import Columns, Series

WINDOW: Final = 100_000  # readings that are compared together: some 50 MB
Mask = npt.NDArray[np.bool_]  # of the readings of a window: True where one is known


def windows_of(frames: Iterator[ImportFrame]) -> Iterator[list[ImportFrame]]:
    """Yield frames in windows, the same each time."""
    window: list[ImportFrame] = []
    size = 0
    for frame in frames:
        window.append(frame)
        size += frame.readings
        if size >= WINDOW:
            yield window
            window, size = [], 0
    if window:
        yield window


class Comparison:
    """The readings of one window that may be known: those of series that the history has."""

    def __init__(self, frames: Sequence[ImportFrame], devices: Mapping[str, DeviceImport], stored: frozenset[Series]) -> None:
        self.mask: Mask = np.zeros(sum(frame.readings for frame in frames), np.bool_)
        self._wanted: dict[tuple[Series, int], list[tuple[int, int, Any]]] = {}  # by series and µs: place, n, value
        place = 0
        for frame in frames:
            device = devices[frame.device]
            series = [Series(frame.device, *(channel.name, channel.unit, channel.kind)) for channel in device.channels]
            if not stored.isdisjoint(series):
                self._add(frame, series, stored, place)
            place += frame.readings

    def _add(self, frame: ImportFrame, series: list[Series], stored: frozenset[Series], place: int) -> None:
        body = msgpack.unpackb(frame.body, unicode_errors="surrogatepass")
        base_us = body["t"]
        for at, (channel, offset, value) in enumerate(zip(body["c"], body["d"], body["v"], strict=True), place):
            if series[channel] in stored:
                value = tuple(value) if isinstance(value, list) else value
                self._wanted.setdefault((series[channel], base_us + offset), []).append((at, frame.n, value))

    @property
    def range(self) -> tuple[list[Series], int, int]:
        """Return what to read of the history: series, from and to as point keys; no series: nothing."""
        if not self._wanted:
            return [], 0, 0
        times = [t_us for _, t_us in self._wanted]
        return sorted({series for series, _ in self._wanted}), min(times) * NS, (max(times) + 1) * NS

    def look(self, page: Columns) -> None:
        """Compare with readings of the history; each of them makes one reading known."""
        wanted, mask = self._wanted, self.mask
        for run in runs_of(page):
            for t_ns, value in zip(run.t_ns.tolist(), run.values, strict=True):
                for place, n, mine in wanted.get((run.series, t_ns // NS), ()):
                    if not mask[place] and n in (NO_N, t_ns % NS) and mine == value and isinstance(mine, bool) == isinstance(value, bool):
                        mask[place] = True
                        break


def without_known(frames: Sequence[ImportFrame], mask: Mask) -> list[ImportFrame]:
    """Return the frames without the readings that are known; a frame of which nothing is left is left out."""
    kept, place = [], 0
    for frame in frames:
        known = mask[place : place + frame.readings]
        place += frame.readings
        if known.all():
            continue
        kept.append(_lighter(frame, known) if known.any() else frame)
    return kept


def _lighter(frame: ImportFrame, known: Mask) -> ImportFrame:
    body = msgpack.unpackb(frame.body, unicode_errors="surrogatepass")
    keep = np.flatnonzero(~known).tolist()
    body |= {name: [body[name][at] for at in keep] for name in ("c", "d", "v")}
    return replace(frame, readings=len(keep), body=bytes(msgpack.packb(body, unicode_errors="surrogatepass")))
