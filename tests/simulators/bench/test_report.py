"""The report of a benchmark: medians, spread and ratio of the runs of both sides."""

import json

from simulators.bench.report import as_json, as_table, row_of


def test_ratio_is_of_the_medians() -> None:
    row = row_of("cpu", "us", "<= 2.0x", [90.0, 100.0, 500.0], [40.0, 50.0, 60.0])
    assert (row.value, row.floor, row.ratio) == (100.0, 50.0, 2.0)
    assert row.spread == {"ours": (90.0, 500.0), "floor": (40.0, 60.0)}


def test_row_without_a_floor_has_no_ratio() -> None:
    row = row_of("delay", "ms", "reported", [1.0])
    assert row.ratio is None
    assert row.floor is None


def test_json_has_every_field_that_a_reader_of_figures_needs() -> None:
    (said,) = json.loads(as_json([row_of("cpu", "us", "<= 2.0x", [1.0], [2.0])]))
    assert said.keys() == {"name", "value", "unit", "ratio", "target", "floor", "medians", "spread"}


def test_table_has_one_line_a_row_and_a_head() -> None:
    table = as_table([row_of("cpu", "us", "<= 2.0x", [1.0], [2.0]), row_of("delay", "ms", "reported", [1.0])])
    assert len(table.splitlines()) == 3
    assert "0.50x" in table
