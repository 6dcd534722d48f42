"""A hub's state.db copied into a Redis: everything is there as it was, half a copy is nobody's, and nothing is deleted unasked."""

import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from hub.backup.state_copy import Copied, copy_into_redis, copy_state
from hub.config import Settings
from hub.core.connections import ALIVE
from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.nodes.membership import Membership
from hub.nodes.node import Own
from hub.ports import (
    Audited,
    CommandRecord,
    CommandsWanted,
    ConnectionRecord,
    DeviceRecord,
    Document,
    LogLine,
    StateStore,
    StoreUnavailable,
)
from hub.redis import Redis
from hub.state.redis import RedisStateStore
from hub.state.redis.whole import WholeRedis
from hub.state.sqlite import SQLiteStateStore
from hub.state.whole import LEFT_OUT, SORTS, WholeSQLite
from hub.states import check_taken_along
from tests.support.redis import PROGRAM, connected

pytestmark = pytest.mark.needs_server(PROGRAM)
KINDS = ("user", "api_token", "rule", "alert", "dashboard", "shadow", "reported", "rules_of_device", "kind of tomorrow")
STATES = ("queued", "sent", "accepted", "running", "done", "failed", "expired", "cancelled", "rejected")
ODD = {"text": 'a "quoted" line\n\u2028 \x00 Grüße 🙂', "number": 2**60, "float": 0.1, "none": None, "list": [1, [2]], "empty": {}}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url, f"{{{secrets.token_hex(8)}}}:") as redis:
        yield redis


async def filled(path: Path, devices: int = 3) -> None:
    """Make a state.db with everything that a store can hold, by its port."""
    store = SQLiteStateStore(path)
    await store.start()
    for number in range(devices):
        device = DeviceRecord(f"d{number}", number, b"\x00\xff%d" % number, ODD | {"n": number}, 5 if number else None, number == 1)
        await store.put_device(device)
        await store.put_connections(
            [ConnectionRecord(device.name, at, at + 5 if at < 30 else None, "10.0.0.9:4000", 1000) for at in (10, 20, 30)], 100
        )
        lines = [LogLine(device.name, at, None if at % 2 else at, "warning", f"line {at}\n") for at in range(5)]
        await store.put_commands([], lines=lines)
    for kind in KINDS:
        for key in ("a", "b:c", 'odd "key" ü'):
            for version in (1, 2, 3):
                await store.change([Document(kind, key, version, ODD | {"version": version})])
    await store.change([Document(ALIVE, "hub", 1, {"at_us": 7})], cursor=("rules", Cursor("journal", 41)))
    first = CommandRecord("c", "d0", "blink", ODD, "queued", 1, "ann", 10, 11, 99, group="g")
    commands = [replace(first, id=f"c{state}", created_us=at, reached={"queued": at}) for at, state in enumerate(STATES)]
    commands.append(replace(first, id="alone", group=None))
    await store.put_commands(commands, puts=[Document("group command", "g", 1, {"name": "blink"})])
    moved = [
        replace(each, state=state, version=2, updated_us=50 + at, value=ODD, note="late")
        for at, (each, state) in enumerate(zip(commands, STATES, strict=False))
        if at
    ]
    await store.put_commands(moved, cursor=Cursor("journal", 42))
    await store.change(audited=[Audited(at, "ann", "add device", f"device d{at}", ODD) for at in range(1, 260)])
    await store.trim_audit(None, 250)
    await store.put_login(b"s", "session", "ann", "viewer", 10**15, 0)
    await store.aclose()


async def copied(path: Path, redis: Redis, *, is_forced: bool = False) -> Copied:
    """Copy a state.db as that of node `one`."""
    source = WholeSQLite(path)
    await source.start()
    try:
        return await copy_state(source, WholeRedis(redis, "one"), "one", lambda step, done, total: None, is_forced=is_forced)
    finally:
        await source.aclose()


async def all_of(store: StateStore) -> dict[str, object]:
    """Return everything that the port gives, in an order of its own."""
    devices = sorted(await store.devices(), key=lambda each: each.name)
    names = [each.name for each in devices]
    page = await store.commands(CommandsWanted(), 1_000)
    return {
        "devices": devices,
        "documents": {kind: await store.documents(kind) for kind in (*KINDS, "group command")},
        "commands": page.records,
        "alone": (await store.commands(CommandsWanted(is_single=True), 1_000)).records,
        "of devices": [(await store.commands(CommandsWanted(device=name), 1_000)).records for name in names],
        "open": await store.open_commands(),
        "tally": await store.group_tally("g"),
        "connections": [[each._replace(node="") for each in await store.connections(name, None, 1_000)] for name in names],
        "last": sorted(each._replace(node="") for each in await store.last_connections()),
        "lines": [await store.log_lines(name, ("debug", "info", "warning", "error"), None, 1_000) for name in names],
        "audit": await store.audit(None, 1_000),
        "cursors": [await store.cursor_of(name) for name in ("ledger", "rules")],
    }


async def test_everything_is_there_as_it_was_and_goes_on(tmp_path: Path, redis: Redis) -> None:
    await filled(tmp_path / "state.db")
    assert (await copied(tmp_path / "state.db", redis)).different == []
    alone, node = SQLiteStateStore(tmp_path / "state.db"), RedisStateStore(redis, "one")
    await alone.start()
    await node.start()
    assert await all_of(node) == await all_of(alone)
    assert {each.node for each in await node.last_connections()} == {"one"}
    assert [each.key for each in await node.documents(ALIVE)] == ["one"]
    assert await node.sessions("ann", 0) == []
    for store in (alone, node):  # what comes next is the same in both
        await store.change([Document("rule", "a", 4, {})], audited=[Audited(1_000, "ann", "add", "x", {})])
        await store.put_commands([], lines=[LogLine("d0", 9, 9, "info", "next")])
        assert await store.forget_commands(10**6, 1_000, 100) == 0  # some of the group are open
        await store.delete_device("d1")
    assert await all_of(node) == await all_of(alone)
    await alone.aclose()


