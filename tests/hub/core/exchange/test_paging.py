"""Pages of readings: put together they are the range, whatever falls on their borders."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.exchange.paging import Place, cut
from hub.core.records import Columns, Series

SERIES = [Series("pump", f"c{at}", "", Kind.GAUGE) for at in range(3)]


def page_of(stored: list[tuple[int, int, float]], place: Place, max_readings: int) -> Columns:
    """Answer as a store does."""
    order = {series: at for at, series in enumerate(place.series)}
    wanted = [
        (order[SERIES[number]], t_ns, value)
        for number, t_ns, value in stored
        if SERIES[number] in order and (order[SERIES[number]] or t_ns >= place.first_from_ns)
    ]
    index, t_ns, values = zip(*sorted(wanted)[:max_readings], strict=True) if wanted else ((), (), ())
    return Columns(list(place.series), np.array(index, np.int32), np.array(t_ns, np.int64), np.array(values, np.float64))


@given(
    stored=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.floats(0, 9)), max_size=60, unique=True),
    max_readings=st.integers(12, 30),
)
def test_pages_give_each_reading_once(stored: list[tuple[int, int, float]], max_readings: int) -> None:
    keys = [each[:2] for each in stored]
    stored = [each for each in stored if keys.count(each[:2]) < max_readings]  # no store keeps a page of one point
    place: Place | None = Place(SERIES, 0)
    found = []
    while place is not None:
        page, place = cut(place, page_of(stored, place, max_readings), max_readings)
        found += [(page.series[at], t, v) for at, t, v in zip(page.index.tolist(), page.t_ns.tolist(), page.num.tolist(), strict=True)]
    assert sorted(found) == sorted((SERIES[number], t_ns, value) for number, t_ns, value in stored)


def test_a_page_of_one_point_goes_on_behind_it() -> None:
    stored = [(0, 5, float(at)) for at in range(9)]
    page, place = cut(Place(SERIES, 0), page_of(stored, Place(SERIES, 0), 4), 4)
    assert len(page) == 4
    assert place == Place(SERIES, 6)
