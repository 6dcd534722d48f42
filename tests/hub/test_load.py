"""What the hub has to do now, out of counts that only rise."""

from collections.abc import Sequence

import trio
from trio.testing import MockClock

from hub.layers import layer
from hub.load import OVER_S, Load
from hub.metrics import BOUNDS_S


class Counted:
    """What the parts would say."""

    def __init__(self) -> None:
        self.position = 1_000
        self.counts = [5] * (len(BOUNDS_S) + 1)
        self.lags = {"history": 0}

    def durable(self) -> Sequence[int]:
        return tuple(self.counts)

    def load(self) -> Load:
        return Load(self.durable, lambda: self.position, lambda: self.lags)

    def come(self, frames: int, within_s: float) -> None:
        self.position += frames
        self.counts[BOUNDS_S.index(within_s)] += frames


async def test_a_hub_that_has_just_begun_has_no_rate_and_no_delay() -> None:
    said = Counted().load().described()
    assert said == {"over_s": 0.0, "frames_per_s": 0.0, "durable_p99_ms": None, "lag_frames": {"history": 0}}


async def test_rate_and_delay_are_of_the_last_seconds_and_the_lag_is_of_now(autojump_clock: MockClock) -> None:
    counted = Counted()
    load = counted.load()
    async with layer(load.run):
        counted.come(1_000, within_s=60.0)  # long ago by the end
        await trio.sleep(OVER_S * 2)
        for _ in range(100):
            counted.come(10, within_s=0.004)
            await trio.sleep(0.1)
        counted.lags["history"] = 7
        said = load.described()
        assert 9 <= said["over_s"] <= OVER_S + 1
        assert 95 <= said["frames_per_s"] <= 105
        assert 2.5 < said["durable_p99_ms"] <= 4.0
        assert said["lag_frames"] == {"history": 7}
        await trio.sleep(OVER_S * 2)
        assert load.described()["durable_p99_ms"] is None


async def test_what_is_slower_than_all_bounds_is_told_as_the_last_one(autojump_clock: MockClock) -> None:
    counted = Counted()
    load = counted.load()
    async with layer(load.run):
        counted.counts[-1] += 10
        await trio.sleep(1.5)
        assert load.described()["durable_p99_ms"] == BOUNDS_S[-1] * 1e3