async def test_no_table_of_a_state_is_forgotten(tmp_path: Path) -> None:
    await filled(tmp_path / "state.db", devices=1)
    with closing(sqlite3.connect(tmp_path / "state.db")) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {sort.name for sort in SORTS} | LEFT_OUT | {"sqlite_sequence"}


async def test_a_redis_with_a_state_is_left_alone_unless_it_is_to_be_replaced(tmp_path: Path, redis: Redis) -> None:
    await filled(tmp_path / "state.db")
    there = RedisStateStore(redis, "two")
    await there.start()
    await there.put_device(DeviceRecord("theirs", 1, b"hash", {}))
    with pytest.raises(Refusal, match=r"with 1 device$"):
        await copied(tmp_path / "state.db", redis)
    assert [each.name for each in await there.devices()] == ["theirs"]
    assert (await copied(tmp_path / "state.db", redis, is_forced=True)).different == []
    with pytest.raises(StoreUnavailable, match="another state"):  # a hub that runs there after all
        await there.put_device(DeviceRecord("late", 1, b"hash", {}))
    store = RedisStateStore(redis, "one")
    redis.stranger = None
    await store.start()
    assert sorted(each.name for each in await store.devices()) == ["d0", "d1", "d2"]


async def test_nothing_is_copied_where_a_node_runs(tmp_path: Path, redis: Redis) -> None:
    await filled(tmp_path / "state.db")
    own = Own("two", "0.1.0", "victoriametrics", lambda: "journal", lambda: "http://two:8080", dict)
    async with trio.open_nursery() as nursery:
        await nursery.start(Membership(redis, own, lambda: 1).run)
        with pytest.raises(Refusal, match="two runs on this Redis"):
            await copied(tmp_path / "state.db", redis, is_forced=True)
        nursery.cancel_scope.cancel()


async def test_a_copy_that_never_ended_is_no_hubs_and_is_begun_anew(tmp_path: Path, redis: Redis) -> None:
    await filled(tmp_path / "state.db")
    target = WholeRedis(redis, "one")
    await target.begin()
    await target.put("devices", [DeviceRecord("half", 1, b"hash", {})])
    with pytest.raises(Refusal, match="not whole"):
        await RedisStateStore(redis, "one").start()
    assert (await copied(tmp_path / "state.db", redis)).different == []
    assert not await target.finish()  # of the first one
    store = RedisStateStore(redis, "one")
    await store.start()
    assert sorted(each.name for each in await store.devices()) == ["d0", "d1", "d2"]


@pytest.mark.parametrize(
    ("key", "entry", "said"),
    [
        ("devices", "d0", "devices"),
        ("document:rule", "a", "documents"),
        ("command", "cdone", "commands"),
        ("cursors", "one:rules", "cursors"),
    ],
)
async def test_what_is_not_the_same_is_told_and_keeps_hubs_out(tmp_path: Path, redis: Redis, key: str, entry: str, said: str) -> None:
    await filled(tmp_path / "state.db")

    class Losing(WholeRedis):
        async def number_on(self, lines: int, audited: int) -> None:
            await super().number_on(lines, audited)
            assert await redis.ask(lambda client: client.hdel(redis.key(key), [entry]))

    source = WholeSQLite(tmp_path / "state.db")
    await source.start()
    found = await copy_state(source, Losing(redis, "one"), "one", lambda step, done, total: None, is_forced=False)
    assert [each.partition(":")[0] for each in found.different] == [said, said]  # one thing, and their number
    with pytest.raises(Refusal, match="not whole"):
        await RedisStateStore(redis, "one").start()
    await source.aclose()


async def test_a_directory_without_a_state_and_settings_without_a_redis_are_refused(tmp_path: Path) -> None:
    for settings, said in (
        (Settings(data_dir=tmp_path), "no Redis"),
        (Settings(data_dir=tmp_path, state="redis", redis_url="redis://127.0.0.1:1/0"), "no hub has its state"),
    ):
        with pytest.raises(Refusal, match=said):
            await copy_into_redis(settings, lambda step, done, total: None, is_forced=False)


async def test_a_node_that_would_turn_all_devices_of_the_hub_before_it_away_is_held_back(tmp_path: Path, redis: Redis) -> None:
    node = RedisStateStore(redis, "one")
    await node.start()
    await check_taken_along(node, redis, tmp_path / "state.db")  # there was none
    await filled(tmp_path / "state.db")
    await check_taken_along(node, None, tmp_path / "state.db")
    with pytest.raises(Refusal, match="3 devices"):
        await check_taken_along(node, redis, tmp_path / "state.db")
    assert (await copied(tmp_path / "state.db", redis)).different == []
    await node.start()
    redis.stranger = None
    await check_taken_along(node, redis, tmp_path / "state.db")
    for name in ("d0", "d1", "d2"):
        await node.delete_device(name, audited=[Audited(1, "ann", "remove device", name, {})])
    await check_taken_along(node, redis, tmp_path / "state.db")  # they were removed since
