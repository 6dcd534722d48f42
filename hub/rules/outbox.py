"""The outbox: notices that wait are sent, one target beside the other, until they arrive or their time is over.

Owns the order, the pauses and the delivery log. It holds nothing back: neither devices nor rules wait for a target. A notice is in the
store before it is sent and after it arrived; killed in between, the hub sends it once more under the same id. RulesSide runs it.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import structlog
import trio

from hub.core.notices import DELIVERED, WAITING, Target, given_up, pause_s, tried
from hub.ports import Audited, Now, StoreUnavailable
from hub.rules.book import NOTICE, Bodies, Book
from hub.rules.duties import Duties
from hub.rules.webhook import Outcome

MAX_WAITING: Final = 1_000  # of one target: beyond, the oldest is given up
_STORE_PAUSE_S: Final = 1.0  # between two tries to keep what was done
_log: Final = structlog.get_logger(__name__)
Notice = Mapping[str, Any]


class Keeper(Protocol):
    """Who writes changes, one after the other."""

    async def keep(self, make: Callable[[], Bodies], audited: Sequence[Audited] = ()) -> None:
        """Write what `make` makes of what is kept now. Raises what it raises, and StoreUnavailable, with nothing done."""


class Sender(Protocol):
    """Who makes one attempt."""

    async def send(self, target: Target, notice: Notice) -> Outcome:
        """Make one attempt; whatever the target does is an outcome."""


class Outbox:
    """The notices that wait. A target gets them in the order of their making, but for those that it refuses: each is tried by itself."""

    def __init__(self, book: Book, keeper: Keeper, sender: Sender, now: Now, duties: Duties | None = None) -> None:
        self._book, self._keeper, self._sender, self._now = book, keeper, sender, now
        self._duties = duties or Duties()
        self._news = trio.Event()
        self._busy: set[str] = set()  # targets whose notices a task sends
        self._again_s: dict[str, float] = {}  # notices that were refused -> when they are tried again
        self._until_s: dict[str, float] = {}  # notices -> when their time is over
        self._failures: dict[str, int] = {}  # targets -> attempts in a row that failed
        self._hurry: dict[str, trio.Event] = {}  # targets that pause

    def wake(self, target: str | None = None) -> None:
        """Look at the notices anew; with a target, try it now, however long it would have been left alone."""
        self._news.set()
        if target is not None and target in self._hurry:
            self._hurry[target].set()
            self._failures.pop(target, None)
            self._again_s.clear()

    def statistics(self) -> dict[str, int]:
        """Return how many notices wait here, and how many targets do not answer."""
        return {"waiting": len(self._waiting()), "failing": len(self._failures)}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                self._news = trio.Event()
                for name in {str(notice["target"]) for notice in self._waiting()} - self._busy:
                    self._busy.add(name)
                    nursery.start_soon(self._serve, name)
                await self._news.wait()

    def _waiting(self) -> list[Notice]:
        """Return what waits and is sent by this node."""
        return [each for each in self._book.notices(is_waiting=True) if self._duties.sends(each.get("node", ""), each["id"])]

    async def _serve(self, name: str) -> None:
        """Send what waits for a target, until nothing does."""
        self._hurry[name] = trio.Event()
        try:
            while waiting := await self._in_time(name):
                await self._turn(name, waiting)
        finally:
            self._busy.discard(name)
            del self._hurry[name]

    async def _in_time(self, name: str) -> list[Notice]:
        """Return what waits for a target, oldest first; what waits for too long, or in too long a row, is given up."""
        waiting = [notice for notice in self._waiting() if notice["target"] == name]
        known, now_s = self._book.target(name), trio.current_time()
        for notice in waiting:
            self._until_s.setdefault(notice["id"], now_s + notice["left_s"])
        lost: dict[str, str] = {notice["id"]: f"{MAX_WAITING:,} newer ones wait" for notice in waiting[:-MAX_WAITING]}
        lost |= {notice["id"]: "its time is over" for notice in waiting if self._until_s[notice["id"]] <= now_s}
        if known is None:
            lost = {notice["id"]: "the target was deleted" for notice in waiting}
        if lost:
            _log.error("notices_given_up", target=name, count=len(lost), reason=next(iter(lost.values())))
            bodies = {each["id"]: given_up(each, self._now(), lost[each["id"]]) for each in waiting if each["id"] in lost}
            await self._kept(partial(self._if_waiting, bodies))
            for id_ in lost:
                self._forget(id_)
        return [notice for notice in waiting if notice["id"] not in lost]

    async def _turn(self, name: str, waiting: list[Notice]) -> None:
        """Make one attempt, or wait until one is due."""
        now_s = trio.current_time()
        notice = next((each for each in waiting if self._again_s.get(each["id"], 0.0) <= now_s), None)
        found = self._book.target(name)
        if notice is None or found is None:
            await self._pause(name, min(self._again_s.get(each["id"], now_s) for each in waiting) - now_s)
            return
        if not self._duties.is_alone:
            notice = {**notice, "node": self._duties.node}
            if not await self._claimed(notice):
                return
        outcome = await self._sender.send(found[0], notice)
        await self._note(notice, outcome)
        if outcome.is_delivered:
            self._failures.pop(name, None)
        elif outcome.is_refused:
            self._again_s[notice["id"]] = trio.current_time() + pause_s(notice["attempts"] + 1, random.random())
        else:
            self._failures[name] = self._failures.get(name, 0) + 1
            await self._pause(name, pause_s(self._failures[name], random.random()))

    async def _pause(self, name: str, seconds: float) -> None:
        """Leave a target alone for a while, or until somebody is in a hurry."""
        with trio.move_on_after(max(0.0, seconds)):
            await self._hurry[name].wait()
            self._hurry[name] = trio.Event()

    async def _note(self, notice: Notice, outcome: Outcome) -> None:
        """Keep how an attempt ended."""
        if not outcome.is_delivered:
            _log.warning("notice_not_delivered", target=notice["target"], notice=notice["id"], reason=outcome.error)
        state = DELIVERED if outcome.is_delivered else WAITING
        left_s = self._until_s[notice["id"]] - trio.current_time()
        body = tried(notice, state, self._now(), outcome.status, outcome.error, left_s)
        await self._kept(partial(self._if_waiting, {notice["id"]: body}))
        if outcome.is_delivered:
            self._forget(notice["id"])

    async def _claimed(self, notice: Notice) -> bool:
        """Note, before the attempt, that this node makes it; False where another node was first. A node that is cut off makes none."""
        await self._kept(partial(self._if_waiting, {notice["id"]: notice}))
        known = self._book.notice(notice["id"])
        return known is not None and known["state"] == WAITING and known.get("node") == self._duties.node

    def _if_waiting(self, bodies: Mapping[str, Notice]) -> Bodies:
        """Return those of some notices, by id, that wait still and are sent by this node still."""
        known = {each["id"] for each in self._waiting()}
        return {(NOTICE, id_): body for id_, body in bodies.items() if id_ in known}

    async def _kept(self, make: Callable[[], Bodies]) -> None:
        """Write, however long the store is away: what was delivered must not be sent again because of it."""
        while True:
            try:
                return await self._keeper.keep(make)
            except StoreUnavailable as error:
                _log.error("delivery_not_kept", reason=str(error))
            await trio.sleep(_STORE_PAUSE_S)

    def _forget(self, id_: str) -> None:
        self._again_s.pop(id_, None)
        self._until_s.pop(id_, None)
