"""What a server says of itself, and what the operator is told of it."""

import pytest

from hub.ports import Retention
from hub.store.victoriametrics.figures import duration_ms, read_figures
from hub.store.victoriametrics.remarks import remarks

TEXT = b"""process_start_time_seconds 1795259423
vm_app_uptime_seconds 270
vm_data_size_bytes{type="indexdb"} 1616
vm_data_size_bytes{type="storage/small"} 1e+06
vm_rows{type="indexdb"} 106
vm_rows{type="storage/small"} 18
vm_free_disk_space_bytes{path="/data"} 5e9
vm_rows_ignored_total{reason="big_timestamp"} 3
flag{name="dedup.minScrapeInterval", value="1ms", is_set="true"} 1
flag{name="retentionPeriod", value="100y", is_set="true"} 1
go_info{version="go1.19.8"} 1
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1ms", 1),
        ("0", 0),
        ("0s", 0),
        ("1", 31 * 86_400_000),
        ("2w", 14 * 86_400_000),
        ("1h30m", 5_400_000),
        ("100y", 36_500 * 86_400_000),
        ("x", None),
        ("5x", None),
    ],
)
def test_durations_are_read_as_the_server_reads_them(text: str, wanted: int | None) -> None:
    assert duration_ms(text, 31 * 86_400_000) == wanted


def test_figures_are_read_and_a_server_as_it_should_be_gets_no_remark() -> None:
    figures = read_figures(TEXT)
    assert figures is not None
    assert (figures.started_s, figures.uptime_s, figures.size_bytes, figures.readings) == (1795259423, 270, 1_001_616, 18)
    assert (figures.keeps_ms, figures.dedup_ms, figures.free_bytes) == (36_500 * 86_400_000, 1, 5e9)
    assert remarks(figures, figures, Retention()) == []


def test_a_proxy_that_answers_for_itself_is_told() -> None:
    assert read_figures(b"process_start_time_seconds 1\nvm_app_uptime_seconds 3\n") is None
    assert "proxy" in remarks(None, None, Retention())[0]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b'value="1ms"', b'value="0s"', "-dedup.minScrapeInterval=1ms"),
        (b'value="100y"', b'value="1"', "-retentionPeriod"),
        (b"5e9", b"1e9", "left on its disk"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_set(old: bytes, new: bytes, word: str) -> None:
    figures = read_figures(TEXT.replace(old, new))
    (said,) = remarks(figures, figures, Retention(raw_days=100))
    assert word in said


def test_readings_that_it_drops_and_a_full_quota_are_said() -> None:
    before, after = read_figures(TEXT), read_figures(TEXT.replace(b'big_timestamp"} 3', b'big_timestamp"} 10'))
    said = remarks(after, before, Retention(max_bytes=1_000_000))
    assert len(said) == 2
    assert "history_max_bytes" in said[0]
    assert "dropped 7 readings" in said[1]
