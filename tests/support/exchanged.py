"""Columns of readings of every kind for tests of files: made by hand, or by Hypothesis.

Owns how readings become columns and how they are compared; checks nothing.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.exchange.runs import runs_of
from hub.core.records import Columns, Series

Reading = tuple[Series, int, Any]  # point key in ns, value
T_NS: Final = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z
TEMP: Final = Series("pump", "temp", "Cel", Kind.GAUGE)
MODE: Final = Series("pump", "mode", "", Kind.TEXT)
PLACE: Final = Series("pump", "place", "", Kind.POSITION)
IS_OPEN: Final = Series("valve", "is_open", "", Kind.STATE)
# Texts that a spreadsheet would run, that end a cell or a row too early, or that read as another type.
PAYLOADS: Final = (
    "=1+1", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x\",\"y\")", "+1", "+cmd", "-1", "-2+3", "@SUM(1,1)", "\t=1", "\r=1", "\n=1", "'=1",
    "'", "''", "''=1", "true", "false", "TRUE", "", " ", " =1", "1", "1.5", "nan", "NaN", "-inf", "1e5", "a,b", 'a"b', '"', '""', "a\r\nb",
    "a\nb", "\r", "\n", ";", "a;b", "\0", "\ufeffx", "ü" * 128, "=\uff11", "|calc", "%0A=1", "#comment", "# end: 0 lines", "48.1 11.5",
    "\\", "\\\"",
)  # fmt: skip


def columns_of(readings: Sequence[Reading]) -> Columns:
    """Return columns, in the order given."""
    series = list(dict.fromkeys(each[0] for each in readings))
    values = [value for _, _, value in readings]
    is_whole = np.array([isinstance(value, int) for value in values], np.bool_)
    num = [value[0] if isinstance(value, tuple) else np.nan if isinstance(value, str) else float(value) for value in values]
    exact = np.ma.MaskedArray(np.array([value if isinstance(value, int) else 0 for value in values], np.int64), ~is_whole)
    text = np.array([value if isinstance(value, str) else None for value in values], np.object_)
    lon = np.array([value[1] if isinstance(value, tuple) else np.nan for value in values], np.float64)
    index = np.array([series.index(each[0]) for each in readings], np.int32)
    return Columns(series, index, np.array([t_ns for _, t_ns, _ in readings], np.int64), np.array(num, np.float64), exact, text, lon)


def readings_in(columns: Columns) -> list[tuple[Series, int, str]]:
    """Return readings sorted, values as Python writes them: 3 is not 3.0, -0.0 not 0.0, "true" not True."""
    return sorted(
        (run.series, t_ns, repr(value)) for run in runs_of(columns) for t_ns, value in zip(run.t_ns.tolist(), run.values, strict=True)
    )


def _values(kind: Kind) -> st.SearchStrategy[Any]:
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(PAYLOADS)
    match kind:
        case Kind.GAUGE | Kind.COUNTER:
            return numbers
        case Kind.STATE:
            return st.booleans() | texts
        case Kind.TEXT:
            return texts
        case Kind.POSITION:
            return st.tuples(st.floats(-90, 90), st.floats(-180, 180))


_NAMES: Final = st.sampled_from(["temp", "=sum", "-x", "+y", "@z", "'q", "a,b", 'a"b', "größe", "a b", "true", "1", "a\\", "#"])


@st.composite
def some_readings(draw: st.DrawFn, max_size: int = 40) -> list[Reading]:
    """Draw readings of every kind, no two of them on one point."""
    found: dict[tuple[Series, int], Any] = {}
    for _ in range(draw(st.integers(1, max_size))):
        kind = draw(st.sampled_from(list(Kind)))
        device = draw(st.sampled_from(["pump", "valve-2", "a:b.c_d"]))
        series = Series(device, draw(_NAMES), draw(st.sampled_from(["", "Cel", "%", "=m", "-1"])), kind)
        t_ns = draw(st.integers(T_NS, T_NS + 5_000) | st.integers(-(10**18), 10**18))
        found[(series, t_ns)] = draw(_values(kind))
    return [(series, t_ns, value) for (series, t_ns), value in found.items()]
