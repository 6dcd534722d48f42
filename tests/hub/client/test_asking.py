"""Connections that are closed without an answer, by a server that does so as often as it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from hub.client.asking import asked

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def closing_server(times: int) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """Run a server that closes its first connections once it has heard their request; give a client of it, and what was heard."""
    heard: list[str] = []

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            while said := await stream.receive_some():
                heard.append(said.decode().partition(" ")[0])
                if len(heard) <= times:
                    return
                await stream.send_all(ANSWER)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        port = listeners[0].socket.getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield client, heard
        nursery.cancel_scope.cancel()


async def test_a_question_whose_connection_was_closed_is_asked_once_more() -> None:
    async with closing_server(1) as (client, heard):
        assert (await asked(client, "GET", "/")).status_code == 200
        assert heard == ["GET", "GET"]


async def test_what_is_closed_twice_is_told() -> None:
    async with closing_server(2) as (client, heard):
        with pytest.raises(httpx.RemoteProtocolError):
            await asked(client, "GET", "/")
        assert heard == ["GET", "GET"]


async def test_a_change_is_never_sent_twice() -> None:
    async with closing_server(1) as (client, heard):
        with pytest.raises(httpx.RemoteProtocolError):
            await asked(client, "POST", "/")
        assert heard == ["POST"]
