"""Which nodes there are on one Redis: they come, go, share a token, and two that would be one are kept apart."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from hub.core.errors import Refusal
from hub.nodes.membership import Membership
from hub.nodes.node import Node, Own, alone
from hub.redis import Redis
from hub.states import notes_of
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis

pytestmark = pytest.mark.needs_server(PROGRAM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """One Redis for all tests here; each empties it."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def redis(server: RedisProcess) -> AsyncIterator[Redis]:
    async with connected(server.url) as redis:
        await redis.ask(lambda client: client.flushdb())
        yield redis


def now_us() -> int:
    return 1_795_248_000_000_000


def own(name: str, journal: str = "", store: str = "victoriametrics") -> Own:
    """Return what a node says of itself."""
    return Own(name, "0.1.0", store, lambda: journal or f"journal of {name}".replace(" ", "-"), lambda: f"http://{name}:8080", dict)


@asynccontextmanager
async def joined(redis: Redis, node: Own) -> AsyncIterator[Membership]:
    """Be a node for the length of a block."""
    membership = Membership(redis, node, now_us)
    async with trio.open_nursery() as nursery:
        await nursery.start(membership.run)
        yield membership
        nursery.cancel_scope.cancel()


async def until(holds: Callable[[], Any]) -> None:
    with trio.fail_after(15):
        while not holds():  # noqa: ASYNC110
            await trio.sleep(0.01)  # another process: there is nothing to be woken by


async def test_nodes_know_each_other_and_share_a_token(redis: Redis) -> None:
    tokens: list[str] = []
    async with joined(redis, own("one")) as one:
        one.on_token(tokens.append)
        async with joined(redis, own("two")) as two:
            assert [node.name for node in two.alive()] == ["one"]
            one.announce()
            await until(one.alive)
            assert (one.alive()[0].name, one.alive()[0].url, one.alive()[0].journal) == ("two", "http://two:8080", "journal-of-two")
            assert one.token == two.token
            one.unanswered_us = lambda: {"two": 7}
            said = one.described()
            assert (said["node"], said["stale"], said["alone"]) == ("one", None, False)
            assert [(node["name"], node["alive"], node["unanswered_us"]) for node in said["nodes"]] == [
                ("one", True, None),
                ("two", True, 7),
            ]


async def test_a_node_that_leaves_is_gone_at_once_and_its_name_is_kept(redis: Redis) -> None:
    seen: list[tuple[str, bool]] = []

    def told(node: Node) -> None:
        seen.append((node.name, node.is_alive))

    async with joined(redis, own("one")) as one:
        one.on_changed(told)
        async with joined(redis, own("two")):
            one.announce()
            await until(lambda: seen == [("two", True)])
        one.announce()
        await until(lambda: seen == [("two", True), ("two", False)])
        gone = one.get("two")
        assert gone is not None
        assert not gone.is_alive
        assert now_us() - 5_000_000 < gone.seen_us <= now_us()  # its last word, by a clock that stands still here


async def test_a_node_that_is_being_stopped_says_so_at_once_and_is_as_before_when_it_is_back(redis: Redis) -> None:
    async with joined(redis, own("one")) as one:
        async with joined(redis, own("two")) as two:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(two.tell_of_leaving)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            await until(lambda: one.leaving() == {"two"})
            assert [node.name for node in one.alive()] == ["two"]
        assert one.leaving() == {"two"}
        async with joined(redis, own("two")):
            one.announce()
            await until(lambda: not one.leaving())


async def refused(start: Callable[[], Awaitable[None]]) -> Refusal:
    """Return why a node is kept out."""
    with pytest.RaisesGroup(Refusal) as raised:
        await start()
    error = raised.value.exceptions[0]
    assert isinstance(error, Refusal)
    return error


async def test_a_second_node_of_one_name_is_refused_and_one_that_was_killed_comes_back_at_once(redis: Redis) -> None:
    async def start(node: Own) -> None:
        async with joined(redis, node):
            pass

    async with joined(redis, own("one")):
        error = await refused(lambda: start(own("one", journal="another")))
        assert error.code == "node_name_taken"
        assert "http://one:8080" in error.message
        await start(own("one"))  # the same data directory, which one process has alone


@pytest.mark.parametrize(("first", "second"), [("duckdb", "victoriametrics"), ("victoriametrics", "duckdb"), ("duckdb", "duckdb")])
async def test_a_history_of_one_node_keeps_a_second_one_out(redis: Redis, first: str, second: str) -> None:
    async def start(node: Own) -> None:
        async with joined(redis, node):
            pass

    async with joined(redis, own("one", store=first)):
        error = await refused(lambda: start(own("two", store=second)))
        assert error.code == "embedded_history"
        assert "VictoriaMetrics" in error.hint
    await start(own("two", store=second))


