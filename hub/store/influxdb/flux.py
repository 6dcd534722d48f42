"""Questions to InfluxDB in Flux: their text, with every value of ours written so that nothing in it means anything.

Owns literals, the choice of series, and each query. A `data` that is a variable would be read whole and aggregated in the query engine
(10 s for 1.2 M readings); as a function it is pushed down to the storage engine (0.06 s). Plain text, no connection. Used by asking.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hub.core.records import Series
from hub.store.lines import CURSORS, EXACT, INFLUXDB, LAT, LON, NUM, READINGS, TEXT, tag_refusal

MIN_NS: Final = -(2**63) + 2  # of a time in InfluxDB
STOP_NS: Final = 2**63 - 1  # after every time in it
MAX_TERMS: Final = 500  # names in one query: 0.1 s to plan them, and ten times as many take 25 s
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:- ")
_KEEP: Final = '|> keep(columns: ["_time", "_value", "_field", "device", "channel", "unit", "kind"])'
_NUMBERS: Final = (NUM, LAT)  # what min, max and sum are of; `lat` stands for a position
_TYPED: Final = (NUM, EXACT, LAT, LON)
_COUNTED: Final = (NUM, LAT, TEXT)  # one of these is in every reading
# A text comes back as JSON: CSV as Flux writes it changes line breaks in it.
_AS_JSON: Final = "|> map(fn: (r) => ({r with _value: string(v: json.encode(v: r._value))}))"
_HEAD: Final = 'import "json"\n'


def literal(text: str) -> str:
    """Return a text as a Flux string; any byte that is no plain letter is written as a number."""
    return '"' + "".join(chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in text.encode()) + '"'


def clauses(series: Iterable[Series]) -> Iterator[str]:
    """Yield filters on device and channel that together let these series through, and perhaps other units and kinds of theirs.

    Devices of equal channels share a clause. What cannot have been written is left out.
    """
    channels: dict[str, set[str]] = {}
    for each in series:
        if tag_refusal(each.device, "device", INFLUXDB) is None and tag_refusal(each.channel, "channel", INFLUXDB) is None:
            channels.setdefault(each.device, set()).add(each.channel)
    devices: dict[tuple[str, ...], list[str]] = {}
    for device, measured in channels.items():
        devices.setdefault(tuple(sorted(measured)), []).append(device)
    gathered: list[str] = []
    terms = 0
    for names, of_them in devices.items():
        for some in _chunks(names, MAX_TERMS // 2):
            for few in _chunks(of_them, MAX_TERMS - len(some)):
                if gathered and terms + len(some) + len(few) > MAX_TERMS:
                    yield _any(gathered)
                    gathered, terms = [], 0
                gathered.append(f"({_among('device', few)} and {_among('channel', some)})")
                terms += len(some) + len(few)
    if gathered:
        yield _any(gathered)


def newest(bucket: str, where: str, from_ns: int, to_ns: int, limit: int) -> str:
    """Ask for the newest readings of each series, `limit` of each."""
    return _both(bucket, where, from_ns, to_ns, f"|> tail(n: {limit})", "raw")


def oldest(bucket: str, where: str, from_ns: int, to_ns: int, limit: int) -> str:
    """Ask for the oldest readings of each series, `limit` of each."""
    return _both(bucket, where, from_ns, to_ns, f"|> limit(n: {limit})", "raw")


def latest(bucket: str, where: str) -> str:
    """Ask for the newest reading of each series."""
    return _both(bucket, where, MIN_NS, STOP_NS, "|> last()", "raw")


def buckets(bucket: str, where: str, from_ns: int, to_ns: int, width_us: int, limit: int) -> str:
    """Ask for buckets in five results: low, high, total, count, and `raw` with the last reading of each."""
    text = [_data(bucket, where, from_ns, to_ns)]
    window = f"every: {width_us}us, createEmpty: false"
    for name, function, fields in (
        ("low", "min", _NUMBERS),
        ("high", "max", _NUMBERS),
        ("total", "sum", _NUMBERS),
        ("count", "count", _COUNTED),
    ):
        aggregate = f'|> aggregateWindow({window}, fn: {function}, timeSrc: "_start") |> tail(n: {limit})'
        text.append(f'data({_fields(fields)}) {aggregate} {_KEEP} |> yield(name: "{name}")')
    last = f"|> window({window}) |> last() {_KEEP} |> tail(n: {limit})"
    text.append(f'data({_fields(_TYPED)}) {last} |> yield(name: "raw")')
    text.append(f'data({_fields((TEXT,))}) {last} {_AS_JSON} |> yield(name: "text")')
    return _HEAD + "\n".join(text)


def counts(bucket: str, where: str, from_ns: int, to_ns: int, every_ns: int) -> str:
    """Ask how many readings there are in each stretch, of all series together."""
    return (
        f"{_data(bucket, where, from_ns, to_ns)}\ndata({_fields(_COUNTED)})"
        f' |> aggregateWindow(every: {every_ns}ns, fn: count, createEmpty: false, timeSrc: "_start")'
        ' |> group(columns: ["_time"]) |> sum() |> keep(columns: ["_time", "_value"]) |> yield(name: "count")'
    )


def count(bucket: str, where: str, from_ns: int, to_ns: int) -> str:
    """Ask how many readings each series has."""
    names = '["_value", "_field", "device", "channel", "unit", "kind"]'
    return f'{_data(bucket, where, from_ns, to_ns)}\ndata({_fields(_COUNTED)}) |> count() |> keep(columns: {names}) |> yield(name: "count")'


def all_series(bucket: str) -> str:
    """Ask for every series: 0.3 s for 10,000."""
    filtered = f"filter(fn: (r) => r._measurement == {literal(READINGS)} and {_among('_field', _COUNTED)})"
    names = 'keep(columns: ["device", "channel", "unit", "kind"])'
    return f'{_from(bucket, MIN_NS, STOP_NS)} |> {filtered} |> first() |> {names} |> group() |> yield(name: "series")'


def older(bucket: str, t_ns: int) -> str:
    """Ask for one point of any measurement before a time."""
    return f'{_from(bucket, MIN_NS, t_ns)} |> first() |> keep(columns: ["_measurement"]) |> group() |> limit(n: 1) |> yield(name: "older")'


def cursors(bucket: str) -> str:
    """Ask for the newest cursor of each journal."""
    names = '["journal", "_field", "_value"]'
    chosen = f"filter(fn: (r) => r._measurement == {literal(CURSORS)})"
    return f'{_from(bucket, MIN_NS, STOP_NS)} |> {chosen} |> last() |> keep(columns: {names}) |> yield(name: "cursor")'


def _both(bucket: str, where: str, from_ns: int, to_ns: int, chosen: str, name: str) -> str:
    return (
        f"{_HEAD}{_data(bucket, where, from_ns, to_ns)}\n"
        f'data({_fields(_TYPED)}) {chosen} {_KEEP} |> yield(name: "{name}")\n'
        f'data({_fields((TEXT,))}) {chosen} {_KEEP} {_AS_JSON} |> yield(name: "text")'
    )


def _data(bucket: str, where: str, from_ns: int, to_ns: int) -> str:
    measured = f"r._measurement == {literal(READINGS)}"
    return f"data = (only) => {_from(bucket, from_ns, to_ns)} |> filter(fn: (r) => {measured} and {where}) |> filter(fn: only)"


def _fields(names: Sequence[str]) -> str:
    return f"only: (r) => {_among('_field', names)}"


def _from(bucket: str, from_ns: int, to_ns: int) -> str:
    from_ns, to_ns = (max(MIN_NS, min(t_ns, STOP_NS)) for t_ns in (from_ns, to_ns))
    return f"from(bucket: {literal(bucket)}) |> range(start: time(v: {from_ns}), stop: time(v: {to_ns}))"


def _among(column: str, names: Sequence[str]) -> str:
    return _any([f"r.{column} == {literal(name)}" for name in names])


def _any(parts: Sequence[str]) -> str:
    """Join by `or`, balanced: the parser calls itself for each one in a chain."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_any(parts[:middle])} or {_any(parts[middle:])})"


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), size):
        yield names[at : at + size]
