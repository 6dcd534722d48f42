"""What doctor finds at a VictoriaMetrics: its flags, or the proxy before them."""

import pytest

from hub.ports import Retention
from hub.store.checkup import Remark
from hub.store.victoriametrics.checkup import VictoriaMetricsCheckup
from tests.support.odd_server import answer, odd_server

NODE = 'process_start_time_seconds 1\nvm_data_size_bytes{type="storage/inmemory"} 1\n'
DEDUP = 'flag{name="dedup.minScrapeInterval", value="1ms", is_set="true"} 1\n'


def kept(value: str) -> str:
    return f'flag{{name="retentionPeriod", value="{value}", is_set="true"}} 1\n'


async def look(metrics: bytes, raw_days: float = 30.0) -> list[Remark]:
    async with odd_server(answer(200, b'{"status":"success","data":{}}'), metrics) as server:
        return await VictoriaMetricsCheckup(server.url, None, Retention(raw_days=raw_days, min_free_bytes=0)).look()


async def test_a_node_with_the_right_flags_is_well() -> None:
    found = await look(answer(200, (NODE + DEDUP + kept("40d")).encode()))
    assert {each.verdict for each in found} == {"ok"}
    assert len(found) == 4


async def test_a_node_that_counts_twice_is_a_failure() -> None:
    found = await look(answer(200, (NODE + kept("40d")).encode()))
    (failed,) = [each for each in found if each.verdict == "fail"]
    assert failed.cure == "start it with -dedup.minScrapeInterval=1ms"


@pytest.mark.parametrize(("value", "raw_days", "verdict"), [("1", 30, "ok"), ("7d", 30, "warn"), ("100y", 0, "ok"), ("1y", 0, "warn")])
async def test_what_it_keeps_is_compared_with_what_is_wanted(value: str, raw_days: float, verdict: str) -> None:
    found = await look(answer(200, (NODE + DEDUP + kept(value)).encode()), raw_days)
    assert found[3].verdict == verdict
    assert ("-retentionPeriod=" in found[3].cure) == (verdict == "warn")


async def test_a_proxy_hides_the_flags_and_that_is_said() -> None:
    for metrics in (answer(404), answer(200, b"go_gc 1\n")):
        found = await look(metrics)
        assert [each.verdict for each in found] == ["ok", "warn"]
        assert "cluster" in found[1].found


async def test_a_wrong_token_is_named() -> None:
    async with odd_server(answer(401)) as server:
        (failed,) = await VictoriaMetricsCheckup(server.url, "wrong", Retention()).look()
        assert await VictoriaMetricsCheckup(server.url, "wrong", Retention()).fix() == []
    assert failed.verdict == "fail"
    assert "store_token" in failed.found
    assert "Authorization: Bearer wrong" in server.heads[0]
