"""The InfluxDB store beyond the contract: on a real server where TRIBUTARY_TEST_INFLUXDB_URL names one, on an odd one everywhere."""

import time
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Reading, Series
from hub.history.bisection import without_culprits
from hub.ports import Retention, StoreRefused, StoreUnavailable
from hub.store.influxdb import InfluxDBStore
from hub.store.influxdb.store import JOINT_US
from tests.support import influx_bucket
from tests.support.odd_server import STORED, answer, hang_up, odd_server

real = pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
NOW_US = 1_790_000_000_000_000
KEEP_ALL = Retention(raw_days=0)
NAMES = st.text(
    st.one_of(st.sampled_from(list("\\,= \"'#_\n\r\0\t;${}|>/*é☃")), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20
)
ATTACKS = [
    '"; DROP MEASUREMENT readings', '${r._value}', '" or true or r.device == "', '") |> drop(columns: ["_value"]) //', "\\", "\\\\",
    'a\\"b', "pump\\", "a\\,b", "line\nbreak", "*", ".*", "' OR ''='", '" AND _measurement="tributary_cursor', "#", "\x00",
    "readings,device=x num=1 1",
]  # fmt: skip


@pytest.fixture
async def store() -> AsyncIterator[InfluxDBStore]:
    with influx_bucket.fresh_bucket() as bucket:
        store = InfluxDBStore(influx_bucket.URL, influx_bucket.ORG, bucket, influx_bucket.TOKEN, KEEP_ALL, lambda: NOW_US)
        await store.start()
        yield store
        await store.aclose()


def odd(url: str, retention: Retention = KEEP_ALL) -> InfluxDBStore:
    return InfluxDBStore(url, "o", "b", "secret", retention, lambda: NOW_US)


def one(series: Series, t_ns: int, value: Any) -> Columns:
    columns = Columns([series], np.zeros(1, np.int32), np.array([t_ns], np.int64), np.array([0.0 if isinstance(value, str) else value]))
    if isinstance(value, str):
        columns.num, columns.lon = np.array([np.nan]), np.array([np.nan])
        columns.text = np.array([value, None], np.object_)[:1]
    return columns


def many(series: list[Series], of_each: int, t_ns: int, step_ns: int = 10**9) -> Columns:
    """Return so many readings of each series, each numbered."""
    number = np.arange(len(series) * of_each)
    return Columns(series, (number % len(series)).astype(np.int32), t_ns + number // len(series) * step_ns, number.astype(np.float64))


async def all_of(store: InfluxDBStore, *series: Series) -> dict[Series, list[Reading]]:
    return (await store.query(list(series), -(2**62), 2**62, 0, 10_000)).raw


@real
@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_in_any_place_finds_its_own_readings_and_nobody_elses(store: InfluxDBStore, attack: str) -> None:
    await store.append(one(TEMP, 1, 7.5), Cursor("j", 1))
    forms = [TEMP._replace(device=attack), TEMP._replace(channel=attack), TEMP._replace(unit=attack)]
    held = []
    for at, series in enumerate(forms):
        if not await store.append(one(series, 2 + at, float(at)), Cursor("j", 2 + at)):
            held.append(series)
    for series in forms:
        wanted = {series: [Reading(2 + forms.index(series), float(forms.index(series)))]} if series in held else {}
        assert await all_of(store, series) == wanted
        assert set(await store.latest([series])) == wanted.keys()
        assert set((await store.query([series], 0, 10, 1_000, 10)).buckets) == wanted.keys()
    await store.delete_device(attack)
    assert await all_of(store, TEMP) == {TEMP: [Reading(1, 7.5)]}
    assert await store.cursor() == Cursor("j", 4)


@pytest.fixture(scope="module")
def shared_bucket() -> Iterator[str]:
    """One bucket for every example."""
    with influx_bucket.fresh_bucket() as bucket:
        yield bucket


EXAMPLES = count(1)


@real
@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.tuples(NAMES, NAMES, st.one_of(st.just(""), NAMES)), min_size=1, max_size=8, unique=True), text=NAMES)
async def test_names_and_texts_come_back_letter_by_letter_or_are_refused(
    shared_bucket: str, names: list[tuple[str, str, str]], text: str
) -> None:
    store = InfluxDBStore(influx_bucket.URL, influx_bucket.ORG, shared_bucket, influx_bucket.TOKEN, KEEP_ALL, lambda: NOW_US)
    begin_us = next(EXAMPLES) * 1_000  # an example sees its own readings alone
    fleet = [Series(*name, Kind.TEXT) for name in names]
    times = begin_us * 1_000 + np.arange(len(fleet), dtype=np.int64)
    columns = Columns(fleet, np.arange(len(fleet), dtype=np.int32), times, np.full(len(fleet), np.nan))
    columns.text, columns.lon = np.array([f"{at}{text}" for at in range(len(fleet))], np.object_), np.full(len(fleet), np.nan)
    refused = {each.index for each in await store.append(columns, Cursor("j", 1))}
    found = (await store.query(fleet, begin_us, begin_us + 1_000, 0, 1_000)).raw
    wanted = {series: [Reading(int(times[at]), f"{at}{text}")] for at, series in enumerate(fleet) if at not in refused}
    assert found == wanted
    assert set(wanted) <= set(await store.list_series())
    await store.aclose()


