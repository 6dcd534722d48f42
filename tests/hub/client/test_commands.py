"""Commands from Python and the command line, against a real hub: kept for a device that is away, sent once under a key, cancelled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from hub import main
from hub.client import HubClient, HubError, commands
from hub.config import Settings


@asynccontextmanager
async def hub_client(tmp_path: Path) -> AsyncIterator[HubClient]:
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            await nursery.start(main.serve, Settings(port=0, data_dir=tmp_path / "data"))
        async with HubClient.local(tmp_path / "data") as client:
            with trio.fail_after(30):
                yield client
        nursery.cancel_scope.cancel()


class Pump:
    """A device that counts, and one command of which never ends."""

    def __init__(self, client: HubClient, token: str) -> None:
        self.device = Device(client.url, "pump", token, channels=[Channel("temp", "Cel")])
        self.runs = 0
        self.begun = trio.Event()
        self.device.command("count")(self._count)
        self.device.command("wait")(self._wait)

    async def _count(self) -> int:
        self.runs += 1
        return self.runs

    async def _wait(self) -> None:
        self.begun.set()
        await trio.sleep_forever()


async def has_presence(client: HubClient, presence: str) -> None:
    while (await client.device("pump"))["presence"] != presence:
        await trio.lowlevel.checkpoint()


async def test_commands_wait_for_a_device_and_run_once_under_their_key(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        token = await client.add_device("pump")
        async with Pump(client, token).device:
            await has_presence(client, "online")
        await has_presence(client, "offline")
        sent = [await commands.send_once(client, "pump", "count", key="one") for _ in range(3)]
        unwanted = await client.command("pump", "count")
        assert {each["id"] for each in sent} == {sent[0]["id"]}
        assert (await commands.cancel(client, unwanted["id"]))["answer"] == "cancelled"
        pump = Pump(client, token)
        async with pump.device:
            assert (await client.command_ended(sent[0]["id"]))["value"] == 1
            assert (await commands.send_once(client, "pump", "count", key="one"))["state"] == "done"
            assert (await client.command_state(unwanted["id"]))["state"] == "cancelled"
        assert pump.runs == 1


async def test_a_running_command_is_stopped_and_one_that_has_ended_is_not(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        pump = Pump(client, await client.add_device("pump"))
        async with pump.device:
            await has_presence(client, "online")
            waiting, counting = await client.command("pump", "wait"), await client.command("pump", "count")
            await pump.begun.wait()
            said = await commands.cancel(client, waiting["id"])
            assert (said["answer"], said["command"]["state"]) == ("cancelled", "cancelled")
            await client.command_ended(counting["id"])
            assert (await commands.cancel(client, counting["id"]))["answer"] == "too_late"
            with pytest.raises(HubError, match="no command has the id"):
                await commands.cancel(client, "nope")
