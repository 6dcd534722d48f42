"""Line protocol: one type a field, every name escaped, what cannot be said refused."""

import numpy as np
import pytest

from devices.wire.messages import Channel, Kind
from hub.core.exchange.lines_output import LinesOutput, refusal_of
from hub.core.records import Buckets, Series
from hub.store.influxdb.lines import LineEncoder
from tests.support.exchanged import IS_OPEN, MODE, PLACE, T_NS, TEMP, Reading, columns_of

READINGS: list[Reading] = [
    (TEMP, T_NS, 1.5), (TEMP, T_NS + 1, -3), (IS_OPEN, T_NS, True), (MODE, T_NS, 'a "b"\\\nc=1, d'), (PLACE, T_NS, (48.1, 11.5)),
    (Series("pump", "a b,c=d", "m\\s", Kind.COUNTER), T_NS, 2**53 + 1),
]  # fmt: skip


def test_lines_are_those_that_a_hub_writes_into_influxdb() -> None:
    """Who loads an export into InfluxDB has what a hub that keeps its history there has."""
    (ours,) = LineEncoder().encode(columns_of(READINGS)).parts
    assert LinesOutput().readings(columns_of(READINGS)) == ours


def test_the_last_line_counts_the_others() -> None:
    output = LinesOutput()
    assert output.begin(is_raw=True) == b""
    output.readings(columns_of(READINGS[:2]))
    output.readings(columns_of(READINGS[2:]))
    assert output.finish() == b"# end: 6 lines\n"


@pytest.mark.parametrize("name", ["a\\", "a\\,b", "a\\=b", "a\\ b", "a\\b", "a,b", "plain"])
def test_names_are_refused_exactly_where_influxdb_would_lose_something(name: str) -> None:
    theirs = LineEncoder().refuses(Channel(name))
    assert (refusal_of(Series("pump", name, "", Kind.GAUGE)) is None) == (theirs is None)


def test_buckets_are_a_measurement_of_their_own() -> None:
    start, count, one = np.array([T_NS // 1_000]), np.array([2]), np.array([1.0])
    buckets = Buckets(1_000_000, start, one, one * 3, one * 4, count, [3], start)
    assert LinesOutput().buckets([(TEMP, buckets)]) == (
        b"buckets,channel=temp,device=pump,kind=gauge,unit=Cel count=2i,min=1.0,max=3.0,sum=4.0,last_num=3.0,last_exact=3i "
        b"1700000000000000000\n"
    )
