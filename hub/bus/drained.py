"""Journals that other nodes have gone through, as their own are gone for good: when viewers here are told, and cursors hold it.

Owns the waiting until the shared store shows to everybody what was brought into it. Reads the documents that hub/orphans writes; must
not know what becomes of viewers. Run by gathering.py; told of news by control.py.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

import trio

from hub.core.drained import KEPT_S, KIND, Drained
from hub.ports import Document, Now, StateStore, StoreUnavailable

SHOWN_S: Final = 20.0  # a database lists series that others began so much later, at most (15 s)
_AGAIN_S: Final = 1.0


class Cursors(Protocol):
    """What viewers and their cursors are told of one."""

    def drained(self, each: Drained) -> None:
        """Take the word that the store shows all of it."""

    def drained_long_ago(self, journal: str) -> None:
        """Take the word that nobody needs to know of it any more."""


class DrainedJournals:
    """What is known of them; each is told once, when the store shows all of it, and once when it is long ago."""

    def __init__(self, state: StateStore, cursors: Cursors, now: Now) -> None:
        self._state, self._cursors, self._now = state, cursors, now
        self._due_s: dict[Drained, float] = {}  # monotonic
        self._over_s: dict[str, float] = {}  # by journal, of those that are told
        self._news = trio.Event()

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Take in what another node says. Raises StoreUnavailable."""
        if kind == KIND:
            self._take(await self._state.documents_of(KIND, keys))

    async def reload(self) -> None:
        """Take in whatever there is. Raises StoreUnavailable."""
        self._take(await self._state.documents(KIND))

    def _take(self, documents: Sequence[Document]) -> None:
        now_us, known = self._now(), {*self._over_s, *(each.journal for each in self._due_s)}
        for each in map(Drained.of, documents):
            if each.journal not in known and not each.is_over(now_us):
                # By two clocks: one that is somewhat off tells of nothing too early.
                is_shown = now_us - each.at_us > 2 * SHOWN_S * 1e6
                self._due_s[each] = trio.current_time() + (0.0 if is_shown else SHOWN_S)
        self._news.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell of each when it is time, until cancelled; started when what was long ago is told."""
        is_read = await self._is_read()
        self._tell()
        task_status.started()
        while True:
            self._news = trio.Event()
            again_s = float("inf") if is_read else trio.current_time() + _AGAIN_S
            next_s = min([*self._due_s.values(), *self._over_s.values(), again_s])
            with trio.CancelScope(deadline=next_s):
                await self._news.wait()
            is_read = is_read or await self._is_read()
            self._tell()

    async def _is_read(self) -> bool:
        with suppress(StoreUnavailable):
            await self.reload()
            return True
        return False

    def _tell(self) -> None:
        now_s = trio.current_time()
        for each in [each for each, due_s in self._due_s.items() if due_s <= now_s]:
            del self._due_s[each]
            self._over_s[each.journal] = now_s + KEPT_S - (self._now() - each.at_us) / 1e6
            self._cursors.drained(each)
        for journal in [journal for journal, over_s in self._over_s.items() if over_s <= now_s]:
            del self._over_s[journal]
            self._cursors.drained_long_ago(journal)
