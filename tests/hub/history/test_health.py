"""The store's state as a person asks for it: when it is behind, when it is down, how long that may go on."""

from collections.abc import Mapping

from structlog.testing import capture_logs

from hub.history.health import BEHIND_S, StoreHealth, rounded
from hub.ports import FollowerCursor


class Figures:
    """A journal of which only figures are known."""

    def __init__(self) -> None:
        self.position = 100
        self.first = 1
        self.applied = 100
        self.left_bytes = 1_000_000.0

    def cursor(self, follower: str) -> FollowerCursor:
        assert follower == "history"
        return FollowerCursor(self.applied, self.applied)

    def statistics(self) -> Mapping[str, float]:
        return {"size_bytes": 50_000.0, "left_bytes": self.left_bytes}


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def now_us(self) -> int:
        return int(self.s * 1e6)


def looked(health: StoreHealth, clock: Clock, seconds: float) -> str:
    for _ in range(int(seconds)):
        clock.s += 1
        health.look(clock.s)
    return health.state


def new() -> tuple[StoreHealth, Figures, Clock]:
    figures, clock = Figures(), Clock()
    return StoreHealth("Points", figures, clock.now_us), figures, clock


def test_a_store_that_keeps_up_is_ok_however_much_comes() -> None:
    health, figures, clock = new()
    for _ in range(100):
        figures.position += 50_000
        assert looked(health, clock, 1) == "ok"
        figures.applied = figures.position - 40_000
    assert health.item()["lag_frames"] == 40_000


def test_one_that_takes_nothing_is_behind_after_a_while_though_nothing_failed() -> None:
    health, figures, clock = new()
    figures.position += 1
    with capture_logs() as logs:
        assert looked(health, clock, BEHIND_S) == "ok"
        assert looked(health, clock, 2) == "behind"
        figures.applied = figures.position
        assert looked(health, clock, 1) == "ok"
    assert [(log["event"], log["log_level"]) for log in logs] == [("store_behind", "warning"), ("store_over", "info")]
    assert logs[1]["was"] == "behind"


def test_one_that_fails_is_down_with_the_last_reason_until_it_takes_something() -> None:
    health, _, clock = new()
    with capture_logs() as logs:
        health.failed("first\nreason")
        assert looked(health, clock, 1) == "down"
        health.failed("second reason")
        assert looked(health, clock, 1_500) == "down"
        assert health.item() == {
            "name": "Points",
            "state": "down",
            "lag_frames": 0,
            "left_s": None,
            "reason": "second reason",
            "since_us": 1_000_000,
        }
        health.went_on()
        assert looked(health, clock, 1) == "ok"
    assert [log["event"] for log in logs] == ["store_down", "store_down", "store_down", "store_over"]
    assert logs[0]["reason"] == "first reason"
    assert logs[-1]["for_s"] == 1_501


def test_the_time_left_follows_how_fast_the_journal_fills() -> None:
    health, figures, clock = new()
    health.failed("down")
    for _ in range(30):
        figures.position += 10
        figures.left_bytes -= 1_000
        looked(health, clock, 1)
    assert health.growth_bytes_s == 1_000
    assert health.left_s == figures.left_bytes / 1_000
    assert health.item()["left_s"] == 970.0
    assert health.lag_frames == 300
    assert health.lag_bytes == 50_000 * 300 // 400
    for _ in range(100):  # it grows no more
        looked(health, clock, 1)
    assert health.item()["left_s"] is None
    assert health.statistics()["left_seconds"] == float("inf")


def test_a_journal_that_fills_while_the_store_keeps_up_counts_down_nothing() -> None:
    health, figures, clock = new()
    for _ in range(10):
        figures.left_bytes -= 1_000
        looked(health, clock, 1)
    assert (health.state, health.left_s, health.growth_bytes_s) == ("ok", None, 1_000)


def test_days_of_an_outage_take_no_more_memory() -> None:
    health, figures, clock = new()
    with capture_logs():
        health.failed("down")
        for _ in range(20_000):
            figures.position += 1
            looked(health, clock, 1)
        assert len(health._seen) <= 4_096
        health.went_on()
        assert looked(health, clock, 1) == "behind"
        figures.applied = figures.position
        assert looked(health, clock, 1) == "ok"


def test_estimates_are_told_to_two_figures() -> None:
    assert [rounded(each) for each in (12_345.0, 0.123, 99.6)] == [12_000.0, 0.12, 100.0]
