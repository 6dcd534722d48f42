"""When each frame of a device is due: a pure function of its number, and back.

Owns the arithmetic; an open loop, as no answer of a hub moves a time. A reading carries the time it was due at, so a frame's number can
be read off its time. Times are whole milliseconds, which every store keeps. Used by senders, viewers and the audit alike.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MS_US: Final = 1_000
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch with one rate. `first` is the number of its first frame."""

    start_us: int  # since 1970
    end_us: int
    rate: float  # frames a second
    first: int
    frames: int


class Schedule:
    """The due times of one device; `offset`, 0 to below 1, is where in a period its frames lie, so that a fleet does not send at once."""

    def __init__(self, begin_us: int, stretches: Sequence[tuple[float, float]], offset: float) -> None:
        """Make one of (seconds, frames a second), one after another from `begin_us` on."""
        self.pieces: list[Piece] = []
        self._offset = offset
        start_us, first = begin_us // MS_US * MS_US, 0
        for seconds, rate in stretches:
            end_us = start_us + round(seconds * 1e3) * MS_US
            frames = self._frames(start_us, end_us, rate)
            self.pieces.append(Piece(start_us, end_us, rate, first, frames))
            start_us, first = end_us, first + frames
        self.frames = first  # of all pieces
        self.end_us = start_us
        self._firsts = [piece.first for piece in self.pieces]
        self._starts_us = [piece.start_us for piece in self.pieces]

    def _frames(self, start_us: int, end_us: int, rate: float) -> int:
        """Return how many frames are due in a stretch."""
        count = max(0, int((end_us - start_us) / 1e6 * rate) + 1) if rate > 0 else 0
        while count and _due_us(start_us, rate, count - 1, self._offset) >= end_us:
            count -= 1
        return count

    def time_us(self, number: int) -> int:
        """Return when a frame is due."""
        piece = self.pieces[self.piece_of(number)]
        return _due_us(piece.start_us, piece.rate, number - piece.first, self._offset)

    def piece_of(self, number: int) -> int:
        """Return which stretch a frame belongs to."""
        return bisect_right(self._firsts, number) - 1  # of empty pieces with the same first the last one, which has the frame

    def phase_at(self, time_us: int) -> int:
        """Return which stretch a time falls into, the first or the last one where it is before or after all."""
        return max(0, bisect_right(self._starts_us, time_us) - 1)

    def times_us(self, first: int, end: int) -> Times:
        """Return the due times of the frames from `first` to before `end`."""
        columns = [np.empty(0, np.int64)]
        for piece in self.pieces:
            low, high = max(first, piece.first), min(end, piece.first + piece.frames)
            if low < high:
                steps = np.arange(low - piece.first, high - piece.first)
                columns.append(piece.start_us + np.floor((steps + self._offset) / piece.rate * 1e3).astype(np.int64) * MS_US)
        return np.concatenate(columns)

    def number_at(self, time_us: int) -> int | None:
        """Return the frame that is due at a time, None where none is."""
        at = bisect_right(self._starts_us, time_us) - 1
        if at < 0 or time_us >= self.end_us:
            return None
        piece = self.pieces[at]
        near = round((time_us - piece.start_us) / 1e6 * piece.rate - self._offset)
        for step in (near, near + 1, near - 1):
            if 0 <= step < piece.frames and _due_us(piece.start_us, piece.rate, step, self._offset) == time_us:
                return piece.first + step
        return None

    def frame_over(self, time_us: int) -> int | None:
        """Return the newest frame that is due at a time or before it, None where none is."""
        number = self.first_from(time_us + 1) - 1
        return number if number >= 0 and time_us < self.end_us + MS_US else None

    def first_from(self, time_us: int) -> int:
        """Return the first frame that is due at a time or after it."""
        low, high = 0, self.frames
        while low < high:
            middle = (low + high) // 2
            if self.time_us(middle) < time_us:
                low = middle + 1
            else:
                high = middle
        return low


def _due_us(start_us: int, rate: float, step: int, offset: float) -> int:
    return start_us + int((step + offset) / rate * 1e3) * MS_US
