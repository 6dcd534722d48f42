"""What the parts are told of the settings, where more than one setting has a say."""

from typing import Any

import pytest
from pydantic import ByteSize

from hub import memory
from hub.config import Settings
from hub.core.registry_series import SeriesBound
from hub.part_settings import retention, series_bound

VM = "victoriametrics+http://127.0.0.1:8428"


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ({}, 3_650),
        ({"keep_hours_days": 0}, 0),
        ({"keep_raw_days": 9, "keep_minutes_days": 8, "keep_hours_days": 7}, 9),
        ({"store": VM}, 30),
        ({"store": VM, "keep_raw_days": 0, "keep_hours_days": 7}, 0),
    ],
)
def test_a_series_counts_for_the_longest_retention_of_the_store(said: dict[str, Any], days: float) -> None:
    assert series_bound(Settings(**said, max_series_per_device=5_000)) == SeriesBound(5_000, days)


@pytest.mark.parametrize(("memory_max_mb", "memory_mb"), [(256, 128), (512, 128), (1_000, 250), (4_000, 512)])
def test_an_embedded_history_gets_a_fourth_of_the_memory_within_its_bounds(
    monkeypatch: pytest.MonkeyPatch, memory_max_mb: int, memory_mb: int
) -> None:
    monkeypatch.setattr(memory, "_of_cgroup", lambda: iter(()))  # a machine of tests may have less
    said = Settings(memory_max_bytes=ByteSize(memory_max_mb * 1_000_000))
    assert retention(said).memory_bytes == memory_mb * 1_000_000


def test_a_bound_of_the_control_group_counts_as_one_of_the_setting_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_of_cgroup", lambda: iter((0, 800_000_000)))
    assert retention(Settings()).memory_bytes == 200_000_000
