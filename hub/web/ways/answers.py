"""Answers that wait: what they say comes later, and ends when the client leaves.

Owns how a request that waits notices that its client has gone, and the form of server-sent events. Used by viewers.py, devices.py and
relay.py.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio
from fastapi import Response

from hub.web.envelope import Message, Receive, Send
from hub.web.ways.link import FetchedLink

POLL_S: Final = 30.0  # proxies give up on an answer after 60 s
GATHER_S: Final = 0.1  # a poll costs the hub more than a message does
KEEP_ALIVE_S: Final = 15.0
_EVENTS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx would gather the stream otherwise
}


class LaterAnswer(Response):
    """An answer that is made while the client waits for it, and not at all where it leaves."""

    def __init__(self, make: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self._make = make

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Make it and send it."""
        answer: Response | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel_at_the_end, receive, nursery.cancel_scope)
            answer = await self._make()
            nursery.cancel_scope.cancel()
        if answer is not None:
            await answer(scope, receive, send)


class EventStream(Response):
    """Everything that a link has to say, as server-sent events, until its end. A stream that ends takes the session with it.

    What is written is not kept: who comes back begins a new session, and goes on from its cursors.
    """

    def __init__(self, link: FetchedLink, end: Callable[[], None]) -> None:
        super().__init__()
        self._link = link
        self._end = end

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Stream it."""
        headers = [(name.lower().encode(), value.encode()) for name, value in _EVENTS.items()]
        try:
            with self._link:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(cancel_at_the_end, receive, nursery.cancel_scope)
                    await send({"type": "http.response.start", "status": 200, "headers": headers})
                    await self._stream(send)
                    nursery.cancel_scope.cancel()
        finally:
            self._end()

    async def _stream(self, send: Send) -> None:
        piece = b": this is a stream of events\n\n"
        while True:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            fetched = await self._link.fetch(KEEP_ALIVE_S)
            if fetched.is_overtaken:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            piece = b"".join(b"data: %b\n\n" % _text(message) for message in fetched.messages) or b":\n\n"
            self._link.confirm(fetched.next)
            if fetched.closed is not None:
                closed = b'event: closed\ndata: {"code":%d}\n\n' % fetched.closed.code
                await send({"type": "http.response.body", "body": piece + closed, "more_body": False})
                return


def _text(message: bytes | str) -> bytes:
    return message.encode() if isinstance(message, str) else message


async def cancel_at_the_end(receive: Receive, scope: trio.CancelScope) -> None:
    """Cancel `scope` when the client has left; the whole body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
