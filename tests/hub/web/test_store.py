"""Tests of hub/web/store.py: what the route tells, of each kind of store, and that no credential is in it."""

from typing import Any

import pytest

from hub.ports import Retention
from hub.web.store import StoreFacts, about_store

T = 1_700_000_000_000_000
SYSTEM: dict[str, Any] = {
    "store": {"name": "x", "state": "down", "since_us": T, "reason": "gone", "lag_frames": 7, "left_s": 60.0},
    "ack_after": "store",
    "notes": ["a note"],
}
FIGURES = {
    "readings": 10.0, "series": 2.0, "bytes": 1e6, "limit_bytes": 2e6, "hot_readings": 3.0, "damaged_files": 1.0,
    "raw_files": 2.0, "raw_bytes": 9e5, "raw_oldest_us": float(T), "raw_newest_us": float(T + 1), "1min_files": 0.0, "1min_bytes": 0.0,
}  # fmt: skip


def about(figures: dict[str, float], url: str = "duckdb") -> dict[str, Any]:
    return about_store("Store", SYSTEM, StoreFacts(url, Retention(max_bytes=5), lambda: figures))


def test_an_embedded_store_tells_its_tiers_and_bounds() -> None:
    said = about(FIGURES)
    assert said["tiers"] == [
        {"tier": "raw", "files": 2, "bytes": 900_000, "oldest_us": T, "newest_us": T + 1, "keep_days": 30.0},
        {"tier": "1min", "files": 0, "bytes": 0, "oldest_us": None, "newest_us": None, "keep_days": 365.0},
    ]
    assert (said["quota_bytes"], said["limit_bytes"], said["bytes"]) == (5, 2_000_000, 1_000_000)
    assert said["retention"] == {"raw_days": 30.0, "minutes_days": 365.0, "hours_days": 3650.0}
    assert (said["readings"], said["hot_readings"], said["damaged_files"]) == (10, 3, 1)


def test_how_the_store_fares_is_told() -> None:
    said = about({})
    assert [said[key] for key in ("state", "since_us", "reason", "lag_frames", "left_s")] == ["down", T, "gone", 7, 60.0]
    assert (said["ack_after"], said["notes"]) == ("store", ["a note"])


def test_a_database_has_neither_our_tiers_nor_our_quota() -> None:
    said = about({"readings": 4.0})
    assert said["tiers"] == []
    assert said["retention"] == {"raw_days": 30.0}
    assert "quota_bytes" not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("influxdb+http://me:secret@db:8086/org/bucket", "influxdb+http://db:8086/org/bucket"),
        ("influxdb+http://db:8086/o@rg/bucket", "influxdb+http://db:8086/o@rg/bucket"),
        ("duckdb", "duckdb"),
    ],
)
def test_a_credential_is_not_told(url: str, shown: str) -> None:
    assert about({}, url)["url"] == shown


def test_the_journal_and_its_followers_are_told() -> None:
    journal = {"first_position": 3.0, "position": 9.0, "size_bytes": 4096.0, "free_bytes": 1e9, "left_bytes": 5e8, "pending_rows": 1.0}
    facts = StoreFacts(journal=lambda: journal, lags=lambda: {"history": 2.0, "rules": 0.0})
    said = about_store("Store", SYSTEM, facts)
    assert said["journal"] == {"first_position": 3, "position": 9, "size_bytes": 4096, "free_bytes": 10**9, "left_bytes": 5 * 10**8}
    assert said["followers"] == [{"name": "history", "lag_frames": 2}, {"name": "rules", "lag_frames": 0}]


def test_before_anything_is_known_there_is_an_answer() -> None:
    said = about_store("Store", {}, StoreFacts())
    assert (said["state"], said["notes"], said["tiers"], said["ack_after"]) == (None, [], [], "journal")