@real
async def test_the_newest_of_many_series_are_found_among_bursts_and_long_gaps(store: InfluxDBStore) -> None:
    fleet = [TEMP._replace(device=f"d{n:03}") for n in range(40)]
    year_ns = 365 * 86_400 * 10**9
    for position, (begin_ns, step_ns) in enumerate([(0, 10**9), (20 * year_ns, 10**6), (50 * year_ns, 1), (50 * year_ns + 10**12, 7)]):
        await store.append(many(fleet, 100, begin_ns, step_ns), Cursor("j", position))
    await store.append(one(fleet[7], 56 * year_ns, 1.0), Cursor("j", 9))
    answer = await store.query(fleet, -(2**62), 2**62, 0, 50)
    assert answer.is_truncated
    times = sorted(reading.t_ns for readings in answer.raw.values() for reading in readings)
    assert times == [50 * year_ns + 10**12 + 98 * 7] * 9 + [50 * year_ns + 10**12 + 99 * 7] * 40 + [56 * year_ns]
    assert not (await store.query(fleet, -(2**62), 2**62, 0, 20_000)).is_truncated


@real
async def test_buckets_end_at_the_joint_and_readings_begin_there(store: InfluxDBStore) -> None:
    joint_us = NOW_US - JOINT_US
    await store.append(many([TEMP], 300, (NOW_US - 250_000_000) * 1_000), Cursor("j", 1))
    answer = await store.query([TEMP], NOW_US - 300_000_000, NOW_US + 100_000_000, 1_000_000, 10_000)
    assert answer.joint_us == joint_us // 1_000_000 * 1_000_000
    assert int(answer.buckets[TEMP].start_us[-1]) == answer.joint_us - 1_000_000
    assert answer.raw[TEMP][0].t_ns // 1_000 == answer.joint_us
    assert len(answer.buckets[TEMP].count) + len(answer.raw[TEMP]) == 300
    wide = await store.query([TEMP], 0, NOW_US + 100_000_000, 86_400_000_000, 10_000)
    assert wide.joint_us is not None
    assert NOW_US - wide.joint_us <= 2 * JOINT_US
    assert int(wide.buckets[TEMP].count.sum()) + len(wide.raw[TEMP]) == 300


@real
async def test_a_fraction_written_over_an_integer_leaves_no_integer(store: InfluxDBStore) -> None:
    columns = one(TEMP, 5_000, 7.0)
    columns.exact = np.ma.MaskedArray(np.array([7], np.int64), [False])
    await store.append(columns, Cursor("j", 1))
    await store.append(one(TEMP, 5_000, 7.5), Cursor("j", 2))
    assert await all_of(store, TEMP) == {TEMP: [Reading(5_000, 7.5)]}
    assert (await store.query([TEMP], 0, 10, 1_000, 10)).buckets[TEMP].last == [7.5]


@real
async def test_each_hub_finds_its_own_cursor_again(store: InfluxDBStore) -> None:
    await store.append(one(TEMP, 1, 1.0), Cursor("mine", 7))
    other = InfluxDBStore(*store_place(store), KEEP_ALL, lambda: NOW_US + 5_000_000)
    await other.append(one(TEMP, 2, 2.0), Cursor("other", 3))
    assert await store.cursor() == Cursor("mine", 7)
    assert await other.cursor() == Cursor("other", 3)
    assert (await store.query([TEMP], 0, 1, 0, 10)).cursor == Cursor("mine", 7)
    assert [reading.value for reading in (await all_of(store, TEMP))[TEMP]] == [1.0, 2.0]
    await other.aclose()


def store_place(store: InfluxDBStore) -> tuple[str, str, str, str]:
    return influx_bucket.URL, influx_bucket.ORG, store._posting._bucket, influx_bucket.TOKEN


