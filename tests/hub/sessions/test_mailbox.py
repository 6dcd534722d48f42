"""Tests of hub/sessions/mailbox.py; what a viewer makes of it stands in test_subscription.py."""

import pytest

from devices.wire.messages import Kind
from hub.core.buckets import Line
from hub.core.lines import Touched
from hub.core.readings import Points, bucket_of
from hub.core.records import Series
from hub.sessions import mailbox as module
from hub.sessions.mailbox import Mailbox

SECOND = 1_000_000
TEMP = Series("pump", "temp", "", Kind.GAUGE)


def mailbox(*, is_raw: bool = True, from_us: int = 0, rung_us: int = SECOND // 10) -> Mailbox:
    return Mailbox(is_raw, from_us, lines={TEMP: Line(rung_us, from_us)})


def put(box: Mailbox, *times_us: int) -> None:
    """Put readings of 1.0 into line and mailbox, as the fan-out does."""
    line = box.lines[TEMP]
    points: Points = {t_us * 1_000: 1.0 for t_us in times_us}
    for t_us in times_us:
        starts, late = line.absorb({t_us - t_us % line.rungs[0]: bucket_of(1.0, t_us * 1_000)})
        if not box.is_raw:
            box.touch(Touched(TEMP, line.rungs[0], starts, late), 5, 1)
    if box.is_raw:
        box.add_points(TEMP, points, 5)


def test_points_wait_as_they_are_and_are_given_once() -> None:
    box = mailbox()
    put(box, 1, 2)
    assert box.waiting_bytes
    mail = box.take(1)
    assert mail.points == {TEMP: {1_000: 1.0, 2_000: 1.0}}
    assert (mail.oldest_us, mail.buckets) == (5, {})
    assert not box
    assert box.waiting_bytes == 0


def test_points_of_a_slow_viewer_become_whole_buckets() -> None:
    box = mailbox()
    put(box, 1)
    box.take(1)
    put(box, 2, SECOND)
    box.merge()
    mail = box.take(1)
    assert mail.points == {}
    assert [(start, bucket.count) for start, bucket in mail.buckets[TEMP][SECOND // 10]] == [(0, 2), (SECOND, 1)]
    assert box.widest_us == SECOND // 10


def test_a_point_where_the_viewer_holds_a_bucket_comes_as_that_bucket() -> None:
    box = mailbox()
    put(box, 1)
    box.merge()
    box.take(1)
    put(box, 2, SECOND)
    mail = box.take(1)
    assert mail.points == {TEMP: {SECOND * 1_000: 1.0}}
    assert [(start, bucket.count) for start, bucket in mail.buckets[TEMP][SECOND // 10]] == [(0, 2)]


def test_too_many_bytes_are_merged_at_once() -> None:
    box = mailbox()
    put(box, *range(10_000))
    assert box.waiting_bytes < 1_000
    assert box.take(1).buckets[TEMP][SECOND // 10][0][1].count == 10_000


def test_too_many_buckets_become_wider_and_stay_so_where_they_were_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 2)
    box = mailbox(is_raw=False, rung_us=SECOND)
    put(box, *(at * SECOND for at in range(8)))
    assert list(box.take(1).buckets[TEMP]) == [10 * SECOND]
    put(box, 9 * SECOND, 10 * SECOND)
    found = box.take(1).buckets[TEMP]
    assert {width: [start for start, _ in buckets] for width, buckets in found.items()} == {10 * SECOND: [0], SECOND: [10 * SECOND]}


def test_a_mailbox_beyond_every_bound_is_overrun_and_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 1)
    box = mailbox(is_raw=False, rung_us=SECOND)
    put(box, *(at * 3_600 * SECOND for at in range(50)))
    assert box.is_overrun
    put(box, 1)
    assert box.waiting_bytes == 0
    assert box  # its viewer is owed a snapshot


def test_a_raw_mailbox_beyond_every_bound_is_overrun_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 1)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    box = mailbox()
    put(box, *(at * 3_600 * SECOND for at in range(50)))
    assert box.is_overrun
    put(box, 1)
    assert box.waiting_bytes == 0


def test_a_bucket_that_is_not_known_whole_is_late() -> None:
    box = mailbox(from_us=0)
    box.lines[TEMP] = Line(SECOND // 10, 5 * SECOND)
    put(box, 1)
    box.merge()
    assert box.take(9).buckets == {}
    assert box.late.take(9) == {TEMP: (0, SECOND // 10)}


def test_what_is_older_than_the_viewer_shows_is_dropped() -> None:
    for is_raw in (True, False):
        box = mailbox(is_raw=is_raw, from_us=10 * SECOND)
        put(box, 1)
        assert not box.take(1).points
        assert not box.late
