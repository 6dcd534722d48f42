"""The first hop of a device's connection: what counts for it, what does not, and what is told."""

import struct
from pathlib import Path
from time import perf_counter
from typing import cast

import pytest

from devices.wire.messages import Channel, Data, Hello, Pack, Unfinished
from hub.metrics import HOPS, Metrics, quantiles_ms
from hub.ports import JournalFile
from hub.sessions.first_hop import TURN_S, FirstHop, newest_of
from tests.support.faulty_file import FaultyFile
from tests.support.ingest_hub import ingest_hub
from tests.support.waiting import until

CHANNELS = (Channel("temp", "Cel"),)
NOW_US = 1_700_000_000_000_000


def first_hop(metrics: Metrics, *, clock_us: int | None = NOW_US) -> FirstHop:
    hop = FirstHop(metrics, lambda: 0.004)
    hop.said(Hello("pump", 7, CHANNELS, clock_us=clock_us), NOW_US + 2_000, 0.0)
    return hop


def test_live_frames_are_counted_for_the_hub_and_for_the_device() -> None:
    metrics = Metrics()
    hop = first_hop(metrics)
    for at in range(1, 101):
        hop.heard(7, at, 2_000 if at <= 90 else 300_000)
        hop.settle(at)
    said = hop.described(101.0)
    assert said["count"] == 100
    assert 1.6 <= said["p50_ms"] <= 2.5
    assert 250 <= said["p99_ms"] <= 400
    assert (said["clock_offset_ms"], said["clock_error_ms"], said["round_trip_ms"]) == (0.0, 2.0, 4.0)
    assert sum(metrics.hops["device_to_hub"].counts) == 100


def test_frames_of_older_epochs_are_counted_apart() -> None:
    metrics = Metrics()
    hop = first_hop(metrics)
    hop.heard(6, 1, 3_600_000_000)
    assert hop.described(1.0) | {"backfill_frames": 1, "count": 0, "p99_ms": None} == hop.described(1.0)
    assert metrics.backfill_frames == 1
    assert sum(metrics.hops["device_to_hub"].counts) == 0


def test_frames_that_waited_are_counted_apart_also_where_their_epoch_goes_on() -> None:
    hop = FirstHop(Metrics(), lambda: None)
    hop.said(Hello("pump", 7, CHANNELS, unfinished=(Unfinished(6, 1, 9), Unfinished(7, 3, 4)), clock_us=NOW_US), NOW_US, 0.0)
    for seq in (3, 4, 5):
        hop.heard(7, seq, 2_000 if seq == 5 else 3_600_000_000)
    said = hop.described(1.0)
    assert (said["count"], said["backfill_frames"]) == (1, 2)
    assert said["p99_ms"] < 10


def test_figures_are_forgotten_after_two_minutes() -> None:
    hop = first_hop(Metrics())
    hop.heard(7, 1, 2_000)
    hop.settle(1.0)
    assert hop.described(1.0 + TURN_S)["count"] == 1
    assert hop.described(2.0 + 3 * TURN_S)["count"] == 0


def test_frames_are_judged_once_a_second_and_never_many_at_a_time() -> None:
    hop = first_hop(Metrics())
    hop.heard(7, 1, 2_000)
    hop.settle(1.0)
    for at in range(300):
        hop.heard(7, at + 2, 2_000)
        hop.settle(1.5)
        assert len(hop.delays_us) <= 256, at
    assert hop.described(1.6)["count"] == 301


@pytest.mark.parametrize(
    ("frame", "newest_us"),
    [
        (Data(7, 1, NOW_US, [0, 0], [0, 50], [1.0, 2.0]), NOW_US + 50),
        (Data(7, 1, NOW_US, [0, 0], [50, "x"], [1.0, 2.0]), NOW_US + 50),  # type: ignore[list-item]
        (Data(7, 1, None, [0], [0], [1.0]), None),
        (Pack(7, 1, NOW_US, 0, 1_000_000, None, "f4", bytes(4 * 11)), NOW_US + 10_000),
        (Pack(7, 1, NOW_US, 0, None, struct.pack("<2i", 5, 3), "f4", bytes(8)), NOW_US + 5),
    ],
)
def test_newest_reading_of_a_frame_dates_it(frame: Data | Pack, newest_us: int | None) -> None:
    assert newest_of(frame) == newest_us


async def test_plain_frames_and_others_count_alike(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(7)
        for seq, value in enumerate((1.0, "no number"), start=1):
            await device.data(7, seq, [value])
        await device.is_acked(7, 2)
        said = hub.sessions.first_hop("pump")
        assert said is not None
        assert said["count"] == 2
        assert hub.sessions.first_hop("valve") is None
        await until(lambda: sum(hub.metrics.hops[HOPS[0]].counts) == 2)


async def test_commit_that_waits_shows_in_the_second_hop_alone(tmp_path: Path) -> None:
    files: list[FaultyFile] = []

    def faulty(file: JournalFile) -> JournalFile:
        files.append(FaultyFile(file))
        return cast(JournalFile, files[0])

    async with ingest_hub(tmp_path, faulty) as hub:
        device = await hub.connect("pump")
        await device.hello(7)
        files[0].began.clear()
        files[0].go_on.clear()
        await device.data(7, 1, [1.0])
        await until(files[0].began.is_set)
        began_s = perf_counter()
        await until(lambda: perf_counter() - began_s > 1.0)
        files[0].go_on.set()
        await device.is_acked(7, 1)
        said = hub.sessions.first_hop("pump")
        assert said is not None
        assert said["p99_ms"] < 900 <= (quantiles_ms(hub.metrics.hops["hub_to_durable"].counts)["p50_ms"] or 0)
