"""The shapes of answers about stored readings, and of imports.

Owns descriptions and examples. Used by history.py and exchange.py.
"""

from typing import Any, Final, Literal

from pydantic import Field

from hub.web.openapi.convention import Shape, example

_SERIES: Final = {"device": "greenhouse", "channel": "temperature", "unit": "Cel", "kind": "gauge"}
_POINTS: Final = [[1_795_248_000_000_000, 0, 21.5], [1_795_248_010_000_000, 0, 21.6]]
_BUCKETS: Final = {
    **{"width_us": 60_000_000, "t": [1_795_248_000_000_000], "min": [21.4], "max": [21.9], "sum": [129.6], "count": [6], "last": [21.6]},
    "last_t": [1_795_248_050_000_000],
}
_NEWEST: Final = {**_SERIES, "t": 1_795_248_010_000_000, "value": 21.6}
_ANSWER: Final = {
    **{"cursor": {"journal": "b8f1c2", "position": 4_711}, "truncated": False},
    **{"from_us": 1_795_248_000_000_000, "to_us": 1_795_248_060_000_000},
}


class OneSeries(Shape, json_schema_extra=example(_SERIES)):
    """A device's channel that has readings."""

    device: str
    channel: str
    unit: str
    kind: str


class AllSeries(
    Shape,
    json_schema_extra=example({"series": [_SERIES], "next": None}, {"series": [_SERIES], "next": "greenhouse\ttemperature\tCel\tgauge"}),
):
    """Series that have readings."""

    series: list[OneSeries]
    next: str | None
    """The `after` of the next page; null at the end"""


class Position(Shape):
    """A place in the journal."""

    journal: str
    position: int


class BucketColumns(Shape, json_schema_extra=example(_BUCKETS)):
    """Buckets as columns of one length; the mean is sum / count."""

    width_us: int
    t: list[int]
    """Their beginnings"""
    min: list[float | None]
    max: list[float | None]
    sum: list[float | None]
    count: list[int]
    last: list[Any]
    last_t: list[int]


class FoundSeries(OneSeries, json_schema_extra=example({**_SERIES, "points": _POINTS}, {**_SERIES, "buckets": _BUCKETS})):
    """A series with what was found of it: points where raw readings were asked for, else buckets."""

    points: list[tuple[int, int, Any]] | None = None
    """[µs since 1970, n, value]: n, 0 to 999, keeps two readings of one microsecond apart"""
    buckets: BucketColumns | None = None


class Found(
    Shape,
    json_schema_extra=example(
        {**_ANSWER, "series": [{**_SERIES, "points": _POINTS}]}, {**_ANSWER, "series": [{**_SERIES, "buckets": _BUCKETS}]}
    ),
):
    """A range of stored readings, oldest first."""

    cursor: Position | None
    """Which journal position the answer includes"""
    truncated: bool
    """There were more than `limit`: these are the newest"""
    from_us: int
    to_us: int
    devices: int | None = None
    """How many devices were asked for"""
    kept_from_us: int | None = None
    """Before it the store has nothing in this detail"""
    series: list[FoundSeries]


class Newest(OneSeries, json_schema_extra=example(_NEWEST)):
    """The newest reading of one channel."""

    t: int
    """µs since 1970"""
    value: Any


class NewestOfAll(Shape, json_schema_extra=example({"readings": [_NEWEST]})):
    """The newest readings, by device and channel; 1,000 at most."""

    readings: list[Newest]


class ImportedDevice(Shape):
    """What an import brought of a device."""

    device: str
    readings: int
    channels: int
    from_us: int
    to_us: int
    stored: int
    state: Literal["imported", "completed", "known"]


class Imported(
    Shape,
    json_schema_extra=example(
        {
            **{"format": "csv", "changed": True, "readings": 2, "stored": 2, "without_value": 0, "ignored_columns": []},
            "devices": [
                {
                    **{"device": "greenhouse", "readings": 2, "channels": 1, "from_us": 1_795_248_000_000_000},
                    **{"to_us": 1_795_248_010_000_000, "stored": 2, "state": "imported"},
                }
            ],
        }
    ),
):
    """What an import did."""

    format: Literal["csv", "parquet"]
    changed: bool
    """Whether anything is there that was not there before"""
    readings: int
    stored: int
    without_value: int
    ignored_columns: list[str]
    devices: list[ImportedDevice] = Field(max_length=1_000)
