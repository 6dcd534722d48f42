"""Connections over HTTP, on the real app: page by page, for who may see addresses; those that are open with their figures."""

from pathlib import Path

import trio

from devices import Channel, Device
from hub import main
from hub.client import HubClient, connections
from hub.config import Settings
from tests.support.api_hub import api_hub, is_refusal
from tests.support.waiting import until


async def test_the_connections_of_a_device_are_read_page_by_page(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        for epoch in (71, 72, 73):
            device = await hub.parts.connect("pump")
            await device.hello(epoch)
            await until(lambda: hub.parts.registry.is_connected("pump"))
            await device.link.aclose()
            await until(lambda: not hub.parts.registry.is_connected("pump"))
        first = (await admin.get("/api/v1/devices/pump/connections", params={"limit": 2})).json()
        assert len(first["connections"]) == 2
        rest = (await admin.get("/api/v1/devices/pump/connections", params={"after": first["next"]})).json()
        items = first["connections"] + rest["connections"]
        assert (len(items), rest["next"]) == (3, None)
        assert items == sorted(items, key=lambda item: item["came_us"], reverse=True)
        assert {(item["remote"], item["code"]) for item in items} == {("memory", 1000)}
        assert all(item["lasted_s"] >= 0 for item in items)


async def test_an_unknown_device_and_a_bad_page_are_refused(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.get("/api/v1/devices/nobody/connections"), 404, "no_device")
        await hub.parts.registry.add_device("pump")
        for bad in ({"limit": 0}, {"limit": 101}, {"after": -1}, {"after": "x"}):
            is_refusal(await admin.get("/api/v1/devices/pump/connections", params=bad), 422, "bad_request")
        assert (await admin.get("/api/v1/devices/pump/connections")).json() == {"connections": [], "next": None}


async def test_open_connections_have_figures_that_add_up(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        url = await nursery.start(main.serve, Settings(port=0, data_dir=tmp_path))
        async with HubClient.local(tmp_path) as client, client.live() as live:
            await live.subscribe("a")
            token = await client.add_device("pump")
            async with Device(url, "pump", token, channels=[Channel("temp")]) as pump:
                for value in range(20):
                    await pump.send({"temp": value})
                await pump.drained(10)
                items = {item["kind"]: item for item in await connections.counted(client)}
                device, viewer = items["device"], items["viewer"]
                assert (device["who"], device["received_frames"]) == ("pump", 21)
                assert device["received_bytes"] > 21 * 30
                assert device["sent_frames"] >= 2
                assert (device["uncommitted_frames"], device["live_credit_frames"]) == (0, 0)
                assert (viewer["subscriptions"], viewer["is_conflated"]) == (1, False)
                assert viewer["sent_bytes"] > 0
                assert device["age_s"] > 0
                assert device["remote"].startswith("127.0.0.1:")
                assert len(await connections.counted(client, 1)) == 1
        nursery.cancel_scope.cancel()
