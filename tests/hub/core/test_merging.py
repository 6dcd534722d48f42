"""Columns made apart are, put together, what they would be made at once: each frame in its place, with each column that a part has."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.buckets import values_at
from hub.core.merging import Part, merged
from hub.core.records import Columns, Series
from tests.support.readings import columns_of

SERIES = [Series("pump", kind.value, "", kind) for kind in Kind]
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.STATE: st.booleans(),
    Kind.TEXT: st.text(max_size=5),
    Kind.POSITION: st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map(list),
}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
READINGS = st.sampled_from(SERIES).flatmap(lambda series: st.tuples(st.just(series), VALUES.get(series.kind, NUMBERS)))
FRAMES = st.lists(st.tuples(st.integers(0, 2), st.lists(READINGS, max_size=4)), min_size=1, max_size=12)


def plain(columns: Columns) -> list[tuple[Series, int, Any]]:
    series = [columns.series[at] for at in columns.index.tolist()]
    return list(zip(series, columns.t_ns.tolist(), values_at(columns, np.arange(len(columns))), strict=True))


@given(FRAMES)
def test_parts_put_together_have_each_frame_in_its_place(frames: list[tuple[int, list[tuple[Series, Any]]]]) -> None:
    told = [[(series, at * 100 + n, value) for n, (series, value) in enumerate(readings)] for at, (_, readings) in enumerate(frames)]
    every = [(series, 0, 0) for series in SERIES]  # so that all parts number the series alike
    parts = []
    for part in sorted({part for part, _ in frames}):
        mine = [at for at, (other, _) in enumerate(frames) if other == part]
        columns = columns_of(every + [reading for at in mine for reading in told[at]])
        skip = slice(len(every), None)
        own = Columns(columns.series, columns.index[skip], columns.t_ns[skip], columns.num[skip])
        if columns.exact is not None and not np.ma.getmaskarray(columns.exact)[skip].all():
            own.exact = columns.exact[skip]
        if columns.text is not None and any(text is not None for text in columns.text[skip]):
            own.text = columns.text[skip]
        if columns.lon is not None and not np.isnan(columns.lon[skip]).all():
            own.lon = columns.lon[skip]
        parts.append(Part(np.array(mine), np.array([len(told[at]) for at in mine]), own))
    assert plain(merged(parts)) == [reading for readings in told for reading in readings]
