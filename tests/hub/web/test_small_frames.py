"""Frames that carry next to nothing are counted, however their bytes are cut; those that carry something are not."""

import pytest

from hub.web.small_frames import AT_ONCE, SmallFrames
from tests.support.rfc6455 import frame

PING, CONTINUATION, TEXT, BINARY = 9, 0, 1, 2


def passes(data: bytes, *, step: int = 1 << 20, per_s: float = 1.0) -> bool:
    """Say data in pieces, at one moment; tell whether all of it may come."""
    small = SmallFrames(per_s)
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        while piece:
            size, may_come = small.take(piece, 100.0)
            assert size
            if not may_come:
                return False
            piece = piece[size:]
    return True


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "each",
    [frame(b"", PING), frame(b"p" * 125, PING), frame(b"", 10), frame(b"", BINARY), frame(b"x", CONTINUATION, fin=False)],
    ids=["ping", "long ping", "pong", "empty message", "fragment of a byte"],
)
def test_ten_seconds_worth_of_small_frames_may_come_and_not_one_more(each: bytes, step: int) -> None:
    assert passes(each * 10, step=step)
    assert not passes(each * 11, step=step)


@pytest.mark.parametrize("step", [7, 100, 1 << 20])
def test_messages_and_fragments_that_carry_something_are_no_flood(step: int) -> None:
    whole = frame(b"x", TEXT) + frame(b"y" * 200, BINARY)
    parts = frame(b"a" * 16, BINARY, fin=False) + frame(b"b" * 70_000, CONTINUATION)
    assert passes((whole + parts) * 20, step=step)


def test_rest_gives_the_rate_back() -> None:
    small = SmallFrames(1.0)
    for second in range(100):
        assert small.take(frame(b"", PING), float(second)) == (6, True)


def test_no_more_than_so_many_frames_are_given_on_in_one_turn() -> None:
    data = frame(b"x", CONTINUATION, fin=False) * 100
    size, _ = SmallFrames(1_000.0).take(data, 0.0)
    assert size == AT_ONCE * len(frame(b"x", CONTINUATION, fin=False))
