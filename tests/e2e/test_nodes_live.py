"""Hubs on one Redis and one VictoriaMetrics: every viewer sees every device, wherever either is, as the store has it."""

from pathlib import Path

import pytest
import trio

from tests.support import influx_bucket, redis, victoria
from tests.support.live_cluster import Cluster, OnStore, Sender, Viewer, on_influx, on_victoria, running_cluster, until

pytestmark = [pytest.mark.needs_server(redis.PROGRAM), pytest.mark.needs_server(victoria.PROGRAM)]

WIDTHS = (0, 1_000_000)
STORES = [
    on_victoria,
    pytest.param(on_influx, marks=pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")),
]


async def watch(cluster: Cluster, at: int, name: str) -> list[Viewer]:
    """Begin a viewer of each width."""
    return [await cluster.viewer(cluster.nodes[at], name, width_us) for width_us in WIDTHS]


async def all_see(cluster: Cluster, sender: Sender, viewers: list[Viewer]) -> None:
    """End sending, and compare what was sent with the server and with every screen."""
    await sender.drained()
    for viewer in viewers:
        await viewer.shows(sender)
    with trio.fail_after(30):
        while await cluster.stored(sender.name) != sender.sent:  # noqa: ASYNC110
            await trio.sleep(0.1)
    fresh = await watch(cluster, 0, sender.name)
    for viewer in fresh:
        await viewer.shows(sender)


async def goes_on(sender: Sender, viewers: list[Viewer], count: int = 25) -> None:
    """Return when some more readings are on every screen."""
    least = len(sender.sent) + count
    await until(lambda: all(viewer.picture.totals((sender.name, "temp"))[0] >= least for viewer in viewers))


@pytest.mark.parametrize("store", STORES)
async def test_a_viewer_sees_a_device_of_another_node_goes_on_there_from_its_cursor_and_before_there_was_no_traffic(
    tmp_path: Path, store: OnStore
) -> None:
    async with running_cluster(tmp_path, store=store) as cluster:
        sender = await cluster.sender(cluster.nodes[1], "pump")
        before = await cluster.frame_calls()
        await until(lambda: len(sender.sent) > 50)
        assert await cluster.frame_calls() == before
        viewers = await watch(cluster, 0, "pump")
        await goes_on(sender, viewers)
        with trio.fail_after(30):
            while await cluster.frame_calls() == before:  # noqa: ASYNC110
                await trio.sleep(0.05)
        shown = viewers[0].picture.totals((sender.name, "temp"))[0]  # as many as were sent one after the other, from 0 on
        assert await cluster.latest(cluster.nodes[0], sender.name) >= shown - 1  # which the store shows much later
        for viewer in viewers:
            await viewer.sit_at(cluster.nodes[1], cluster.nursery)
        await goes_on(sender, viewers)
        for viewer in viewers:
            await viewer.sit_at(cluster.nodes[0], cluster.nursery)
        await goes_on(sender, viewers)
        assert {reason for viewer in viewers for reason in viewer.picture.reasons} == {"new"}  # each went on from its cursor
        await all_see(cluster, sender, viewers)


async def test_a_redis_that_is_killed_costs_no_viewer_a_reading(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        sender = await cluster.sender(cluster.nodes[1], "pump")
        viewers = await watch(cluster, 0, "pump")
        await goes_on(sender, viewers)
        cluster.redis.kill()
        await goes_on(sender, viewers)  # by HTTP
        await trio.to_thread.run_sync(cluster.redis.start)
        await goes_on(sender, viewers)
        await all_see(cluster, sender, viewers)


@pytest.mark.parametrize("store", STORES)
async def test_a_node_that_is_away_is_named_and_what_was_missed_comes_when_it_is_back(tmp_path: Path, store: OnStore) -> None:
    async with running_cluster(tmp_path, "abc", store) as cluster:
        senders = [await cluster.sender(node, f"pump-{node.name}") for node in cluster.nodes[1:]]
        viewers = [await watch(cluster, 0, sender.name) for sender in senders]
        for sender, those in zip(senders, viewers, strict=True):
            await goes_on(sender, those)
        await cluster.nodes[1].stop()
        await until(lambda: [each["name"] for each in viewers[0][0].system.get("nodes", ())] == ["b"])
        await goes_on(senders[1], viewers[1])
        late = await watch(cluster, 0, senders[0].name)  # they begin while it is away
        await cluster.nodes[1].start()
        await goes_on(senders[0], viewers[0])
        await until(lambda: viewers[0][0].system["nodes"] == [])
        await all_see(cluster, senders[0], viewers[0] + late)
        await all_see(cluster, senders[1], viewers[1])
