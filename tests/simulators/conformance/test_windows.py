"""Credit as a hub sees it: what fills a window, what an ack frees, and how long a larger window still counts."""

import pytest

from simulators.conformance.verdict import Broken
from simulators.conformance.windows import GRACE_S, Windows, credit_of

LIVE, OLD = 7, 8


def windows(frames: int, window_bytes: int = 1_000) -> Windows:
    made = Windows(LIVE)
    made.grant(0.0, credit_of((frames, window_bytes), (1, 1_000)))
    return made


def test_one_frame_more_than_the_window_is_broken_and_an_ack_frees_it() -> None:
    of_two = windows(2)
    of_two.take(1.0, LIVE, 1, 10)
    of_two.take(1.0, LIVE, 2, 10)
    of_two.acked(LIVE, 1)
    of_two.take(1.0, LIVE, 3, 10)
    with pytest.raises(Broken, match=r"at most 2 frames .* live lane; 3 frames of 30 bytes"):
        of_two.take(1.0, LIVE, 4, 10)


def test_bytes_count_but_for_one_frame_alone() -> None:
    narrow = windows(64, 1)
    narrow.take(1.0, LIVE, 1, 500)
    with pytest.raises(Broken, match="64 frames and 1 bytes"):
        narrow.take(1.0, LIVE, 2, 500)


def test_nothing_may_go_with_credit_0() -> None:
    with pytest.raises(Broken, match="at most 0 frames"):
        windows(0, 0).take(1.0, LIVE, 1, 10)


def test_the_backfill_lane_has_a_window_of_its_own() -> None:
    both = windows(1)
    both.take(1.0, LIVE, 1, 10)
    both.take(1.0, OLD, 1, 10)
    with pytest.raises(Broken, match="backfill lane"):
        both.take(1.0, OLD, 2, 10)


def test_a_smaller_window_binds_once_it_must_have_been_read() -> None:
    shrunk = windows(3)
    shrunk.take(1.0, LIVE, 1, 10)
    shrunk.grant(1.0, credit_of((1, 1_000), (1, 1_000)))
    shrunk.take(1.0 + GRACE_S / 2, LIVE, 2, 10)
    with pytest.raises(Broken, match="at most 1 frames"):
        shrunk.take(1.1 + GRACE_S, LIVE, 3, 10)
