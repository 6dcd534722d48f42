"""What may be sent now: two windows above the last ack, each for its own lane."""

from hypothesis import given
from hypothesis import strategies as st

from devices.lanes import Lanes
from devices.wire.messages import Credit, Window

LIVE, OLD, OLDER = 1, 2, 3
LIVE_WINDOW, BACKFILL_WINDOW = Window(2, 100), Window(3, 50)


def lanes(live: Window = LIVE_WINDOW, backfill: Window = BACKFILL_WINDOW) -> Lanes:
    return Lanes(LIVE, Credit(live, backfill))


def test_a_lane_takes_so_many_frames_and_no_more_until_an_ack() -> None:
    mine = lanes()
    for seq in (1, 2):
        assert mine.may_send(LIVE, 10)
        mine.note_sent(LIVE, seq, seq, 10)
    assert not mine.may_send(LIVE, 10)
    mine.note_acked(LIVE, 1)
    assert mine.may_send(LIVE, 10)
    assert mine.in_flight_frames == 1


def test_a_lane_takes_so_many_bytes() -> None:
    mine = lanes()
    mine.note_sent(LIVE, 1, 1, 95)
    assert mine.may_send(LIVE, 5)
    assert not mine.may_send(LIVE, 6)


def test_with_nothing_in_flight_one_frame_may_go_however_large() -> None:
    mine = lanes()
    assert mine.may_send(LIVE, 60_000)
    mine.note_sent(LIVE, 1, 1, 60_000)
    assert not mine.may_send(LIVE, 1)


def test_no_credit_means_hold_even_with_nothing_in_flight() -> None:
    mine = lanes(Window(0, 0), Window(5, 0))
    assert not mine.may_send(LIVE, 1)
    assert not mine.may_send(OLD, 1)
    mine.grant(Credit(Window(1, 1), Window(1, 1)))
    assert mine.may_send(LIVE, 1)
    assert mine.may_send(OLD, 1)


def test_all_older_epochs_share_the_backfill_lane_and_leave_the_live_one_alone() -> None:
    mine = lanes()
    mine.note_sent(OLD, 1, 1, 10)
    mine.note_sent(OLDER, 1, 1, 10)
    mine.note_sent(OLDER, 2, 2, 10)
    assert not mine.may_send(OLD, 1)
    assert not mine.may_send(OLDER, 1)
    assert mine.may_send(LIVE, 100)
    mine.note_acked(OLDER, 2)
    assert mine.may_send(OLD, 40)


def test_a_smaller_window_binds_what_is_sent_after_it() -> None:
    mine = lanes()
    mine.note_sent(LIVE, 1, 1, 10)
    mine.grant(Credit(Window(1, 100), Window(1, 1)))
    assert not mine.may_send(LIVE, 1)
    mine.note_acked(LIVE, 1)
    assert mine.may_send(LIVE, 1)


def test_an_ack_inside_a_gap_frees_nothing_yet() -> None:
    mine = lanes()
    mine.note_sent(LIVE, 1, 50, 10)
    mine.note_acked(LIVE, 30)
    assert mine.in_flight_frames == 1
    mine.note_acked(LIVE, 50)
    assert mine.in_flight_frames == 0
    assert mine.sent == {LIVE: 50}


def test_the_frame_that_the_hub_could_not_read_is_the_first_one_it_had_not_received() -> None:
    mine = lanes(Window(10, 1_000), Window(10, 1_000))
    for epoch, seq in ((LIVE, 1), (OLD, 7), (LIVE, 2), (OLD, 8), (LIVE, 3)):
        mine.note_sent(epoch, seq, seq, 10)
    assert mine.unreadable({LIVE: 3, OLD: 8}) == (OLD, 8)
    assert mine.unreadable({LIVE: 2, OLD: 8}) == (LIVE, 2)
    assert mine.unreadable({LIVE: 4, OLD: 9}) is None


@given(steps=st.lists(st.tuples(st.sampled_from([LIVE, OLD, OLDER]), st.booleans(), st.integers(1, 60))))
def test_what_is_in_flight_never_exceeds_a_window_but_for_a_lone_frame(steps: list[tuple[int, bool, int]]) -> None:
    mine = lanes()
    flying: list[tuple[int, int, int]] = []
    last = dict.fromkeys((LIVE, OLD, OLDER), 0)
    for epoch, is_ack, size_bytes in steps:
        if is_ack:
            mine.note_acked(epoch, last[epoch])
            flying = [frame for frame in flying if frame[0] != epoch]
        elif mine.may_send(epoch, size_bytes):
            last[epoch] += 1
            mine.note_sent(epoch, last[epoch], last[epoch], size_bytes)
            flying.append((epoch, last[epoch], size_bytes))
        for is_live, window in ((True, LIVE_WINDOW), (False, BACKFILL_WINDOW)):
            lane = [frame for frame in flying if (frame[0] == LIVE) is is_live]
            assert len(lane) <= window.frames
            assert len(lane) <= 1 or sum(frame[2] for frame in lane) <= window.bytes
        assert mine.in_flight_frames == len(flying)
