"""What a viewer reports to have drawn, and the delay that follows from it."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.metrics import Metrics
from hub.sessions.drawn import MAX_PAINT_S, count_painted, read_drawn

SENT_US = 1_700_000_000_000_000


def painted(now_us: int, round_trip_s: float | None = None, **said: Any) -> tuple[int, float]:
    """Return how many were counted, and their seconds."""
    metrics = Metrics()
    count_painted(read_drawn({"op": "drawn", "id": "a", "n": 3, **said}), metrics, now_us, round_trip_s)
    histogram = metrics.hops["sent_to_painted"]
    return sum(histogram.counts), round(histogram.sum_s, 6)


def test_report_tells_the_time_from_sending_to_the_screen() -> None:
    assert painted(SENT_US + 250_000, 0.020, sent_us=SENT_US, ago_us=100_000) == (1, 0.140)
    assert painted(SENT_US + 250_000, None, sent_us=SENT_US, ago_us=0) == (1, 0.250)


def test_report_without_a_stamp_counts_nothing() -> None:
    assert painted(SENT_US) == (0, 0.0)


@pytest.mark.parametrize(
    "said",
    [
        {"sent_us": SENT_US + 1, "ago_us": 0},  # the hub's clock was set back
        {"sent_us": SENT_US, "ago_us": -1},
        {"sent_us": SENT_US - int(MAX_PAINT_S * 1e6) - 1, "ago_us": 0},
        {"sent_us": -(2**62), "ago_us": 2**62},
        {"sent_us": 10**400, "ago_us": 0},
        {"sent_us": -(10**400), "ago_us": 0},
    ],
)
def test_nonsense_counts_nothing(said: dict[str, int]) -> None:
    assert painted(SENT_US, **said) == (0, 0.0)


@pytest.mark.parametrize(
    "said", [{"n": None}, {"n": True}, {"n": 1.0}, {"sent_us": "1"}, {"sent_us": 1, "ago_us": 0.5}, {"ago_us": None}, {"id": 7}]
)
def test_report_of_another_shape_is_refused_with_what_to_do(said: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        read_drawn({"id": "a", "n": 3} | said)
    assert refused.value.hint
