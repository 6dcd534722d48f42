"""Rules of a whole hub from Python: a reading that breaks one is an alert in every viewer within a second, also across a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from hub import main
from hub.client import HubClient, HubError, LiveConnection, rules
from hub.config import Settings

HOT = {"kind": "above", "channels": ["temp"], "limit": 80, "hysteresis": 5}


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


async def next_alert(live: LiveConnection) -> dict[str, Any]:
    """Return the next alert that a viewer is told of."""
    while True:
        message = await live.receive()
        if message["op"] == "alerts" and message["items"]:
            return dict(message["items"][0])


async def test_an_alert_reaches_a_viewer_and_is_over_after_a_restart(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        token = await client.add_device("pump")
        assert (await rules.put_rule(client, "hot", HOT))["version"] == 1
        async with Device(client.url, "pump", token, channels=[Channel("temp", "Cel")]) as pump, client.live() as live:
            await pump.send({"temp": 79.0})
            await pump.drained()
            await pump.send({"temp": 81.0})
            alert = await next_alert(live)
        assert (alert["rule"], alert["device"], alert["value"], alert["state"]) == ("hot", "pump", 81.0, "open")
        assert [each async for each in rules.alerts(client, state="open")] == [alert]
        assert (await rules.acknowledge(client, alert["id"]))["state"] == "acknowledged"
        with pytest.raises(HubError, match="is acknowledged"):
            await rules.acknowledge(client, alert["id"])
        said = await rules.acknowledge_all(client, [alert["id"]])
        assert (said["alerts"], [each["code"] for each in said["refusals"]]) == ([], ["not_open"])
    async with hub_client(tmp_path) as client, client.live() as live:
        kept = await next_alert(live)
        assert (kept["id"], kept["state"]) == (alert["id"], "acknowledged")
        async with Device(client.url, "pump", token, channels=[Channel("temp", "Cel")]) as pump:
            await pump.send({"temp": 75.0})
            over = await next_alert(live)
        assert (over["id"], over["state"]) == (alert["id"], "cleared")
        await rules.delete_rule(client, "hot")
        assert await rules.rules(client) == []
