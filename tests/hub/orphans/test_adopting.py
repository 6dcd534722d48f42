"""An orphan's journal on a real Redis: history, ledger and rules get each of its frames once, whatever is cut off, and then it is gone."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hub.config import Settings
from hub.core.drained import KIND, Drained
from hub.datadir import Claim, DataDir
from hub.nodes.membership import Membership
from hub.nodes.node import Own
from hub.orphans.adopting import Orphans
from hub.orphans.draining import Beside
from hub.ports import HistoryStore
from hub.workers import Worker
from tests.support.cluster import Node, node, now_us
from tests.support.left_behind import leave_behind
from tests.support.point_store import PointStore
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)
HOT = {"kind": "above", "channels": ["temp"], "limit": 400}
READINGS, LINES = 500, 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProcess]:
    with running_redis(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def adopting(directory: Path, url: str, here: Node, store: PointStore, worker: Worker | None = None) -> AsyncIterator[Orphans]:
    """Look for orphans below the node's directory while the block runs."""

    def make_store(journal: Callable[[], str]) -> HistoryStore:
        return store

    settings = Settings(data_dir=directory / here.name, state="redis", redis_url=url, node=here.name)
    async with connected(url) as redis:
        cluster = Membership(redis, Own(here.name, "test", "points", lambda: here.journal.id, lambda: "", dict), now_us)
        beside = Beside(settings, redis, cluster, here.control, make_store, lambda columns: None, now_us)
        orphans = Orphans(DataDir(settings.data_dir), beside, worker)
        async with trio.open_nursery() as nursery:
            await nursery.start(orphans.run)
            yield orphans
            nursery.cancel_scope.cancel()


async def has_all(here: Node, store: PointStore) -> None:
    """Hold that everything of the orphan is where it belongs, once."""
    assert sorted(store.points.values()) == [float(value) for value in range(1, READINGS + 1)]
    lines = await here.control._state.log_lines("pump", ("info",), None, 100)
    assert sorted(line.text for line in lines) == sorted(f"line {READINGS + at}" for at in range(1, LINES + 1))
    await until(lambda: [(alert["rule"], alert["device"]) for alert in here.control.rules.desk.alerts()] == [("hot", "pump")])


@asynccontextmanager
async def watched_node(directory: Path, server: RedisProcess) -> AsyncIterator[Node]:
    """Run a node that knows the device and has a rule for it."""
    async with node(directory, "one", server.url) as here:
        await here.registry.add_devices(["pump"])
        await until(lambda: here.control.rules.desk.is_current)
        await here.control.rules.desk.put_rule("hot", HOT, None, "ann")
        yield here


async def test_what_a_node_that_is_gone_has_left_is_gone_through_once_and_its_journal_is_removed(
    tmp_path: Path, server: RedisProcess
) -> None:
    store = PointStore()
    async with watched_node(tmp_path, server) as here:
        folder = tmp_path / "one" / "gone"
        await leave_behind(folder, "gone", "pump", READINGS, LINES, now_us())
        async with adopting(tmp_path, server.url, here, store) as orphans:
            await until(lambda: not (folder / "journal.db").exists())
            await until(lambda: not orphans.notes())
        await has_all(here, store)
        (told,) = await here.control._state.documents(KIND)
        assert Drained.of(told)._replace(journal="", at_us=0) == Drained("", READINGS + LINES, 0, frozenset({"pump"}))


async def test_what_a_crash_cuts_off_goes_on_at_the_next_start_and_is_told_while_it_lasts(tmp_path: Path, server: RedisProcess) -> None:
    store = PointStore()
    async with watched_node(tmp_path, server) as here:
        folder = tmp_path / "one" / "gone"
        await leave_behind(folder, "gone", "pump", READINGS, LINES, now_us())
        store.dies_after = 100  # in the middle of the batch
        async with adopting(tmp_path, server.url, here, store) as orphans:
            await until(lambda: store.down)
            await until(lambda: any("520 frames are left" in note for note in orphans.notes()))
            await until(lambda: [alert["rule"] for alert in here.control.rules.desk.alerts()] == ["hot"])
        store.down = None
        async with adopting(tmp_path, server.url, here, store):
            await until(lambda: not (folder / "journal.db").exists())
        await has_all(here, store)


async def test_a_journal_on_which_a_hub_runs_and_one_of_a_worker_of_this_machine_are_left_alone(
    tmp_path: Path, server: RedisProcess
) -> None:
    store = PointStore()
    async with watched_node(tmp_path, server) as here:
        root = tmp_path / "one"
        for name in ("held", "big-2", "gone"):
            await leave_behind(root / name, name, "pump", READINGS, LINES, now_us())
        (root / "big-1").mkdir()
        worker = Worker(root, ("big-1", "big-2"), "127.0.0.1", 0, is_encrypted=False)
        with Claim(root / "held"):
            async with adopting(tmp_path, server.url, here, store, worker):
                await until(lambda: not (root / "gone" / "journal.db").exists())
        assert (root / "held" / "journal.db").exists()
        assert (root / "big-2" / "journal.db").exists()


async def test_a_journal_that_cannot_be_read_is_named_and_left_as_it_is(tmp_path: Path, server: RedisProcess) -> None:
    async with watched_node(tmp_path, server) as here:
        folder = tmp_path / "one" / "gone"
        folder.mkdir()
        (folder / "node").write_text("gone\n")
        (folder / "journal.db").write_bytes(b"no journal at all" * 1_000)
        async with adopting(tmp_path, server.url, here, PointStore()) as orphans:
            await until(orphans.notes)
            assert str(folder) in orphans.notes()[0]
        assert (folder / "journal.db").exists()
