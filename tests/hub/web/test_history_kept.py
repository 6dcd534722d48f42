"""Answers about the past over HTTP: kept with an ETag, dropped by what touches them, always what a fresh answer would say.

The store is a real one, filled through the real history writer.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import trio

from devices.wire.messages import Kind
from hub.core.closed import ClosedAnswers
from hub.core.records import Columns, Cursor, Series
from hub.store.duckdb import DuckDBStore
from hub.web.api import make_app
from tests.support.api_hub import URL, ApiHub, api_hub
from tests.support.ingest_hub import now_us

HOUR_US = 3_600_000_000
PUMP, VALVE = Series("pump", "temp", "Cel", Kind.GAUGE), Series("valve", "level", "m", Kind.GAUGE)
LADDER = ("raw", "1s", "10s", "1min", "10min", "1h")


class Writer:
    """Stores readings as the history writer does: the store first, then who wants to know of it."""

    def __init__(self, store: DuckDBStore, closed: ClosedAnswers) -> None:
        self._store = store
        self._closed = closed
        self._position = 10**6

    async def add(self, points: Mapping[Series, list[tuple[int, float]]]) -> None:
        flat = [(number, t_us, value) for number, rows in enumerate(points.values()) for t_us, value in rows]
        index, t_us, num = zip(*flat, strict=True)
        columns = Columns(list(points), np.array(index, np.int32), np.array(t_us, np.int64) * 1_000, np.array(num, np.float64))
        self._position += 1
        await self._store.append(columns, Cursor("j", self._position))
        self._closed.stored(columns)


async def ask(admin: httpx.AsyncClient, tag: Any = "", **params: Any) -> httpx.Response:
    named = {key.rstrip("_"): value for key, value in params.items()}
    headers = {"If-None-Match": tag} if tag else {}
    return await admin.get("/api/v1/query", params={"device": ["pump", "valve"], **named}, headers=headers)


def told(answer: httpx.Response) -> dict[str, Any]:
    """Return what an answer says of readings; which journal position it includes may be another."""
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    del said["cursor"]
    return said


def keeps_nothing(hub: ApiHub) -> httpx.AsyncClient:
    """Return an administrator of the same hub whose every question goes to the store."""
    app = make_app(replace(hub.api, closed=ClosedAnswers(max_bytes=0)))
    headers = {"Authorization": f"Bearer {hub.admin_token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL, headers=headers)


async def test_the_past_is_answered_once_by_the_store_and_then_from_what_was_kept(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        begin = now_us() // HOUR_US * HOUR_US - 5 * HOUR_US
        await Writer(hub.store, hub.closed).add({PUMP: [(begin + 1, 1.0)]})
        first = await ask(admin, from_=begin, to=begin + HOUR_US, width="1min")
        assert first.headers["cache-control"] == "private, no-cache"
        asked = (await hub.store.statistics())["queries"]
        again = await ask(admin, from_=begin, to=begin + HOUR_US, width="1min")
        same = await ask(admin, first.headers["etag"], from_=begin + 1, to=begin + HOUR_US - 7, width="1min")  # the same whole buckets
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
        assert (await hub.store.statistics())["queries"] == asked
        figures = hub.closed.statistics()
        assert [figures[name] for name in ("hits", "misses", "unchanged", "answers")] == [2, 1, 1, 1]


async def test_what_reaches_into_now_is_not_kept(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await ask(admin, span_s=3_600, width="1min")
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert hub.closed.statistics()["misses"] == 0


@pytest.mark.parametrize("known", ['"other"', '"other", {tag}', "W/{tag}", "*"])
async def test_if_none_match_is_read_as_http_has_it(tmp_path: Path, known: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        range_us = {"from_": 0, "to": HOUR_US, "width": "1h"}
        tag = (await ask(admin, **range_us)).headers["etag"]
        answer = await ask(admin, known.replace("{tag}", tag), **range_us)
        assert answer.status_code == (200 if known == '"other"' else 304)


async def test_a_late_reading_is_in_the_next_answer(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        begin = now_us() // HOUR_US * HOUR_US - 5 * HOUR_US
        range_us = {"from_": begin, "to": begin + HOUR_US, "width": "1h"}
        tag = (await ask(admin, **range_us)).headers["etag"]
        device = await hub.device("pump", 5)
        await device.say({"e": 5, "s": 1, "op": "data", "t": begin + 9, "c": [0], "d": [0], "v": [7.0]})
        await device.is_acked(5, 1)
        await hub.is_stored()
        after = await ask(admin, tag, **range_us)
        assert told(after)["series"][0]["buckets"]["count"] == [1]
        assert hub.closed.statistics()["dropped"] == 1


async def test_an_answer_that_the_store_was_giving_when_it_changed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, trio.open_nursery() as nursery:
        begun, may_end = trio.Event(), trio.Event()
        query = hub.store.query

        async def slowly(*args: Any) -> Any:
            answer = await query(*args)
            begun.set()
            await may_end.wait()
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(hub.store, "query", slowly)
            range_us = {"from_": 0, "to": HOUR_US}
            nursery.start_soon(lambda: ask(admin, **range_us))
            await begun.wait()
            await Writer(hub.store, hub.closed).add({PUMP: [(5, 1.0)]})
            may_end.set()
            await trio.testing.wait_all_tasks_blocked()
        assert len(told(await ask(admin, **range_us))["series"]) == 1


async def test_deleted_and_given_up_readings_are_in_no_answer(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await Writer(hub.store, hub.closed).add({PUMP: [(5, 1.0)], VALVE: [(6, 2.0)]})
        assert len(told(await ask(admin, from_=0, to=10))["series"]) == 2
        hub.figures["evicted_files"] = 1.0
        await ask(admin, from_=0, to=10)
        assert hub.closed.statistics()["dropped"] == 1
        assert (await admin.delete("/api/v1/devices/pump?data=true")).status_code == 204
        assert [series["device"] for series in told(await ask(admin, from_=0, to=10))["series"]] == ["valve"]


async def test_what_is_no_longer_kept_is_said_and_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        query = hub.store.query

        async def with_less(*args: Any) -> Any:
            answer = await query(*args)
            answer.kept_from_us = 5
            return answer

        monkeypatch.setattr(hub.store, "query", with_less)
        assert told(await ask(admin, from_=0, to=10))["kept_from_us"] == 5
        assert told(await ask(admin, from_=-10, to=0))["kept_from_us"] == 0
        assert "kept_from_us" not in told(await ask(admin, from_=5, to=10))
        assert hub.closed.statistics()["answers"] == 1


@pytest.mark.parametrize("seed", range(4))
async def test_a_kept_answer_always_equals_a_fresh_one(tmp_path: Path, seed: int) -> None:
    """Random queries between live and late appends: what is answered from what was kept is what the store says at that moment."""
    draw = random.Random(seed)
    async with api_hub(tmp_path) as hub, hub.admin() as admin, keeps_nothing(hub) as fresh:
        writer, end = Writer(hub.store, hub.closed), now_us()
        questions = [_question(draw, end) for _ in range(12)]
        for _ in range(60):
            if draw.random() < 0.35:
                is_late = draw.random() < 0.6
                times = [end - draw.randrange(6 * HOUR_US) if is_late else now_us() for _ in range(draw.randint(1, 5))]
                await writer.add({draw.choice((PUMP, VALVE)): [(t_us, draw.uniform(-5, 5)) for t_us in times]})
            question = draw.choice(questions)
            assert told(await ask(admin, **question)) == told(await ask(fresh, **question))
        assert hub.closed.statistics()["hits"] > 3


def _question(draw: random.Random, end: int) -> dict[str, Any]:
    begin = end - draw.randrange(1, 6 * HOUR_US)
    names: dict[str, Any] = draw.choice([{}, {"device": ["pump"]}, {"channel": ["level"]}])
    return {
        "from_": begin,
        "to": begin + draw.randrange(1, 2 * HOUR_US),
        "width": draw.choice(LADDER),
        "limit": draw.choice((3, 9_999)),
        **names,
    }
