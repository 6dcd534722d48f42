"""Tests of hub/bus/followings.py: which nodes are asked, and where. test_confluence.py has what becomes of their frames."""

import trio
import trio.testing

from hub.bus.channels import KnownChannels
from hub.bus.following import Following
from hub.bus.followings import Followings
from hub.bus.past import Past
from hub.bus.ring import Ring
from hub.core.interest import Interest
from hub.ports import Frames, NodeUnavailable


class Address:
    """A node where it is to be had, or is no longer."""

    def __init__(self, *, answers: bool) -> None:
        self.name, self.journal = "b", "journal-b"
        self.asked = 0
        self._answers = answers

    async def frames(self, after: int | None, interest: Interest) -> Frames:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if not self._answers:
            raise NodeUnavailable("nobody is there")
        return Frames(self.journal, after or 0, 7, 7, [], 7)


async def test_a_node_that_is_back_at_another_address_is_asked_there(autojump_clock: trio.testing.MockClock) -> None:
    before, now = Address(answers=False), Address(answers=True)
    known = [before]
    took: list[Frames] = []

    def take(following: Following, frames: Frames) -> None:
        took.append(frames)

    ring = Ring(1 << 20)
    past = Past(ring, KnownChannels(lambda device, epoch: ()), lambda rows: None, lambda devices, since_s: None, lambda from_us: None)
    followings = Followings(lambda: known, lambda journal: 0, take, lambda: round(trio.current_time() * 1e6), past)
    followings.watched = lambda: [None]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(followings.run, lambda: None, lambda: None)
        while not followings.stale():  # noqa: ASYNC110
            await trio.sleep(0.1)
        followings.leaving = lambda: {"b"}
        assert followings.stale() == []  # it is being stopped in order
        followings.leaving = tuple
        known[:] = [now]
        with trio.fail_after(10):
            while followings.stale() or not took:  # noqa: ASYNC110
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert before.asked
    assert now.asked
