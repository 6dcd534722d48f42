"""How `tributary store` says what the hub tells of its store."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.cli.store import facts_of, span_text
from tests.support.command_line import CommandLine
from tests.support.hub_process import running_hub

ANSWER: dict[str, Any] = {
    "name": "DuckDB", "url": "duckdb", "state": "ok", "since_us": 1_700_000_000_000_000, "reason": "", "lag_frames": 0, "left_s": None,
    "ack_after": "journal", "retention": {"raw_days": 30.0, "minutes_days": 365.0, "hours_days": 3650.0}, "tiers": [{}], "notes": [],
}  # fmt: skip


def facts(**more: Any) -> dict[str, str]:
    return dict(facts_of(ANSWER | more))


def test_a_healthy_store_has_two_lines() -> None:
    assert facts() == {"store": "DuckDB (duckdb)", "state": "ok"}


def test_an_outage_tells_since_when_why_and_how_long_it_may_last() -> None:
    said = facts(state="down", reason="refused", lag_frames=12_000, left_s=7_300.0, ack_after="store")
    assert said["state"].endswith("since 2023-11-14T22:13:20.000000Z: refused")
    assert said["lag"].startswith("12,000 frames")
    assert "about 2 h" in said["time left"]
    assert "acks" in said


def test_a_quota_is_shown_with_how_full_it_is() -> None:
    assert facts(bytes=50, limit_bytes=200, quota_bytes=200)["bytes"] == "50 of 200 (history_max_bytes), 25.0 %"
    assert "min_free_bytes" in facts(bytes=50, limit_bytes=200, quota_bytes=0)["bytes"]


def test_what_is_parked_or_damaged_is_told() -> None:
    assert set(facts(parked_readings=3, damaged_files=1)) >= {"parked", "damaged"}


def test_a_database_says_how_long_it_keeps() -> None:
    assert facts(tiers=[], retention={"raw_days": 0.0})["kept for"] == "ever"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 days")])
def test_a_time_is_said_in_its_largest_unit(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_a_running_hub_tells_of_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with running_hub(tmp_path / "data"):
        run = CommandLine(tmp_path / "data", monkeypatch, capsys)
        done = run("store")
        assert done.code == 0
        assert "DuckDB (duckdb)" in done.out
        assert "3650 days" in done.out
        said = json.loads(run("store", "--json").out)
        assert [tier["tier"] for tier in said["tiers"]] == ["raw", "1min", "1h"]
