"""Whoever gives no sign of life for two periods is taken for dead; whoever says anything stays."""

import pytest
import trio
from trio.testing import MockClock

from devices.wire.limits import CloseCode
from hub.web.heartbeat import Heartbeats
from tests.support.door import DEADLINE_S, everything, frame, running_door, until, upgrade

LIVE = upgrade("/v1/live", subprotocol="tributary.live.v1.json", Authorization="Bearer viewer-token")
PING = b"\x89\x00"


class Peer:
    """The other end of a connection: heard from, or not."""

    def __init__(self, *, is_heard: bool, has_begun: bool = False) -> None:
        self.is_heard = is_heard
        self.has_begun = has_begun
        self.asked_s: list[float] = []
        self.end: tuple[float, CloseCode] | None = None

    def beat(self) -> bool:
        self.asked_s.append(trio.current_time())
        return self.is_heard

    def is_halfway(self) -> bool:
        return self.has_begun

    def fail(self, code: CloseCode, reason: str) -> None:
        self.end = self.end or (trio.current_time(), code)


async def test_two_periods_without_a_sign_are_the_end(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    heartbeats = Heartbeats(20)
    await nursery.start(heartbeats.run)
    began = trio.current_time()
    silent, alive = Peer(is_heard=False), Peer(is_heard=True)
    heartbeats.add(silent)
    heartbeats.add(alive)
    await trio.sleep(41)
    heartbeats.remove(silent)
    heartbeats.remove(alive)
    assert silent.end == (began + 40, CloseCode.HEARTBEAT_LOST)
    assert alive.end is None
    assert alive.asked_s == [began + 20, began + 40]
    await trio.sleep(40)
    assert len(alive.asked_s) == 2


async def test_one_period_of_silence_in_the_middle_of_a_frame_is_the_end(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    heartbeats = Heartbeats(20)
    await nursery.start(heartbeats.run)
    began = trio.current_time()
    stuck, slow = Peer(is_heard=True, has_begun=True), Peer(is_heard=True, has_begun=True)
    heartbeats.add(stuck)
    heartbeats.add(slow)
    await trio.sleep(25)
    stuck.is_heard = False
    await trio.sleep(36)
    assert stuck.end == (began + 40, CloseCode.HEARTBEAT_LOST)
    assert slow.end is None


async def test_each_link_is_asked_once_a_period_whenever_it_came_and_nobody_else_wakes_the_hub(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    heartbeats = Heartbeats(20)
    await nursery.start(heartbeats.run)
    await trio.sleep(7)
    began = trio.current_time()
    peers = [Peer(is_heard=True) for _ in range(4)]
    for peer, later_s in zip(peers, (0, 0.3, 5, 2), strict=True):
        await trio.sleep(later_s)
        heartbeats.add(peer)
    await trio.sleep_until(began + 10 + 59)
    assert [[round(asked - began, 1) for asked in peer.asked_s] for peer in peers] == [
        [20, 40, 60],
        [20, 40, 60],  # with the one before: half a second earlier at most
        [25.3, 45.3, 65.3],
        [27.3, 47.3, 67.3],
    ]


async def test_nobody_is_judged_while_nothing_is_read(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    is_deaf = True
    heartbeats = Heartbeats(20, lambda: is_deaf)
    await nursery.start(heartbeats.run)
    silent = Peer(is_heard=False)
    heartbeats.add(silent)
    await trio.sleep(100)
    assert silent.end is None
    is_deaf = False
    await trio.sleep(41)
    assert silent.end is not None


async def test_viewer_over_a_real_socket_is_pinged_and_closed_with_4001() -> None:
    async with running_door(heartbeat_s=0.05) as place, await place.connect() as stream:
        await stream.send_all(LIVE)
        await until(stream, b"\r\n\r\n")
        with trio.fail_after(DEADLINE_S):
            heard = await everything(stream)
        assert heard.startswith(PING)
        assert b"\x0f\xa1" in heard
        await stream.aclose()
        await place.holds(0)
        assert place.door.failed == 0


FRAGMENT, LAST = 0x01, 0x80  # a text that is not final; the end of one


@pytest.mark.parametrize(
    "sent",
    [
        frame(b"never to end")[:-1],
        bytes([FRAGMENT]) + frame(b"never to end")[1:-1],
        bytes([FRAGMENT]) + frame(b"begun")[1:] + bytes([LAST]) + frame(b"never to end")[1:-1],
        bytes([FRAGMENT]) + frame(b"begun")[1:] + bytes([LAST]) + frame(b"y" * 200)[1:3],
    ],
    ids=["plain", "fragment", "last fragment", "head of the last fragment"],
)
async def test_half_a_frame_and_then_nothing_is_closed_after_one_period_whoever_reads_it(sent: bytes) -> None:
    async with running_door(heartbeat_s=0.05) as place, await place.connect() as stream:
        await stream.send_all(LIVE + sent)
        await until(stream, b"\r\n\r\n")
        with trio.fail_after(DEADLINE_S):
            assert b"\x0f\xa1a frame was begun" in await everything(stream)


async def test_the_pause_between_two_fragments_is_no_half_frame() -> None:
    async with running_door(heartbeat_s=0.05) as place, await place.connect() as stream:
        await stream.send_all(LIVE + bytes([FRAGMENT]) + frame(b"begun")[1:])
        await until(stream, b"\r\n\r\n")
        with trio.fail_after(DEADLINE_S):
            assert b"\x0f\xa12 pings were not answered" in await everything(stream)


async def test_viewer_that_answers_stays() -> None:
    async with running_door(heartbeat_s=0.4) as place, await place.connect() as stream:
        await stream.send_all(LIVE)
        await until(stream, b"\r\n\r\n")
        for _ in range(3):
            await until(stream, PING)
            await stream.send_all(frame(b"", 10))
        assert place.door.connections == 1
        with trio.fail_after(DEADLINE_S):
            while not (open_now := place.door.open_connections.page(0, 9, "viewer")[0]) or "round_trip_s" not in open_now[0]:
                await trio.lowlevel.checkpoint()
        assert 0 <= open_now[0]["round_trip_s"] < DEADLINE_S
