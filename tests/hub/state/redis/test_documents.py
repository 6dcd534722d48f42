"""Devices in Redis that several nodes change: each changes what it knows, and nothing beside."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.hub.state.redis.test_notices import DEVICE, nodes
from tests.support.redis import PROGRAM

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
