"""Tests of hub/core/lines.py."""

import numpy as np

from devices.wire.messages import Kind
from hub.core.buckets import Stretches
from hub.core.lines import Lines, rung_of
from hub.core.readings import bucket_of
from hub.core.records import Columns, Series

SECOND = 1_000_000
TEMP, HUM = (Series("a", name, "", Kind.GAUGE) for name in ("temp", "hum"))


def batch(*t_us: int, series: Series = TEMP) -> Columns:
    count = len(t_us)
    return Columns([series], np.zeros(count, np.int32), np.array(t_us, np.int64) * 1_000, np.ones(count))


def nothing() -> Stretches:
    return {}


def test_raw_subscriptions_are_merged_from_100_ms_on() -> None:
    assert (rung_of(0), rung_of(SECOND)) == (SECOND // 10, SECOND)


def test_a_line_is_shared_and_forgotten_with_its_last_user() -> None:
    lines = Lines()
    first = lines.use(TEMP, SECOND, 0, lambda: {0: bucket_of(5.0, 7)})
    assert lines.use(TEMP, SECOND, 0, nothing) is first
    lines.leave(TEMP, SECOND)
    lines.absorb(batch(1))
    bucket = first.bucket(SECOND, 0)
    assert bucket is not None
    assert (bucket.count, bucket.sum) == (2, 6.0)
    lines.leave(TEMP, SECOND)
    assert len(lines) == 0
    assert lines.absorb(batch(1)) == []


def test_each_width_of_a_series_is_told_and_no_other_series() -> None:
    lines = Lines()
    for width_us in (SECOND, 60 * SECOND):
        lines.use(TEMP, width_us, 0, nothing)
    touched = lines.absorb(batch(61 * SECOND, 5))
    assert sorted((each.rung_us, sorted(each.starts)) for each in touched) == [(SECOND, [0, 61 * SECOND]), (60 * SECOND, [0, 60 * SECOND])]
    assert lines.absorb(batch(5, series=HUM)) == []


def test_what_is_older_than_a_line_knows_is_late() -> None:
    lines = Lines()
    lines.use(TEMP, SECOND, 10 * SECOND, nothing)
    (touched,) = lines.absorb(batch(3 * SECOND, 12 * SECOND))
    assert (touched.starts, touched.late) == ([12 * SECOND], [3 * SECOND])
