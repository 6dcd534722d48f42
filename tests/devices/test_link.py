"""What a link carries: frames made once, and the in-memory pair's plain call beside the waiting one."""

import pytest

from devices.link import LinkClosed, Prepared, memory_link_pair


@pytest.mark.parametrize(
    ("size_bytes", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65_535, b"\x82\x7e\xff\xff"),
        (65_536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_binary_message_is_framed_with_the_shortest_length(size_bytes: int, head: bytes) -> None:
    assert Prepared(bytes(size_bytes)).frame == head + bytes(size_bytes)


def test_a_text_is_framed_as_utf_8() -> None:
    assert Prepared("°C").frame == b"\x81\x03\xc2\xb0C"


async def test_a_memory_link_takes_a_message_without_waiting_until_it_is_full() -> None:
    ours, theirs = memory_link_pair(1)
    assert ours.try_send(Prepared(b"one"))
    assert not ours.try_send(Prepared(b"two"))
    assert await theirs.receive() == b"one"
    await theirs.aclose()
    assert not ours.try_send(Prepared(b"two"))
    with pytest.raises(LinkClosed):
        await ours.receive()
