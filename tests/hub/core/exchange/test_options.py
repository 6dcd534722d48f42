"""Options of an import are checked before a byte of the file is."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.exchange.options import ImportOptions


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "xlsx"}, "csv or parquet"),
        ({"kind": "number"}, "gauge"),
        ({"time_format": "minutes"}, "rfc3339"),
        ({"delimiter": "x"}, "semicolon"),
        ({"decimal": "x"}, "point or comma"),
        ({"decimal": "comma"}, "cannot both"),
        ({"device": "a", "device_column": "b"}, "contradict"),
        ({"channel": "a", "channel_column": "b"}, "contradict"),
        ({"zone": "Mars"}, "time zone"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(options: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        ImportOptions(**options).checked()
    assert (caught.value.status, bool(caught.value.hint)) == (422, True)


def test_words_become_characters() -> None:
    options = ImportOptions(delimiter="semicolon", decimal="comma").checked()
    assert (options.delimiter, options.decimal) == (";", ",")
    assert options.checked() == options
