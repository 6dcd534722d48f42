"""Tests of hub/sessions/viewer.py: one connection, its beginning, its end, and what it leaves behind."""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
import trio
from structlog.testing import capture_logs

from devices.link import LinkClosed, MemoryLink, memory_link_pair
from hub.core.actions import ALLOWED, GUEST, LIVE_MESSAGES, ROLES
from hub.core.entities import Entities
from hub.core.members import Asked
from hub.core.records import RangeAnswer
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.metrics import Metrics
from hub.sessions.live import Live
from hub.sessions.viewer import MAX_SUBSCRIPTIONS
from hub.store.duckdb import DuckDBStore
from tests.support.live_hub import SECOND, LiveHub, live_hub
from tests.support.point_store import PointStore
from tests.support.waiting import until


def idle_live(directory: Path) -> Live:
    """Return a live half over a journal and a store that do not run: enough for viewers that ask for nothing."""
    journal = Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), lambda: 0)
    return Live(journal, DuckDBStore(directory / "history.duckdb"), Entities(), lambda: 0, "tributary 0", Asked().members, Metrics())


def is_empty(live: Live) -> bool:
    return not (live.viewers or live._owners or live.groups._of or len(live.lines) or live.entities._watchers)


async def end_of(link: MemoryLink) -> int:
    with trio.fail_after(200):
        while True:
            try:
                await link.receive()
            except LinkClosed as end:
                return end.code


