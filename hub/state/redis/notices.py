"""What nodes tell each other of changes: one bounded stream that change.lua writes with each change, read by every node.

Owns the reading: nothing is lost without a word, as entries are numbered without a gap and every loss of Redis counts as a loss of
some; and how far what was read is taken in, for those who must know all that is there. Used by documents.py.
"""

from contextlib import suppress
from typing import Any, Final

import structlog
import trio

from hub.ports import Changed, StoreUnavailable
from hub.redis import REPLY_S, Client, Redis
from hub.state.redis.values import told_in

_READ: Final = 1_000  # entries of one answer
_WAIT_MS: Final = 1_000  # for news, on a connection of its own
CATCH_UP_S: Final = 2.0  # somebody waits for the answer; it is some ms as a rule
_END: Final = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
return {redis.call('GET', ARGV[1]) or '0', last[1] and last[1][1] or '0-0', redis.call('GET', ARGV[2]) or ''}
"""
_OTHER: Final = (
    "Redis holds another state than when this hub started: it was emptied, or another one is in its place. Nothing of it is taken in: "
    "bring the old state back, or restart every hub to begin with this one"
)
_log: Final = structlog.get_logger(__name__)


class Notices:
    """The stream, from `start` on, but for what this node wrote itself."""

    def __init__(self, redis: Redis, node: str) -> None:
        self._redis, self._node = redis, node
        self._number, self._after = 0, b"0-0"  # of the last entry that was read
        self._lives = -1  # of Redis, then
        self._state = b""  # its id
        self._unsure_s: float | None = None  # since when nobody knows whether a change of ours was made
        self._taken, self._more = 0, trio.Event()  # the number up to which all is taken in here; more of it is
        self._asking = trio.Lock()  # where the stream ends
        self._asked, self._answered, self._newest = 0, 0, 0  # how often that was asked, the last that was answered, and its answer

    async def start(self, state: bytes) -> None:
        """Begin behind what there is now, in the state of this id. Raises StoreUnavailable."""
        self._state = state
        await self._begin()
        self._taken_in()  # what is loaded from now on has it

    async def _begin(self) -> None:
        lives = self._redis.lives
        self._number, self._after = await self._end()
        self._lives = lives

    async def _end(self) -> tuple[int, bytes]:
        """Return number and id of the newest entry. Raises StoreUnavailable, also where this is another state."""
        places = [self._redis.key(name) for name in ("changes_number", "id")]
        number, last, state = await self._redis.run_script(_END, self._redis.key("changes"), places)
        if state != self._state:
            raise StoreUnavailable(self.is_other())
        self._redis.stranger = None
        return int(number), bytes(last)

    def is_other(self) -> str:
        """Take note that Redis holds another state; return what is told of that."""
        if self._redis.stranger is None:
            _log.error("state_is_another", url=self._redis.url, reason=_OTHER)
        self._redis.stranger = _OTHER
        return _OTHER

    def doubt(self) -> None:
        """Take note of a change whose outcome nobody knows: what it was of is to be read again."""
        self._unsure_s = trio.current_time()

    async def next(self) -> Changed:
        """Wait for what other nodes have changed; None where something may have been missed. Raises StoreUnavailable."""
        while True:
            self._taken_in()
            entries = await self._redis.ask(self._read)
            if self._is_unsure() or self._lives != self._redis.lives or not self._follows(entries):
                await self._begin()
                self._unsure_s = None
                return Changed(None)
            if entries:
                self._number += len(entries)
                self._after = entries[-1][0]
                theirs = [fields[b"what"] for _, fields in entries if fields[b"node"] != self._node.encode()]
                if what := frozenset[tuple[str, str]]().union(*map(told_in, theirs)):
                    return Changed(what)
            elif await self._went_back():
                self._lives = -1

    def _taken_in(self) -> None:
        if self._taken != self._number:
            self._taken = self._number
            more, self._more = self._more, trio.Event()
            more.set()

    async def catch_up(self) -> bool:
        """Wait until all that is in the stream by now is taken in; false: not in time, or Redis is away."""
        with trio.move_on_after(CATCH_UP_S), suppress(StoreUnavailable):
            newest = await self._newest_now()
            while self._taken < newest:
                await self._more.wait()
            return True
        return False

    async def _newest_now(self) -> int:
        """Return the number of the newest entry; who waits for an answer shares the next question with all who do."""
        asked = self._asked  # their answers may be older than this call
        async with self._asking:
            if self._answered <= asked:
                self._asked += 1
                self._newest, _ = await self._end()
                self._answered = self._asked
            return self._newest

    async def _read(self, client: Client) -> list[tuple[bytes, dict[bytes, bytes]]]:
        place = self._redis.key("changes")
        found: Any = await client.xread({place: self._after}, count=_READ, block=_WAIT_MS)
        return [(entry.identifier, dict(entry.field_values)) for entries in (found or {}).values() for entry in entries]

    def _is_unsure(self) -> bool:
        """Tell whether a change may have been made that was told to have failed, and can be made no more."""
        return self._unsure_s is not None and trio.current_time() > self._unsure_s + REPLY_S

    def _follows(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> bool:
        return all(int(fields[b"number"]) == self._number + at for at, (_, fields) in enumerate(entries, 1))

    async def _went_back(self) -> bool:
        """Tell whether Redis has lost entries that were read: nothing is behind them, and yet the newest is another."""
        number, last = await self._end()
        if number == self._number:
            return last != self._after
        return number < self._number or _id(last) <= _id(self._after)


def _id(entry: bytes) -> tuple[int, int]:
    milliseconds, _, count = entry.partition(b"-")
    return int(milliseconds), int(count)
