"""Tests of hub/sessions/late.py."""

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.sessions.late import LateStretches

TEMP, HUM = (Series("pump", name, "", Kind.GAUGE) for name in ("temp", "hum"))


def test_a_stretch_is_told_once_when_the_store_has_passed_it() -> None:
    late = LateStretches()
    late.add(TEMP, 10, 20, since=4, position=5)
    assert not late.is_shown(4)
    assert late.take(4) == {}
    assert late.take(5) == {TEMP: (10, 20)}
    assert late.take(9) == {}
    assert not late


def test_stretches_of_a_series_become_one() -> None:
    late = LateStretches()
    for from_us in (30, 10, 20):
        late.add(TEMP, from_us, from_us + 5, since=0, position=from_us)
    late.add(None, 1, 2, since=0, position=1)
    assert late.take(30) == {TEMP: (10, 35), None: (1, 2)}


def test_a_backfill_without_a_pause_is_told_though_the_store_never_catches_up() -> None:
    late = LateStretches()
    told = []
    for position in range(100):
        late.add(TEMP, position, position + 1, position - 1, position)
        told += list(late.take(stored=position - 10).values())
    assert told
    told += list(late.take(99).values()) + list(late.take(99).values())
    assert (min(each[0] for each in told), max(each[1] for each in told)) == (0, 100)


def test_what_came_after_does_not_hold_back_what_was_there_before() -> None:
    late = LateStretches()
    late.add(TEMP, 0, 1, since=0, position=1)
    assert not late.is_shown(0)
    late.add(HUM, 0, 1, since=49, position=50)
    assert late.take(1) == {TEMP: (0, 1)}
    assert late.since == 49
    assert late.take(50) == {HUM: (0, 1)}
    assert late.since is None
