"""When each frame of a device is due, and what stamp it carries: pure functions of its number, and back.

Owns the arithmetic; an open loop, as no answer of a hub moves a time. A reading is stamped with the time it was due at, as the device's
clock showed it (stamps.py), so a frame's number can be read off its stamp. Times are whole milliseconds, which every store keeps. Used
by senders, viewers and the audit alike.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.fleet.stamps import Stamps, Times

MS_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch with one rate. `first` is the number of its first frame."""

    start_us: int  # since 1970
    end_us: int
    rate: float  # frames a second
    first: int
    frames: int


class Schedule:
    """The times of one device; `offset`, 0 to below 1, is where in a period its frames lie, so that a fleet does not send at once.

    What is called due, time or phase is true time; a stamp is what the device's clock showed then, the same while that is right.
    """

    def __init__(self, begin_us: int, stretches: Sequence[tuple[float, float]], offset: float, clock: Sequence[Sequence[int]] = ()) -> None:
        """Make one of (seconds, frames a second), one after another from `begin_us` on; `clock` as Stamps takes it."""
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
        self.stamps = Stamps(begin_us, clock)

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

    def number_due(self, time_us: int) -> int | None:
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

    def stamp_us(self, number: int) -> int:
        """Return the stamp of a frame."""
        return self.stamps.stamp_us(self.time_us(number))

    def number_at(self, stamp_us: int) -> int | None:
        """Return the frame that carries a stamp, None where none does."""
        setting = stamp_us % MS_US
        return self._number_in(setting, stamp_us) if setting < len(self.stamps.settings) else None

    def number_shown(self, stamp_us: int) -> int | None:
        """Return the same of a stamp as any store shows it: one may have kept no more than its milliseconds."""
        number = self.number_at(stamp_us)
        if number is None and stamp_us % MS_US == 0:
            found = (self._number_in(setting, stamp_us + setting) for setting in range(1, len(self.stamps.settings)))
            number = next((each for each in found if each is not None), None)
        return number

    def _number_in(self, setting: int, stamp_us: int) -> int | None:
        """Return the frame with a stamp that was made under a setting of the clock."""
        near_us = self.stamps.settings[setting].near_us(stamp_us // MS_US * MS_US)
        for due_us in (near_us, near_us + MS_US, near_us - MS_US, near_us + 2 * MS_US):
            if self.stamps.stamp_us(due_us) == stamp_us and (number := self.number_due(due_us)) is not None:
                return number
        return None

    def due_us(self, stamp_us: int, now_us: int) -> int:
        """Return when something was stamped, to a ms or two: the last time that is not after now at which the clock showed that."""
        found = [stamp_us]
        for number, setting in enumerate(self.stamps.settings):
            near_us = setting.near_us(stamp_us)
            if setting.from_us - 2 * MS_US <= near_us <= min(now_us, self.stamps.until_us(number)) + 2 * MS_US:
                found.append(near_us)
        return found[-1]

    def stamped(self, from_us: int, to_us: int) -> Iterator[range]:
        """Yield the frames with stamps in [from, to), as ranges of numbers."""
        for number, setting in enumerate(self.stamps.settings):
            frames = range(self.first_from(setting.from_us), self.first_from(self.stamps.until_us(number)))
            low, high = (frames.start + bisect_left(frames, stamp_us, key=self.stamp_us) for stamp_us in (from_us, to_us))
            if low < high:
                yield range(low, high)

    @property
    def is_ever_beyond(self) -> bool:
        """Tell whether any frame is stamped too far ahead for a hub."""
        return any(self.stamps.is_beyond(setting.from_us) for setting in self.stamps.settings)

    def spans_us(self) -> Iterator[tuple[int, int]]:
        """Yield the spans that the clock showed from the first frame to the last, but those that are too far ahead for a hub."""
        for number, setting in enumerate(self.stamps.settings):
            low, high = max(setting.from_us, self._starts_us[0]), min(self.stamps.until_us(number), self.end_us)
            if low < high and not (self.stamps.is_beyond(low) and self.stamps.is_beyond(high - MS_US)):
                yield low + setting.shift_us(low), high + setting.shift_us(high)

    def frame_over(self, stamp_us: int) -> int | None:
        """Return the frame that carries a stamp, or else the newest one before the time that it may be of, None where none is."""
        if (number := self.number_at(stamp_us)) is not None:
            return number
        found = None
        for at, setting in enumerate(self.stamps.settings):
            near_us = setting.near_us(stamp_us)
            if setting.from_us <= near_us < min(self.stamps.until_us(at), self.end_us + MS_US) and (newest := self.first_from(near_us + 1)):
                found = newest - 1
        return found

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
