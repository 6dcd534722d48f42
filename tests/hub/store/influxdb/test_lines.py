"""Line protocol that is written by us and read by others: parsers as strict (and as odd) as theirs find exactly what was given."""

import math
import re
import struct
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.wire.messages import Channel, Kind
from hub.core.records import Columns, Cursor, Series
from hub.store.influxdb.lines import LineEncoder, cursor_line

# What is special to some parser comes often.
TEXTS = st.text(st.one_of(st.sampled_from(list("\\,= \"'#_\n\r\0\t;${}a1\ud800é☃")), st.characters()), max_size=12)
# 100,000 names and texts in the long run.
EXAMPLES = 1_500 if settings().max_examples < 1_000 else 50_000
TAGS = ("channel", "device", "kind", "unit")


def influxdb_lines(body: bytes) -> Iterator[bytes]:
    """Cut a body as InfluxDB does: a line break within what it takes for a quoted field ends nothing."""
    at = 0
    while at < len(body):
        start, quoted, fields, equals, commas = at, False, False, 0, 0
        while at < len(body):
            byte = body[at : at + 1]
            if byte == b"\\" and at + 2 < len(body):
                at += 2
                continue
            fields = fields or byte == b" "
            if fields and not quoted and byte == b"=":
                equals += 1
            elif fields and not quoted and byte == b",":
                commas += 1
            elif fields and byte == b'"' and equals > commas:
                quoted = not quoted
            elif byte == b"\n" and not quoted:
                break
            at += 1
        if body[start:at].strip() and not body[start:at].lstrip().startswith(b"#"):
            yield body[start:at]
        at += 1


def influxdb_split(text: bytes, stop: bytes) -> tuple[bytes, bytes]:
    """Cut at the first `stop` that has no backslash before it."""
    at = 0
    while (at := text.find(stop, at)) > 0 and text[at - 1 : at] == b"\\":
        at += 1
    return (text, b"") if at < 0 else (text[:at], text[at + 1 :])


def influxdb_unescaped(text: bytes) -> bytes:
    for special in (b",", b" ", b"="):
        text = text.replace(b"\\" + special, special)
    return text


def parsed(body: bytes) -> list[tuple[str, dict[str, str], dict[str, str], int]]:
    """Return (measurement, tags, fields as written, time) of each line."""
    found = []
    for line in influxdb_lines(body):
        key, rest = influxdb_split(line, b" ")
        measurement, key = influxdb_split(key, b",")
        tags = {}
        while key:
            tag, key = influxdb_split(key, b",")
            name, value = influxdb_split(tag, b"=")
            assert name
            assert value
            tags[name.decode()] = influxdb_unescaped(value).decode()
        written, _, time = rest.rpartition(b" ")
        fields = dict(part.split("=", 1) for part in ([written.decode()] if b'"' in written else written.decode().split(",")))
        found.append((measurement.decode(), tags, fields, int(time)))
    return found


def one(series: Series, num: float = 1.5, t_ns: int = 1_000, text: str | None = None) -> Columns:
    columns = Columns([series], np.zeros(1, np.int32), np.array([t_ns], np.int64), np.array([num]))
    if text is not None:
        columns.num[0], columns.text, columns.lon = np.nan, np.array([text, None], np.object_)[:1], np.array([np.nan])
    return columns


def series(device: str = "pump", channel: str = "temp", unit: str = "Cel", kind: Kind = Kind.GAUGE) -> Series:
    return Series(device, channel, unit, kind)


@given(names=st.tuples(TEXTS, TEXTS, TEXTS))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_name_survives_or_is_refused_and_never_touches_its_neighbours(names: tuple[str, str, str]) -> None:
    device, channel, unit = names
    middle = Series(device, channel, unit, Kind.GAUGE)
    columns = Columns([series("a"), middle, series("z")], np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int64), np.full(3, 0.5))
    encoded = LineEncoder().encode(columns)
    found = parsed(b"".join(encoded.parts))
    wanted = [{"device": each.device, "channel": each.channel, "unit": each.unit, "kind": "gauge"} for each in columns.series]
    if encoded.refused:
        assert [each.index for each in encoded.refused] == [1]
        del wanted[1]
    assert [tags for _, tags, _, _ in found] == [{name: tag for name, tag in tags.items() if tag} for tags in wanted]
    assert all(measurement == "readings" and fields == {"num": "0.5"} for measurement, _, fields, _ in found)


