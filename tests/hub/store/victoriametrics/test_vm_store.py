"""The store on a real server that is started anew, and behind a proxy that lets only some paths through."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from devices.wire.messages import Kind
from hub.core.records import Cursor, Series
from hub.ports import Retention, StoreUnavailable
from hub.store.victoriametrics import VictoriaMetricsStore
from hub.store.victoriametrics.listing import NEW_SERIES_S
from hub.store.victoriametrics.server import LOOK_EVERY_S
from hub.store.victoriametrics.trail import SAFE_S
from simulators.hub_process import free_port
from tests.support.history_book import Book, Point, columns_of, raw
from tests.support.victoria import PROGRAM, VictoriaProcess, ask, empty, raw_points, running_victoria

pytestmark = pytest.mark.needs_server(PROGRAM)
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
KEEP_ALL = Retention(raw_days=0, min_free_bytes=0)
ALLOWED = "/api/v1/import", "/api/v1/query", "/api/v1/query_range", "/api/v1/export", "/api/v1/series", "/api/v1/admin/tsdb/delete_series"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaProcess]:
    with running_victoria(tmp_path_factory.mktemp("victoria") / "data") as process:
        yield process


def now_ns(ms_ago: int = 0) -> int:
    return (time.time_ns() // 10**6 - ms_ago) * 10**6


def batch(number: int) -> list[Point]:
    return [(TEMP, now_ns(600_000) + number * 10**6, float(number))]


async def test_after_a_kill_it_goes_back_to_what_is_safe_and_says_so_once(
    server: VictoriaProcess, mock_clock: trio.testing.MockClock
) -> None:
    empty(server.url)
    store = VictoriaMetricsStore(server.url, None, KEEP_ALL)
    await store.start()
    await store.append(columns_of(batch(1)), Cursor("j", 1))
    mock_clock.jump(SAFE_S)
    assert await store.make_safe() == Cursor("j", 1)
    await store.append(columns_of(batch(2)), Cursor("j", 2))
    assert await store.make_safe() == Cursor("j", 1)
    ask(server.url, "/internal/force_flush")
    before = started_s(server)
    server.kill()
    with pytest.raises(StoreUnavailable):
        await store.append(columns_of(batch(3)), Cursor("j", 3))
    while int(time.time()) == before:
        pass  # the server's start is told in whole seconds
    server.start()
    mock_clock.jump(LOOK_EVERY_S)
    await store.tend(0)
    with pytest.raises(StoreUnavailable, match="started anew"):
        await store.append(columns_of(batch(3)), Cursor("j", 3))
    assert await store.cursor() == Cursor("j", 1)
    for number in (2, 3):
        await store.append(columns_of(batch(number)), Cursor("j", number))
    assert await store.cursor() == Cursor("j", 3)
    await store.aclose()


def started_s(server: VictoriaProcess) -> int:
    text = ask(server.url, "/metrics").decode()
    return int(text.split("process_start_time_seconds ")[1].split("\n")[0])


async def test_a_hub_that_comes_to_a_server_started_lately_goes_back_a_minute(server: VictoriaProcess) -> None:
    empty(server.url)
    now_ms = time.time_ns() // 10**6
    for position, age_s in ((1, 400), (2, 130), (3, 70), (4, 55), (5, 0)):
        put(server.url, {"__name__": "tributary_cursor", "journal": "j"}, position, now_ms - age_s * 1_000)
    ask(server.url, "/internal/force_flush")
    store = VictoriaMetricsStore(server.url, None, KEEP_ALL)
    await store.start()
    assert await store.cursor() == Cursor("j", 3)
    assert await store.safe() == Cursor("j", 3)
    await store.aclose()


def put(url: str, labels: dict[str, str], value: float, t_ms: int) -> None:
    """Write one point with no code of ours."""
    line = json.dumps({"metric": labels, "values": [value], "timestamps": [t_ms]}).encode()
    urllib.request.urlopen(urllib.request.Request(url + "/api/v1/import", data=line, method="POST"), timeout=10).close()


async def test_of_several_journals_the_one_that_wrote_last_counts_and_a_clock_that_goes_back_does_not_matter(
    server: VictoriaProcess,
) -> None:
    empty(server.url)
    clock = [time.time_ns() // 1_000]
    store = VictoriaMetricsStore(server.url, None, KEEP_ALL, now=lambda: clock[0])
    await Book(store).append(*batch(1), cursor=Cursor("old", 90))
    clock[0] -= 30_000_000
    await Book(store).append(*batch(2), cursor=Cursor("new", 2))
    await store.aclose()
    (old, new) = sorted(raw_points(server.url, '{__name__="tributary_cursor"}'), key=lambda found: found[0]["journal"], reverse=True)
    assert old[1][-1] < new[1][-1]


async def test_of_several_writers_each_finds_its_own_cursor_and_shows_what_the_others_wrote(
    server: VictoriaProcess, mock_clock: trio.testing.MockClock
) -> None:
    empty(server.url)
    now_ms = time.time_ns() // 10**6
    for journal, position, age_s in (("own", 6, 600), ("own", 7, 400), ("other", 90, 500), ("other", 91, 300)):
        put(server.url, {"__name__": "tributary_cursor", "journal": journal}, position, now_ms - age_s * 1_000)
    ask(server.url, "/internal/force_flush")
    other = VictoriaMetricsStore(server.url, None, KEEP_ALL, own=lambda: "other")
    names = [""]
    store = VictoriaMetricsStore(server.url, None, KEEP_ALL, own=lambda: names[0])
    assert await store.cursor() == Cursor("other", 90)  # its journal is not open yet; the server was started lately
    names[0] = "own"
    assert await store.cursor() == Cursor("own", 6)
    for number in (1, 2):
        await other.append(columns_of(batch(number)), Cursor("other", 90 + number))
        until_s = time.monotonic() + 30
        while await store.list_series() != [TEMP] and time.monotonic() < until_s:
            mock_clock.jump(5)  # it is asked anew; the server lists what is new late
        mock_clock.jump(5)
        answer = await store.query([TEMP], 0, 4 * 10**15, 0, 100)
        assert [reading.value for reading in answer.raw[TEMP]] == [1.0, 2.0][:number]
        assert answer.cursor == Cursor("own", 6)
        assert answer.others_s >= NEW_SERIES_S
    names[0] = "new"  # has nothing there
    assert await store.cursor() is None
    await store.aclose()
    await other.aclose()


async def test_nothing_of_us_is_among_what_others_keep_there(server: VictoriaProcess) -> None:
    empty(server.url)
    put(server.url, {"__name__": "tributary_reading", "job": "x"}, 1, now_ns() // 10**6)
    put(server.url, {"__name__": "up", "device": "pump"}, 1, now_ns() // 10**6)
    store = VictoriaMetricsStore(server.url, None, KEEP_ALL)
    book = Book(store)
    await book.append(*batch(1))
    assert await store.list_series() == [TEMP]
    await store.delete_device("pump")
    assert await store.list_series() == []
    assert len(raw_points(server.url, '{__name__="up"}')) == 1
    await store.aclose()


@contextmanager
def vmauth(directory: Path, server: VictoriaProcess, *more: str) -> Iterator[str]:
    """Run vmauth with the paths of docs/operating.md, and some more."""
    port = free_port()
    routes = "\n".join(
        f'      - src_paths: ["{path}"]\n        url_prefix: "{server.url}"' for path in (*ALLOWED, "/api/v1/label/.+/values", *more)
    )
    (directory / "auth.yml").write_text(f"users:\n  - bearer_token: secret\n    url_map:\n{routes}\n")
    command = ["vmauth", f"-auth.config={directory / 'auth.yml'}", f"-httpListenAddr=127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline_s = time.monotonic() + 10
            while True:
                try:
                    ask(f"http://127.0.0.1:{port}", "/health")
                    break
                except OSError:
                    assert time.monotonic() < deadline_s
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.mark.needs_server("vmauth")
async def test_behind_vmauth_it_works_and_answers_trail(
    server: VictoriaProcess, tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    empty(server.url)
    with vmauth(tmp_path, server) as url:
        for token in (None, "wrong"):
            refused = VictoriaMetricsStore(url, token, KEEP_ALL)
            with pytest.raises(StoreUnavailable, match="store_token"):
                await refused.start()
            await refused.aclose()
        store = VictoriaMetricsStore(url, "secret", KEEP_ALL)
        await store.start()
        assert "proxy" in store.notes[0]
        await store.append(columns_of(batch(1)), Cursor("j", 1))
        assert (await store.query([TEMP], 0, 1, 0, 1)).cursor is None
        mock_clock.jump(SAFE_S)
        ask(server.url, "/internal/force_flush")
        assert (await store.query([TEMP], 0, 1, 0, 1)).cursor == Cursor("j", 1)
        assert [reading.value for reading in await raw(store, TEMP)] == [1.0]
        assert await store.make_safe() == Cursor("j", 1)
        await store.delete_device("pump")
        assert await raw(store, TEMP) == []
        await store.aclose()


@pytest.mark.needs_server("vmauth")
@pytest.mark.parametrize("is_brought_again", [True, False])
async def test_after_a_restart_an_answer_has_what_was_written_just_before_only_once_its_series_are_known(
    server: VictoriaProcess, tmp_path: Path, mock_clock: trio.testing.MockClock, *, is_brought_again: bool
) -> None:
    empty(server.url)
    now_ms = time.time_ns() // 10**6
    for position, age_s in ((5, 30), (9, 2)):
        put(server.url, {"__name__": "tributary_cursor", "journal": "own"}, position, now_ms - age_s * 1_000)
    ask(server.url, "/internal/force_flush")
    with vmauth(tmp_path, server, "/internal/force_flush") as url:  # behind it nobody knows since when the server runs
        store = VictoriaMetricsStore(url, "secret", KEEP_ALL, own=lambda: "own")
        await store.start()
        assert await store.cursor() == Cursor("own", 9)

        async def answered() -> Cursor | None:
            return (await store.query(await store.list_series(), 0, 4 * 10**15, 0, 100)).cursor

        assert await answered() == Cursor("own", 5)
        if is_brought_again:
            await store.append(columns_of(batch(1)), Cursor("own", 8))
            assert await answered() == Cursor("own", 5)
            await store.append(columns_of(batch(2)), Cursor("own", 9))
            assert TEMP in await store.list_series()
        else:
            mock_clock.jump(NEW_SERIES_S)
        assert await answered() == Cursor("own", 9)
        await store.aclose()
