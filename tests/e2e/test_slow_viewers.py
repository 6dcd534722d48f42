"""Thirty viewers of one device on a real hub: most draw what they get, one never says so, five never read. Nobody loses a reading."""

import os
import urllib.request
from base64 import b64encode
from functools import partial
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET

import msgpack
import trio

from devices import Channel, Device
from hub.client import HubClient
from tests.support.hub_process import RunningHub, running_hub
from tests.support.picture import ViewerPicture
from tests.support.waiting import until

GOOD, DEAD = 24, 5
STEP_S = 0.01
SUBSCRIBE = {"op": "subscribe", "id": "a", "devices": ["buoy"], "width_us": 0, "span_s": 3_600}
LEVEL = ("buoy", "level")


class RawViewer:
    """A viewer that says nothing but subscribe: it never reads, or reads and does not say what it has drawn."""

    def __init__(self, hub: RunningHub) -> None:
        self._hub = hub
        self._stream: trio.SocketStream
        self.picture = ViewerPicture()

    async def connect(self, *, receive_buffer_bytes: int = 0) -> None:
        """Shake hands and subscribe."""
        host, port = self._hub.address
        self._stream = await trio.open_tcp_stream(host, port)
        if receive_buffer_bytes:
            self._stream.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes)
        lines = [
            "GET /v1/live HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Protocol: tributary.live.v1.msgpack",
            f"Authorization: Bearer {self._hub.admin_token}",
        ]
        await self._stream.send_all("\r\n".join(lines).encode() + b"\r\n\r\n")
        body = msgpack.packb(SUBSCRIBE)
        assert len(body) < 126
        await self._stream.send_all(bytes([0x82, 0x80 | len(body)]) + bytes(4) + body)  # masked with nought

    def close(self) -> None:
        """Be gone."""
        self._stream.socket.close()

    async def read(self) -> None:
        """Draw everything that comes, and say nothing."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._stream.receive_some()
        data = data.partition(b"\r\n\r\n")[2]
        while True:
            while (frame := first_frame(data)) is not None:
                kind, body, data = frame
                message = msgpack.unpackb(body) if kind == 0x82 else {}
                if message.get("op") in ("snapshot", "update"):
                    self.picture.apply(message)
            data += await self._stream.receive_some()


def first_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return first byte, body and rest of unmasked frames; None where it is not whole."""
    if len(data) < 2:
        return None
    at, size = {126: (4, int.from_bytes(data[2:4], "big")), 127: (10, int.from_bytes(data[2:10], "big"))}.get(data[1], (2, data[1]))
    return None if len(data) < at + size else (data[0], data[at : at + size], data[at + size :])


async def watch(client: HubClient, picture: ViewerPicture) -> None:
    async with client.live() as live:
        await live.subscribe("a", ["buoy"], span_s=3_600)
        async for message in live:
            if message["op"] in ("snapshot", "update"):
                picture.apply(message)


def has_all(picture: ViewerPicture, count: int) -> bool:
    return picture.totals(LEVEL)[0] == count


def metric(hub: RunningHub, name: str) -> float:
    with urllib.request.urlopen(hub.url + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))


async def test_viewers_that_do_not_keep_up_lose_no_reading_and_cost_the_others_none(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, trio.fail_after(60):
        token = hub.provision("buoy")
        pictures = [ViewerPicture() for _ in range(GOOD)]
        slow, dead = RawViewer(hub), [RawViewer(hub) for _ in range(DEAD)]
        async with HubClient(hub.url, hub.admin_token) as client, trio.open_nursery() as nursery:
            for each in dead:
                await each.connect(receive_buffer_bytes=2_048)
            await slow.connect()
            nursery.start_soon(slow.read)
            for picture in pictures:
                nursery.start_soon(watch, client, picture)
            await until(lambda: all(picture.reasons for picture in [*pictures, slow.picture]))
            values = await send_with_spike(hub, tmp_path, token, slow.picture)
            for picture in [*pictures, slow.picture]:
                await until(partial(has_all, picture, len(values)), 15)
                assert picture.totals(LEVEL)[1] == sum(values)
                assert picture.extremes(LEVEL) == (1.0, 99.0)
            assert len(slow.picture.raw[LEVEL]) < len(values)
            assert all(not picture.buckets.get(LEVEL) for picture in pictures)
            assert metric(hub, "tributary_live_viewers") == GOOD + DEAD + 1
            assert metric(hub, "tributary_live_mailboxes") <= DEAD + 1 + 3  # those who keep up share one, or two
            assert metric(hub, "tributary_live_waiting_bytes") < DEAD * (64 << 10)
            nursery.cancel_scope.cancel()
        for each in (slow, *dead):
            each.close()


async def send_with_spike(hub: RunningHub, directory: Path, token: str, slow: ViewerPicture) -> list[float]:
    """Send until the slow one was found out; then a spike of one reading, and some more. Return what was sent."""
    values: list[float] = []
    async with Device(hub.device_url, "buoy", token, channels=[Channel("level", "m")], spool_dir=directory / "spool") as device:

        async def send(value: float) -> None:
            values.append(value)
            await device.send({"level": value})
            await trio.sleep(STEP_S)  # what comes at once would be one update

        with trio.fail_after(15):
            while not slow.buckets.get(LEVEL):
                await send(1.0)
        await send(99.0)
        for _ in range(50):
            await send(1.0)
        await device.drained(10)
    return values
