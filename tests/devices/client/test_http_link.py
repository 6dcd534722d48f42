"""A link by requests before something that is not the hub, and before one that gives answers twice; e2e has the hub itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import h11
import msgpack
import pytest
import trio

from devices.client.http_link import open_http
from devices.client.opening import Unreachable
from devices.link import LinkClosed

Answer = Callable[[str, bytes], tuple[int, bytes]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """Run an HTTP server whose answers a function makes; give the address as a device has it."""

    async def serve(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):  # a link that is left resets its connections
            await speak(stream)

    async def speak(stream: trio.SocketStream) -> None:
        state, target, body = h11.Connection(h11.SERVER), "", b""
        while True:
            event = state.next_event()
            if event is h11.NEED_DATA:
                state.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Request):
                target, body = f"{event.method.decode()} {event.target.decode()}", b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                status, said = answer(target, body)
                head = h11.Response(status_code=status, headers=[("Content-Length", str(len(said)))])
                for each in (head, h11.Data(said), h11.EndOfMessage()):
                    await stream.send_all(state.send(each) or b"")
                state.start_next_cycle()
            else:
                return

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/v1/device"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("said", [b"<html>log in first</html>", msgpack.packb({"welcome": "to the airport"}), msgpack.packb(7)])
async def test_a_page_that_wants_a_login_is_not_taken_for_the_hub(said: bytes) -> None:
    async with server(lambda target, body: (201, said)) as url:
        with pytest.raises(ExceptionGroup) as group:
            async with open_http(url, "token") as link:
                await link.send(b"hello")
    assert group.group_contains(Unreachable, match="not the hub")


async def test_messages_that_come_twice_are_taken_once_and_the_last_ones_before_the_end() -> None:
    def answer(target: str, body: bytes) -> tuple[int, bytes]:
        if target == "POST /api/v1/device":
            return 201, msgpack.packb({"session": "s", "messages": [b"1"], "next": 1})
        if target.startswith("DELETE"):
            return 204, b""
        return 200, msgpack.packb({"messages": [b"1", b"2"], "next": 2, "closed": {"code": 4000, "reason": "another one came"}})

    async with server(answer) as url, open_http(url, "token") as link:
        await link.send(b"hello")
        with trio.fail_after(30):
            assert [await link.receive(), await link.receive()] == [b"1", b"2"]
            with pytest.raises(LinkClosed, match="4000 another one came"):
                await link.receive()
            with pytest.raises(LinkClosed):
                await link.send(b"more")


async def test_a_refusal_in_the_middle_ends_the_link_with_its_code() -> None:
    def answer(target: str, body: bytes) -> tuple[int, bytes]:
        if target == "POST /api/v1/device":
            return 201, msgpack.packb({"session": "s", "messages": [], "next": 0})
        return 409, b'{"code": "taken_over", "message": "a newer session came", "hint": ""}'

    async with server(answer) as url, open_http(url, "token") as link:
        await link.send(b"hello")
        with trio.fail_after(30), pytest.raises(LinkClosed, match="4000 a newer session came"):
            await link.receive()
