"""Viewers that answer no ping are taken for dead; those that answer stay."""

import trio
from trio.testing import MockClock

from devices.link import LinkClosed, memory_link_pair
from devices.wire.limits import CloseCode
from hub.web.heartbeat import with_heartbeat
from tests.support.door import DEADLINE_S, everything, frame, running_door, until, upgrade

LIVE = upgrade("/v1/live", subprotocol="tributary.live.v1.json", Authorization="Bearer viewer-token")


class Unanswered:
    """A link whose other side is there, and answers no ping."""

    def __init__(self) -> None:
        self.link, self.other = memory_link_pair()
        self.remote = "memory"
        self.send, self.receive, self.aclose = self.link.send, self.link.receive, self.link.aclose
        self.try_send, self.hand_to = self.link.try_send, self.link.hand_to

    async def ping(self) -> None:
        await trio.sleep_forever()


async def until_closed(link: Unanswered) -> LinkClosed:
    while True:
        try:
            await link.receive()
        except LinkClosed as closed:
            return closed


async def test_two_periods_without_an_answer_are_the_end(autojump_clock: MockClock) -> None:
    ends = []

    async def serve(link: object) -> None:
        assert isinstance(link, Unanswered)
        ends.append(await until_closed(link))

    began = trio.current_time()
    await with_heartbeat(Unanswered(), serve, 20)
    assert trio.current_time() - began == 40
    assert ends[0].code == CloseCode.HEARTBEAT_LOST


async def test_viewer_over_a_real_socket_is_pinged_and_closed_with_4001() -> None:
    async with running_door(heartbeat_s=0.05) as place, await place.connect() as stream:
        await stream.send_all(LIVE)
        await until(stream, b"\r\n\r\n")
        with trio.fail_after(DEADLINE_S):
            heard = await everything(stream)
        assert heard.startswith(b"\x89\x04")
        assert b"\x0f\xa1" in heard
        await stream.aclose()
        await place.holds(0)
        assert place.door.failed == 0


async def test_viewer_that_answers_stays() -> None:
    async with running_door(heartbeat_s=0.02) as place, await place.connect() as stream:
        await stream.send_all(LIVE)
        await until(stream, b"\r\n\r\n")
        for _ in range(5):
            ping = await until(stream, b"\x89\x04")
            payload = ping.partition(b"\x89\x04")[2]
            while len(payload) < 4:
                payload += await stream.receive_some(4)
            await stream.send_all(frame(payload, 10))
        assert place.door.connections == 1
