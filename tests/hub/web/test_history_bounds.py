"""What nobody should ask, and stores that cannot answer: a clear refusal with limit and value, or an honest empty answer."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import trio

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Reading, Series
from hub.ports import StoreRefused, StoreUnavailable
from hub.web import turns
from tests.support.api_hub import api_hub, is_refusal
from tests.support.ingest_hub import now_us

NASTY = (
    '"; DROP TABLE readings; --',
    "' OR '1'='1",
    "pump'; DELETE FROM readings; --",
    "$(id)",
    'x") |> drop(columns: ["_value"]) //',
    "r._value == 1) or (true",
    '"} or {__name__=~".+"',
    "{__name__!=''}",
    ".*",
    "*",
    "pump\\",
    "pump\n|> yield()",
    "pump\x00",
    "\U0001f4a9" * 50,
)


async def fill(store: Any, names: list[str]) -> None:
    series = [Series(name, "temp", "Cel", Kind.GAUGE) for name in names]
    count = len(names)
    columns = Columns(series, np.arange(count, dtype=np.int32), np.full(count, 1_000_000, np.int64), np.ones(count))
    await store.append(columns, Cursor("j", 10**6))


@pytest.mark.parametrize("name", NASTY)
async def test_a_name_is_only_ever_a_name(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await fill(hub.store, ["pump", "valve"])
        for params in ({"device": name}, {"device": "pump", "channel": name}, {"device": ["pump", name], "channel": ["temp", name]}):
            for width in ("raw", "1min"):
                query = urlencode({**params, "from": 0, "to": 10_000_000, "width": width}, doseq=True)
                answer = await admin.get(f"/api/v1/query?{query}")
                assert answer.status_code == 200, answer.text
                found = [series["device"] for series in answer.json()["series"]]
                assert found == (["pump"] if "temp" in params.get("channel", ()) else [])
        is_refusal(await admin.get("/api/v1/query", params={"device": "pump", "width": name}), 422, "bad_width")
        is_refusal(await admin.get("/api/v1/query", params={"device": "pump", "from": name}), 422, "bad_time")
        assert (await admin.get("/api/v1/series", params={"device": name})).json() == {"series": [], "next": None}
        assert len((await admin.get("/api/v1/series")).json()["series"]) == 2


@pytest.mark.parametrize("name", ["pump+valve", "a.*", "grün", "a b", "a,b=c", 'x" or "1"="1', "back\\slash", "quo'te", "${a}", "%00"])
async def test_a_strange_name_that_is_there_is_found_and_no_other(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await fill(hub.store, [name, "other"])
        said = (await admin.get("/api/v1/query", params={"device": name, "from": 0, "to": 10_000_000})).json()
        assert [series["device"] for series in said["series"]] == [name]


async def test_too_many_series_are_refused_with_how_many_and_the_limit(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        series = [Series("pump", f"c{number}", "", Kind.GAUGE) for number in range(10_000)]
        columns = Columns(series, np.arange(10_000, dtype=np.int32), np.full(10_000, 1_000_000, np.int64), np.ones(10_000))
        await hub.store.append(columns, Cursor("j", 10**6))
        said = is_refusal(await admin.get("/api/v1/query?device=pump&from=0&to=10"), 422, "too_much")
        assert "10,000 series match, the limit is 1,000" in said["message"]
        names = "&".join(f"device=d{number}" for number in range(101))
        said = is_refusal(await admin.get(f"/api/v1/query?{names}"), 422, "bad_request")
        assert "100" in said["message"]
        names = "&".join(f"channel=c{number}" for number in range(1_001))
        is_refusal(await admin.get(f"/api/v1/query?device=pump&{names}"), 422, "bad_request")


async def test_ten_years_of_raw_are_the_newest_and_say_so(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        count, begin = 150_000, now_us() - 10 * 365 * 86_400_000_000
        columns = Columns(
            [Series("pump", "temp", "Cel", Kind.GAUGE)],
            np.zeros(count, np.int32),
            (begin + np.arange(count) * 2_000_000_000) * 1_000,
            np.ones(count),
        )
        await hub.store.append(columns, Cursor("j", 10**6))
        answer = await admin.get("/api/v1/query", params={"device": "pump", "from": begin, "limit": 100_000})
        assert answer.status_code == 200
        assert answer.json()["truncated"] is True
        points = answer.json()["series"][0]["points"]
        assert (len(points), points[-1][0]) == (100_000, begin + (count - 1) * 2_000_000_000)


async def test_a_store_that_takes_too_long_is_given_up_with_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns.Turns.__init__, "__defaults__", (0.05,))
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        monkeypatch.setattr(hub.store, "query", _for_ever)
        said = is_refusal(await admin.get("/api/v1/query?device=pump"), 504, "query_timeout")
        assert "0.05 s" in said["message"]


async def test_ingest_goes_on_while_queries_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, trio.open_nursery() as nursery:
        monkeypatch.setattr(hub.store, "query", _for_ever)
        refused = []

        async def ask() -> None:
            answer = await admin.get("/api/v1/query?device=pump")
            if answer.status_code == 503:
                refused.append(answer)

        for _ in range(turns.AT_ONCE + turns.MAX_WAITING + 5):
            nursery.start_soon(ask)
        device = await hub.device("pump", 5)
        for seq in range(1, 6):
            await device.data(5, seq, [1.0, 2.0])
        await device.is_acked(5, 5)
        await hub.is_stored()
        assert len(refused) == 5
        is_refusal(refused[0], 503, "busy")
        assert refused[0].headers["retry-after"] == "1"
        nursery.cancel_scope.cancel()


async def _for_ever(*_: object) -> Any:
    await trio.sleep_forever()


READS = ("/api/v1/query?device=pump", "/api/v1/query?device=pump&from=0&to=10", "/api/v1/series", "/api/v1/series?device=pump")


@pytest.mark.parametrize("path", READS)
async def test_a_store_that_is_away_is_told_on_every_route_that_asks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    async def away(*_: object) -> list[Reading]:
        await trio.lowlevel.checkpoint()
        raise StoreUnavailable("InfluxDB at http://secret:8086 does not answer", retry_after_s=12.5)

    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        monkeypatch.setattr(hub.store, "query", away)
        monkeypatch.setattr(hub.store, "list_series", away)
        answer = await admin.get(path)
        said = is_refusal(answer, 503, "store_unavailable")
        assert answer.headers["retry-after"] == "13"
        assert "secret" not in str(said)
        assert (await admin.get("/api/v1/store")).status_code == 200
        assert (await admin.get("/api/v1/devices")).status_code == 200


async def test_a_store_that_refuses_a_query_is_no_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> Any:
        await trio.lowlevel.checkpoint()
        raise StoreRefused("query too large")

    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        monkeypatch.setattr(hub.store, "query", refuse)
        is_refusal(await admin.get("/api/v1/query?device=pump"), 502, "store_refused")
