"""The plain WebSocket client of the load: what comes is cut into messages wherever it was split, what does not fit is written on later."""

import socket
from collections.abc import Iterator

import pytest

from simulators.bench.answering import GivenUp
from simulators.bench.connection import Connection

HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
Pair = tuple[Connection, socket.socket]


def frame(payload: bytes, opcode: int = 2) -> bytes:
    size = len(payload)
    head = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65_536 else b"\x7f" + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + head + payload


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection and the other end of its socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(listener.getsockname())
        other, _ = listener.accept()
    with other, connection.socket:
        yield connection, other


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_message_of_any_length_is_read_whole(pair: Pair, size: int) -> None:
    connection, other = pair
    payload = bytes(number % 251 for number in range(size))
    other.sendall(HEAD + frame(payload) + frame(b"next"))
    connection.read_head()
    assert connection.read_message() == payload
    assert connection.read_message() == b"next"


def test_messages_split_anywhere_are_the_same(pair: Pair) -> None:
    connection, other = pair
    sent = frame(b"a" * 130) + frame(b"b") + frame(b"") + frame(b"c" * 300)
    found = []
    for at in range(len(sent)):
        other.sendall(sent[at : at + 1])
        connection.receive()
        found += [payload for _, payload in connection.messages()]
    assert found == [b"a" * 130, b"b", b"", b"c" * 300]


def test_refused_upgrade_says_what_the_other_side_said(pair: Pair) -> None:
    connection, other = pair
    other.sendall(b'HTTP/1.1 401 Unauthorized\r\n\r\n{"code": "wrong_token"}')
    with pytest.raises(GivenUp, match="wrong_token"):
        connection.read_head()


def test_ping_is_answered_and_close_is_told(pair: Pair) -> None:
    connection, other = pair
    other.sendall(frame(b"hello", opcode=9) + frame(b"\x0f\xa7over credit", opcode=8))
    connection.receive()
    with pytest.raises(GivenUp, match="4007 b'over credit'"):
        list(connection.messages())
    assert other.recv(100)[0] == 0x8A  # a whole pong


def test_end_of_the_stream_is_told(pair: Pair) -> None:
    connection, other = pair
    other.close()
    with pytest.raises(GivenUp, match="closed"):
        connection.receive()


def test_what_does_not_fit_is_written_on_later(pair: Pair) -> None:
    connection, other = pair
    connection.socket.setblocking(False)
    sent = bytes(number % 251 for number in range(1 << 20)) * 16
    assert not connection.write(sent)
    assert not connection.write(b"and this")
    received = bytearray()
    while connection.is_writing:
        received += other.recv(1 << 20)
        connection.write_on()
    connection.socket.shutdown(socket.SHUT_WR)
    while piece := other.recv(1 << 20):
        received += piece
    assert received == sent + b"and this"
