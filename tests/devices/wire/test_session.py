"""The session table: hello first, numbers without holes, windows held."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.limits import CloseCode
from devices.wire.messages import Credit, Data, Gap, Hello, Unfinished, UnknownOp, Window
from devices.wire.session import DeviceSession, ProtocolError, State, Verdict

LIVE, OLD = 11, 7
CREDIT = Credit(Window(4, 1_000), Window(2, 500))


def streaming(marks: dict[int, int] | None = None, first: int = 1) -> DeviceSession:
    session = DeviceSession("dev")
    hello = Hello("dev", LIVE, (), (Unfinished(OLD, first, first + 8),))
    session.receive(hello)
    session.open(hello, marks or {})
    session.grant(CREDIT)
    return session


def closes_with(code: CloseCode) -> "pytest.RaisesExc[ProtocolError]":
    return pytest.raises(ProtocolError, check=lambda error: error.code == code)


def test_a_frame_before_hello_breaks_the_protocol() -> None:
    with closes_with(CloseCode.PROTOCOL):
        DeviceSession("dev").receive(Data(1, 1, 0, [0], [0], [1]))


def test_a_frame_before_welcome_breaks_the_protocol() -> None:
    session = DeviceSession("dev")
    session.receive(Hello("dev", LIVE, ()))
    with closes_with(CloseCode.PROTOCOL):
        session.receive(Data(LIVE, 1, 0, [0], [0], [1]))


def test_a_second_hello_breaks_the_protocol() -> None:
    with closes_with(CloseCode.PROTOCOL):
        streaming().receive(Hello("dev", LIVE, ()))


def test_an_unknown_op_changes_nothing() -> None:
    session = streaming()
    session.receive(UnknownOp("'dance'"))
    assert session.state is State.STREAMING


def test_nothing_is_taken_after_close() -> None:
    session = streaming()
    session.close()
    with closes_with(CloseCode.PROTOCOL):
        session.receive(Data(LIVE, 1, 0, [0], [0], [1]))


def test_hello_of_another_device_is_refused() -> None:
    with closes_with(CloseCode.WRONG_DEVICE):
        DeviceSession("dev").receive(Hello("other", LIVE, ()))


def test_an_epoch_with_a_mark_that_is_not_unfinished_was_used_before() -> None:
    session = DeviceSession("dev")
    with closes_with(CloseCode.EPOCH_USED):
        session.open(Hello("dev", LIVE, ()), {LIVE: 0})


def test_a_continued_live_epoch_that_is_listed_goes_on_from_its_mark() -> None:
    session = DeviceSession("dev")
    session.receive(hello := Hello("dev", LIVE, (), (Unfinished(LIVE, 4, 9),)))
    assert session.open(hello, {LIVE: 5}) == {LIVE: 0}
    session.grant(CREDIT)
    assert session.take(LIVE, 4, 4, 10) is Verdict.DUPLICATE
    assert session.take(LIVE, 6, 6, 10) is Verdict.NEW


def test_first_unacked_above_the_mark_was_acked_elsewhere() -> None:
    session = DeviceSession("dev")
    session.receive(hello := Hello("dev", LIVE, (), (Unfinished(OLD, 10, 12),)))
    assert session.open(hello, {OLD: 3}) == {OLD: 9, LIVE: 0}
    assert dict(session.expected()) == {OLD: 10, LIVE: 1}


def test_a_jump_names_what_was_due() -> None:
    session = streaming()
    with pytest.raises(ProtocolError) as caught:
        session.take(LIVE, 3, 3, 10)
    assert caught.value.code == CloseCode.SEQ_JUMP
    assert caught.value.expected == ((LIVE, 1),)


def test_a_frame_of_an_unlisted_epoch_is_refused() -> None:
    with closes_with(CloseCode.UNKNOWN_EPOCH):
        streaming().take(99, 1, 1, 10)


def test_more_frames_than_the_largest_window_close_the_connection() -> None:
    session = streaming()
    for seq in range(1, 5):
        session.take(LIVE, seq, seq, 10)
    with closes_with(CloseCode.OVER_CREDIT):
        session.take(LIVE, 5, 5, 10)


def test_a_smaller_window_does_not_close_what_was_sent_under_the_larger() -> None:
    session = streaming()
    session.grant(Credit(Window(0, 0), Window(0, 0), "store_full"))
    assert session.take(LIVE, 1, 1, 10) is Verdict.NEW


def test_a_device_that_fills_a_window_that_shrank_may_wait_for_an_ack() -> None:
    session = streaming()
    session.grant(Credit(Window(100, 10**6), Window(100, 10**6)))
    session.take(LIVE, 1, 1, 10)
    assert not session.is_half_full()
    session.grant(Credit(Window(2, 10**6), Window(1, 10**6)))
    assert session.is_half_full()


def test_one_frame_may_always_go_however_large() -> None:
    session = streaming()
    assert session.take(LIVE, 1, 1, 60_000) is Verdict.NEW
    with closes_with(CloseCode.OVER_CREDIT):
        session.take(LIVE, 2, 2, 10)


def test_the_ack_of_a_commit_frees_credit() -> None:
    session = streaming()
    for seq in range(1, 100):
        session.take(LIVE, seq, seq, 200, 7.5)
        assert session.committed(LIVE, seq) == [7.5]
        session.acked()
    assert session.durable(LIVE) == 99
    assert (session.live.frames, session.live.bytes) == (0, 0)


def test_a_commit_alone_frees_no_credit_and_an_ack_none_of_what_is_not_durable() -> None:
    session = streaming()
    for seq in range(1, 5):
        session.take(LIVE, seq, seq, 10)
    session.committed(LIVE, 3)
    with closes_with(CloseCode.OVER_CREDIT):
        session.take(LIVE, 5, 5, 10)
    session.acked()
    assert session.live.frames == 2


def test_lanes_do_not_share_credit() -> None:
    session = streaming()
    for seq in range(1, 5):
        session.take(LIVE, seq, seq, 10)
    assert session.take(OLD, 1, 1, 10) is Verdict.NEW


def test_a_gap_stands_for_its_frames_and_is_clipped() -> None:
    session = streaming({OLD: 3})
    gap = Gap(OLD, 2, 8, 60, None, None, "spool_full")
    assert session.first_new(gap) == 4
    assert session.take(OLD, gap.seq, gap.last, 50) is Verdict.NEW
    assert session.take(OLD, 8, 8, 10) is Verdict.DUPLICATE
    assert session.take(OLD, 9, 9, 10) is Verdict.NEW


def test_an_epoch_given_up_takes_nothing_more() -> None:
    session = streaming()
    session.give_up(OLD, 9)
    assert session.take(OLD, 5, 5, 10) is Verdict.DUPLICATE


@given(st.lists(st.tuples(st.sampled_from([LIVE, OLD]), st.integers(1, 12), st.booleans()), max_size=60))
def test_new_frames_are_each_number_once_and_in_order(tries: list[tuple[int, int, bool]]) -> None:
    session = streaming()
    session.grant(Credit(Window(100, 10**6), Window(100, 10**6)))
    taken: dict[int, list[int]] = {LIVE: [], OLD: []}
    for epoch, seq, is_committed in tries:
        with suppress(ProtocolError):
            if session.take(epoch, seq, seq, 10) is Verdict.NEW:
                taken[epoch].append(seq)
        if is_committed and taken[epoch]:
            session.committed(epoch, taken[epoch][-1])
    for seqs in taken.values():
        assert seqs == list(range(1, len(seqs) + 1))


def test_what_the_hub_has_up_to_the_first_unacked_was_not_acked_elsewhere() -> None:
    session = DeviceSession("dev")
    session.receive(hello := Hello("dev", LIVE, (), (Unfinished(OLD, 4, 12),)))
    assert session.open(hello, {OLD: 3}) == {OLD: 0, LIVE: 0}
    assert dict(session.expected()) == {OLD: 4, LIVE: 1}


class Books:
    """What a session must hold: of each epoch the sizes of all frames taken, how many are durable and acked, and its largest window."""

    def __init__(self) -> None:
        self.sizes: dict[int, list[int]] = {LIVE: [], OLD: []}
        self.durable = {LIVE: 0, OLD: 0}
        self.acked = {LIVE: 0, OLD: 0}
        self.windows = {LIVE: (4, 1_000), OLD: (2, 500)}

    def in_flight(self, epoch: int) -> tuple[int, int]:
        flying = self.sizes[epoch][self.acked[epoch] :]
        return len(flying), sum(flying)

    def has_room(self, epoch: int, size: int) -> bool:
        frames, bytes_ = self.in_flight(epoch)
        return frames + 1 <= self.windows[epoch][0] and bytes_ + size <= self.windows[epoch][1]

    def take(self, session: DeviceSession, epoch: int, ahead: int, size: int) -> bool:
        """Give a frame to both ways of taking it; False: it was more than the credit, and the connection is over."""
        seq, has_room = len(self.sizes[epoch]) + 1 + ahead, self.has_room(epoch, size)
        if ahead > 0:
            assert not session.take_next(epoch, seq, size, 1.0)
            with closes_with(CloseCode.SEQ_JUMP):
                session.take(epoch, seq, seq, size)
        elif ahead < 0:
            assert not session.take_next(epoch, seq, size, 1.0)
            assert session.take(epoch, seq, seq, size) is Verdict.DUPLICATE
        else:
            is_taken = session.take_next(epoch, seq, size, 1.0)
            assert is_taken is has_room
            if not is_taken and self.in_flight(epoch)[0]:
                with closes_with(CloseCode.OVER_CREDIT):
                    session.take(epoch, seq, seq, size)
                return False
            assert is_taken or session.take(epoch, seq, seq, size) is Verdict.NEW
            self.sizes[epoch].append(size)
        return True

    def commit(self, session: DeviceSession, epoch: int, more: int) -> None:
        upto = min(self.durable[epoch] + more, len(self.sizes[epoch]))
        assert len(session.committed(epoch, upto)) == upto - self.durable[epoch]
        assert session.durable(epoch) == upto
        self.durable[epoch] = upto

    def grant(self, session: DeviceSession, frames: int, size: int) -> None:
        session.grant(Credit(Window(frames, size), Window(0, 0)))
        self.windows[LIVE] = (max(self.windows[LIVE][0], frames), max(self.windows[LIVE][1], size))

    def balance(self, session: DeviceSession) -> None:
        figures = session.figures()
        for epoch, name, lane in ((LIVE, "live", session.live), (OLD, "backfill", session.backfill)):
            assert (lane.frames, lane.bytes) == self.in_flight(epoch)
            assert (figures[f"{name}_credit_frames"], figures[f"{name}_credit_bytes"]) == self.in_flight(epoch)
        assert figures["uncommitted_frames"] == sum(len(self.sizes[epoch]) - self.durable[epoch] for epoch in self.sizes)


_epochs, _sizes = st.sampled_from([LIVE, OLD]), st.sampled_from([0, 100, 250, 400, 2_000])
_steps = st.one_of(
    st.tuples(st.just("take"), _epochs, st.sampled_from([-1, 0, 0, 0, 0, 1]), _sizes),
    st.tuples(st.just("commit"), _epochs, st.integers(0, 3), _sizes),
    st.tuples(st.just("ack"), _epochs, st.just(0), _sizes),
    st.tuples(st.just("grant"), _epochs, st.integers(0, 6), _sizes),
)


@given(st.lists(_steps, max_size=60))
def test_credit_is_what_is_in_flight_below_the_largest_window_and_only_an_ack_gives_it_back(steps: list[tuple[str, int, int, int]]) -> None:
    session, books = streaming(), Books()
    for word, epoch, number, size in steps:
        if word == "take" and not books.take(session, epoch, number, size):
            return
        if word == "commit":
            books.commit(session, epoch, number)
        elif word == "ack":
            session.acked()
            books.acked |= books.durable
        elif word == "grant":
            books.grant(session, number, size)
        books.balance(session)


@pytest.mark.parametrize(("frames", "size", "is_half"), [(1, 10, False), (2, 10, True), (1, 499, False), (1, 500, True)])
def test_an_ack_is_due_when_what_is_durable_uses_half_of_a_window(frames: int, size: int, is_half: bool) -> None:
    session = streaming()
    for seq in range(1, frames + 1):
        session.take(LIVE, seq, seq, size)
    assert session.is_half_full() is is_half
    assert session.is_half_used(CREDIT) is False
    session.committed(LIVE, frames)
    assert session.is_half_used(CREDIT) is is_half
    session.acked()
    assert session.is_half_used(CREDIT) is session.is_half_full() is False


def test_half_of_the_window_of_older_epochs_makes_an_ack_due_too() -> None:
    session = streaming()
    session.take(OLD, 1, 1, 10)
    session.committed(OLD, 1)
    assert session.is_half_used(CREDIT)
    assert not session.is_half_full()
