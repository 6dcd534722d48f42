"""Questions to InfluxDB in Flux: their text, with every value of ours written so that nothing in it means anything.

Owns literals, the choice of series, and each query. A `data` that is a variable would be read whole and aggregated in the query engine
(10 s for 1.2 M readings); as a function it is pushed down to the storage engine (0.06 s). Plain text, no connection. Used by asking.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.influxdb.lines import CURSORS, EXACT, LAT, LON, NUM, READINGS, TEXT, tag_refusal

MIN_NS: Final = -(2**63) + 2  # of a time in InfluxDB
STOP_NS: Final = 2**63 - 1  # after every time in it
MAX_TERMS: Final = 500  # names in one query: 0.1 s to plan them, and ten times as many take 25 s
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:- ")
_KEEP: Final = '|> keep(columns: ["_time", "_value", "_field", "device", "channel", "unit", "kind"])'
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
        if tag_refusal(each.device, "device") is None and tag_refusal(each.channel, "channel") is None:
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


class Fields(NamedTuple):
    """Which fields series of some kinds can have: each one asked for in vain costs as much as one that is there."""

    numbers: tuple[str, ...]  # what min, max and sum are of; `lat` stands for a position
    typed: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def counted(self) -> tuple[str, ...]:
        """One of these is in every reading."""
        return self.numbers + self.texts


def fields_of(series: Iterable[Series]) -> Fields:
    """Return the fields to ask for."""
    kinds = {each.kind for each in series}
    has_numbers, has_places = kinds & {Kind.GAUGE, Kind.COUNTER, Kind.STATE}, Kind.POSITION in kinds
    numbers = ((NUM,) if has_numbers else ()) + ((LAT,) if has_places else ())
    typed = (NUM,) * bool(has_numbers) + (EXACT,) * bool(kinds & {Kind.GAUGE, Kind.COUNTER}) + (LAT, LON) * has_places
    return Fields(numbers, typed, (TEXT,) if kinds & {Kind.TEXT, Kind.STATE} else ())


def newest(bucket: str, where: str, fields: Fields, from_ns: int, to_ns: int, limit: int) -> str:
    """Ask for the newest readings of each series, `limit` of each."""
    return _raw(bucket, where, fields, from_ns, to_ns, f"|> tail(n: {limit})")


def oldest(bucket: str, where: str, fields: Fields, from_ns: int, to_ns: int, limit: int) -> str:
    """Ask for the oldest readings of each series, `limit` of each."""
    return _raw(bucket, where, fields, from_ns, to_ns, f"|> limit(n: {limit})")


def latest(bucket: str, where: str, fields: Fields) -> str:
    """Ask for the newest reading of each series."""
    return _raw(bucket, where, fields, MIN_NS, STOP_NS, "|> last()")


def buckets(bucket: str, where: str, fields: Fields, from_ns: int, to_ns: int, width_us: int, limit: int) -> str:
    """Ask for buckets in five results: low, high, total, count, and `raw` with the last reading of each."""
    window = f"every: {width_us}us, createEmpty: false"
    aggregates = [(name, function, fields.numbers) for name, function in (("low", "min"), ("high", "max"), ("total", "sum"))]
    lines = []
    for name, function, names in (*aggregates, ("count", "count", fields.counted)):
        if names:
            aggregate = f'|> aggregateWindow({window}, fn: {function}, timeSrc: "_start") |> tail(n: {limit})'
            lines.append(f'data({_only(names)}) {aggregate} {_KEEP} |> yield(name: "{name}")')
    last = f"|> window({window}) |> last() {_KEEP} |> tail(n: {limit})"
    return "\n".join([_HEAD + _data(bucket, where, from_ns, to_ns), *lines, *_typed_and_texts(fields, last)])


def counts(bucket: str, where: str, fields: Fields, from_ns: int, to_ns: int, every_ns: int) -> str:
    """Ask how many readings there are in each stretch, of all series together, in the results `numbers` and `texts`.

    Grouped before they are counted they take a sixth of the time, but only what is of one type can be grouped.
    """
    chosen = f'|> group() |> aggregateWindow(every: {every_ns}ns, fn: count, createEmpty: false, timeSrc: "_start")'
    lines = [
        f'data({_only(names)}) {chosen} |> keep(columns: ["_time", "_value"]) |> yield(name: "{name}")'
        for name, names in (("numbers", fields.numbers), ("texts", fields.texts))
        if names
    ]
    return "\n".join([_data(bucket, where, from_ns, to_ns), *lines])


def count(bucket: str, where: str, from_ns: int, to_ns: int) -> str:
    """Ask how many readings each series has."""
    names = '["_value", "_field", "device", "channel", "unit", "kind"]'
    return f'{_data(bucket, where, from_ns, to_ns)}\ndata({_only(_COUNTED)}) |> count() |> keep(columns: {names}) |> yield(name: "count")'


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


def _raw(bucket: str, where: str, fields: Fields, from_ns: int, to_ns: int, chosen: str) -> str:
    return "\n".join([_HEAD + _data(bucket, where, from_ns, to_ns), *_typed_and_texts(fields, f"{chosen} {_KEEP}")])


def _typed_and_texts(fields: Fields, chosen: str) -> Iterator[str]:
    if fields.typed:
        yield f'data({_only(fields.typed)}) {chosen} |> yield(name: "raw")'
    if fields.texts:
        yield f'data({_only(fields.texts)}) {chosen} {_AS_JSON} |> yield(name: "text")'


def _data(bucket: str, where: str, from_ns: int, to_ns: int) -> str:
    measured = f"r._measurement == {literal(READINGS)}"
    return f"data = (only) => {_from(bucket, from_ns, to_ns)} |> filter(fn: (r) => {measured} and {where}) |> filter(fn: only)"


def _only(names: Sequence[str]) -> str:
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
