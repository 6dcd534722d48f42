"""The reader of a WebSocket that only waits: it is no task, comes back for what is trio-websocket's, and ends however the link does."""

import gc

import h11
import trio
from wsproto.events import Request

from hub.web.upgrade import DoorLink
from tests.support.door import DEADLINE_S, Place, everything, frame, running_door, until, upgrade

CLOSE, PING, PONG = 8, 9, 10
MANY = 10


async def opened(place: Place) -> trio.SocketStream:
    stream = await place.connect()
    await stream.send_all(upgrade())
    await until(stream, b"\r\n\r\n")
    return stream


async def tasks_are(count: int) -> None:
    with trio.fail_after(DEADLINE_S):
        while trio.lowlevel.current_statistics().tasks_living != count:
            await trio.lowlevel.checkpoint()


async def test_connection_that_says_nothing_is_one_task() -> None:
    async with running_door() as place:
        before = trio.lowlevel.current_statistics().tasks_living
        streams = [await opened(place) for _ in range(MANY)]
        await place.sessions.count_is(MANY)
        await tasks_are(before + MANY)
        for stream in streams:
            await stream.aclose()
        await tasks_are(before)
        assert place.door.failed == 0


async def test_reader_comes_back_for_each_ping_and_messages_need_none() -> None:
    async with running_door() as place:
        before = trio.lowlevel.current_statistics().tasks_living
        async with await opened(place) as stream:
            await place.sessions.count_is(1)
            for _ in range(3):
                await tasks_are(before + 1)
                await stream.send_all(frame(b"are you there", PING) + frame(b"unasked", PONG) + frame(b"hello"))
                assert await until(stream, b"\x82\x05hello") == b"\x8a\x0dare you there\x82\x05hello"
            await tasks_are(before + 1)
            await stream.send_all(frame(b"\x03\xe8", CLOSE))
            assert await everything(stream) == b"\x88\x02\x03\xe8"
            await place.holds(0)
        await tasks_are(before)
        assert place.door.failed == 0


class Spawned(trio.abc.Instrument):
    """Counts the tasks that begin."""

    count = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


async def test_answer_to_a_heartbeat_is_noted_and_needs_no_task() -> None:
    async with running_door() as place, await opened(place) as stream:
        await place.sessions.count_is(1)
        link = place.sessions.open[0][1]
        assert isinstance(link, DoorLink)
        spawned = Spawned()
        trio.lowlevel.add_instrument(spawned)
        for _ in range(3):
            while link.traffic.asked_s is None:  # the echo before may be on its way still, and a ping does not wait
                await trio.lowlevel.checkpoint()
                link.beat()
            await until(stream, b"\x89\x00")
            await stream.send_all(frame(b"", PONG) + frame(b"hello"))
            await until(stream, b"hello")  # and with it the answer has come
            assert link.traffic.asked_s is None
        trio.lowlevel.remove_instrument(spawned)
        assert spawned.count == 0
        assert link.traffic.round_trip_s is not None
        assert link.traffic.received_frames == 3


async def test_door_that_closes_ends_readers_that_rest() -> None:
    async def hear_the_end(stream: trio.SocketStream) -> None:
        await until(stream, b"\x88\x02")
        await stream.send_all(frame(b"\x03\xf4", CLOSE))
        await everything(stream)
        await stream.aclose()

    async with trio.open_nursery() as client:
        async with running_door() as place:
            stream = await opened(place)
            await place.sessions.count_is(1)
            client.start_soon(hear_the_end, stream)
        assert place.door.failed == 0


async def test_nothing_of_the_handshake_is_kept() -> None:
    """What takes its place is put into a private attribute of trio-websocket's: with another version this test has the say."""

    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, h11.Connection | Request) for each in gc.get_objects())

    async with running_door() as place:
        before = kept()
        streams = [await opened(place) for _ in range(MANY)]
        await place.sessions.count_is(MANY)
        with trio.fail_after(DEADLINE_S):
            while kept() > before:
                await trio.lowlevel.checkpoint()
        for stream in streams:
            await stream.aclose()
