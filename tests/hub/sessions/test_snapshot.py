"""Tests of hub/sessions/snapshot.py on a real journal and store; the whole way to a screen stands in test_live.py."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.wire.messages import Kind
from hub.core.errors import Refusal
from hub.core.records import RangeAnswer, Row, Series
from hub.core.selector import Request, Selector
from hub.sessions.picture import Picture
from tests.support.live_hub import SECOND, LiveHub, Source, live_hub
from tests.support.waiting import until

ALL = Selector(None, None)
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)


def request(width_us: int = 0, span_s: int = 3_600) -> Request:
    return Request("a", ALL, span_s * SECOND, width_us, None)


def total(picture: Picture) -> int:
    return picture.count() + sum(bucket.count for stretches in picture.buckets.values() for bucket in stretches.values())


async def stored(hub: LiveHub, count: int, step_us: int = SECOND) -> Source:
    """Return a source with readings up to now in the store."""
    source = await hub.source()
    for at in range(count):
        source.put((hub.now_us - at * step_us, float(at)), arrived_us=hub.now_us)
    await source.is_durable()
    await hub.is_stored()
    await is_fed(hub)
    return source


async def is_fed(hub: LiveHub) -> None:
    await until(lambda: hub.live.position == hub.journal.position)


@pytest.mark.parametrize("width_us", [0, SECOND, 60 * SECOND])
async def test_a_picture_ends_where_the_fan_out_is_and_has_everything_up_to_there(tmp_path: Path, width_us: int) -> None:
    async with live_hub(tmp_path) as hub:
        source = await stored(hub, 20)

        async def go_on() -> None:
            for at in range(10_000):
                source.put((hub.now_us + at, 1.0), arrived_us=hub.now_us)
                await source.is_durable()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(go_on)
            for _ in range(20):
                seen = hub.live.position
                picture = await hub.live.painter.whole(request(width_us))
                assert picture.position == hub.live.position
                assert total(picture) == hub.live.position
                await until(lambda: hub.live.position > seen)  # noqa: B023
            nursery.cancel_scope.cancel()


async def test_too_many_points_become_whole_buckets_of_a_width_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.stored.MAX_POINTS", 50)
    async with live_hub(tmp_path) as hub:
        await stored(hub, 200)
        picture = await hub.live.painter.whole(request())
        assert picture.width_us == 600 * SECOND  # 3,600 s : 50 is 72 s, and the next width is ten minutes
        assert total(picture) == 200
        assert (await hub.live.painter.whole(request(span_s=40))).width_us == 0


async def test_a_long_tail_is_folded_and_the_edge_that_is_not_whole_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.snapshot.MAX_RAW_FRAMES", 20)
    async with live_hub(tmp_path, has_writer=False) as hub:
        hub.now_us += SECOND // 2
        source = await hub.source()
        for at in range(100):
            source.put((hub.now_us - at * SECOND // 10, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        picture = await hub.live.painter.whole(request(span_s=5))
        assert picture.width_us == SECOND
        assert picture.from_us % SECOND == 0
        assert {bucket.count for bucket in list(picture.buckets[TEMP].values())[:-1]} <= {10, 6}
        assert total(picture) == sum(t_us >= picture.from_us for t_us, _ in source.made)


async def test_too_many_series_are_refused_with_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.stored.MAX_SERIES", 1)
    async with live_hub(tmp_path) as hub:
        await stored(hub, 1)
        (await hub.source("fan")).put((hub.now_us, 1.0), arrived_us=hub.now_us)
        await until(lambda: len(hub.store._hot.ids) == 2)
        with pytest.raises(Refusal, match="2 series match, the limit of one subscription is 1"):
            await hub.live.painter.whole(request())


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_a_viewer_too_far_behind_gets_no_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_us: int) -> None:
    async with live_hub(tmp_path) as hub:
        await stored(hub, 30)
        assert await hub.live.painter.resumed(request(width_us), 5) is not None
        monkeypatch.setattr("hub.sessions.snapshot.MAX_TAIL_ROWS", 10)
        assert await hub.live.painter.resumed(request(width_us), 5) is None


async def test_a_few_frames_of_many_readings_become_buckets_and_no_heap_of_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.picture.MAX_RAW_READINGS", 100)
    async with live_hub(tmp_path, has_writer=False) as hub:
        source = await hub.source()
        for at in range(6):
            source.put(*[(hub.now_us - at * SECOND - k, 1.0) for k in range(40)], arrived_us=hub.now_us)
        await source.is_durable()
        await is_fed(hub)
        picture = await hub.live.painter.whole(request())
        assert (picture.width_us, picture.points, total(picture)) == (SECOND, {}, 240)
        assert await hub.live.painter.resumed(request(), 0) is None


@pytest.mark.parametrize(("name", "limit"), [("MAX_RAW_FRAMES", 10), ("MAX_POINTS", 10)])
async def test_too_many_points_since_the_cursor_get_no_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    async with live_hub(tmp_path) as hub:
        await stored(hub, 30)
        monkeypatch.setattr(f"hub.sessions.snapshot.{name}", limit)
        assert await hub.live.painter.resumed(request(), 5) is None
        picture = await hub.live.painter.resumed(request(), 25)
        assert picture is not None
        assert total(picture) == 5
        picture = await hub.live.painter.resumed(request(), 25, frozenset({27, 30}))
        assert picture is not None
        assert total(picture) == 3


async def test_a_resume_in_buckets_gives_whole_ones_from_the_earliest_that_changed(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source = await stored(hub, 100)
        after = hub.live.position
        for t_us in (hub.now_us, hub.now_us - 30 * SECOND):
            source.put((t_us + 1, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        await is_fed(hub)
        picture = await hub.live.painter.resumed(request(10 * SECOND), after)
        assert picture is not None
        assert picture.from_us == (hub.now_us - 30 * SECOND) // (10 * SECOND) * 10 * SECOND
        assert total(picture) == sum(t_us >= picture.from_us for t_us, _ in source.made)


async def test_a_series_without_a_reading_in_the_span_is_known(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        await stored(hub, 1)
        hub.now_us += 1_000 * SECOND
        picture = await hub.live.painter.whole(request(span_s=10))
        assert total(picture) == 0
        assert picture.floors_us == {TEMP: picture.from_us}


async def test_many_who_ask_for_the_same_at_once_ask_the_store_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_hub(tmp_path) as hub:
        source = await stored(hub, 20)
        asked, query = list[int](), hub.store.query

        async def counted(*args: Any) -> RangeAnswer:
            asked.append(1)
            return await query(*args)

        monkeypatch.setattr(hub.store, "query", counted)
        pictures: list[Picture] = []

        async def ask(width_us: int) -> None:
            picture = await hub.live.painter.whole(request(width_us))
            assert total(picture) == picture.position == hub.live.position
            pictures.append(picture)

        for width_us in (0, SECOND):
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(ask, width_us)
                source.put((hub.now_us + 1, 1.0), arrived_us=hub.now_us)
                await source.is_durable()
        assert len(asked) <= 4
        # Each has a picture of its own.
        pictures[0].points.clear()
        for bucket in pictures[-1].buckets[TEMP].values():
            bucket.count = 0
        assert [total(picture) == picture.position for picture in pictures] == [False, *[True] * 18, False]


async def test_where_the_one_that_asks_for_all_leaves_the_next_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_hub(tmp_path) as hub:
        await stored(hub, 20)
        may_answer, query = trio.Event(), hub.store.query

        async def slow(*args: Any) -> RangeAnswer:
            await may_answer.wait()
            return await query(*args)

        monkeypatch.setattr(hub.store, "query", slow)
        pictures: list[Picture] = []

        async def ask(scope: trio.CancelScope) -> None:
            with scope:
                pictures.append(await hub.live.painter.whole(request()))

        scopes = [trio.CancelScope() for _ in range(3)]
        async with trio.open_nursery() as nursery:
            for scope in scopes:
                nursery.start_soon(ask, scope)
            await until(lambda: sum(each.waiting for each in hub.live.painter._asked.values()) == 2)
            scopes[0].cancel()
            await trio.testing.wait_all_tasks_blocked(0.01)
            may_answer.set()
        assert [total(picture) for picture in pictures] == [20, 20]
        assert not hub.live.painter._asked


@pytest.mark.parametrize("after", [None, 5])
async def test_many_who_want_the_same_at_once_go_through_the_rows_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int | None
) -> None:
    async with live_hub(tmp_path, has_writer=False) as hub:
        source = await hub.source()
        for at in range(30):
            source.put((hub.now_us - at * SECOND, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        await is_fed(hub)
        reads, read, painter = 0, hub.journal.read, hub.live.painter
        pictures: list[Picture | None] = []

        async def counted(*args: Any) -> list[Row]:
            nonlocal reads
            reads += 1
            return await read(*args)

        async def ask() -> None:
            pictures.append(await (painter.whole(request(SECOND)) if after is None else painter.resumed(request(SECOND), after)))

        monkeypatch.setattr(hub.journal, "read", counted)
        await ask()
        alone, reads = reads, 0
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(ask)
        assert (reads, len(pictures)) == (alone, 51)
        assert {total(picture) for picture in pictures if picture is not None} == {30}
        assert len({id(picture) for picture in pictures}) == 51


async def test_many_who_waited_for_the_same_are_given_it_one_after_the_other_and_others_have_their_turn(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        await stored(hub, 20)
        turns, when = 0, Counter[int]()

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        async def ask() -> None:
            assert total(await hub.live.painter.whole(request(SECOND))) == 20
            when[turns] += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count_turns)
            async with trio.open_nursery() as asking:
                for _ in range(50):
                    asking.start_soon(ask)
            nursery.cancel_scope.cancel()
        assert max(when.values()) <= 3  # of 50
