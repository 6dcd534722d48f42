"""Two doors as two nodes of a cluster, each with the middleware that hands requests on round an app that says what it was asked.

Owns their lives in a test; the sockets between them are real. Used by tests/hub/web/ways.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import httpx
import trio

from hub.web.beside import OtherNodes
from hub.web.envelope import Message, Receive, Send
from hub.web.ways.handing_on import HandingOn
from hub.web.ways.relay import Relay
from tests.support.door import running_door

SESSION = "/api/v1/live/b.secret"  # of the second one


class Node:
    """A node that knows two others by their addresses: `b`, and `gone`, where nobody listens."""

    def __init__(self, name: str) -> None:
        self.name, self.token, self.url = name, "shared", ""
        self.urls: dict[str, str] = {}
        self.relay = Relay()
        self.refused: list[str] = []
        self.asked = 0
        self.left = trio.Event()  # a client that waited has left
        self.is_breaking = False  # it ends answers in the middle
        self.beside = OtherNodes(name, lambda name: self.urls.get(name), lambda: self.token)
        self.app = HandingOn(self._answer, self.relay, self.beside, self._refuse)

    def client(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=30.0
        )

    async def is_idle(self) -> None:
        """Return when nothing that it hands on is under way."""
        with trio.fail_after(30):
            while self.relay.open:
                await trio.lowlevel.checkpoint()

    def _refuse(self, code: str) -> None:
        self.refused.append(code)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        self.asked += 1
        body, message = b"", await receive()
        while message["type"] == "http.request" and (body := body + message["body"]) and message["more_body"]:
            message = await receive()
        if scope["query_string"] == b"wait":
            await receive()
            self.left.set()
            return
        await send({"type": "http.response.start", "status": 207, "headers": [(b"x-said-by", self.name.encode())]})
        if scope["path"].endswith("/events"):
            for piece in (b"one", b"two"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if self.is_breaking:
                raise ZeroDivisionError("it was told to")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if self.is_breaking:
            raise ZeroDivisionError("it was told to")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        said: dict[str, Any] = {"node": self.name, "headers": headers, "body": body.decode(), "client": scope["client"][0]}
        said |= {"method": scope["method"], "path": scope["path"], "query": scope["query_string"].decode(), "scheme": scope["scheme"]}
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})


@asynccontextmanager
async def two_nodes(**limits: Any) -> AsyncIterator[tuple[Node, Node]]:
    """Run both until the block is left; the first believes what a proxy on this machine says of its clients, the second has limits."""
    here, there = Node("a"), Node("b")
    believed = (ip_network("127.0.0.1"),)
    async with trio.open_nursery() as nursery:
        for node in (here, there):
            await nursery.start(node.relay.run)
        first = running_door(here.app, here.beside, trusted_proxies=believed)
        async with first as one, running_door(there.app, there.beside, **limits) as other:
            for node, beside, place in ((here, there, one), (there, here, other)):
                node.url = f"http://127.0.0.1:{place.address[1]}"
                beside.urls = {node.name: node.url, "third": node.url, "gone": "http://127.0.0.1:1"}
            yield here, there
        nursery.cancel_scope.cancel()
