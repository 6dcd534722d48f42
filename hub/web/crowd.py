"""Who may come to the door, and who makes way: connections that have not shown who they are are bounded, in all and for each address.

Owns the counts. A connection is a stranger until a device or a viewer was let in on it. Where there are too many, the one of the most
crowded address that has been idle for longest makes way for the newcomer: whoever has something to say gets to say it, beside any
number that are silent, from the same address, too. Reads nothing; asked by door.py and visit.py.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from heapq import nlargest
from typing import Final, NamedTuple

import structlog
import trio

from hub.core.errors import Refusal, TooOften
from hub.core.guessing import address_key
from hub.core.seldom import Seldom
from hub.web.proxies import is_trusted
from hub.web.rates import Rates
from hub.web.settings import DoorSettings, Network

KNOWN_S: Final = 3_600.0  # since a good token came from an address: its devices come back, if in a crowd
_RUSH: Final = 10  # times the rate of connects, within a second: beyond it only who speaks at once is let in from a known address
_SPARED_S: Final = 1.0
_CROWDED: Final = 8  # addresses that are looked at where the most crowded one has nobody to spare
_MAX_KNOWN: Final = 10_000  # addresses, about 2 MB
_HINT: Final = "where many share the address: exempt_addresses, or a higher limit; behind a proxy: trusted_proxies"
_LOG: Final = structlog.get_logger("hub.web.door")


class _Address(NamedTuple):
    key: str
    is_exempt: bool


class Stranger:
    """A connection that has not shown who it is; `scope` is cancelled where it makes way, while it is idle only."""

    __slots__ = ("address", "at", "scope", "spared_until_s")

    def __init__(self, address: str, at: _Address) -> None:
        self.address = address
        self.at = at
        self.scope = trio.CancelScope()
        self.spared_until_s = float("-inf")


class Crowd:
    """All strangers."""

    def __init__(self, settings: DoorSettings) -> None:
        self._settings = settings
        self._exempt: Sequence[Network] = (*settings.exempt_addresses, *settings.trusted_proxies)
        self._place = lru_cache(4_096)(self._placed)
        self._connects = Rates(settings.max_connects_per_s)
        self._rush = Rates(_RUSH * settings.max_connects_per_s, burst_s=1.0)
        self._requests = Rates(settings.max_requests_per_s)
        self._strangers: set[Stranger] = set()
        self._of: Counter[str] = Counter()  # strangers by key
        self._idle: dict[str, dict[Stranger, None]] = {}  # of each key, the one that is idle for longest first
        self._known_s: OrderedDict[str, float] = OrderedDict()  # key -> when a good token came from there
        self._made_way = 0
        self._seldom = Seldom()

    def statistics(self) -> dict[str, float]:
        """Return figures for metrics."""
        return {"strangers": len(self._strangers), "made_way": self._made_way}

    def meet(self, address: str, has_spoken: Callable[[], bool] = lambda: True) -> Stranger:
        """Let a new connection in as a stranger; `has_spoken` tells whether anything came on it yet.

        Raises Refusal: 429 too_many_connects or too_many_connections, 503 busy.
        """
        stranger = Stranger(address, self._place(address))
        self._check_rate(stranger, has_spoken)
        self._make_room(stranger)
        self._enter(stranger)
        return stranger

    def move(self, stranger: Stranger, address: str) -> None:
        """Count a stranger by the address that a proxy says it has. Raises Refusal as `meet` does."""
        self.leave(stranger)
        stranger.address, stranger.at = address, self._place(address)
        self._check_rate(stranger, lambda: True)
        self._make_room(stranger)
        self._enter(stranger)

    def hear(self, stranger: Stranger) -> None:
        """Note that a whole request came: it is not idle until that is answered."""
        idle = self._idle.get(stranger.at.key, {})
        idle.pop(stranger, None)
        if not idle:
            self._idle.pop(stranger.at.key, None)

    def spare(self, stranger: Stranger) -> None:
        """Note that a TLS handshake begins: it gets a moment, or a fleet that comes back at once would interrupt its own for ever."""
        stranger.spared_until_s = trio.current_time() + _SPARED_S

    def rest(self, stranger: Stranger) -> None:
        """Note that a request was answered."""
        if stranger in self._strangers:
            self._idle.setdefault(stranger.at.key, {})[stranger] = None

    def know(self, stranger: Stranger) -> None:
        """Note that a good token came: it is no stranger any more, and others from its address may come as often as they like."""
        self.leave(stranger)
        key = stranger.at.key
        self._known_s[key] = trio.current_time()
        self._known_s.move_to_end(key)
        if len(self._known_s) > _MAX_KNOWN:
            self._known_s.popitem(last=False)

    def leave(self, stranger: Stranger) -> None:
        """Count it no more; nothing where it is not counted."""
        if stranger in self._strangers:
            self.hear(stranger)
            self._strangers.remove(stranger)
            self._of[stranger.at.key] -= 1
            if not self._of[stranger.at.key]:
                del self._of[stranger.at.key]

    def make_way(self) -> bool:
        """Have an idle connection of the most crowded address make way; tell whether there was one."""
        return any(self._dismiss(key) for key in nlargest(_CROWDED, self._idle, key=lambda each: self._of[each]))

    def check_request(self, address: str) -> None:
        """Count a request. Raises TooOften."""
        at = self._place(address)
        if not at.is_exempt and (wait_s := self._requests.wait_s(at.key, trio.current_time())):
            per_s = self._settings.max_requests_per_s
            self._refuse(address, TooOften("too_many_requests", f"more than {per_s} requests a second came from {address}", wait_s))

    def _placed(self, address: str) -> _Address:
        return _Address(address_key(address), is_trusted(address, self._exempt))

    def _check_rate(self, stranger: Stranger, has_spoken: Callable[[], bool]) -> None:
        key, now_s = stranger.at.key, trio.current_time()
        if stranger.at.is_exempt:
            return
        if now_s - self._known_s.get(key, float("-inf")) < KNOWN_S:
            # In a rush a connection waits long enough in the system's queue for what it has to say to come.
            if self._rush.wait_s(key, now_s) and not has_spoken():
                said = f"more than {_RUSH * self._settings.max_connects_per_s} silent connections a second came from {stranger.address}"
                self._refuse(stranger.address, TooOften("too_many_connects", said, 1.0))
        elif wait_s := self._connects.wait_s(key, now_s):
            said = f"more than {self._settings.max_connects_per_s} connections a second came from {stranger.address}"
            self._refuse(stranger.address, TooOften("too_many_connects", said, wait_s))

    def _make_room(self, stranger: Stranger) -> None:
        key, settings = stranger.at.key, self._settings
        if not stranger.at.is_exempt and self._of[key] >= settings.max_strangers_per_address and not self._dismiss(key):
            said = f"{self._of[key]} connections without a token are open from {stranger.address}, which is the limit"
            self._refuse(stranger.address, TooOften("too_many_connections", said, settings.retry_after_s))
        if len(self._strangers) >= settings.max_strangers and not self.make_way():
            said = f"{len(self._strangers)} connections without a token are open, which is the limit"
            self._refuse(stranger.address, Refusal("busy", said, "come back later", 503))

    def _dismiss(self, key: str) -> bool:
        """Have the one of an address make way that is idle for longest; tell whether there was one."""
        now_s = trio.current_time()
        stranger = next((each for each in self._idle.get(key, ()) if each.spared_until_s <= now_s), None)
        if stranger is None:
            return False
        self.leave(stranger)
        stranger.scope.cancel()
        self._made_way += 1
        self._tell(stranger.address, "made_way", "idle connections make way for new ones")
        return True

    def _enter(self, stranger: Stranger) -> None:
        self._strangers.add(stranger)
        self._of[stranger.at.key] += 1
        self.rest(stranger)

    def _refuse(self, address: str, refusal: Refusal) -> None:
        self._tell(address, refusal.code, refusal.message)
        raise refusal

    def _tell(self, address: str, why: str, reason: str) -> None:
        if times := self._seldom.times(f"{why} {address_key(address)}", trio.current_time()):
            _LOG.warning("address_limited", remote=address, why=why, reason=reason, times=times, hint=_HINT)
