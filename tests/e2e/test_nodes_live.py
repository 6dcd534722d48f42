"""Hubs on one Redis and one VictoriaMetrics: every viewer sees every device, wherever either is, as the store has it."""

import time
from pathlib import Path

import pytest
import trio

from devices.wire.messages import Kind
from hub.core.drained import Drained
from hub.core.records import Cursor, Series
from hub.ports import Retention
from hub.state.redis import RedisStateStore
from hub.stores import make_store
from simulators.faults import fault_proxy
from tests.support import influx_bucket, redis, victoria
from tests.support.history_book import columns_of
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
        sender, unwatched = [await cluster.sender(cluster.nodes[1], name) for name in ("pump", "fan")]
        before = await cluster.frame_calls()
        await until(lambda: min(len(sender.sent), len(unwatched.sent)) > 50)
        assert await cluster.frame_calls() == before
        viewers = await watch(cluster, 0, "pump")
        await goes_on(sender, viewers)
        with trio.fail_after(30):
            while await cluster.frame_calls() == before:  # noqa: ASYNC110
                await trio.sleep(0.05)
        left_out = await cluster.frame_calls("left_out_frames")
        with trio.fail_after(30):
            while await cluster.frame_calls("left_out_frames") < left_out + 25:  # noqa: ASYNC110
                await trio.sleep(0.05)
        fans = await watch(cluster, 0, "fan")  # while frames of the other device come
        shown = viewers[0].picture.totals((sender.name, "temp"))[0]  # as many as were sent one after the other, from 0 on
        assert await cluster.latest(cluster.nodes[0], sender.name) >= shown - 1  # which the store shows much later
        for viewer in viewers:
            await viewer.sit_at(cluster.nodes[1], cluster.nursery)
        await goes_on(sender, viewers)
        for viewer in viewers:
            await viewer.sit_at(cluster.nodes[0], cluster.nursery)
        await goes_on(sender, viewers)
        await goes_on(unwatched, fans)
        assert {reason for viewer in viewers + fans for reason in viewer.picture.reasons} == {"new"}  # each went on from its cursor
        await all_see(cluster, sender, viewers)
        await all_see(cluster, unwatched, fans)


async def bring(cluster: Cluster, sender: Sender, values: list[float]) -> None:
    """Bring readings from before the first into the database, and say so, as a node does that has gone through another's journal."""
    first_ms = min(sender.sent)
    earlier = {first_ms - 10 * at: value for at, value in enumerate(values, 1)}
    store = make_store(cluster.store.settings["store"], None, Retention(0, 0), cluster.directory, lambda: "gone")
    series = Series(sender.name, "temp", "", Kind.GAUGE)
    await store.append(columns_of([(series, t_ms * 1_000_000, value) for t_ms, value in earlier.items()]), Cursor("gone", 9))
    await store.aclose()
    sender.sent.update(earlier)
    async with redis.connected(cluster.redis.url) as connection:
        state = RedisStateStore(connection, "gone")
        await state.start()
        await state.change([Drained.now("gone", 9, time.time_ns() // 1_000, {sender.name}).document()])
        await state.aclose()


async def test_a_redis_that_is_killed_costs_no_viewer_a_reading_nor_does_a_node_that_never_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.drained.SHOWN_S", 0.5)
    async with running_cluster(tmp_path) as cluster:
        sender = await cluster.sender(cluster.nodes[1], "pump")
        viewers = await watch(cluster, 0, "pump")
        await goes_on(sender, viewers)
        cluster.redis.kill()
        await goes_on(sender, viewers)  # by HTTP
        await trio.to_thread.run_sync(cluster.redis.start)
        await goes_on(sender, viewers)
        await all_see(cluster, sender, viewers)
        there = await watch(cluster, 1, "pump")
        await bring(cluster, sender, [7.0, 8.0, 9.0])
        for viewer in there:  # where the series is known: the database lists it up to 10 s later
            await viewer.shows(sender)
        await until(lambda: all(viewer.picture.reasons[-1] == "nodes" for viewer in viewers))


def named(viewers: list[list[Viewer]]) -> list[str]:
    """Return the nodes that a viewer is told not to answer."""
    return [each["name"] for each in viewers[0][0].system.get("nodes", ())]


@pytest.mark.parametrize("store", STORES)
async def test_a_node_that_is_away_is_named_and_what_was_missed_comes_when_it_is_back(tmp_path: Path, store: OnStore) -> None:
    async with running_cluster(tmp_path, "abc", store) as cluster, fault_proxy("127.0.0.1", cluster.nodes[1].port) as way:
        await cluster.nodes[1].stop()
        cluster.nodes[1].settings["node_url"] = way.url
        await cluster.nodes[1].start()
        await cluster.is_whole()
        senders = [await cluster.sender(node, f"pump-{node.name}") for node in cluster.nodes[1:]]
        viewers = [await watch(cluster, 0, sender.name) for sender in senders]
        for sender, those in zip(senders, viewers, strict=True):
            await goes_on(sender, those)
        way.refuse()
        way.cut()
        await until(lambda: named(viewers) == ["b"])
        await goes_on(senders[1], viewers[1])
        late = await watch(cluster, 0, senders[0].name)  # they begin while it is away
        await cluster.nodes[1].stop()
        await until(lambda: named(viewers) == [])  # it was stopped in order, and need not answer
        way.heal()
        await cluster.nodes[1].start()
        await goes_on(senders[0], viewers[0])
        assert named(viewers) == []
        await all_see(cluster, senders[0], viewers[0] + late)
        await all_see(cluster, senders[1], viewers[1])
