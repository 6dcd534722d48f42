"""Ranges cut into parts give the same buckets and readings however they are cut, also where a bucket is more than a server takes."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from devices.wire.messages import Kind
from hub.core.buckets import buckets_in, stretches_of
from hub.core.joint import folded
from hub.core.records import Cursor, Series
from hub.ports import Retention, StoreRefused, StoreUnavailable
from hub.store.victoriametrics import VictoriaMetricsStore, ranges
from tests.support.history_book import Book, Point, columns_of, raw
from tests.support.victoria import PROGRAM, VictoriaProcess, empty, running_victoria

pytestmark = pytest.mark.needs_server(PROGRAM)
BASE_MS = 1_760_054_400_000
HOUR_MS = 3_600_000
TEMP, OTHER = Series("pump", "temp", "Cel", Kind.GAUGE), Series("fan", "speed", "1/min", Kind.COUNTER)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_victoria(tmp_path_factory.mktemp("victoria") / "data") as process:
        yield process.url


@pytest.mark.parametrize(("most", "dense"), [(200_000, 5_000_000), (64, 40), (5, 3)])
@pytest.mark.parametrize("width_ms", [100, 60_000, HOUR_MS, 24 * HOUR_MS])
async def test_parts_of_any_size_give_the_same_answer(
    url: str, monkeypatch: pytest.MonkeyPatch, most: int, dense: int, width_ms: int
) -> None:
    empty(url)
    monkeypatch.setattr(ranges, "MAX_POINTS", most)
    monkeypatch.setattr(ranges, "MAX_STEPS", most)
    monkeypatch.setattr(ranges, "DENSE", dense)
    draw = random.Random(most + width_ms)
    store = VictoriaMetricsStore(url, None, Retention(raw_days=0, min_free_bytes=0))
    book = Book(store)
    times = sorted({BASE_MS + draw.choice((0, 5 * HOUR_MS, 49 * HOUR_MS)) + draw.randrange(2_000) for _ in range(60)})
    points: list[Point] = [(draw.choice((TEMP, OTHER)), t_ms * 10**6, draw.randrange(1_000)) for t_ms in times]
    await book.append(*points)
    from_us, to_us = (BASE_MS - HOUR_MS) * 1_000, (BASE_MS + 60 * HOUR_MS) * 1_000
    answer = folded(await store.query([TEMP, OTHER], from_us, to_us, width_ms * 1_000, 100_000), width_ms * 1_000)
    assert {series: stretches_of(found) for series, found in answer.buckets.items()} == book.stretches(width_ms * 1_000)
    assert await raw(store, TEMP) == book.readings(TEMP)
    page = await store.read([OTHER, TEMP], from_us * 1_000, to_us * 1_000, from_us * 1_000, 1_000)
    assert page.t_ns.tolist() == [reading.t_ns for series in (OTHER, TEMP) for reading in book.readings(series)]
    await store.aclose()


async def test_a_bucket_of_more_readings_than_the_server_takes_at_once_is_asked_in_parts(tmp_path: Path) -> None:
    process = VictoriaProcess(tmp_path / "data")
    limits = ["-search.maxSamplesPerSeries=20000", "-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y"]
    command = [PROGRAM, f"-storageDataPath={process.directory}", f"-httpListenAddr=127.0.0.1:{process.port}", *limits]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: ASYNC220
        try:
            store = VictoriaMetricsStore(process.url, None, Retention(raw_days=0, min_free_bytes=0))
            await started(store)
            points: list[Point] = [(TEMP, (BASE_MS + n * 2_000) * 10**6, float(n % 1_000)) for n in range(40_000)]
            await store.append(columns_of(points), Cursor("j", 1))
            day_us = 24 * HOUR_MS * 1_000
            answer = folded(await store.query([TEMP], BASE_MS * 1_000, BASE_MS * 1_000 + day_us, day_us, 10), day_us)
            assert stretches_of(answer.buckets[TEMP]) == buckets_in(columns_of(points), day_us)[TEMP]
            await store.aclose()
        finally:
            server.terminate()


async def test_a_server_that_refuses_any_query_is_told_and_not_asked_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    empty(url)
    monkeypatch.setattr(ranges, "_ALL", "(nonsense")
    store = VictoriaMetricsStore(url, None, Retention(raw_days=0, min_free_bytes=0))
    await Book(store).append(*[(TEMP, (BASE_MS + n * HOUR_MS) * 10**6, 1.0) for n in range(10)])
    with pytest.raises(StoreRefused, match="nonsense"):
        await store.query([TEMP], BASE_MS * 1_000, (BASE_MS + 8 * HOUR_MS) * 1_000, HOUR_MS * 1_000, 10)
    await store.aclose()


async def started(store: VictoriaMetricsStore) -> None:
    with trio.fail_after(30):
        while True:
            try:
                return await store.start()
            except StoreUnavailable:
                await trio.sleep(0.01)  # another process's port
