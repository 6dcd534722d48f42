"""Another node that is followed: asked again and again for what follows, so that nothing is missed whatever the bus loses.

Owns the rounds of one node and whether it answers. A round ends at the end of that node's journal; `confirm` waits for one that began after
the call. Kept by confluence.py, which runs it.
"""

from collections.abc import Callable
from typing import Final

import structlog
import trio

from hub.ports import Frames, NodeUnavailable, OtherNode

_log: Final = structlog.get_logger(__name__)
ROUND_EVERY_S: Final = 1.0  # what the bus lost is here after so long; each round also says that we still want frames
ANSWER_S: Final = 3.0  # for one answer
_EVER: Final = 2**62


class Following:
    """One node; `took(self, frames)` is called with each answer, `after()` says after which position to ask."""

    def __init__(
        self, node: OtherNode, after: Callable[[str], int | None], took: Callable[["Following", Frames], None], now: Callable[[], int]
    ) -> None:
        self.node = node
        self.is_current = False  # its last round went to the end
        self.failing_since_us: int | None = None  # for people
        self.failing_since_s = float("inf")  # monotonic
        self.doubtful_since_s: float | None = None  # monotonic; who was shown a picture since then may lack frames of it
        self.rounds = self.failures = 0
        self.scope = trio.CancelScope()
        self._after, self._took, self._now = after, took, now
        self._begun = self._ended = 0
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

    async def confirm(self) -> None:
        """Return when a round that began after this call has ended, however it did."""
        wanted = self._begun + 1
        self.ask()
        while self._ended < wanted:
            await self._done.wait()

    async def _round(self) -> None:
        self._asked = trio.Event()
        self._begun += 1
        self.rounds += 1
        try:
            while await self._next():
                pass
            self.is_current = True
        except NodeUnavailable as error:
            self._failed(str(error))
        except trio.TooSlowError:
            self._failed(f"{self.node.name} did not answer within {ANSWER_S:g} s")
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

    async def _next(self) -> bool:
        """Take one answer; return whether there is more."""
        with trio.fail_after(ANSWER_S):
            frames = await self.node.frames(self._after(self.node.journal))
        is_more = frames.position < frames.end
        if frames.journal != self.node.journal:
            raise NodeUnavailable(f"what answers for {self.node.name} is another hub, or one with another journal; see its node_url")
        if is_more and frames.position <= frames.after:
            raise NodeUnavailable(f"{self.node.name} says that there is more, and not what")
        if self.failing_since_us is not None:
            self.failing_since_us, self.failing_since_s = None, float("inf")
            _log.info("node_answers", node=self.node.name)
        self._took(self, frames)
        return is_more
