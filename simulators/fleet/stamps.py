"""What time the clock of a device shows, where it goes wrong: a pure function of the true time, and what the hub makes of it.

Owns the arithmetic of one device's clock; clocks.py draws when it goes wrong. Shifts are whole milliseconds. A reading's stamp ends, in
microseconds, in the number of the setting that the clock had: so no two frames share a stamp, however often a clock is set back, and a
frame can be read off its stamp. Used by schedule.py.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.wire.limits import MAX_FUTURE_S

MAX_SETTINGS: Final = 1_000  # as many as there are µs in a ms
FUTURE_US: Final = MAX_FUTURE_S * 1_000_000
_PPB: Final = 1_000_000_000
EVER_US: Final = 2 * 10**18  # no time is so far; whole ms
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Setting:
    """How far a clock is ahead from `from_us` on (true time, a whole ms): `shift_ms`, and `ppb` billionths of the time since then more."""

    from_us: int
    shift_ms: int
    ppb: int

    def shift_us(self, true_us: int) -> int:
        """Return how far it is ahead, below 0 behind."""
        return (self.shift_ms + (true_us - self.from_us) // 1_000 * self.ppb // _PPB) * 1_000

    def near_us(self, shown_us: int) -> int:
        """Return the true time, to a ms or two, at which it shows one."""
        since_ms = (shown_us - self.from_us) // 1_000 - self.shift_ms
        return self.from_us + since_ms * _PPB // (_PPB + self.ppb) * 1_000


class Stamps:
    """The clock of one device; `changes` are settings with times since `begin_us`, in order. Before the first one it is right."""

    def __init__(self, begin_us: int, changes: Sequence[Sequence[int]]) -> None:
        begin_us = begin_us // 1_000 * 1_000
        self.settings = [Setting(-EVER_US, 0, 0), *(Setting(begin_us + from_us, ms, ppb) for from_us, ms, ppb in changes)]
        self._froms_us = [setting.from_us for setting in self.settings]

    def at(self, true_us: int) -> int:
        """Return the number of the setting at a time."""
        return bisect_right(self._froms_us, true_us) - 1

    def until_us(self, number: int) -> int:
        """Return when a setting ends."""
        return self._froms_us[number + 1] if number + 1 < len(self._froms_us) else EVER_US

    def shown_us(self, true_us: int) -> int:
        """Return what the clock shows."""
        return true_us + self.settings[self.at(true_us)].shift_us(true_us)

    def stamp_us(self, due_us: int) -> int:
        """Return the stamp of a frame."""
        number = self.at(due_us)
        return due_us + self.settings[number].shift_us(due_us) + number

    def stamps_us(self, dues_us: Times) -> Times:
        """Return the stamps of many frames."""
        numbers = np.searchsorted(np.array(self._froms_us), dues_us, "right") - 1
        froms, shifts, ppbs = (np.array([getattr(each, name) for each in self.settings]) for name in ("from_us", "shift_ms", "ppb"))
        drifted = np.where(ppbs[numbers] == 0, 0, (dues_us - froms[numbers]) // 1_000) * ppbs[numbers] // _PPB
        stamps: Times = dues_us + (shifts[numbers] + drifted) * 1_000 + numbers
        return stamps

    def is_beyond(self, true_us: int) -> bool:
        """Tell whether a hub rejects what is stamped then: the clock is further ahead than it takes."""
        return self.settings[self.at(true_us)].shift_us(true_us) > FUTURE_US

    def are_beyond(self, dues_us: Times) -> npt.NDArray[np.bool_]:
        """Tell the same of many frames."""
        beyond: npt.NDArray[np.bool_] = self.stamps_us(dues_us) - dues_us >= FUTURE_US + 1_000
        return beyond
