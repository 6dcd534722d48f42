"""Plain frames come out as messages, however the bytes are split; everything else goes on untouched."""

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.cutting import MAX_CUT, Cutter

LIMIT = 70_000


def masked(payload: bytes, head: int = 0x82, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    size = len(payload)
    length = (
        bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big") if size < 65_536 else b"\xff" + size.to_bytes(8, "big")
    )
    return bytes([head]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def cut(cutter: Cutter, data: bytes = b"") -> tuple[list[bytes | str], bytes]:
    """Cut once, and take out what is for trio-websocket."""
    messages, rest = cutter.cut(data), cutter.rest
    cutter.rest = b""
    return messages, rest


def everything(cutter: Cutter, data: bytes = b"") -> tuple[list[bytes | str], bytes]:
    """Cut until nothing more is found."""
    messages, rest = cut(cutter, data)
    while cutter.has_more:
        more, more_rest = cut(cutter)
        messages, rest = messages + more, rest + more_rest
    return messages, rest


@pytest.mark.parametrize("size", [0, 1, 3, 125, 126, 255, 256, 257, 258, 259, 260, 261, 4_000, 65_535, 65_536, LIMIT])
def test_a_message_of_any_length_comes_out_as_it_was(size: int) -> None:
    payload = os.urandom(size)
    cutter = Cutter(LIMIT)
    assert everything(cutter, masked(payload, mask=os.urandom(4))) == ([payload], b"")


@given(st.lists(st.one_of(st.binary(max_size=300), st.text(max_size=100)), max_size=8), st.data())
def test_messages_are_the_same_however_their_bytes_are_split(sent: list[bytes | str], data: st.DataObject) -> None:
    whole = b"".join(masked(each.encode(), 0x81) if isinstance(each, str) else masked(each) for each in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    cutter, messages = Cutter(LIMIT), []
    for begin, end in pairwise([0, *cuts, len(whole)]):
        found, rest = everything(cutter, whole[begin:end])
        assert rest == b""
        messages += found
    assert messages == sent


def test_no_more_than_a_turn_holds_is_cut_at_once() -> None:
    cutter = Cutter(LIMIT)
    assert len(cutter.cut(masked(b"x") * (MAX_CUT + 1))) == MAX_CUT
    assert cutter.has_more
    assert cutter.cut() == [b"x"]
    assert not cutter.has_more


def test_a_ping_comes_out_whole_and_alone_and_messages_go_on_behind_it() -> None:
    ping = masked(b"are you there", 0x89)
    cutter = Cutter(LIMIT)
    assert everything(cutter, masked(b"one") + ping[:7]) == ([b"one"], b"")
    assert cut(cutter, ping[7:] + masked(b"two")) == ([], ping)
    assert cutter.has_more
    assert everything(cutter) == ([b"two"], b"")


@pytest.mark.parametrize(
    "odd",
    [
        b"\x02",  # not final
        b"\x80",  # a continuation
        b"\xc2",  # RSV
        b"\x83",  # a reserved opcode
        b"\x88\x80",  # a close
        b"\x82\x05",  # without a mask
        b"\x89\xfe",  # a ping that is too long
        b"\x82\xfe\x00\x7d",  # not the shortest length
        b"\x82\xff" + (65_535).to_bytes(8, "big"),
        b"\x82\xff" + (LIMIT + 1).to_bytes(8, "big"),
        masked(b"\xff", 0x81),  # not UTF-8
    ],
)
def test_an_odd_frame_ends_it_as_soon_as_it_is_seen_and_nothing_of_it_is_lost(odd: bytes) -> None:
    for split in range(len(odd) + 1):
        cutter = Cutter(LIMIT)
        messages, rest = everything(cutter, masked(b"one") + odd[:split])
        more, rest_of_it = everything(cutter, odd[split:])
        assert messages + more == [b"one"]
        assert rest + rest_of_it == odd
        assert not cutter.is_on
        assert everything(cutter, masked(b"two")) == ([], masked(b"two"))


def test_what_was_begun_goes_on_untouched_after_a_stop() -> None:
    half = masked(b"half of this is here")[:9]
    cutter = Cutter(LIMIT)
    assert everything(cutter, half) == ([], b"")
    cutter.stop()
    assert everything(cutter) == ([], half)


def test_a_frame_that_comes_in_drops_is_not_copied_for_each_of_them() -> None:
    frame = masked(bytes(LIMIT))
    cutter = Cutter(LIMIT)
    for at in range(len(frame)):
        if messages := cutter.cut(frame[at : at + 1]):
            assert (at, messages) == (len(frame) - 1, [bytes(LIMIT)])
