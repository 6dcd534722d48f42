"""Who may write on a connection when: nothing by a plain call before the answer, after a Close, or once the descriptor may be another's."""

import select
import socket

import trio

from devices.link import Prepared
from hub.web.frames import FrameStream
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream

ANSWER, CLOSE, HELLO = b"HTTP/1.1 101 \r\n\r\n", b"\x88\x02\x03\xe8", Prepared(b"hello")


def opened() -> tuple[FrameStream, GuardedStream, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stream = GuardedStream(trio.SocketStream(trio.socket.from_stdlib_socket(ours)), 1.0)
    return FrameStream(stream, b"", DoorSettings(), None), stream, theirs


async def test_plain_calls_write_from_the_answer_to_our_close() -> None:
    frames, stream, theirs = opened()
    with theirs:
        assert not frames.outgoing.try_send(HELLO)
        await frames.send_all(ANSWER)
        assert frames.outgoing.try_send(HELLO)
        await frames.send_all(CLOSE)
        assert not frames.outgoing.try_send(HELLO)
        assert theirs.recv(1_000) == ANSWER + HELLO.frame + CLOSE
        await stream.close()


async def test_nothing_is_written_to_who_has_the_descriptor_next() -> None:
    frames, stream, theirs = opened()
    with theirs:
        await frames.send_all(ANSWER)
        descriptor = stream.descriptor
        await stream.close()
        ours_next, theirs_next = socket.socketpair()
        with ours_next, theirs_next:
            assert descriptor in {ours_next.fileno(), theirs_next.fileno()}
            assert not frames.outgoing.try_send(HELLO)
            assert select.select([ours_next, theirs_next], [], [], 0)[0] == []
