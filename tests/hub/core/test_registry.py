"""The registry on the real state store: tokens, presence, and changes that meet each other; a restart must find what was told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.wire.messages import Channel, Hello
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.state.sqlite import SQLiteStateStore

HELLO = Hello("pump", 7, (Channel("temp", "Cel"),), firmware="7.1", clock_us=1_500)


@asynccontextmanager
async def registry_on(directory: Path) -> AsyncIterator[tuple[Registry, SQLiteStateStore, Entities]]:
    state, entities = SQLiteStateStore(directory / "state.db"), Entities()
    await state.start()
    try:
        registry = Registry(state, entities, lambda: 1_000)
        await registry.load()
        yield registry, state, entities
    finally:
        await state.aclose()


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def presence(registry: Registry) -> str | None:
    return (registry.item("pump") or {}).get("presence")


async def test_a_device_has_one_token_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        token = await registry.add_device("pump")
        assert registry.device_of(token) == "pump"
        assert registry.device_of(token + "x") is None
        assert registry.device_of("\ud800") is None
    async with registry_on(tmp_path) as (registry, _, _):
        assert registry.device_of(token) == "pump"
    assert token.encode() not in everything_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "code"), [("", "bad_name"), ("-x", "bad_name"), ("a b", "bad_name"), ("x" * 65, "bad_name"), ("pump", "exists")]
)
async def test_a_name_that_cannot_be_is_refused_and_nothing_is_added(tmp_path: Path, name: str, code: str) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        with pytest.raises(Refusal) as refused:
            await registry.add_devices(["good", name])
        assert refused.value.code == code
        assert registry.names() == ["pump"]


async def test_a_new_token_replaces_the_old_one_and_tells_who_must_end_the_connection(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        revoked: list[str] = []
        registry.on_revoked(revoked.append)
        old = await registry.add_device("pump")
        new = await registry.new_token("pump")
        assert (registry.device_of(old), registry.device_of(new), revoked) == (None, "pump", ["pump"])
        with pytest.raises(Refusal):
            await registry.new_token("nobody")


async def test_one_of_two_who_add_the_same_name_at_once_is_refused(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        tokens: list[str] = []
        refused: list[str] = []

        async def add() -> None:
            try:
                tokens.append(await registry.add_device("pump"))
            except Refusal as refusal:
                refused.append(refusal.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(add)
            nursery.start_soon(add)
        assert (len(tokens), refused) == (1, ["exists"])


async def test_a_token_replaced_while_the_device_connects_is_the_one_that_a_restart_knows(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        old = await registry.add_device("pump")
        async with trio.open_nursery() as nursery:
            new: list[str] = []

            async def renew() -> None:
                new.append(await registry.new_token("pump"))

            nursery.start_soon(renew)
            await trio.testing.wait_all_tasks_blocked()  # the new token is on its way to the disk
            nursery.start_soon(registry.connected, HELLO)
        assert (registry.item("pump") or {})["firmware"] == "7.1"
    async with registry_on(tmp_path) as (registry, _, _):
        assert (registry.device_of(old), registry.device_of(new[0])) == (None, "pump")
        assert (registry.item("pump") or {})["firmware"] == "7.1"


async def test_a_device_removed_while_it_disconnects_stays_removed(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, entities):
        token = await registry.add_device("pump")
        await registry.connected(HELLO)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(registry.remove_device, "pump")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(registry.disconnected, "pump")
        assert entities.devices() == []
    async with registry_on(tmp_path) as (registry, _, _):
        assert registry.names() == []
        assert registry.device_of(token) is None


async def test_a_device_that_gets_a_removed_ones_name_begins_anew(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        await registry.connected(HELLO)
        await registry.disconnected("pump")
    async with registry_on(tmp_path) as (registry, _, _):
        assert presence(registry) == "unconfirmed"
        removed: list[str] = []
        registry.on_removed(removed.append)
        await registry.remove_device("pump")
        await registry.add_device("pump")
        assert removed == ["pump"]
        assert registry.item("pump") == {"device": "pump", "presence": "offline", "channels": [], "commands": []}


async def test_presence_follows_connections_and_outlives_a_restart_as_unconfirmed(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, entities):
        await registry.add_device("pump")
        assert presence(registry) == "offline"
        await registry.connected(HELLO)
        assert registry.is_connected("pump")
        item = entities.devices()[0]
        assert (item["presence"], item["connected_us"], item["clock_offset_us"]) == ("online", 1_000, 500)
    async with registry_on(tmp_path) as (registry, _, _):
        assert presence(registry) == "unconfirmed"
        registry.confirm()
        assert presence(registry) == "offline"
        assert (registry.item("pump") or {})["channels"][0]["name"] == "temp"


async def test_a_connected_device_is_not_called_offline_by_confirm(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        await registry.connected(HELLO)
        registry.confirm()
        assert presence(registry) == "online"


async def test_presence_goes_on_while_the_store_is_away(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, state, _):
        await registry.add_device("pump")
        await state.aclose()
        with capture_logs() as lines:
            await registry.connected(HELLO)
            assert presence(registry) == "online"
            await registry.disconnected("pump")
            assert presence(registry) == "offline"
        assert [line["event"] for line in lines] == ["presence_not_stored"] * 2
        await state.start()
        await registry.connected(HELLO)
    async with registry_on(tmp_path) as (registry, _, _):
        assert (registry.item("pump") or {})["firmware"] == "7.1"
