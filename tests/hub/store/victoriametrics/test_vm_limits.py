"""What VictoriaMetrics cannot hold is refused before it is sent, and the same batch again is judged the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Channel, Kind
from hub.core.records import Columns, Series
from hub.store.victoriametrics.limits import Limits, refuses
from tests.support.history_book import Point, columns_of

NOW_MS = 1_760_054_400_000
TEMP, COUNT = Series("pump", "temp", "Cel", Kind.GAUGE), Series("pump", "count", "1", Kind.COUNTER)
NOTE, PLACE = Series("pump", "note", "", Kind.TEXT), Series("pump", "place", "", Kind.POSITION)
STAMPS = st.lists(st.tuples(st.sampled_from([TEMP, COUNT]), st.integers(0, 40)), min_size=1, max_size=60)


def sifted(limits: Limits, *points: Point, oldest_ms: int = 0) -> tuple[Columns, list[int], dict[int, str]]:
    columns = columns_of(points)
    held, refused = limits.sift(columns, oldest_ms, NOW_MS)
    return columns, held.tolist(), {each.index: each.reason for each in refused}


def at(quarters_of_a_ms: int) -> int:
    return NOW_MS * 1_000_000 + quarters_of_a_ms * 250_000


@given(STAMPS)
def test_every_reading_is_held_or_refused_or_replaced_by_its_equal_and_none_shares_a_ms(stamps: list[tuple[Series, int]]) -> None:
    columns, held, refused = sifted(Limits(), *[(series, at(quarter), float(n)) for n, (series, quarter) in enumerate(stamps)])
    places = [(stamps[index][0], columns.t_ns[index] // 1_000_000) for index in held]
    assert len(set(places)) == len(places)
    keys = [(series, at(quarter)) for series, quarter in stamps]
    held_keys = {keys[index] for index in held}
    for index, key in enumerate(keys):
        assert (index in refused) != (key in held_keys)
    assert all(index == max(n for n, key in enumerate(keys) if key == keys[index]) for index in held)


@given(STAMPS, st.integers(1, 59))
def test_what_was_refused_for_its_ms_is_refused_again(stamps: list[tuple[Series, int]], cut: int) -> None:
    points: list[Point] = [(series, at(quarter), 1.0) for series, quarter in stamps]
    limits = Limits()
    before = []
    for part in (points[:cut], points[cut:]):
        if part:
            columns, held, refused = sifted(limits, *part)
            limits.written(columns, np.array(held, np.int64))
            before.append((held, refused))
    _, held, refused = sifted(limits, *(points[cut:] or points))
    assert refused.keys() >= before[-1][1].keys()
    assert set(held) <= set(before[-1][0])


def test_a_second_reading_of_a_ms_is_refused_also_in_the_next_batch() -> None:
    limits = Limits()
    columns, held, _ = sifted(limits, (TEMP, at(0), 1.0))
    limits.written(columns, np.array(held))
    assert sifted(limits, (TEMP, at(1), 2.0), (TEMP, at(4), 3.0))[1] == [1]
    assert sifted(limits, (TEMP, at(0), 2.0))[1] == [0]
    limits.forget("pump")
    assert sifted(limits, (TEMP, at(1), 2.0))[1] == [0]


def test_each_refusal_says_why() -> None:
    day_ns = 86_400 * 10**9
    points: list[Point] = [
        (TEMP, at(0), 1e15), (TEMP, at(4), -1e300), (TEMP, at(8), float("inf")), (NOTE, at(0), "x"), (PLACE, at(0), [1.0, 2.0]),
        (TEMP, at(0) + 3 * day_ns, 1.0), (TEMP, 1, 1.0), (TEMP, at(0) - 20 * day_ns, 1.0), (COUNT, at(0), 10**15 - 1),
    ]  # fmt: skip
    _, held, refused = sifted(Limits(), *points, oldest_ms=NOW_MS - 10 * 86_400_000)
    assert held == [8]
    words = ["15 digits", "15 digits", "infinity", "texts", "positions", "two days ahead", "older than", "older than"]
    assert all(word in refused[index] or index == 2 for index, word in enumerate(words))
    assert set(refused) == set(range(8))


def test_channels_of_texts_and_positions_are_refused_and_others_are_not() -> None:
    assert refuses(Channel("a", kind=Kind.TEXT)) == refuses(Channel("a", kind=Kind.STATE, values=("on", "off")))
    assert "two channels" in str(refuses(Channel("a", kind=Kind.POSITION)))
    assert [refuses(Channel("a", kind=kind)) for kind in (Kind.GAUGE, Kind.COUNTER, Kind.STATE)] == [None, None, None]
