"""The report of a benchmark: medians, spread and ratio of the runs of both sides, and which target is met."""

import json

import pytest

from simulators.bench.report import Target, as_json, as_markdown, as_table, row_of

CEILING = Target(2.0, 1.0)
RATE = Target(30_000, 100_000, of="value", is_ceiling=False)


def test_ratio_is_of_the_medians() -> None:
    row = row_of("cpu", "us", [90.0, 100.0, 500.0], [40.0, 50.0, 60.0], target=CEILING)
    assert (row.value, row.floor, row.ratio) == (100.0, 50.0, 2.0)
    assert row.spread == {"ours": (90.0, 500.0), "floor": (40.0, 60.0)}


def test_row_without_a_floor_has_no_ratio() -> None:
    row = row_of("delay", "ms", [1.0])
    assert (row.ratio, row.floor, row.target, row.met) == (None, None, {}, "")


@pytest.mark.parametrize(("ours", "met"), [(49.0, "final"), (50.0, "final"), (51.0, "first"), (100.0, "first"), (101.0, "none")])
def test_ceiling_of_a_ratio_is_met_up_to_the_limit(ours: float, met: str) -> None:
    assert row_of("cpu", "us", [ours], [50.0], target=CEILING).met == met


@pytest.mark.parametrize(("ours", "met"), [(29_999.0, "none"), (30_000.0, "first"), (100_000.0, "final")])
def test_rate_is_met_from_the_limit_on(ours: float, met: str) -> None:
    row = row_of("flood", "frames/s", [ours], [1.0], target=RATE)
    assert row.met == met
    assert row.target == {"first": ">= 30,000 frames/s", "final": ">= 100,000 frames/s"}


def test_json_has_every_field_that_a_reader_of_figures_needs() -> None:
    (said,) = json.loads(as_json([row_of("cpu", "us", [1.0], [2.0], target=CEILING)]))
    assert said.keys() == {"name", "value", "unit", "ratio", "target", "met", "floor", "medians", "spread"}
    assert said["target"] == {"first": "<= 2x", "final": "<= 1x"}


def test_table_has_one_line_a_row_and_a_head() -> None:
    table = as_table([row_of("cpu", "us", [1.0], [2.0], target=CEILING), row_of("delay", "ms", [1.0])])
    assert len(table.splitlines()) == 3
    assert "0.50x" in table


def test_markdown_is_a_table_of_as_many_cells_in_each_line() -> None:
    lines = as_markdown([row_of("cpu", "us", [1234.5], [2.0], target=CEILING), row_of("delay", "ms", [0.00123])]).splitlines()[2:]
    assert len({line.count("|") for line in lines}) == 1
    assert "1,234 us" in lines[2]
    assert "0.00123 ms" in lines[3]
