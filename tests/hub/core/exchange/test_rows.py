"""Rows as readings: series, names, what holds no value."""

import pytest

from hub.core.errors import Refusal
from hub.core.exchange.layout import layout_of
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.rows import RowReader
from hub.core.exchange.table import Block, Table


def read(columns: dict[str, list[str]], **options: str) -> tuple[RowReader, Block]:
    said = ImportOptions(**{"time_format": "us", **options})  # type: ignore[arg-type]
    reader = RowReader(layout_of(list(columns), said), said, 10**16)
    return reader, reader.block(Table(range(2, 2 + len(columns["time"])), columns))


def test_a_channel_keeps_the_kind_of_its_first_value() -> None:
    with pytest.raises(Refusal, match="row 3, column temp: 'x' is no number"):
        read({"time": ["1", "2"], "temp": ["5", "x"]}, device="kiln")
    reader, block = read({"time": ["1", "2"], "temp": ["5", "x"]}, device="kiln", kind="text")
    assert (block.values, [found.series.kind.value for found in reader.series]) == (["5", "x"], ["text"])


def test_empty_cells_hold_no_value_and_are_counted() -> None:
    reader, block = read({"time": ["1", "2", "3"], "temp": ["", "5", ""]}, device="kiln")
    assert (reader.without_value, block.rows, block.t_us) == (2, [3], [2])


def test_units_and_devices_make_series_of_their_own() -> None:
    columns = {"time": ["1", "2", "3"], "device": ["a", "b", "a"], "channel": ["c", "c", "c"], "unit": ["m", "m", ""], "value": ["1"] * 3}
    reader, block = read(columns, unit="km")
    assert [found.series[:3] for found in reader.series] == [("a", "c", "m"), ("b", "c", "m"), ("a", "c", "km")]
    assert block.series == [0, 1, 2]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"time": ["1"], "device": ["a b"], "temp": ["1"]}, "row 2, column device: 'a b' is no device name"),
        ({"time": ["1"], "device": ["a"], "channel": [" c"], "value": ["1"]}, "row 2, column channel"),
        ({"time": ["1"], "device": ["a"], "channel": ["c"], "unit": ["x" * 65], "value": ["1"]}, "row 2, column unit"),
        ({"time": ["1"], "device": ["a"], "x" * 65: ["1"]}, "row 2, column x+"),
        ({"time": ["later"], "device": ["a"], "temp": ["1"]}, "row 2, column time: 'later'"),
    ],
)
def test_names_are_held_to_the_rules_that_devices_have(columns: dict[str, list[str]], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        read(columns)