@given(text=TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_text_survives_or_is_refused(text: str) -> None:
    columns = one(series("door", kind=Kind.TEXT), text=text)
    encoded = LineEncoder().encode(columns)
    if encoded.refused:
        assert any("\ud800" <= char <= "\udfff" for char in text)
        assert encoded.parts == []
        return
    ((_, _, fields, t_ns),) = parsed(b"".join(encoded.parts))
    quoted = fields["text"]
    assert quoted[0] == quoted[-1] == '"'
    assert re.sub(r"\\([\\\"])", r"\1", quoted[1:-1]) == text
    assert t_ns == 1_000


@given(num=st.floats(allow_nan=False, allow_infinity=False), t_ns=st.integers(-(2**63) + 2, 2**63 - 2))
def test_a_number_and_a_time_are_written_so_that_every_bit_comes_back(num: float, t_ns: int) -> None:
    ((_, _, fields, found_ns),) = parsed(b"".join(LineEncoder().encode(one(series(), num, t_ns)).parts))
    assert struct.pack("d", float(fields["num"])) == struct.pack("d", num)
    assert found_ns == t_ns


def test_each_kind_has_its_fields() -> None:
    kinds = [series(), series(kind=Kind.COUNTER), series(kind=Kind.STATE), series(kind=Kind.STATE), series(kind=Kind.POSITION)]
    columns = Columns(kinds, np.arange(5, dtype=np.int32), np.arange(5, dtype=np.int64), np.array([0.1, 2.0**63, 1.0, np.nan, 48.2]))
    columns.exact = np.ma.MaskedArray(np.array([0, 2**63 - 1, 1, 0, 0], np.int64), [True, False, False, True, True])
    columns.text = np.array([None, None, None, 'a "b"\n', None], np.object_)
    columns.lon = np.array([np.nan] * 4 + [16.4])
    (part,) = LineEncoder().encode(columns).parts
    assert part.decode().splitlines() == [
        "readings,channel=temp,device=pump,kind=gauge,unit=Cel num=0.1 0",
        "readings,channel=temp,device=pump,kind=counter,unit=Cel num=9.223372036854776e+18,exact=9223372036854775807i 1",
        "readings,channel=temp,device=pump,kind=state,unit=Cel num=1.0 2",
        'readings,channel=temp,device=pump,kind=state,unit=Cel text="a \\"b\\"',
        '" 3',
        "readings,channel=temp,device=pump,kind=position,unit=Cel lat=48.2,lon=16.4 4",
    ]


def test_what_a_database_cannot_hold_is_refused_with_the_reason() -> None:
    assert "half a surrogate" in LineEncoder().encode(one(series(kind=Kind.TEXT), text="\ud800")).refused[0].reason
    for num in (math.inf, math.nan):
        assert "is no number" in LineEncoder().encode(one(series(), num)).refused[0].reason
    assert "outside" in LineEncoder().encode(one(series(), t_ns=2**63 - 1)).refused[0].reason


def test_a_channel_is_judged_before_it_has_a_reading() -> None:
    influxdb = LineEncoder()
    assert influxdb.refuses(Channel("temp", "Cel")) is None
    assert influxdb.refuses(Channel("note", kind=Kind.TEXT)) is None
    assert "backslash at its end" in (influxdb.refuses(Channel("C:\\")) or "")
    assert "the unit" in (influxdb.refuses(Channel("c", "\\ m")) or "")


def test_a_large_batch_is_cut_between_lines() -> None:
    columns = Columns([series()], np.zeros(25, np.int32), np.arange(25, dtype=np.int64), np.arange(25.0))
    columns.num[3] = np.inf
    encoded = LineEncoder().encode(columns, part_readings=10)
    assert [part.count(b"\n") for part in encoded.parts] == [9, 10, 5]
    assert [each.index for each in encoded.refused] == [3]
    assert all(part.endswith(b"\n") for part in encoded.parts)


def test_nothing_is_no_lines() -> None:
    nothing = Columns([], np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
    assert LineEncoder().encode(nothing).parts == []


def test_a_cursor_is_a_point_of_its_own() -> None:
    line = cursor_line(Cursor("j 1", 7), 55, 86_400)
    assert line == b"tributary_cursor,journal=j\\ 1 position=7i,written_us=55i 86400\n"
