"""Which of many like lines go to the log: a device that is refused comes back for ever, and must neither fill the disk nor hide others.

Owns the counting; writes nothing and takes the time as an argument. Used where devices are refused and where the journal holds.
"""

from dataclasses import dataclass
from typing import Final

_MAX_KEYS: Final = 1_000  # the longest untold are forgotten: their next line counts as a first one


@dataclass(slots=True)
class _Told:
    at_s: float
    held_back: int = 0


class Seldom:
    """For each key a line now and then, and for all keys together no more than a bound."""

    def __init__(self, period_s: float = 60.0, max_lines: int = 60) -> None:
        self._period_s = period_s
        self._max_lines = max_lines
        self._told: dict[str, _Told] = {}  # in the order of telling
        self._began_s = float("-inf")
        self._lines = 0  # since then

    def times(self, key: str, now_s: float) -> int:
        """Return how many events the line about this one stands for: those since the key's last line; 0: write none now."""
        told = self._told.get(key)
        if (told is not None and now_s - told.at_s < self._period_s) or not self._has_room(now_s):
            if told is not None:
                told.held_back += 1
            return 0
        self._lines += 1
        self._told.pop(key, None)
        self._told[key] = _Told(now_s)
        if len(self._told) > _MAX_KEYS:
            del self._told[next(iter(self._told))]
        return 1 if told is None else told.held_back + 1

    def _has_room(self, now_s: float) -> bool:
        if now_s - self._began_s >= self._period_s:
            self._began_s, self._lines = now_s, 0
        return self._lines < self._max_lines
