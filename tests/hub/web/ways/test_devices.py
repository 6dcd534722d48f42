"""Devices without a WebSocket on a whole hub: hello, frames, acks and commands by POST and long poll, exactly once."""

import time
from pathlib import Path
from typing import Any

import httpx
import msgpack
import trio

from devices import Channel, Device
from tests.support.served_hub import WholeHub, whole_hub

CHANNELS = [{"name": "temp", "unit": "Cel", "kind": "gauge"}]


class Poster:
    """A device by HTTP POST."""

    def __init__(self, client: httpx.AsyncClient, name: str = "pump") -> None:
        self.client = client
        self.name = name
        self.path = ""
        self.next = 0
        self.heard: list[dict[str, Any]] = []

    async def hello(self, epoch: int, **other: Any) -> None:
        hello = {"op": "hello", "device": self.name, "epoch": epoch, "unfinished": [], "channels": CHANNELS, **other}
        answer = await self.post("/api/v1/device", hello)
        assert answer.status_code == 201, answer.text
        self.next = 0
        self.path = f"/api/v1/device/{self.take(answer)['session']}"

    async def post(self, path: str, *messages: dict[str, Any]) -> httpx.Response:
        body = {"messages": [msgpack.packb(message) for message in messages], "after": self.next}
        return await self.client.post(path, content=msgpack.packb(body))

    async def say(self, *messages: dict[str, Any]) -> None:
        answer = await self.post(self.path, *messages)
        assert answer.status_code == 200, answer.text
        self.take(answer)

    async def poll(self) -> None:
        self.take(await self.client.get(self.path, params={"after": self.next}))

    def take(self, answer: httpx.Response) -> dict[str, Any]:
        said: dict[str, Any] = msgpack.unpackb(answer.content)
        self.heard += [msgpack.unpackb(message) for message in said["messages"]]
        self.next = said["next"]
        return said

    async def acked(self, epoch: int, least: int) -> int:
        """Return up to where an epoch is acked, once it is so far: an answer waits for the ack, but on a busy machine not for ever."""
        with trio.fail_after(30):
            while (found := self._acked(epoch)) < least:
                await self.poll()
        return found

    def _acked(self, epoch: int) -> int:
        return max((seq for message in self.heard if message["op"] == "ack" for at, seq in message["acks"] if at == epoch), default=0)


def frame(epoch: int, seq: int, value: float) -> dict[str, Any]:
    return {"e": epoch, "s": seq, "op": "data", "t": time.time_ns() // 1_000, "c": [0], "d": [0], "v": [value]}


async def stored(hub: WholeHub, count: int) -> list[float]:
    """Return the readings that are stored, once there are so many."""
    async with hub.client() as client:
        with trio.fail_after(30):
            while True:
                said = (await client.get("/api/v1/query", params={"device": "pump", "span_s": 60})).json()
                values = [value for series in said["series"] for _, _, value in series["points"]]
                if len(values) >= count:
                    return values


async def test_frames_are_acked_and_stored_once_however_often_they_come(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client(await hub.add_device("pump")) as client:
        device = Poster(client)
        await device.hello(7)
        assert device.heard[0]["op"] == "welcome"
        frames = [frame(7, seq, float(seq)) for seq in (1, 2, 3)]
        await device.say(*frames)
        assert await device.acked(7, 3) == 3
        await device.say(*frames, frame(7, 4, 4.0))  # as if the answer had been lost
        assert await device.acked(7, 4) == 4
        assert await stored(hub, 4) == [1.0, 2.0, 3.0, 4.0]


async def test_an_answer_that_was_lost_is_given_again(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client(await hub.add_device("pump")) as client:
        device = Poster(client)
        await device.hello(7)
        lost = await device.post(device.path, frame(7, 1, 1.0))
        assert msgpack.unpackb(lost.content)["messages"]
        await device.say()
        assert await device.acked(7, 1) == 1


async def test_a_device_without_a_socket_gets_commands_and_answers_them(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client(await hub.add_device("pump")) as client, hub.client() as admin:
        device = Poster(client)
        await device.hello(7, commands=[{"name": "open"}])
        with trio.fail_after(30):
            while (await admin.get("/api/v1/devices/pump")).json()["presence"] != "online":
                pass
        answers = []

        async def command() -> None:
            answers.append((await admin.post("/api/v1/devices/pump/commands", json={"name": "open"})).json())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(command)
            while device.heard[-1]["op"] != "command":
                await device.poll()
        command_id = device.heard[-1]["id"]
        for seq, state in enumerate(("accepted", "done"), 1):
            await device.say({"e": 7, "s": seq, "op": "result", "id": command_id, "state": state})
        with trio.fail_after(30):
            while (await admin.get(f"/api/v1/commands/{command_id}")).json()["state"] != "done":
                pass
        assert answers[0]["id"] == command_id


async def test_any_but_the_newest_session_is_refused_socket_or_http(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:
        token = await hub.add_device("pump")
        async with hub.client(token) as client:
            older, newer = Poster(client), Poster(client)
            await older.hello(7)
            await newer.hello(8)
            answer = await older.post(older.path, frame(7, 1, 1.0))
            assert (answer.status_code, answer.json()["code"]) == (409, "taken_over")
            await older.poll()
            assert older.heard[-1]["op"] == "bye"
            assert older.heard[-1]["code"] == 4000
            await newer.say(frame(8, 1, 2.0))
            async with Device(hub.url, "pump", token, channels=[Channel("temp", "Cel")], spool_dir=tmp_path / "spool") as device:
                await device.send({"temp": 3.0})
                await device.drained(10)
                assert (await newer.post(newer.path, frame(8, 2, 4.0))).json()["code"] == "taken_over"
        assert await stored(hub, 2) == [2.0, 3.0]


async def test_what_breaks_a_rule_is_answered_as_on_the_socket(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client(await hub.add_device("pump")) as client:
        device = Poster(client)
        await device.hello(7)
        await device.say(frame(7, 5, 1.0))
        assert device.heard[-1]["op"] == "bye"
        assert device.heard[-1]["code"] == 4006
        assert device.heard[-1]["expected"] == [[7, 1]]
        await Poster(client, "other").hello(7)  # the token of another device: bye
        answer = await client.post("/api/v1/device", content=b"\xc1")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
        answer = await client.post("/api/v1/device", content=msgpack.packb({"messages": ["text"]}))
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
        answer = await client.post("/api/v1/device", content=msgpack.packb({"messages": [bytes(70_000)]}))
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
        async with hub.client("wrong") as stranger:
            answer = await stranger.post("/api/v1/device", content=b"")
            assert (answer.status_code, answer.json()["code"]) == (401, "wrong_token")
        answer = await client.post("/api/v1/device/guess", content=msgpack.packb({}))
        assert (answer.status_code, answer.json()["code"]) == (404, "no_session")
