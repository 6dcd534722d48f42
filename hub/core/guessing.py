"""How long somebody who guesses must wait: longer with each wrong try, by the address it comes from and by what is guessed at.

Owns the counts, bounded in number; takes the monotonic time as an argument and knows no password. hub/auth asks before it looks at one.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from hub.core.errors import TooOften

_MAX_KEYS: Final = 10_000  # about 2 MB; beyond it the one that was quiet for longest is forgotten
_FORGET_S: Final = 7_200.0  # without a try; longer than any wait


class LockedOut(TooOften):
    """Too many wrong tries came from an address or for a name: this one was not looked at."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too_many_tries", "there were too many wrong tries", wait_s)


@dataclass(slots=True)
class _Tries:
    count: int
    last_s: float
    until_s: float


class Guessing:
    """The wrong tries of each key: `free_tries` cost nothing, then the wait doubles from one second to `max_wait_s`."""

    def __init__(self, free_tries: int, max_wait_s: float) -> None:
        self._free_tries = free_tries
        self._max_wait_s = max_wait_s
        self._tries: OrderedDict[str, _Tries] = OrderedDict()  # the one tried last stands last

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._tries)

    def wait_s(self, key: str, now_s: float) -> float:
        """Return for how long no try of this key is looked at; 0: now."""
        tries = self._tries.get(key)
        return 0.0 if tries is None else max(0.0, tries.until_s - now_s)

    def tried(self, key: str, now_s: float) -> None:
        """Count a try as wrong, before it is looked at: a thousand at once are not free either."""
        tries = self._tries.pop(key, None)
        if tries is None or now_s - tries.last_s > _FORGET_S:
            tries = _Tries(0, now_s, now_s)
        tries.count += 1
        tries.last_s = now_s
        over = tries.count - self._free_tries
        # The exponent is bounded, too: 2.0 ** 1024 is an error.
        tries.until_s = now_s + (min(self._max_wait_s, 2.0 ** min(over, 64)) if over >= 0 else 0.0)
        self._tries[key] = tries
        if len(self._tries) > _MAX_KEYS:
            self._tries.popitem(last=False)

    def excuse(self, key: str) -> None:
        """Take back one try, which was right; those before it stay."""
        if (tries := self._tries.get(key)) is not None:
            tries.count -= 1
            tries.until_s = tries.last_s
            if tries.count <= 0:
                del self._tries[key]

    def waiting(self, now_s: float) -> list[tuple[str, int, float]]:
        """Return every key that must wait now, with its tries and for how long."""
        return [(key, tries.count, tries.until_s - now_s) for key, tries in self._tries.items() if tries.until_s > now_s]

    def forget(self, key: str) -> None:
        """Forget a key's tries: the right one has come."""
        self._tries.pop(key, None)


def address_key(address: str) -> str:
    """Return what is counted as one address: of IPv6 the network of 64 bits, which one customer has whole."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(getattr(found, "ipv4_mapped", None) or found)