async def test_without_redis_the_others_are_known_as_they_were(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with connected(server.url) as redis, joined(redis, own("one")) as one, joined(redis, own("two")) as two:
            await trio.to_thread.run_sync(server.kill)
            two.announce()
            await until(lambda: two.stale)
            assert "refused" in str(two.stale)
            assert [node.name for node in two.alive()] == ["one"]
            await trio.to_thread.run_sync(server.start)
            await until(lambda: two.stale is None and one.alive())


async def write(redis: Redis, name: str, until_ms: int) -> None:
    """Write the record of a node that this process is not."""
    said = {"url": f"http://{name}", "journal": name, "version": "0", "store": "victoriametrics", "started_us": 0, "figures": {}}
    record = f"{until_ms} {name} life 0 {json.dumps(said)}"
    await redis.ask(lambda client: client.hset(redis.key("nodes"), {name: record}))


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_node_whose_record_ran_out_while_redis_was_away_is_given_the_time_to_renew(tmp_path: Path, is_lost: bool) -> None:
    gone: list[str] = []

    def told(node: Node) -> None:
        gone.extend([] if node.is_alive else [node.name])

    with running_redis(tmp_path) as server:
        async with connected(server.url) as redis, joined(redis, own("one")) as one:
            one.on_changed(told)
            now_ms = time.time_ns() // 1_000_000
            await write(redis, "two", now_ms + 60_000)
            one.announce()
            await until(one.alive)
            await trio.to_thread.run_sync(server.kill)
            await until(lambda: one.stale)
            await trio.to_thread.run_sync(server.start)
            await until(lambda: one.stale is None)
            if is_lost:
                await redis.ask(lambda client: client.hdel(redis.key("nodes"), ["two"]))
            else:
                await write(redis, "two", now_ms - 60_000)
            await write(redis, "three", now_ms + 60_000)
            one.announce()
            await until(lambda: one.get("three"))
            assert {node.name for node in one.alive()} == {"two", "three"}
            assert not gone


async def test_a_newer_node_that_says_more_of_itself_is_known_all_the_same(redis: Redis) -> None:
    said = own("two").node(now_us()).item()
    body = json.dumps({key: each for key, each in said.items() if key not in ("name", "alive", "seen_us")} | {"colour": "red"})
    async with joined(redis, own("one")) as one:
        place = redis.key("nodes")
        await redis.ask(lambda client: client.hset(place, {"two": f"99999999999999 journal life 0 {body}"}))
        one.announce()
        await until(one.alive)
        assert one.alive()[0].url == "http://two:8080"


async def test_a_node_whose_name_another_took_ends_and_says_where_that_is(redis: Redis) -> None:
    async def lose() -> None:
        async with joined(redis, own("one")) as one:
            await write(redis, "one", time.time_ns() // 1_000_000 + 60_000)
            one.announce()
            await trio.sleep_forever()

    with capture_logs() as lines:
        error = await refused(lose)
    assert error.code == "node_name_lost"
    assert "it is at http://one" in error.message
    assert [(line["event"], line["to"]) for line in lines] == [("node_name_lost", "http://one")]
    assert await redis.ask(lambda client: client.hget(redis.key("nodes"), "one")), "the other one has left with it"


async def test_of_two_that_run_on_one_journal_the_older_ends(redis: Redis) -> None:
    ended = trio.Event()

    async def older(task_status: trio.TaskStatus[None]) -> None:
        async def stay() -> None:
            async with joined(redis, own("one")):
                task_status.started()
                await trio.sleep_forever()

        assert (await refused(stay)).code == "node_name_lost"
        ended.set()

    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            await nursery.start(older)
            async with joined(redis, own("one")):
                await ended.wait()


async def test_a_clock_that_is_off_is_told(redis: Redis) -> None:
    for off_s, said in ((60, "ahead of"), (-60, "behind")):
        membership = Membership(redis, own("one"), lambda off_s=off_s: time.time_ns() // 1_000 + off_s * 1_000_000)  # type: ignore[misc]
        async with trio.open_nursery() as nursery:
            await nursery.start(membership.run)
            assert 50 < abs(membership.clock_off_s) < 61
            [note] = notes_of(redis, membership)
            assert f"s {said} that of Redis" in note
            nursery.cancel_scope.cancel()


def test_a_hub_that_stands_alone_is_a_node_too() -> None:
    said = alone(own("one"), now_us)
    assert [(node["name"], node["alive"]) for node in said["nodes"]] == [("one", True)]
    assert said["alone"]
