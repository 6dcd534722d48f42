"""Scripts with HubClient behind proxies: where no WebSocket gets through they poll, and miss nothing when polls are cut."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from devices import Channel, Device
from hub.client import HubClient
from hub.client.live import Way
from simulators.faults import fault_proxy
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.proxy_process import nginx

COUNT = 60


async def watched(client: HubClient, way: Way, ready: trio.Event) -> list[float]:
    """Return the readings that a script is told, in the order of their time."""
    seen: dict[tuple[int, int], float] = {}
    async with client.live(way) as live:
        assert (await live.receive())["op"] == "ready"
        await live.subscribe("mine", ["pump"], span_s=60)
        async for message in live:
            if message["op"] == "snapshot":
                ready.set()
            for column in message.get("data", ()):
                seen |= {(t, n): value for t, n, value in zip(column["t"], column["n"], column["v"], strict=True)}
            if len(seen) >= COUNT:
                return [value for _, value in sorted(seen.items())]
    raise AssertionError("the hub ended the connection")


async def streamed(hub: RunningHub, directory: Path, ready: trio.Event, each: trio.MemorySendChannel[None]) -> None:
    await ready.wait()
    token = await trio.to_thread.run_sync(hub.provision, "pump")
    async with each, Device(hub.url, "pump", token, channels=[Channel("temp", "Cel")], spool_dir=directory / "spool") as device:
        for value in range(COUNT):
            await device.send({"temp": value})
            await device.drained(20)
            await each.send(None)


async def seen_through(
    url: str, hub: RunningHub, directory: Path, way: Way = "auto", cut: Callable[[], object] = lambda: None
) -> list[float]:
    """Watch through a proxy what a device sends, `cut` being called now and then."""
    ready, found = trio.Event(), list[float]()
    sent, comes = trio.open_memory_channel[None](0)
    async with HubClient(url, hub.admin_token) as client, trio.open_nursery() as nursery:

        async def watch() -> None:
            found.extend(await watched(client, way, ready))

        nursery.start_soon(watch)
        nursery.start_soon(streamed, hub, directory, ready, sent)
        with trio.fail_after(60):
            number = 0
            async for _ in comes:
                number += 1
                if number % 10 == 0:  # more often, and the hub would merge what this script takes in late
                    cut()
    return found


@pytest.mark.needs_server("nginx")
async def test_a_script_polls_where_upgrades_are_refused(tmp_path: Path) -> None:
    port = free_port()
    with running_hub(tmp_path / "data") as hub:
        site = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {hub.url}; }} }}"
        with nginx(tmp_path / "nginx", site, port):
            assert await seen_through(f"http://127.0.0.1:{port}", hub, tmp_path) == list(range(COUNT))


async def test_polls_that_are_cut_miss_nothing(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        async with fault_proxy(*hub.address) as proxy:
            assert await seen_through(proxy.url, hub, tmp_path, "poll", proxy.cut) == list(range(COUNT))
            assert proxy.accepted >= COUNT // 20  # a cut that comes between two connections cuts none
