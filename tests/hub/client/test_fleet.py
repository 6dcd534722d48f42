"""The fleet from Python, against a real hub and real devices: who is cut off, and who comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from devices.client import Device, DeviceRefused
from devices.wire.messages import Channel
from hub import main
from hub.client import HubClient, HubError, fleet
from hub.config import Settings

CHANNELS = (Channel("temp", "Cel"),)


@asynccontextmanager
async def hub_client(tmp_path: Path) -> AsyncIterator[HubClient]:
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            await nursery.start(main.serve, Settings(port=0, data_dir=tmp_path / "data"))
        async with HubClient.local(tmp_path / "data") as client:
            with trio.fail_after(30):
                yield client
        nursery.cancel_scope.cancel()


async def is_offline(client: HubClient, name: str) -> None:
    """Return when the device's connection is gone."""
    with trio.fail_after(20):
        while (await client.device(name))["presence"] == "online":
            await trio.lowlevel.checkpoint()


async def test_a_fleet_is_added_found_and_edited(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        new = [{"name": f"d{number:04}", "tags": [f"floor={number % 3}"]} for number in range(1_001)]
        await fleet.check_new(client, new)
        assert len(await fleet.add(client, new[:1_000])) == 1_000
        await fleet.add(client, new[1_000:])
        assert len(await fleet.devices(client)) == 1_001
        assert [each["device"] for each in await fleet.devices(client, "floor=2 and name=d000*")] == ["d0002", "d0005", "d0008"]
        assert (await fleet.edit(client, "d0000", {"kind": "pump"}, 1))["revision"] == 2
        with pytest.raises(HubError) as refused:
            await fleet.edit(client, "d0000", {"kind": "fan"}, 1)
        assert (refused.value.status, refused.value.code) == (409, "conflict")


async def test_a_disabled_device_is_cut_off_and_a_revoked_one_gives_up(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        token = await client.add_device("pump")
        async with Device(client.url, "pump", token, channels=CHANNELS) as device:
            await device.send({"temp": 1.0})
            await device.drained(10)
            await fleet.edit(client, "pump", {"disabled": True})
            await is_offline(client, "pump")
            assert (device.statistics().last_error or "").startswith("4011")
        await fleet.edit(client, "pump", {"disabled": False})
        with pytest.RaisesGroup(DeviceRefused, flatten_subgroups=True, allow_unwrapped=True):
            async with Device(client.url, "pump", token, channels=CHANNELS) as device:
                await device.send({"temp": 1.0})
                await device.drained(10)
                await fleet.revoke(client, "pump")
                await is_offline(client, "pump")
                await trio.sleep_forever()


async def test_an_overlap_disturbs_nobody_until_it_is_over(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        old = await client.add_device("pump")
        new = await fleet.new_token(client, "pump", 3_600)
        for token in (old, new):
            async with Device(client.url, "pump", token, channels=CHANNELS) as device:
                await device.send({"temp": 1.0})
                await device.drained(10)
        third = await fleet.new_token(client, "pump", 3_600)
        assert len({old, new, third}) == 3
