"""What columns mean, by their names and by options."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.exchange.csv_output import BUCKET_HEADER, RAW_HEADER
from hub.core.exchange.layout import layout_of
from hub.core.exchange.options import ImportOptions


def test_our_own_export_needs_no_option() -> None:
    layout = layout_of(RAW_HEADER, ImportOptions())
    assert (layout.time, layout.device, layout.channel, layout.unit, layout.kind, layout.values, layout.n) == (
        "time", "device", "channel", "unit", "kind", ("value",), "n",
    )  # fmt: skip
    assert (layout.is_own, layout.is_wide, layout.ignored) == (True, False, ())


def test_without_a_channel_each_column_is_one() -> None:
    layout = layout_of(["Time", "Device", "temp", "n"], ImportOptions())
    assert (layout.is_wide, layout.time, layout.device, layout.values) == (True, "Time", "Device", ("temp", "n"))


def test_options_win_over_names() -> None:
    options = ImportOptions(device="kiln", channel="temp", value_column="reading", time_column="when")
    layout = layout_of(["when", "time", "reading", "device"], options)
    assert (layout.time, layout.values, layout.device, layout.is_wide) == ("when", ("reading",), None, False)
    assert layout.ignored == ("time", "device")


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        (["temp"], {"device": "a"}, "no column is named as a time"),
        (["time", "temp"], {}, "whose readings"),
        (["time"], {"device": "a"}, "no column holds values"),
        (["time", "temp"], {"device": "a", "value_column": "x"}, "--value-column 'x' is none of the columns: time, temp"),
        (list(BUCKET_HEADER), {}, "buckets"),
        ([f"c{at}" for at in range(20)], {}, "and 8 more"),
    ],
)
def test_what_is_missing_is_said_with_the_columns_there_are(header: list[str], options: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        layout_of(header, ImportOptions(**options))
