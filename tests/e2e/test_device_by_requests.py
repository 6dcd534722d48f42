"""Devices whose network lets no WebSocket through, on a real hub process: the client goes by requests, and loses or doubles nothing."""

import logging
from pathlib import Path

import pytest
import trio

from devices import Channel, Device
from devices.client import ways
from simulators.faults import fault_proxy
from tests.support.answer_cutter import answer_cutter
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.proxy_process import nginx

CHANNELS = [Channel("temp", "Cel")]


async def stored(hub: RunningHub, count: int) -> list[float]:
    """Wait until the store has so many readings of the device, and return them by time."""
    with trio.fail_after(20):
        while True:
            said = await trio.to_thread.run_sync(hub.api, "GET", "/api/v1/query?device=pump&span_s=200")
            points = [point for each in said["series"] for point in each["points"]]
            if len(points) >= count:
                return [value for _, _, value in sorted(points)]


async def command(hub: RunningHub, number: int) -> dict[str, object]:
    """Send a command and wait for its end."""
    asked = {"name": "double", "args": {"number": number}, "ttl_s": 20}
    sent = await trio.to_thread.run_sync(hub.api, "POST", "/api/v1/devices/pump/commands", asked)
    with trio.fail_after(20):
        while True:
            said = await trio.to_thread.run_sync(hub.api, "GET", f"/api/v1/commands/{sent['id']}")
            if said["state"] in ("done", "failed", "expired"):
                return dict(said)


def pump(url: str, token: str, directory: Path, way: ways.Way = "auto") -> Device:
    """A device with one command, which says how often it ran."""
    device = Device(url, "pump", token, channels=CHANNELS, spool_dir=directory / "spool", way=way)

    @device.command("double", args={"number": {"type": "integer"}})
    async def _double(number: int) -> int:
        return 2 * number

    return device


@pytest.mark.needs_server("nginx")
async def test_a_device_falls_back_where_upgrades_are_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tributary.device")
    port = free_port()
    with running_hub(tmp_path / "data") as hub:
        site = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {hub.url}; }} }}"
        with nginx(tmp_path / "nginx", site, port):
            async with pump(f"http://127.0.0.1:{port}", hub.provision("pump"), tmp_path) as device:
                for value in range(20):
                    await device.send({"temp": value})
                await device.drained(30)
                assert (await command(hub, 21))["value"] == 42
        assert await stored(hub, 20) == list(range(20))
    assert "going by HTTP requests" in caplog.text


async def test_requests_that_are_cut_lose_and_double_nothing(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        async with fault_proxy(*hub.address) as proxy, pump(proxy.url, hub.provision("pump"), tmp_path, "http") as device:
            for value in range(100):
                await device.send({"temp": value})
                proxy.cut_after(150 + 37 * value)  # in the request, in the answer, or between them
                with trio.move_on_after(0.02):
                    await device.drained()
            assert (await command(hub, 4))["value"] == 8
            proxy.heal()
            await device.drained(30)
        assert await stored(hub, 100) == list(range(100))


async def test_an_answer_that_is_lost_after_the_commit_doubles_nothing(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        token = hub.provision("pump")
        async with answer_cutter(hub.address[1], b"POST /api/v1/device/") as cutter, pump(cutter.url, token, tmp_path, "http") as device:
            await device.send({"temp": 0})
            await device.drained(20)
            for value in range(1, 9):
                cutter.left = 2
                await device.send({"temp": value})
                await device.drained(20)
            assert cutter.left == 0
            assert device.statistics().connects == 1  # the session outlives its connections
        assert await stored(hub, 9) == list(range(9))


async def test_a_device_goes_back_to_a_websocket_that_gets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tributary.device")
    monkeypatch.setattr(ways, "WEBSOCKET_AGAIN_S", 0.5)
    with running_hub(tmp_path / "data") as hub:
        async with answer_cutter(hub.address[1], b"GET /v1/device") as cutter:
            cutter.left = ways.PATIENCE
            async with pump(cutter.url, hub.provision("pump"), tmp_path) as device:
                with trio.fail_after(30):
                    while device.statistics().connects < 2 or not device.statistics().is_connected:
                        await device.send({"temp": 1})
                        await device.drained()
                await device.drained(20)
                assert device.statistics().gaps == 0
    assert "a WebSocket gets through again" in caplog.text


async def test_only_the_newest_session_of_a_device_counts(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        token = hub.provision("pump")
        async with pump(hub.url, token, tmp_path / "a", "http") as first:
            await first.send({"temp": 1})
            await first.drained(20)
            async with pump(hub.url, token, tmp_path / "b", "websocket") as second:
                await second.send({"temp": 2})
                await second.drained(20)
                with trio.fail_after(20):
                    while "4000" not in (first.statistics().last_error or ""):
                        await second.drained()
                        await trio.lowlevel.checkpoint()


async def test_a_device_that_leaves_is_offline_at_once(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        async with pump(hub.url, hub.provision("pump"), tmp_path, "http") as device:
            await device.send({"temp": 1})
            await device.drained(20)
        with trio.fail_after(10):
            while True:
                item = await trio.to_thread.run_sync(hub.api, "GET", "/api/v1/devices/pump")
                if item["presence"] == "offline":
                    break
