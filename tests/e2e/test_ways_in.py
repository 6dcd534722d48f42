"""Every way in at once, on a real hub process: readings that come over HTTP and over a WebSocket are the same for every viewer.

So they are with nginx or HAProxy in between, which keep connections to the hub and use them again.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
import trio
from trio_websocket import open_websocket_url

from devices import Channel, Device
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.proxy_process import haproxy, nginx

SITES = {
    "nginx": """map $http_upgrade $way {{ default upgrade; "" ""; }}
    upstream hub {{ server {hub}; keepalive 16; }}
    server {{ listen 127.0.0.1:{port}; location / {{
        proxy_pass http://hub; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $way; }} }}""",
    "haproxy": """
    defaults
        mode http
        http-reuse always
        timeout connect 5s
        timeout client 60s
        timeout server 60s
        timeout tunnel 60s
    listen hub
        bind 127.0.0.1:{port}
        server hub {hub}
    """,
}
PROXIES = {"nginx": nginx, "haproxy": haproxy}
CHANNELS = [{"name": "temp", "unit": "Cel", "kind": "gauge"}]
COUNT = 40
SUBSCRIBE = {"op": "subscribe", "id": "all", "devices": ["*"], "span_s": 60}
Readings = dict[tuple[str, int, int], float]


class Place:
    """A hub as its devices and viewers have it: by the address of a proxy, where there is one."""

    def __init__(self, hub: RunningHub, url: str) -> None:
        self.url = url
        self.device_url = f"{url.replace('http', 'ws', 1)}/v1/device"
        self.live_url = f"{url.replace('http', 'ws', 1)}/v1/live"
        self.admin_token = hub.admin_token


@contextmanager
def place_of(hub: RunningHub, proxy: str, directory: Path) -> Iterator[Place]:
    """Run a proxy, if one is asked for, and give the hub behind it."""
    if proxy == "direct":
        yield Place(hub, hub.url)
        return
    port = free_port()
    site = SITES[proxy].format(hub=hub.url.rpartition("/")[2], port=port) + "\n"
    with PROXIES[proxy](directory / proxy, site, port):
        yield Place(hub, f"http://127.0.0.1:{port}")


class Seen:
    """What one viewer was told."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self.readings: Readings = {}

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Take a message; return what a viewer that has drawn it says."""
        if message["op"] not in ("snapshot", "update"):
            return None
        self._names |= {series["s"]: series["device"] for series in message["series"]}
        for column in message["data"]:
            assert column["w"] == 0
            for t, n, value in zip(column["t"], column["n"], column["v"], strict=True):
                self.readings[self._names[column["s"]], t, n] = value
        return {"op": "drawn", "id": "all", "n": message["n"]}

    @property
    def is_whole(self) -> bool:
        return len(self.readings) >= 2 * COUNT


async def watch_by_websocket(hub: Place, seen: Seen, ready: Callable[[], None]) -> None:
    headers = [(b"Authorization", f"Bearer {hub.admin_token}".encode())]
    async with open_websocket_url(hub.live_url, subprotocols=["tributary.live.v1.json"], extra_headers=headers) as socket:
        await socket.send_message(json.dumps(SUBSCRIBE))
        while not seen.is_whole:
            message = json.loads(await socket.get_message())
            if drawn := seen.take(message):
                await socket.send_message(json.dumps(drawn))
            if message["op"] == "snapshot":
                ready()


async def watch_by_poll(hub: Place, seen: Seen, ready: Callable[[], None]) -> None:
    async with client(hub, hub.admin_token) as http:
        path = await begin(http)
        after = 0
        while not seen.is_whole:
            said = (await http.get(path, params={"after": after})).raise_for_status().json()
            after = said["next"]
            for message in said["messages"]:
                seen.take(message)
                if message["op"] == "snapshot":
                    ready()


async def watch_by_events(hub: Place, seen: Seen, ready: Callable[[], None]) -> None:
    async with client(hub, hub.admin_token) as http:
        path = await begin(http)
        async with http.stream("GET", f"{path}/events") as stream:
            async for line in stream.aiter_lines():
                if not line.startswith('data: {"op"'):
                    continue
                message = json.loads(line[6:])
                if drawn := seen.take(message):
                    await http.post(path, json={"messages": [drawn]})
                if message["op"] == "snapshot":
                    ready()
                if seen.is_whole:
                    await http.delete(path)


async def send_by_websocket(hub: Place, token: str, directory: Path) -> None:
    channels = [Channel("temp", "Cel")]
    async with Device(hub.device_url, "socket", token, channels=channels, spool_dir=directory / "spool") as device:
        for value in range(COUNT):
            await device.send({"temp": float(value)})
        await device.drained(20)


async def send_by_post(hub: Place, token: str) -> None:
    """Send each frame twice, as if every first answer had been lost."""
    async with client(hub, token) as http:
        hello = {"op": "hello", "device": "post", "epoch": 7, "unfinished": [], "channels": CHANNELS}
        path, after = "/api/v1/device", 0
        said = await posted(http, path, after, hello)
        path, after = f"{path}/{said['session']}", said["next"]
        for seq in range(1, COUNT + 1):
            body = {"e": 7, "s": seq, "op": "data", "t": time.time_ns() // 1_000, "c": [0], "d": [0], "v": [float(-seq)]}
            await posted(http, path, after, body)
            after = (await posted(http, path, after, body))["next"]


async def posted(http: httpx.AsyncClient, path: str, after: int, *messages: dict[str, Any]) -> dict[str, Any]:
    body = {"messages": [msgpack.packb(message) for message in messages], "after": after}
    answer = await http.post(path, content=msgpack.packb(body))
    said: dict[str, Any] = msgpack.unpackb(answer.raise_for_status().content)
    return said


def client(hub: Place, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=hub.url, headers={"Authorization": f"Bearer {token}"}, timeout=40)


async def begin(http: httpx.AsyncClient) -> str:
    answer = await http.post("/api/v1/live", json={"messages": [SUBSCRIBE]})
    return f"/api/v1/live/{answer.raise_for_status().json()['session']}"


@pytest.mark.parametrize(
    "proxy",
    [
        "direct",
        pytest.param("nginx", marks=pytest.mark.needs_server("nginx")),
        pytest.param("haproxy", marks=pytest.mark.needs_server("haproxy")),
    ],
)
async def test_every_way_in_gives_the_same_readings(tmp_path: Path, proxy: str) -> None:
    with running_hub(tmp_path / "data") as hub, place_of(hub, proxy, tmp_path) as place:
        tokens = {name: hub.provision(name) for name in ("socket", "post")}
        seen = [Seen(), Seen(), Seen()]
        ready = [trio.Event() for _ in seen]
        with trio.fail_after(50):
            async with trio.open_nursery() as nursery:
                for watch, each, event in zip((watch_by_websocket, watch_by_poll, watch_by_events), seen, ready, strict=True):
                    nursery.start_soon(watch, place, each, event.set)
                for event in ready:
                    await event.wait()
                nursery.start_soon(send_by_websocket, place, tokens["socket"], tmp_path)
                nursery.start_soon(send_by_post, place, tokens["post"])
            kept: Readings = {}
            while len(kept) < 2 * COUNT:
                stored = await trio.to_thread.run_sync(hub.api, "GET", "/api/v1/query?device=socket&device=post&span_s=60")
                kept = {(each["device"], t, n): value for each in stored["series"] for t, n, value in each["points"]}
        assert sorted(value for _, value in kept.items()) == sorted(
            [*map(float, range(COUNT)), *(float(-seq) for seq in range(1, COUNT + 1))]
        )
        assert [each.readings for each in seen] == [kept, kept, kept]
