"""Viewers without a WebSocket on a whole hub: the same messages by long poll and by server-sent events, and whose session it is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio

from devices import Channel, Device
from hub.web.ways.sessions import MAX_OF_ONE
from tests.support.served_hub import WholeHub, whole_hub

SUBSCRIBE = {"op": "subscribe", "id": "a", "devices": ["*"], "span_s": 60}


@asynccontextmanager
async def streaming(hub: WholeHub, directory: Path) -> AsyncIterator[Device]:
    token = await hub.add_device("pump")
    async with Device(hub.url, "pump", token, channels=[Channel("temp")], spool_dir=directory / "spool") as device:
        yield device


class Poller:
    """A viewer by long poll."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.path = ""
        self.next = 0
        self.messages: list[dict[str, Any]] = []
        self.closed: dict[str, Any] | None = None

    async def begin(self, *messages: dict[str, Any]) -> None:
        answer = await self.client.post("/api/v1/live", json={"messages": list(messages)})
        assert answer.status_code == 201, answer.text
        self.path = f"/api/v1/live/{answer.json()['session']}"

    async def poll(self) -> None:
        answer = await self.client.get(self.path, params={"after": self.next})
        assert answer.status_code == 200, answer.text
        said = answer.json()
        self.messages += said["messages"]
        self.next, self.closed = said["next"], said.get("closed")

    async def has(self, count: int) -> list[float]:
        """Poll until so many readings have come; return their values."""
        with trio.fail_after(30):
            while len(values(self.messages)) < count:
                await self.poll()
        return values(self.messages)


def values(messages: list[dict[str, Any]]) -> list[float]:
    return [value for message in messages if message["op"] in ("snapshot", "update") for column in message["data"] for value in column["v"]]


