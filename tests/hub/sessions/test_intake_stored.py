"""With `ack_after = "store"` nothing is acked that only the journal has, across reconnects and restarts, and nothing is taken twice."""

from functools import partial
from pathlib import Path
from typing import Any

import trio
from structlog.testing import capture_logs

from hub.followers import Pace, run_follower
from hub.history import HistoryWriter
from hub.layers import layer
from hub.sessions.stored_acks import StoredAcks
from tests.support.ingest_hub import CHANNELS, DeviceEnd, IngestHub, ingest_hub
from tests.support.point_store import PointStore
from tests.support.waiting import until

E = 40


def unfinished(epoch: int, first: int, last: int) -> dict[str, Any]:
    return {"epoch": epoch, "first": first, "last": last, "channels": CHANNELS}


async def hears_no_ack(device: DeviceEnd, epoch: int) -> None:
    """Read what comes for a while: acks may come, but none of this epoch."""
    with trio.move_on_after(0.3):
        while True:
            assert epoch not in dict((await device.hears("ack"))["acks"])


async def is_durable(hub: IngestHub, epoch: int, seq: int) -> None:
    await until(lambda: hub.journal.marks("pump").get(epoch) == seq)


async def test_acks_come_when_the_store_has_the_frames_and_not_before(tmp_path: Path) -> None:
    acks = StoredAcks()
    async with ingest_hub(tmp_path, stored_acks=acks) as hub:
        device = await hub.connect("pump")
        assert (await device.hello(E))["marks"] == [[E, 0]]
        for seq in (1, 2, 3):
            await device.data(E, seq, [1.0])
        await is_durable(hub, E, 3)
        await hears_no_ack(device, E)
        acks.store_safe(hub.journal.position)
        await device.is_acked(E, 3)


async def test_a_device_that_comes_back_is_told_what_is_stored_and_its_frames_are_not_taken_twice(tmp_path: Path) -> None:
    acks = StoredAcks()
    async with ingest_hub(tmp_path, stored_acks=acks) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0])
        await is_durable(hub, E, 1)
        acks.store_safe(1)
        await device.is_acked(E, 1)
        await device.data(E, 2, [2.0])
        await is_durable(hub, E, 2)
        await device.link.aclose()
        again = await hub.connect("pump")
        assert (await again.hello(E + 1, unfinished=[unfinished(E, 2, 2)]))["marks"] == [[E, 1], [E + 1, 0]]
        await again.data(E, 2, [2.0])  # once more, as the welcome asked for it
        await hears_no_ack_beyond(again, E, 1)
        acks.store_safe(hub.journal.position)
        await again.is_acked(E, 2)
        assert [row.seq for row in await hub.journal.read(0)] == [1, 2]


async def hears_no_ack_beyond(device: DeviceEnd, epoch: int, seq: int) -> None:
    with trio.move_on_after(0.3):
        while True:
            assert dict((await device.hears("ack"))["acks"]).get(epoch, 0) <= seq


async def test_a_hub_that_was_restarted_acks_only_what_the_store_says_it_has(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, stored_acks=StoredAcks()) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        for seq in (1, 2):
            await device.data(E, seq, [1.0])
        await is_durable(hub, E, 2)
    acks = StoredAcks()
    async with ingest_hub(tmp_path, stored_acks=acks) as hub:
        device = await hub.connect("pump")
        assert (await device.hello(E + 1, unfinished=[unfinished(E, 1, 2)]))["marks"] == [[E, 0], [E + 1, 0]]
        acks.store_safe(2)
        await device.is_acked(E, 2)
        await device.link.aclose()
        device = await hub.connect("pump")
        assert (await device.hello(E + 2, unfinished=[unfinished(E, 1, 2)]))["marks"] == [[E, 2], [E + 2, 0]]


async def test_what_was_acked_elsewhere_is_not_asked_for_again(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, stored_acks=StoredAcks()) as hub:
        device = await hub.connect("pump")
        assert (await device.hello(E, unfinished=[unfinished(E, 8, 9)]))["marks"] == [[E, 7]]


async def test_a_rejection_comes_with_the_ack(tmp_path: Path) -> None:
    acks = StoredAcks()
    async with ingest_hub(tmp_path, stored_acks=acks) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, ["no number"])
        await is_durable(hub, E, 1)
        acks.store_safe(1)
        assert (await device.hears("reject"))["readings"] == [[0, "wrong_type"]]
        await device.is_acked(E, 1)


async def test_with_the_store_away_acks_stop_and_credit_runs_out_and_both_come_back(tmp_path: Path) -> None:
    acks, store = StoredAcks(), PointStore()
    async with ingest_hub(tmp_path, stored_acks=acks) as hub:
        writer = HistoryWriter(hub.journal, store)
        writer.on_safe(acks.store_safe)
        with capture_logs():
            async with layer(partial(run_follower, hub.journal, writer, Pace(0.0, 0.0))):
                device = await hub.connect("pump")
                window = (await device.hello(E))["credit"]["live"][0]
                await device.data(E, 1, [1.0])
                await device.is_acked(E, 1)
                store.down = "away"
                for seq in range(2, window + 2):
                    await device.data(E, seq, [1.0])
                await is_durable(hub, E, window + 1)
                await hears_no_ack_beyond(device, E, 1)
                store.down = None
                await device.is_acked(E, window + 1)
        assert len(store.points) == window + 1
