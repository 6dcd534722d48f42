"""What doctor finds at an InfluxDB, and what it sets up: on a real one, and on one of every temper."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import numpy as np
import pytest

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.ports import Retention
from hub.store.checkup import Remark
from hub.store.influxdb import InfluxDBStore
from hub.store.influxdb.bucket import DAY_S, BucketDesk, keeps_s
from hub.store.influxdb.checkup import InfluxDBCheckup
from tests.support import influx_bucket
from tests.support.odd_server import answer, hang, odd_server

real = pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")
DAY_US = DAY_S * 1_000_000
HEALTHY = b'{"name": "influxdb", "status": "pass", "version": "v2.7.1"}'
ONE_BUCKET = b'{"buckets": [{"id": "1", "orgID": "2", "retentionRules": []}]}'


def now_us() -> int:
    return time.time_ns() // 1_000


def checkup(url: str, bucket: str = "b", token: str | None = "secret", raw_days: float = 30.0, org: str = "o") -> InfluxDBCheckup:
    return InfluxDBCheckup(url, org, bucket, token, Retention(raw_days=raw_days), now_us)


def of_real(bucket: str, raw_days: float = 30.0, token: str | None = influx_bucket.TOKEN) -> InfluxDBCheckup:
    return checkup(influx_bucket.URL, bucket, token, raw_days, influx_bucket.ORG)


@pytest.fixture
def bucket() -> Iterator[str]:
    with influx_bucket.fresh_bucket() as bucket:
        yield bucket


def told(remarks: list[Remark]) -> str:
    return "\n".join(f"{each.verdict} {each.found}; {each.cure}" for each in remarks)


@real
async def test_a_bucket_that_is_missing_is_made_and_then_all_is_well() -> None:
    name = "made-" + secrets.token_hex(6)
    before = await of_real(name).look()
    assert before[-1].verdict == "fail"
    assert f"there is no bucket '{name}'" in before[-1].found
    assert "doctor --fix" in before[-1].cure
    (done,) = await of_real(name).fix()
    assert done == Remark("ok", f"made bucket '{name}' of organization '{influx_bucket.ORG}', which keeps 30 days")
    after = await of_real(name).look()
    assert {each.verdict for each in after} == {"ok"}
    assert "answers at" in told(after)
    assert "as keep_raw_days says" in told(after)
    assert await of_real(name).fix() == []
    desk = BucketDesk(influx_bucket.URL, influx_bucket.ORG, name, influx_bucket.TOKEN)
    made = await desk.look()
    assert made is not None
    await desk._calls.run(lambda client: client.ask("DELETE", f"/api/v2/buckets/{made.id}"))
    await desk.aclose()


@real
async def test_a_retention_is_lengthened_and_shortened_only_where_nothing_would_be_lost(bucket: str) -> None:
    assert "the bucket keeps everything, keep_raw_days = 2" in told(await of_real(bucket, 2).look())
    (done,) = await of_real(bucket, 2).fix()
    assert done.verdict == "ok"
    for raw_days in (400, 30, 1 / 24, 0):
        (done,) = await of_real(bucket, raw_days).fix()
        assert done.verdict == "ok"
        assert "as keep_raw_days says" in told(await of_real(bucket, raw_days).look())
    store = InfluxDBStore(influx_bucket.URL, influx_bucket.ORG, bucket, influx_bucket.TOKEN, Retention())
    old = Columns(
        [Series("d", "c", "", Kind.GAUGE)], np.zeros(1, np.int32), np.array([(now_us() - 40 * DAY_US) * 1_000], np.int64), np.array([1.0])
    )
    await store.append(old, Cursor("j", 1))
    (refused,) = await of_real(bucket, 30).fix()
    assert refused.verdict == "warn"
    assert "it holds points older than keep_raw_days = 30" in refused.found
    assert (await of_real(bucket, 0).look())[-1].verdict == "ok"
    assert len((await store.query(old.series, 0, now_us(), 0, 10)).raw[old.series[0]]) == 1
    await store.aclose()


@real
async def test_a_wrong_token_and_a_wrong_organization_are_named() -> None:
    remarks = await of_real("b", token="wrong").look()
    assert remarks[-1].verdict == "fail"
    assert "set store_token to one that may read and write bucket 'b'" in remarks[-1].found
    assert "store_token is not set" in told(await of_real("b", token=None).look())
    (failed,) = await checkup(influx_bucket.URL, "b", influx_bucket.TOKEN, 30, "nobody").fix()
    assert failed.verdict == "fail"
    assert "nobody" in failed.found


@real
async def test_the_server_tells_its_settings_and_figures_to_an_operator(bucket: str) -> None:
    desk = BucketDesk(influx_bucket.URL, influx_bucket.ORG, bucket, influx_bucket.TOKEN)
    assert (await desk.settings())["storage-wal-fsync-delay"] == "0s"
    await desk.aclose()


async def test_a_server_that_does_not_answer_is_one_failure() -> None:
    async with odd_server(hang) as server:
        pass
    (remark,) = await checkup(server.url).look()
    assert remark.verdict == "fail"
    assert "InfluxDB cannot be reached at" in remark.found
    assert [each.verdict for each in await checkup(server.url).fix()] == ["fail"]


@pytest.mark.parametrize("body", [b'{"version": "1.8.10"}', b'{"version": "3.1.0"}', b'{"status": "pass"}'])
async def test_another_generation_of_influxdb_is_told(body: bytes) -> None:
    async with odd_server(answer(200, body)) as server:
        (remark,) = await checkup(server.url).look()
    assert "is no InfluxDB 2" in remark.found
    async with odd_server(answer(200, b"<html>")) as server:
        assert (await checkup(server.url).look())[-1].verdict == "fail"


async def test_a_clock_that_is_wrong_is_warned_of() -> None:
    for shift_s, said in ((3_600, r"([\d,]+) s ahead of this machine's"), (-60, r"([\d,]+) s behind this machine's")):
        date = format_datetime(datetime.fromtimestamp(time.time() + shift_s, UTC), usegmt=True)
        async with odd_server(answer(200, HEALTHY, f"Date: {date}"), answer(403)) as server:
            (remark,) = [each for each in await checkup(server.url).look() if each.verdict == "warn"]
        found = re.search(said, remark.found)
        assert found
        assert abs(int(found[1].replace(",", "")) - abs(shift_s)) <= 30  # the answer takes its time, too


async def test_a_server_that_answers_before_it_syncs_is_a_failure() -> None:
    config = json.dumps({"config": {"storage-wal-fsync-delay": "100ms"}}).encode()
    answers = [answer(200, HEALTHY), answer(200, ONE_BUCKET), answer(204), answer(200, b"\r\n"), answer(200, config)]
    async with odd_server(*answers) as server:
        remarks = await checkup(server.url, raw_days=0).look()
    assert remarks[-1].verdict == "fail"
    assert "storage-wal-fsync-delay=100ms" in remarks[-1].found


async def test_a_token_that_may_not_write_is_a_failure() -> None:
    async with odd_server(answer(200, HEALTHY), answer(200, ONE_BUCKET), answer(403, b'{"message": "forbidden"}')) as server:
        remark = (await checkup(server.url).look())[-1]
    assert remark.verdict == "fail"
    assert "the token of InfluxDB" in remark.found


def test_days_become_seconds_within_what_influxdb_takes() -> None:
    assert [keeps_s(days) for days in (0, 0.001, 1, 30)] == [0, 3_600, 86_400, 2_592_000]
