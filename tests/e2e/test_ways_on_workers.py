"""Ways in without WebSockets on two workers behind a proxy that sends each request to another one: nobody notices.

HAProxy in turn, and kept connections of its own: what a shared port or any load balancer may do to single requests.
"""

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trio

from devices import Channel, Device
from hub.client.accounts import make_token
from tests.support import redis, victoria
from tests.support.hub_process import free_port
from tests.support.proxy_process import haproxy
from tests.support.workers import Port, Workers, workers_on

pytestmark = [pytest.mark.needs_server(name) for name in (redis.PROGRAM, victoria.PROGRAM, "haproxy")]
IN_TURN = """
    defaults
        mode http
        timeout connect 2s
        timeout client 60s
        timeout server 60s
        option redispatch 1
    listen hub
        bind 127.0.0.1:{port}
        balance roundrobin
{servers}
"""
SUBSCRIBE = {"op": "subscribe", "id": "a", "devices": ["*"], "span_s": 600}


class Seen:
    """The readings that one viewer was shown, and the cursor behind them."""

    def __init__(self) -> None:
        self.values: set[float] = set()
        self.cursor: str | None = None

    def take(self, message: dict[str, object]) -> None:
        if message["op"] in ("snapshot", "update"):
            self.values |= {value for column in message["data"] for value in column["v"]}  # type: ignore[attr-defined]
            self.cursor = str(message["to"])

    async def has(self, values: Sequence[float]) -> None:
        with trio.fail_after(30):
            while not self.values >= set(values):  # noqa: ASYNC110
                await trio.sleep(0.02)


def browser(url: str, port: Port) -> httpx.AsyncClient:
    """Return a program without WebSockets."""
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {port.admin_token}"}, timeout=40.0)


async def asked(http: httpx.AsyncClient, method: str, path: str, body: object = None) -> httpx.Response:
    """Ask until there is an answer: a page asks again, too, where a connection broke or nobody was there."""
    with trio.fail_after(30):
        while True:
            with suppress(httpx.TransportError):
                if (answer := await http.request(method, path, json=body)).status_code not in (502, 503, 504):
                    return answer
            await trio.sleep(0.1)


async def begin(http: httpx.AsyncClient, seen: Seen) -> str:
    again = {} if seen.cursor is None else {"cursor": seen.cursor}
    answer = await asked(http, "POST", "/api/v1/live", {"messages": [SUBSCRIBE | again]})
    return f"/api/v1/live/{answer.raise_for_status().json()['session']}"


async def by_events(http: httpx.AsyncClient, seen: Seen) -> None:
    """Watch a stream of events, reporting each message as drawn; begin anew where it ends."""
    while True:
        path = await begin(http, seen)
        with suppress(httpx.TransportError):
            async with http.stream("GET", f"{path}/events") as stream:
                async for line in stream.aiter_lines():
                    if line.startswith('data: {"op"'):
                        message = json.loads(line[6:])
                        seen.take(message)
                        if message["op"] in ("snapshot", "update"):
                            drawn = {"op": "drawn", "id": "a", "n": message["n"]}
                            await asked(http, "POST", path, {"messages": [drawn]})


async def by_polls(http: httpx.AsyncClient, seen: Seen) -> None:
    """Watch by long polls; begin anew where the session is gone."""
    while True:
        path, after = await begin(http, seen), 0
        while (answer := await asked(http, "GET", f"{path}?after={after}")).status_code == 200:
            after = answer.json()["next"]
            for message in answer.json()["messages"]:
                seen.take(message)
        assert answer.status_code == 404, answer.text


async def handed_on(port: Port) -> int:
    """Return how many requests a worker has handed on."""
    async with port.client() as client:
        found = re.search(r"^tributary_without_socket_handed_on_requests (\S+)$", await client.metrics(), re.MULTILINE)
        assert found is not None
        return round(float(found[1]))


@asynccontextmanager
async def in_turn(workers: Workers, directory: Path) -> AsyncIterator[str]:
    """Run the proxy before both workers; its url."""
    port = free_port()
    servers = "".join(f"        server {each.name} {each.url.removeprefix('http://')}\n" for each in workers.each(2))
    with haproxy(directory / "haproxy", IN_TURN.format(port=port, servers=servers), port):
        yield f"http://127.0.0.1:{port}"


async def until_known(ports: Sequence[Port]) -> None:
    """Return when each worker knows where the other is."""
    with trio.fail_after(30):
        for port in ports:
            async with browser(port.url, port) as http:
                while sum(each["alive"] and each["url"] > "" for each in (await http.get("/api/v1/nodes")).json()["nodes"]) < 2:  # noqa: ASYNC110
                    await trio.sleep(0.05)


async def doubled(http: httpx.AsyncClient, number: int) -> int:
    """Send the pump a command, and return what it answers."""
    command = {"name": "double", "args": {"number": number}, "ttl_s": 30}
    sent = (await http.post("/api/v1/devices/pump/commands", json=command)).raise_for_status().json()
    with trio.fail_after(30):
        while (said := (await http.get(f"/api/v1/commands/{sent['id']}")).json()).get("state") != "done":  # noqa: ASYNC110
            await trio.sleep(0.05)
    return int(said["value"])


async def is_nobody_elses(ports: Sequence[Port]) -> None:
    """See that a session is its login's alone, by whichever worker somebody else asks for it."""
    async with ports[0].client() as admin:
        other = await make_token(admin, "other", "viewer", 1)
    async with browser(ports[0].url, ports[0]) as http:
        path = await begin(http, Seen())
    for token, status, code in ((other["token"], 404, "no_session"), ("guess", 401, "wrong_token")):
        async with httpx.AsyncClient(base_url=ports[1].url, headers={"Authorization": f"Bearer {token}"}) as stranger:
            for method in ("GET", "POST", "DELETE"):
                answer = await stranger.request(method, path, json={"messages": []} if method == "POST" else None)
                assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_device_and_viewers_by_requests_are_served_whichever_worker_each_request_reaches(tmp_path: Path) -> None:
    async with workers_on(tmp_path, own_device="") as workers:
        await workers.start(2)
        ports = workers.each(2)
        await until_known(ports)
        async with ports[0].client() as admin:
            token = await admin.add_device("pump")
        async with in_turn(workers, tmp_path) as url, browser(url, ports[0]) as http, trio.open_nursery() as nursery:
            events, polls = Seen(), Seen()
            nursery.start_soon(by_events, http, events)
            nursery.start_soon(by_polls, http, polls)
            pump = Device(url, "pump", token, channels=[Channel("temp", "Cel")], spool_dir=tmp_path / "spool", way="http")

            @pump.command("double", args={"number": {"type": "integer"}})
            async def _double(number: int) -> int:
                return 2 * number

            async with pump:
                for value in range(20):
                    await pump.send({"temp": float(value)})
                await pump.drained(20)
                for seen in (events, polls):
                    await seen.has(range(20))
                assert [await doubled(http, number) for number in (4, 5)] == [8, 10]
                assert min([await handed_on(port) for port in ports]) > 0
                await is_nobody_elses(ports)
                os.kill(ports[0].pid, signal.SIGKILL)
                for value in range(20, 40):
                    await pump.send({"temp": float(value)})
                await pump.drained(60)
                for seen in (events, polls):
                    await seen.has(range(40))
            nursery.cancel_scope.cancel()
