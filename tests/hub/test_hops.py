"""The hops of the last minute, out of counts that only rise."""

import trio
from trio.testing import MockClock

from hub.hops import OVER_S, Hops
from hub.layers import layer
from hub.metrics import HOPS, Metrics


async def test_a_hub_that_has_just_begun_tells_of_no_hop() -> None:
    said = Hops(Metrics().hops).described()
    assert [each["hop"] for each in said["hops"]] == list(HOPS)
    assert all((each["count"], each["p50_ms"], each["p99_ms"]) == (0, None, None) for each in said["hops"])


async def test_each_hop_is_told_by_itself_and_forgotten_after_a_minute(autojump_clock: MockClock) -> None:
    metrics = Metrics()
    hops = Hops(metrics.hops)
    async with layer(hops.run):
        for _ in range(90):
            metrics.came(0.003)
        for _ in range(10):
            metrics.came(0.8)
        metrics.durable(0.005)
        metrics.sent(0.012, 40)
        metrics.painted(0.2)
        await trio.sleep(OVER_S / 2)
        found = {each["hop"]: each for each in hops.described()["hops"]}
        assert [found[hop]["count"] for hop in HOPS] == [100, 1, 40, 1]
        assert found["device_to_hub"]["p50_ms"] < 4 < 630 < found["device_to_hub"]["p99_ms"] <= 1_000
        assert 10 <= found["durable_to_sent"]["p50_ms"] <= 16
        assert 160 <= found["sent_to_painted"]["p95_ms"] <= 250
        await trio.sleep(OVER_S)
        assert [each["count"] for each in hops.described()["hops"]] == [0, 0, 0, 0]
