"""What the parts are told of the settings, where more than one setting has a say."""

from typing import Any

import pytest

from hub.config import Settings
from hub.core.registry_series import SeriesBound
from hub.part_settings import series_bound

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