async def test_a_viewer_to_which_nothing_can_be_written_is_closed_after_60_s(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    live = idle_live(tmp_path)
    ours, theirs = memory_link_pair(1)
    began_s = trio.current_time()
    with trio.fail_after(100):
        await live.serve(theirs, "json", "viewer")
    assert trio.current_time() - began_s == pytest.approx(60)
    assert await end_of(ours) == 4010
    assert is_empty(live)


async def test_a_viewer_that_reads_seldom_is_kept(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    live = idle_live(tmp_path)
    ours, theirs = memory_link_pair(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(live.serve, theirs, "json", "viewer")
        nursery.start_soon(live.run)
        for at in range(20):
            live.entities.put_system({"credit": str(at)})
            await trio.sleep(50)
            assert live.viewers == 1
            await ours.receive()
        nursery.cancel_scope.cancel()


async def test_a_hub_that_stops_finishes_its_message_and_says_why(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    live = idle_live(tmp_path)
    ours, theirs = memory_link_pair(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(live.serve, theirs, "json", "viewer")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert await end_of(ours) == 1012
    assert trio.current_time() <= 5
    assert is_empty(live)


async def test_a_failure_of_ours_is_told_as_such_and_not_hidden(tmp_path: Path) -> None:
    class Broken(MemoryLink):
        async def send(self, message: bytes | str) -> None:
            raise RuntimeError("broken")

    live, closing = idle_live(tmp_path), list[LinkClosed]()
    to, incoming = trio.open_memory_channel[bytes | str](1)
    with pytest.RaisesGroup(RuntimeError):
        await live.serve(Broken(to, incoming, closing), "json", "viewer")
    assert closing[0].code == 1011
    assert is_empty(live)


async def test_a_viewer_that_leaves_at_any_moment_leaves_nothing(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        source.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        for steps in range(40):
            await leave_after(hub, steps, is_cancelled=bool(steps % 2))
            assert is_empty(hub.live)


async def leave_after(hub: LiveHub, steps: int, *, is_cancelled: bool) -> None:
    ours, theirs = memory_link_pair(100)
    await ours.send('{"op": "subscribe", "id": "a", "devices": ["*"], "width_us": 1000000}')
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.live.serve, theirs, "json", "viewer")
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            if is_cancelled:
                nursery.cancel_scope.cancel()
            await ours.aclose()


# What devices and hubs say: nobody says it here, whoever he is.
OF_OTHERS = ("hello", "data", "pack", "result", "reported", "log", "gap", "welcome", "ack", "reject", "command", "cancel", "desired", "bye")


@pytest.mark.parametrize("role", [*ROLES, GUEST, "retired"])
async def test_each_message_is_taken_from_the_roles_of_its_action_and_from_nobody_else(tmp_path: Path, role: str) -> None:
    async with live_hub(tmp_path) as hub:
        ours, theirs = memory_link_pair(100)
        hub.nursery.start_soon(hub.live.serve, theirs, "json", role)
        codes = {}
        for op in (*LIVE_MESSAGES, *OF_OTHERS):
            # Each is followed by one that is always refused: when that is heard of, the first was judged.
            await ours.send(json.dumps({"op": op, "id": op, "devices": ["*"], "n": 1}))
            await ours.send(json.dumps({"op": "nonsense", "id": "then"}))
            with trio.fail_after(30):
                while (message := json.loads(await ours.receive())).get("id") != "then":
                    if message["op"] == "error":
                        codes[message["id"]] = message["code"]
        refused = {op for op, action in LIVE_MESSAGES.items() if action not in ALLOWED.get(role, ())}
        assert codes == dict.fromkeys(refused, "not_allowed") | dict.fromkeys(OF_OTHERS, "unknown_op")
        await ours.aclose()


async def test_a_viewer_in_msgpack_gets_the_same(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        source.put((hub.now_us, 1.5), arrived_us=hub.now_us)
        await source.is_durable()
        ours, theirs = memory_link_pair(100)
        hub.nursery.start_soon(hub.live.serve, theirs, "msgpack", "operator")
        await ours.send(msgpack.packb({"op": "subscribe", "id": "a", "devices": ["*"]}))
        seen: dict[str, Any] = {}
        with trio.fail_after(30):
            while "snapshot" not in seen:
                message = msgpack.unpackb(await ours.receive())
                seen[message["op"]] = message
        assert seen["ready"]["role"] == "operator"
        assert seen["snapshot"]["data"][0]["v"] == [1.5]


async def test_the_number_of_subscriptions_has_a_limit(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        screen = hub.screen()
        for number in range(MAX_SUBSCRIPTIONS + 1):
            await screen.link.send(f'{{"op": "subscribe", "id": "{number}", "devices": ["x"]}}')
        await until(lambda: screen.of("error"))
        assert screen.of("error")[0]["code"] == "too_many"
        assert screen.of("error")[0]["id"] == str(MAX_SUBSCRIPTIONS)
        await until(lambda: len(screen.of("snapshot")) == MAX_SUBSCRIPTIONS)


async def test_a_subscription_that_ends_gets_nothing_more(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source, screen = await hub.source(), hub.screen()
        await screen.say(op="subscribe", id="a", devices=["*"])
        await until(lambda: screen.of("snapshot"))
        await screen.say(op="unsubscribe", id="a")
        await until(lambda: not hub.live._owners)
        source.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        await screen.say(op="subscribe", id="b", devices=["*"])
        await until(lambda: len(screen.of("snapshot")) == 2)
        assert not screen.of("update")


async def test_a_subscription_that_ends_while_it_is_answered_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_hub(tmp_path) as hub:
        asked, may_answer, query = trio.Event(), trio.Event(), hub.store.query

        async def slow(*args: Any) -> RangeAnswer:
            asked.set()
            await may_answer.wait()
            return await query(*args)

        monkeypatch.setattr(hub.store, "query", slow)
        screen = hub.screen()
        await screen.say(op="subscribe", id="a", devices=["*"])
        await asked.wait()
        await screen.say(op="unsubscribe", id="a")
        await screen.say(op="nonsense")  # the answer to it shows that the one before was read
        await trio.testing.wait_all_tasks_blocked(0.01)
        may_answer.set()
        await until(lambda: screen.of("error"))
        assert not screen.of("snapshot")
        assert not hub.live._owners


async def test_while_the_store_is_away_a_viewer_gets_what_the_journal_has_and_asks_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.02)
    store = PointStore()
    async with live_hub(tmp_path, store=store) as hub:
        source = await hub.source()
        source.put((hub.now_us - 5 * SECOND, 1.0), arrived_us=hub.now_us - 5 * SECOND)
        await source.is_durable()
        await hub.is_stored()
        store.down = "gone fishing"
        source.put((hub.now_us, 2.0), arrived_us=hub.now_us)
        screen = hub.screen()
        with capture_logs():
            await until(lambda: hub.live.stored == -1)
            await screen.say(op="subscribe", id="a", devices=["*"], width_us=SECOND)
            await until(lambda: screen.picture.totals(("pump", "temp")) == (2, 3.0))
            (snapshot,) = screen.of("snapshot")
            assert snapshot["hole"][0] == snapshot["from_us"]
            assert snapshot["hole"][1] < hub.now_us
            assert not screen.of("error")
            assert not screen.changed
            store.down = None
            await until(lambda: screen.changed)
            await screen.say(op="subscribe", id="a", devices=["*"], width_us=SECOND)
            await until(lambda: len(screen.of("snapshot")) == 2)
        assert "hole" not in screen.of("snapshot")[1]
        assert screen.picture.totals(("pump", "temp")) == (2, 3.0)


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_who_was_shown_a_hole_while_the_store_was_away_is_told_of_it_also_after_a_reconnect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_us: int
) -> None:
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.02)
    monkeypatch.setattr("hub.sessions.snapshot.MAX_TAIL_ROWS", 1)
    store = PointStore()
    async with live_hub(tmp_path, store=store) as hub:
        source = await hub.source()
        source.put((hub.now_us - 15 * SECOND, 1.0), arrived_us=hub.now_us - 15 * SECOND)
        source.put((hub.now_us - 5 * SECOND, 2.0), arrived_us=hub.now_us - 5 * SECOND)
        await source.is_durable()
        await hub.is_stored()
        store.down = "gone fishing"
        source.put((hub.now_us + SECOND, 4.0), arrived_us=hub.now_us)
        await source.is_durable()
        screen, again = hub.screen(), hub.screen()
        with capture_logs():
            await until(lambda: hub.live.stored == -1)
            await screen.say(op="subscribe", id="a", devices=["*"], width_us=width_us)
            await until(lambda: screen.picture.totals(("pump", "temp")) == (1, 4.0))
            await screen.link.aclose()
            again.asks_again, again.picture = True, screen.picture
            screen.picture.comes_back()
            await again.say(op="subscribe", id="a", devices=["*"], width_us=width_us, cursor=screen.picture.cursor)
            await until(lambda: again.of("snapshot") or again.of("update"))
            store.down = None
            await until(lambda: again.picture.totals(("pump", "temp")) == (3, 7.0), 5.0)


async def test_an_id_that_cannot_be_said_back_is_refused(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        screen = hub.screen()
        await screen.link.send('{"op": "subscribe", "id": "\\ud800", "devices": ["*"]}')
        await until(lambda: screen.of("error"))
        assert "id" not in screen.of("error")[0]
