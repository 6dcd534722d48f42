"""Shadows of a whole hub from Python: replaced, merged, waited for, refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from hub import main
from hub.client import HubClient, HubError, shadow
from hub.config import Settings


@asynccontextmanager
async def hub_client(directory: Path) -> AsyncIterator[HubClient]:
    """Run a hub and be its administrator."""
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            await nursery.start(main.serve, Settings(port=0, data_dir=directory))
        async with HubClient.local(directory) as client:
            with trio.fail_after(20):
                yield client
        nursery.cancel_scope.cancel()


async def test_a_shadow_is_replaced_merged_and_waited_for(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        token = await client.add_device("pump")
        version = (await shadow.replace(client, "pump", {"a": 1, "b": 2}, 0))["desired"]["version"]
        assert (await shadow.merge(client, "pump", {"b": None}))["desired"]["document"] == {"a": 1}
        with pytest.raises(HubError) as caught:
            await shadow.replace(client, "pump", {}, version)
        assert (caught.value.code, caught.value.status) == ("conflict", 409)
        with pytest.raises(HubError, match=r"has not reported what is desired within 0\.1 s"):
            await shadow.in_step(client, "pump", 0.1)
        device = Device(client.url, "pump", token, channels=[Channel("temp", "Cel")])

        @device.on_desired
        def apply(document: dict[str, int], delta: dict[str, int]) -> None:
            if document["a"] > 1:
                raise ValueError("too much")

        async with device:
            assert (await shadow.in_step(client, "pump", 10))["reported"]["document"] == {"a": 1}
            await shadow.merge(client, "pump", {"a": 2})
            with pytest.raises(HubError, match="could not apply it: ValueError: too much"):
                await shadow.in_step(client, "pump", 10)


async def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        with pytest.raises(HubError, match="no device is called"):
            await shadow.shadow(client, "nobody")
        await client.add_device("pump")
        with pytest.raises(HubError, match="cannot be sent as JSON"):
            await shadow.merge(client, "pump", {"a": float("nan")})
        with pytest.raises(HubError, match="over the limit of 8,192"):
            await shadow.merge(client, "pump", {"a": "x" * 9_000})
