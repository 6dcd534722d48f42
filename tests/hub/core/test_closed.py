"""Tests of hub/core/closed.py: a kept answer is what the store would say, within its bytes, and what touches it drops it."""

import json
from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.closed import MARGIN_US, MAX_BODY_BYTES, ClosedAnswers, Kept, Question
from hub.core.records import Columns, Series

DEVICES, CHANNELS = ("a", "b"), ("x", "y")
NOW_US = 1_000_000_000
Point = tuple[str, str, int]  # device, channel, time


def question(devices: Iterable[str] = "a", from_us: int = 0, to_us: int = 100, channels: Iterable[str] = ()) -> Question:
    return Question(frozenset(devices), frozenset(channels), from_us, to_us, 10, 1_000)


def columns(*points: Point) -> Columns:
    series = sorted({Series(device, channel, "", Kind.GAUGE) for device, channel, _ in points})
    places = {(each.device, each.channel): at for at, each in enumerate(series)}
    index = np.array([places[device, channel] for device, channel, _ in points], np.int32)
    return Columns(series, index, np.array([t_us * 1_000 + 7 for *_, t_us in points], np.int64), np.zeros(len(points)))


def keep(closed: ClosedAnswers, asked: Question, body: bytes = b"{}", now_us: int = NOW_US) -> None:
    closed.end(closed.begin(asked, now_us), Kept.of(body, now_us))


