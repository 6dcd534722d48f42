"""Devices in Redis that several nodes change: each changes what it knows, and nothing beside."""

from dataclasses import replace
from pathlib import Path

import pytest

from hub.core.done import watched
from hub.core.errors import Refusal
from hub.ports import Audited, Conflict, Document
from tests.hub.state.redis.test_notices import DEVICE, nodes
from tests.support.redis import PROGRAM, connected

pytestmark = pytest.mark.needs_server(PROGRAM)


async def test_an_edit_leaves_what_the_device_has_declared_on_another_node_since(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (_, one, two):
        await one.put_device(DEVICE)
        said = replace(DEVICE, description={"firmware": "2\n2"}, last_seen_us=9)
        await two.change(seen=[said])
        await one.change(devices=[replace(DEVICE, is_disabled=True)], made_of={"pump": DEVICE})
        assert await two.devices() == [replace(said, is_disabled=True)]
        await one.change(devices=[replace(said, description={"firmware": "3"})], made_of={"pump": replace(said, is_disabled=True)})
        assert await two.devices() == [replace(said, description={"firmware": "3"})]


async def test_what_is_noted_in_the_audit_log_is_something_done_and_what_was_refused_is_not(tmp_path: Path) -> None:
    entry = Audited(1, "ann", "edit", "rule hot", {})
    async with nodes(tmp_path) as (_, one, two):
        await two.change([Document("rule", "hot", 1, {})])
        with watched() as done:
            await one.put_device(DEVICE)  # as a device that says hello has
            with pytest.raises(Conflict):
                await one.change([Document("rule", "hot", 1, {})], audited=[entry])
        assert not done.is_any
        with watched() as done:
            await one.change([Document("rule", "hot", 2, {})], audited=[entry])
        assert done.is_any
        with watched() as done:
            await one.delete_device("pump", audited=[entry])
        assert done.is_any


async def test_a_state_that_a_newer_hub_has_made_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (server, one, _), connected(server.url) as redis:
        await one.put_device(DEVICE)
        place = redis.key("format")
        await redis.ask(lambda client: client.set(place, "99"))
        with pytest.raises(Refusal, match=r"^the state in redis://\S+ has format 99, this hub knows \d+$") as refused:
            await one.start()
        assert (refused.value.code, refused.value.hint) == ("newer_state", "run the newer hub")
        assert await redis.ask(lambda client: client.get(place)) == b"99"
        assert [each.name for each in await one.devices()] == ["pump"]
