"""The store is tended every few seconds, whatever it raises."""

import trio
import trio.testing
from structlog.testing import capture_logs

from hub.history.tending import PERIOD_S, Tending
from hub.layers import layer
from tests.support.point_store import PointStore


async def test_a_store_is_tended_every_few_seconds_also_after_failures(autojump_clock: trio.testing.MockClock) -> None:
    store = PointStore()
    with capture_logs() as logs:
        async with layer(Tending(store, lambda: int(trio.current_time() * 1e6)).run):
            await trio.sleep(10 * PERIOD_S + 1)
            assert len(store.tended_us) == 10
            store.down = "the disk is gone"
            await trio.sleep(600)
            assert len(store.tended_us) == 10
            store.down = None
            await trio.sleep(20)
            assert len(store.tended_us) > 10
    assert {log["follower"] for log in logs} == {"store_upkeep"}
    assert 0 < len(logs) <= 11
