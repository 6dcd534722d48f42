"""How often somebody may do something: so many a second in the long run, and some seconds' worth of it at once.

Owns one number for each key, bounded in number; takes the monotonic time as an argument. Used by crowd.py and frames.py.
"""

from collections import OrderedDict
from typing import Final

BURST_S: Final = 10.0
_MAX_KEYS: Final = 10_000  # about 1 MB; beyond it the one that was quiet for longest is forgotten, and has its burst again


class Rates:
    """What each key has used of its rate."""

    def __init__(self, per_s: float, burst_s: float = BURST_S) -> None:
        self._each_s = 1 / per_s
        self._burst_s = burst_s
        self._spent_until_s: OrderedDict[str, float] = OrderedDict()  # the one that came last stands last

    def wait_s(self, key: str, now_s: float) -> float:
        """Take one; 0: it may be. Otherwise return in how long one may be, and nothing was taken."""
        until_s = max(now_s, self._spent_until_s.get(key, now_s)) + self._each_s
        if (over_s := until_s - now_s - self._burst_s) > 0:
            return over_s
        self._spent_until_s[key] = until_s
        self._spent_until_s.move_to_end(key)
        if len(self._spent_until_s) > _MAX_KEYS:
            self._spent_until_s.popitem(last=False)
        return 0.0
