"""What the columns of a file are: which one the time, the device, the channel, the value, or a channel each.

Owns the names that are known (our own exports, InfluxDB, Home Assistant, ThingsBoard), what options override, and saying which option
is missing. Plain code; rows.py reads the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.core.exchange.csv_output import BUCKET_HEADER, RAW_HEADER
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.table import bad_file

TIMES: Final = ("time", "timestamp", "ts", "datetime", "date", "_time", "last_changed", "last_updated")
_DEVICES: Final = ("device", "device_name", "devicename", "entity name", "entityname")
_CHANNELS: Final = ("channel", "_field", "entity_id", "key")
_VALUES: Final = ("value", "_value", "state")
_UNITS: Final = ("unit", "unit_of_measurement")
# What goes along with these tools' exports and is no reading.
_IGNORED: Final = frozenset({"result", "table", "_start", "_stop", "_measurement", "last_updated", "attributes", "column 1", ""})
_HOME_ASSISTANT: Final = frozenset({"entity_id", "state", "last_changed"})
_NO_STATE: Final = ("unavailable", "unknown", "")  # what Home Assistant writes where there is no value
PARTS: Final = ("num", "exact", "text", "lat", "lon")  # the value columns of our Parquet files


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file by their meaning; None: not there."""

    time: str
    device: str | None
    channel: str | None
    unit: str | None
    kind: str | None
    n: str | None
    values: tuple[str, ...]  # one, or where `is_wide` one for each channel
    is_wide: bool
    is_own: bool  # an export of ours, whose texts are guarded
    is_split: bool  # value columns as in our Parquet files
    ignored: tuple[str, ...]
    skip: frozenset[str]


def layout_of(header: Sequence[str], options: ImportOptions) -> Layout:
    """Return what the columns mean. Raises Refusal."""
    if {"count", "mean", "sum"} <= set(header) and {"last", "last_num"} & set(header):
        hint = f"export them with width raw; buckets have {', '.join(BUCKET_HEADER[5:])} instead of a value"
        raise bad_file("these are buckets, from which readings cannot be made again", hint)
    is_split = {"time", "channel", "kind", *PARTS} <= set(header)
    columns = {name.strip().lower(): name for name in header}
    time = _column(columns, header, options.time_column, TIMES, "--time-column")
    if time is None:
        raise bad_file(f"no column is named as a time: {_listed(header)}", f"name one {', '.join(TIMES[:3])}, or say --time-column")
    device = None if options.device else _column(columns, header, options.device_column, _DEVICES, "--device-column")
    if device is None and not options.device:
        raise bad_file(f"whose readings these are is not said: {_listed(header)}", "say --device NAME, or --device-column")
    channel = None if options.channel else _column(columns, header, options.channel_column, _CHANNELS, "--channel-column")
    value = _column(columns, header, options.value_column, _VALUES, "--value-column")
    is_wide = not is_split and (value is None or (channel is None and options.channel is None))
    unit = None if is_wide else _column(columns, header, None, _UNITS, "")
    kind = None if is_wide else columns.get("kind")
    named = {time, device, channel, unit, kind}
    values: tuple[str, ...] = PARTS if is_split else () if value is None else (value,)
    if is_wide:
        values = tuple(name for name in header if name not in named and name.strip().lower() not in _IGNORED)
        if not values:
            raise bad_file(f"no column holds values: {_listed(header)}", "add one for each channel, or say --value-column")
    is_own = tuple(header) == RAW_HEADER
    n = columns.get("n") if is_own or is_split else None
    ignored = tuple(name for name in header if name not in {*named, *values, n})
    is_home_assistant = set(columns) >= _HOME_ASSISTANT
    skip = frozenset((*options.skip, *(_NO_STATE if is_home_assistant else ())))
    return Layout(time, device, channel, unit, kind, n, values, is_wide, is_own, is_split, ignored, skip)


def _column(columns: dict[str, str], header: Sequence[str], said: str | None, known: Sequence[str], option: str) -> str | None:
    """Return the column that is said, or the first known one."""
    if said is None:
        return next((columns[name] for name in known if name in columns), None)
    if said not in header:
        raise bad_file(f"{option} {said[:64]!r} is none of the columns: {_listed(header)}", "correct it")
    return said


def _listed(header: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in header[:12])
    return f"{shown} and {len(header) - 12:,} more" if len(header) > 12 else shown