class Truth:
    """A store in a list."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def answer(self, asked: Question) -> bytes:
        found = [(d, c, t) for d, c, t in self.points if asked.is_touched(d, c, t, t)]
        return json.dumps(sorted(found)[-asked.limit :]).encode()


POINT = st.tuples(st.sampled_from(DEVICES), st.sampled_from(CHANNELS), st.integers(0, 60))
QUESTION = st.builds(
    lambda devices, channels, low, span: Question(frozenset(devices), frozenset(channels), low, low + span, 10, 5),
    st.sets(st.sampled_from(DEVICES), min_size=1),
    st.sets(st.sampled_from(CHANNELS)),
    st.integers(0, 50),
    st.integers(1, 30),
)
STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(POINT, max_size=5)),
    st.tuples(st.just("ask"), QUESTION),
    st.tuples(st.just("begin"), QUESTION),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("delete"), st.sampled_from(DEVICES)),
    st.tuples(st.just("forget"), st.none()),
)


@settings(max_examples=300)
@given(steps=st.lists(STEP, max_size=40), max_bytes=st.sampled_from([2_000, 10_000, 1_000_000]))
def test_a_kept_answer_equals_a_fresh_one_whatever_was_stored_or_deleted_between(steps: list[tuple[str, object]], max_bytes: int) -> None:
    closed, truth = ClosedAnswers(max_bytes), Truth()
    running = []
    for what, given_ in steps:
        if what == "append" and isinstance(given_, list):
            truth.points += given_
            closed.stored(columns(*given_))
        elif isinstance(given_, Question):
            kept = closed.get(given_, NOW_US)
            assert kept is None or kept.body == truth.answer(given_)
            if kept is None:
                running.append((closed.begin(given_, NOW_US), Kept.of(truth.answer(given_))))
                if what == "ask":
                    closed.end(*running.pop())
        elif what == "end" and running:
            closed.end(*running.pop(0))
        elif what == "delete" and isinstance(given_, str):
            truth.points = [point for point in truth.points if point[0] != given_]
            closed.deleted(given_)
        elif what == "forget":
            closed.forget()
        assert closed.statistics()["bytes"] <= max_bytes


def test_what_is_not_over_for_a_minute_is_not_closed() -> None:
    closed = ClosedAnswers()
    assert closed.is_closed(question(to_us=100), 100 + MARGIN_US)
    assert not closed.is_closed(question(to_us=101), 100 + MARGIN_US)


def test_a_late_reading_drops_the_answers_of_its_series_and_time_alone() -> None:
    closed = ClosedAnswers()
    touched, other_channel = question("a", channels="x"), question("a", channels="y")
    other_device, other_time = question("b"), question("a", 200, 300)
    for each in (touched, other_channel, other_device, other_time):
        keep(closed, each)
    closed.stored(columns(("a", "x", 99), ("c", "x", 5)))
    assert closed.get(touched, NOW_US) is None
    assert all(closed.get(each, NOW_US) for each in (other_channel, other_device, other_time))
    assert closed.statistics()["dropped"] == 1


def test_the_ends_of_a_range_are_half_open() -> None:
    closed = ClosedAnswers()
    keep(closed, question("a", 10, 100))
    closed.stored(columns(("a", "x", 100), ("a", "x", 9_000)))
    assert closed.get(question("a", 10, 100), NOW_US) is not None
    closed.stored(columns(("a", "x", 10)))
    assert closed.get(question("a", 10, 100), NOW_US) is None


def test_an_answer_that_was_touched_while_the_store_made_it_is_not_kept() -> None:
    closed = ClosedAnswers()
    asking = closed.begin(question(), NOW_US)
    closed.stored(columns(("a", "new", 50)))
    closed.end(asking, Kept.of(b"without it"))
    assert closed.get(question(), NOW_US) is None


def test_an_answer_that_was_dropped_while_the_store_made_it_is_not_kept_either() -> None:
    for drop in (ClosedAnswers.forget, lambda closed: closed.deleted("a"), lambda closed: closed.given_up(1.0)):
        closed = ClosedAnswers()
        asking = closed.begin(question("a"), NOW_US)
        drop(closed)
        closed.end(asking, Kept.of(b"with it"))
        assert closed.get(question("a"), NOW_US) is None


def test_the_longest_unasked_answers_leave_first_and_a_huge_one_is_not_kept() -> None:
    closed = ClosedAnswers(max_bytes=30_000)
    for start in range(3):
        keep(closed, question(from_us=start), b"x" * 9_000)
    assert closed.get(question(from_us=0), NOW_US)
    keep(closed, question(from_us=3), b"x" * 9_000)
    assert [closed.get(question(from_us=start), NOW_US) is not None for start in range(4)] == [True, False, True, True]
    keep(closed, question(from_us=9), b"x" * 31_000)
    assert closed.get(question(from_us=9), NOW_US) is None
    assert closed.statistics()["bytes"] <= 30_000
    assert closed.statistics()["evicted"] == 1
    assert MAX_BODY_BYTES < 64_000_000


def test_where_others_write_too_an_answer_is_kept_for_a_while_only() -> None:
    closed = ClosedAnswers(max_age_us=50)
    keep(closed, question(), now_us=NOW_US)
    assert closed.get(question(), NOW_US + 49)
    assert closed.get(question(), NOW_US + 50) is None
    assert closed.statistics()["answers"] == 0


def test_the_tag_is_of_the_bytes_and_of_nothing_else() -> None:
    assert Kept.of(b"same", 1).tag == Kept.of(b"same", 2).tag != Kept.of(b"other").tag


def test_hits_and_misses_are_counted() -> None:
    closed = ClosedAnswers()
    closed.get(question(), NOW_US)
    keep(closed, question())
    closed.get(question(), NOW_US)
    closed.unchanged()
    figures = closed.statistics()
    assert [figures[name] for name in ("hits", "misses", "unchanged", "answers")] == [1, 1, 1, 1]


def test_nothing_is_left_of_what_was_dropped() -> None:
    closed = ClosedAnswers()
    keep(closed, question("ab", channels="xy"))
    closed.deleted("b")
    assert closed.statistics()["bytes"] == 0
    keep(closed, question("ab"))
    closed.forget()
    assert (closed.statistics()["answers"], closed.statistics()["bytes"]) == (0, 0)


def test_what_a_store_gives_up_drops_everything_once() -> None:
    closed = ClosedAnswers()
    keep(closed, question())
    closed.given_up(0)
    assert closed.get(question(), NOW_US)
    closed.given_up(3)
    assert closed.get(question(), NOW_US) is None
    keep(closed, question())
    closed.given_up(3)
    assert closed.get(question(), NOW_US)
