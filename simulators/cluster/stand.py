"""The cluster of a test: Redis, a shared store, nodes, HAProxy before them, as processes of their own, gone when it is closed.

Owns their starts and ends, and how a node is asked; does nothing to them by itself. acts.py does, __main__.py puts it together.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import trio

from hub.client import HubClient, accounts
from simulators.fleet.plans import Place
from simulators.haproxy_process import HaproxyProcess
from simulators.hub_process import HubProcess, free_port
from simulators.influx_bucket import ORG, TOKEN, URL, fresh_bucket
from simulators.redis_process import RedisProcess
from simulators.victoria_process import VictoriaProcess

NAMES: Final = ("one", "two", "three")
SPREAD_S: Final = 2.0  # over which devices come back after a node that stops or starts


class Stand:
    """Three nodes and what they need; `close` ends all of it."""

    def __init__(self, directory: Path, *, on_influxdb: bool) -> None:
        self.directory = directory
        self.redis = RedisProcess(directory / "redis")
        self.nodes: dict[str, HubProcess] = {}
        self.proxy: HaproxyProcess
        self.token = ""
        self._on_influxdb = on_influxdb
        self._closing = ExitStack()

    def start(self) -> None:
        """Start everything, the nodes side by side. Raises what each part raises."""
        self._closing.callback(self.redis.kill)
        self.redis.start()
        environment = self._store() | {
            "TRIBUTARY_STATE": "redis",
            "TRIBUTARY_REDIS_URL": self.redis.url,
            "TRIBUTARY_TRUSTED_PROXIES": "127.0.0.1",
            "TRIBUTARY_RESTART_JITTER_S": str(SPREAD_S),
        }
        for name in NAMES:
            node = HubProcess(self.directory / name, port=free_port(), environment=environment | {"TRIBUTARY_NODE": name})
            self.nodes[name] = node
            self._closing.callback(node.kill)
        self.proxy = HaproxyProcess(self.directory / "haproxy", {name: f"127.0.0.1:{node.port}" for name, node in self.nodes.items()})
        self._closing.callback(self.proxy.kill)
        self.proxy.start()

    def _store(self) -> dict[str, str]:
        if self._on_influxdb:
            bucket = self._closing.enter_context(fresh_bucket())
            url = f"influxdb+{URL}/{quote(ORG, safe='')}/{bucket}"
            return {"TRIBUTARY_STORE": url, "TRIBUTARY_STORE_TOKEN": TOKEN, "TRIBUTARY_ACK_AFTER": "store"}
        server = VictoriaProcess(self.directory / "victoria")
        self._closing.callback(server.kill)
        server.start()
        return {"TRIBUTARY_STORE": server.store_url}

    async def open(self) -> None:
        """Start the nodes, make a token that is good on all of them, and return once HAProxy has all of them up."""
        async with trio.open_nursery() as nursery:
            for node in self.nodes.values():
                nursery.start_soon(in_thread, node.start)
        node = next(iter(self.nodes.values()))
        async with HubClient(node.url, node.admin_token) as client:
            self.token = (await accounts.make_token(client, "cluster-test", "admin", 1))["token"]
        await self.all_up()

    async def all_up(self) -> None:
        """Return once every node answers HAProxy and knows all others. Raises trio.TooSlowError."""
        with trio.fail_after(60):
            while set(await trio.to_thread.run_sync(self.proxy.sockets)) != set(self.nodes):  # noqa: ASYNC110
                await trio.sleep(0.1)  # another process's state
            for name in self.nodes:
                while sum(node["alive"] for node in (await self.known(name))["nodes"]) != len(self.nodes):  # noqa: ASYNC110
                    await trio.sleep(0.1)

    @property
    def place(self) -> Place:
        """The cluster as its administrator reaches it."""
        return Place(self.proxy.url, self.token)

    def client(self, name: str) -> HubClient:
        """Return a client of one node, past HAProxy."""
        return HubClient(self.nodes[name].url, self.nodes[name].admin_token)

    async def known(self, name: str) -> dict[str, Any]:
        """Return which nodes one node knows, and since when it is sure no longer. Raises HubError."""
        async with self.client(name) as client, client.answered("GET", "/api/v1/nodes") as answer:
            said: dict[str, Any] = json.loads(await answer.aread())
        return said

    async def holding(self) -> Mapping[str, tuple[int, int]]:
        """Return how many devices and viewers each node that runs has. Raises HubError."""
        found = {}
        for name, node in self.nodes.items():
            if node.is_running():
                figures = (await self.known(name))["nodes"][0]["figures"]
                found[name] = (figures["devices"], figures["viewers"])
        return found

    def close(self) -> None:
        """End everything."""
        self._closing.close()

    def tracebacks(self) -> list[str]:
        """Return the nodes whose logs have a traceback: no fault of another process may be one of theirs."""
        return [name for name, node in self.nodes.items() if node.log.exists() and "Traceback" in node.log.read_text(errors="replace")]


async def in_thread(call: Callable[[], object]) -> None:
    """Run what blocks."""
    await trio.to_thread.run_sync(call)


class Idle:
    """Which part of all cores was idle, from one look to the next; whatever runs on the machine counts."""

    def __init__(self) -> None:
        self._before = self._look()

    @staticmethod
    def _look() -> tuple[float, float]:
        with Path("/proc/stat").open() as stat:
            fields = stat.readline().split()
        return time.monotonic(), (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")

    def share(self) -> float:
        """Return it, 0 to 1."""
        before, self._before = self._before, self._look()
        passed_s = (self._before[0] - before[0]) * (os.cpu_count() or 1)
        return (self._before[1] - before[1]) / passed_s if passed_s else 0.0