async def test_a_poller_gets_greeting_snapshot_and_updates_and_goes_on_from_its_cursor(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, streaming(hub, tmp_path) as device, hub.client() as client:
        poller = Poller(client)
        await poller.begin(SUBSCRIBE)
        await device.send({"temp": 1.0})
        await poller.has(1)
        assert [message["op"] for message in poller.messages[:2]] == ["ready", "devices"]
        await device.send({"temp": 2.0})
        assert await poller.has(2) == [1.0, 2.0]
        cursor = [message["to"] for message in poller.messages if "to" in message][-1]
        assert (await client.delete(poller.path)).status_code == 204
        await device.send({"temp": 3.0})
        again = Poller(client)
        await again.begin({**SUBSCRIBE, "cursor": cursor})
        assert await again.has(1) == [3.0]


async def test_an_answer_that_was_lost_is_given_again(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client() as client:
        poller = Poller(client)
        await poller.begin()
        first, second = [(await client.get(poller.path, params={"after": 0})).json() for _ in range(2)]
        assert second["messages"][: len(first["messages"])] == first["messages"]


async def test_a_poller_that_has_taken_updates_is_taken_to_have_drawn_them(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, streaming(hub, tmp_path) as device, hub.client() as client:
        poller = Poller(client)
        await poller.begin(SUBSCRIBE)
        began, count = trio.current_time(), 0
        while trio.current_time() < began + 2.5:  # without being drawn, that is merged after 2 s
            await device.send({"temp": float(count)})
            count += 1
            await poller.has(count)
        assert {column["w"] for message in poller.messages if message["op"] == "update" for column in message["data"]} == {0}


async def test_a_session_belongs_to_who_began_it(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client() as client:
        poller = Poller(client)
        await poller.begin()
        link = (await client.post("/api/v1/logins", json={"name": "eve", "role": "admin"})).json()["url"]
        async with httpx.AsyncClient(base_url=hub.url, follow_redirects=True, headers={"Origin": hub.url}) as eve:
            await eve.get(link)
            await eve.post(link)
            assert (await eve.get("/api/v1/hub")).status_code == 200
            for method, path in (("GET", poller.path), ("GET", f"{poller.path}/events"), ("DELETE", poller.path)):
                answer = await eve.request(method, path)
                assert (answer.status_code, answer.json()["code"]) == (404, "no_session")
            answer = await eve.post(poller.path, json={"messages": [SUBSCRIBE]})
            assert answer.json()["code"] == "no_session"
        async with hub.client("wrong") as stranger:
            assert (await stranger.get(poller.path)).status_code == 401
        await poller.poll()


async def test_what_a_session_cannot_take_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client() as client:
        poller = Poller(client)
        await poller.begin()
        await poller.poll()
        answer = await client.get(poller.path, params={"after": 10_000})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_after")
        answer = await client.post(poller.path, json={"messages": [{"op": "x" * 70_000}]})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert (await client.post(poller.path, json={"messages": [{"op": "dance"}]})).status_code == 204
        await poller.poll()
        assert poller.messages[-1]["code"] == "unknown_op"
        for _ in range(MAX_OF_ONE - 1):
            await poller.begin()
        answer = await client.post("/api/v1/live", json={})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_sessions")


async def test_the_end_of_a_session_is_told_with_its_code(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client() as admin:
        link = (await admin.post("/api/v1/logins", json={"name": "ann", "role": "viewer"})).json()["url"]
        async with httpx.AsyncClient(base_url=hub.url, follow_redirects=True, headers={"Origin": hub.url}, timeout=40) as ann:
            await ann.get(link)
            await ann.post(link)
            poller = Poller(ann)
            await poller.begin()
            await poller.poll()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(poller.poll)
                for _ in range(3):
                    await admin.get("/api/v1/hub")  # the poll, which went before, waits by then
                assert (await ann.post("/logout")).status_code < 400
            assert poller.closed is not None
            assert poller.closed["code"] == 4504
            assert (await ann.get(poller.path)).status_code == 401


async def test_events_stream_the_same_messages_with_headers_that_keep_proxies_from_gathering_them(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, streaming(hub, tmp_path) as device, hub.client() as client:
        poller = Poller(client)
        await poller.begin(SUBSCRIBE)
        lines: list[str] = []
        with trio.fail_after(30):
            async with client.stream("GET", f"{poller.path}/events") as stream:
                assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
                assert stream.headers["x-accel-buffering"] == "no"
                assert stream.headers["cache-control"] == "no-store, no-transform"
                async for line in stream.aiter_lines():
                    lines.append(line)
                    if line.startswith('data: {"op":"snapshot"'):
                        await device.send({"temp": 1.0})
                    if line.startswith('data: {"op":"update"'):
                        assert (await client.delete(poller.path)).status_code == 204
        messages = [json.loads(line[6:]) for line in lines if line.startswith('data: {"op"')]
        assert values(messages) == [1.0]
        assert messages[0]["op"] == "ready"
        assert [line for line in lines if line][-2:] == ["event: closed", 'data: {"code":1000}']


async def test_a_session_ends_with_its_stream_of_events(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client() as client:
        poller = Poller(client)
        await poller.begin()
        with trio.fail_after(30):
            host, _, port = hub.url.rpartition("/")[2].rpartition(":")
            async with await trio.open_tcp_stream(host, int(port)) as stream:
                head = f"GET {poller.path}/events HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {hub.admin_token}\r\n\r\n"
                await stream.send_all(head.encode())
                heard = b""
                while b'data: {"op":"ready"' not in heard:
                    heard += await stream.receive_some()
            while (await client.post(poller.path, json={})).status_code != 404:
                pass


async def test_a_login_for_some_devices_sees_them_alone_also_when_they_come_and_go(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, streaming(hub, tmp_path) as device, hub.client() as admin:
        await hub.add_device("valve")
        made = await admin.post("/api/v1/tokens", json={"name": "limited", "role": "viewer", "where": "floor=2"})
        async with hub.client(made.json()["token"]) as client:
            poller = Poller(client)
            await poller.begin(SUBSCRIBE, {**SUBSCRIBE, "id": "b", "devices": ["pump"]}, {**SUBSCRIBE, "id": "c", "devices": ['x" or "y']})
            await device.send({"temp": 1.0})
            await device.drained()
            with trio.fail_after(30):
                while sum(message["op"] == "snapshot" for message in poller.messages) < 2 or not refusals(poller):
                    await poller.poll()
            assert values(poller.messages) == []
            assert items(poller) == []
            assert refusals(poller) == ["out_of_reach"]
            await admin.patch("/api/v1/devices/pump", json={"tags": ["floor=2"]})
            with trio.fail_after(30):
                while len(values(poller.messages)) < 2 or not items(poller):
                    await poller.poll()
            assert {item["device"] for item in items(poller)} == {"pump"}
            await admin.patch("/api/v1/devices/pump", json={"tags": []})
            with trio.fail_after(30):
                while not items(poller)[-1].get("removed"):
                    await poller.poll()
            assert {item["device"] for item in items(poller)} == {"pump"}


def items(poller: Poller) -> list[dict[str, Any]]:
    return [item for message in poller.messages if message["op"] == "devices" for item in message["items"]]


def refusals(poller: Poller) -> list[str]:
    return [message["code"] for message in poller.messages if message["op"] == "error"]