@real
async def test_a_bucket_that_keeps_an_hour_says_what_is_gone_and_takes_nothing_older(store: InfluxDBStore) -> None:
    now_us = time.time_ns() // 1_000
    url, org, bucket, token = store_place(store)
    desk = store._desk
    found = await desk.look()
    assert found is not None
    await desk.set_retention(found, 1 / 24)
    short = InfluxDBStore(url, org, bucket, token, Retention(raw_days=30), lambda: now_us)
    await short.start()
    assert "keep_raw_days is 30" in short.notes[0]
    old, young = one(TEMP, (now_us - 7_200_000_000) * 1_000, 1.0), one(TEMP, (now_us - 60_000_000) * 1_000, 2.0)
    (refused,) = await short.append(old, Cursor("j", 1))
    assert refused.reason == "older than the 0.0416667 days that the bucket keeps"
    assert await short.append(young, Cursor("j", 2)) == []
    assert await short.cursor() == Cursor("j", 2)
    answer = await short.query([TEMP], now_us - 10**12, now_us, 0, 10)
    assert answer.kept_from_us == now_us - 3_600_000_000
    assert (await short.query([TEMP], now_us - 10**9, now_us, 0, 10)).kept_from_us is None
    with pytest.raises(StoreRefused, match="outside retention policy"):  # the server's own words, where our clock is wrong
        await store.append(old, Cursor("j", 3))
    await short.aclose()


@real
async def test_figures_of_the_server_are_told(store: InfluxDBStore) -> None:
    await store.append(many([TEMP], 1_000, 0), Cursor("j", 1))
    figures = await store.statistics()
    assert figures["inserted_readings"] == 1_000
    assert figures["series"] >= 1
    assert figures["sent_bytes"] > 10_000


async def test_a_batch_whose_answer_was_lost_is_sent_again_byte_for_byte() -> None:
    async with odd_server(hang_up, STORED) as server:
        store = odd(server.url)
        for _ in range(2):
            try:
                await store.append(many([TEMP], 10, 0), Cursor("j", 1))
            except StoreUnavailable:
                assert await store.safe() is None
        assert server.bodies[0] == server.bodies[1]
        assert await store.safe() == Cursor("j", 1) == await store.make_safe()
        await store.aclose()


async def test_the_cursor_is_in_the_last_request_of_a_large_batch_and_no_request_is_too_large() -> None:
    async with odd_server(STORED) as server:
        store = odd(server.url)
        await store.append(many([TEMP], 50_000, 0), Cursor("j", 1))
        await store.append(many([TEMP], 0, 0), Cursor("j", 2))
        await store.aclose()
    assert [b"tributary_cursor" in body for body in server.bodies] == [False, False, True, True]
    assert sum(body.count(b"\nreadings,") + body.startswith(b"readings,") for body in server.bodies) == 50_000
    assert max(map(len, server.bodies)) < 3_000_000
    assert server.bodies[3] == b"tributary_cursor,journal=j position=2i,written_us=1790000000000000i 1789948800000000000\n"


async def test_a_refused_batch_moves_no_cursor() -> None:
    async with odd_server(answer(422, b'{"message": "partial write: field type conflict dropped=1"}')) as server:
        store = odd(server.url)
        with pytest.raises(StoreRefused, match="field type conflict"):
            await store.append(many([TEMP], 10, 0), Cursor("j", 1))
        assert await store.safe() is None
        await store.aclose()


async def test_one_poison_reading_of_a_thousand_is_found_and_every_other_is_stored() -> None:
    held: set[bytes] = set()

    def judge(body: bytes) -> bytes:
        lines = [line for line in body.splitlines() if line.startswith(b"readings,")]
        if any(b"num=666.0 " in line for line in lines):
            return answer(422, b'{"message": "partial write: field type conflict dropped=1"}')
        held.update(lines)
        return STORED

    async with odd_server(judge=judge) as server:
        store = odd(server.url)
        batch = many([TEMP], 1_000, 0)
        with pytest.raises(StoreRefused):
            await store.append(batch, Cursor("j", 9))
        (culprit,) = await without_culprits(store, batch, Cursor("j", 8))
        assert await store.safe() == Cursor("j", 8)
        await store.append(many([TEMP], 0, 0), Cursor("j", 9))
        await store.aclose()
    assert (culprit.index, "field type conflict" in culprit.reason) == (666, True)
    assert len(held) == 999
    assert len(server.bodies) < 30
    assert b"position=9i" in server.bodies[-1]


async def test_a_store_that_could_not_start_starts_by_its_next_call() -> None:
    empty = answer(200, b"\r\n")
    async with odd_server(answer(503), answer(200, b'{"buckets": []}'), empty) as server:
        store = odd(server.url)
        with pytest.raises(StoreUnavailable):
            await store.start()
        await store.start()
        assert await store.cursor() is None
        assert await store.list_series() == []
        await store.aclose()
