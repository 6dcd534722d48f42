"""Another node that is followed: asked again and again for what follows, so that nothing is missed whatever the bus loses.

Owns the rounds of one node and whether it answers. A round ends at the end of that node's journal, with what is wanted anew from before;
`confirm` waits for one that began after the call. Kept by followings.py, which runs it.
"""

from collections.abc import Callable
from typing import Final, Protocol

import structlog
import trio

from hub.core.interest import Interest
from hub.ports import Frames, NodeUnavailable, OtherNode

_log: Final = structlog.get_logger(__name__)
ROUND_EVERY_S: Final = 1.0  # what the bus lost is here after so long; each round also says that we still want frames
_EVER: Final = 2**62


class FromBefore(Protocol):
    """What was not wanted until now, as a round needs it."""

    def lacks(self, journal: str) -> Interest | None:
        """Return of which devices that are wanted rows may be missing; None: of none."""

    def is_settled(self, journal: str) -> None:
        """Take note that everything is here that is wanted."""

    def looked(self, journal: str) -> int:
        """Return up to where rows of a journal are here."""

    def take(self, frames: Frames, doubtful_since_s: float | None) -> None:
        """Take an answer of the node."""

    def is_whole(self, journal: str, part: Interest, first: Frames) -> None:
        """Take note that all answers were taken, of which this was the first."""


class Following:
    """One node; `took(self, frames)` is called with each answer, `after()` says after which position to ask."""

    def __init__(
        self,
        node: OtherNode,
        after: Callable[[str], int | None],
        took: Callable[["Following", Frames], None],
        now: Callable[[], int],
        past: FromBefore,
        wanted: Callable[[], Interest],
    ) -> None:
        self.node = node
        self.interest = wanted()  # that the node was told last
        self.is_current = False  # its last round went to the end
        self.failing_since_us: int | None = None  # for people
        self.failing_since_s = float("inf")  # monotonic
        self.doubtful_since_s: float | None = None  # monotonic; who was shown a picture since then may lack frames of it
        self.rounds = self.failures = 0
        self.scope = trio.CancelScope()
        self._after, self._took, self._now, self._past, self._wanted = after, took, now, past, wanted
        self._begun = self._ended = 0
        self._doubted_s = float("-inf")  # the last time
        self._asked, self._done = trio.Event(), trio.Event()

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            with self.scope:
                while True:
                    await self._round()
                    with trio.move_on_after(ROUND_EVERY_S):
                        await self._asked.wait()
        finally:
            self._end_round(_EVER)  # nobody waits for it any more

    def ask(self) -> None:
        """Begin a round at once: something is missing."""
        self._asked.set()

    def doubt(self) -> None:
        """Take note that somebody is shown a picture now without knowing whether all is here."""
        self._doubted_s = trio.current_time()
        if self.doubtful_since_s is None:
            self.doubtful_since_s = self._doubted_s

    async def confirm(self) -> None:
        """Return when a round that began after this call has ended, however it did."""
        wanted = self._begun + 1
        self.ask()
        while self._ended < wanted:
            await self._done.wait()

    async def _round(self) -> None:
        self._asked, begun_s = trio.Event(), trio.current_time()
        self._begun += 1
        self.rounds += 1
        try:
            self.interest = self._wanted()
            while await self._next():
                pass
            if (part := self._past.lacks(self.node.journal)) is not None:
                await self._go_back(part)
            self.is_current = True
            if self._doubted_s <= begun_s:  # else somebody was shown a picture since this was asked for
                self.doubtful_since_s = None
                self._past.is_settled(self.node.journal)
        except NodeUnavailable as error:
            self._failed(str(error))
        self._end_round(self._begun)

    def _failed(self, reason: str) -> None:
        self.failures += 1
        self.is_current = False
        if self.failing_since_us is None:
            self.failing_since_us, self.failing_since_s = self._now(), trio.current_time()
            _log.warning("node_does_not_answer", node=self.node.name, reason=reason[:300])

    def _end_round(self, number: int) -> None:
        self._ended = number
        woken, self._done = self._done, trio.Event()
        woken.set()

    async def _go_back(self, part: Interest) -> None:
        """Take what of some devices is here of others already."""
        journal = self.node.journal
        first = frames = await self._answer(None, part)
        self._past.take(frames, self.doubtful_since_s)
        while frames.position < min(frames.end, self._past.looked(journal)):
            frames = await self._answer(frames.position, part)
            self._past.take(frames, self.doubtful_since_s)
        self._past.is_whole(journal, part, first)

    async def _next(self) -> bool:
        """Take one answer; return whether there is more."""
        frames = await self._answer(self._after(self.node.journal), self.interest)
        self._took(self, frames)
        return frames.position < frames.end

    async def _answer(self, after: int | None, interest: Interest) -> Frames:
        """Ask once. Raises NodeUnavailable."""
        frames = await self.node.frames(after, interest)
        if frames.journal != self.node.journal:
            raise NodeUnavailable(f"what answers for {self.node.name} is another hub, or one with another journal; see its node_url")
        if frames.position < frames.end and frames.position <= frames.after:
            raise NodeUnavailable(f"{self.node.name} says that there is more, and not what")
        if self.failing_since_us is not None:
            self.failing_since_us, self.failing_since_s = None, float("inf")
            _log.info("node_answers", node=self.node.name)
        return frames
