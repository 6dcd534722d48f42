"""One HTTP request and its answer: an ASGI runner on h11 over a stream whose request head is already read.

Owns bodies (limit, deadline, 100-continue), the framing of the answer, and telling the app that its client has left. An error of
the app is not caught here: the door's barrier logs it and answers. Called by the door, once per request.
"""

import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import unquote

import h11
import trio

from hub.core.errors import Refusal
from hub.web.body import Body
from hub.web.head import Head
from hub.web.proxies import Address, Outside
from hub.web.refusals import answer
from hub.web.settings import UPLOADS, DoorSettings
from hub.web.streams import PIECE_BYTES, GuardedStream

Message = MutableMapping[str, Any]
ASGIApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

_BODILESS: Final = frozenset({204, 304})


class ClientLeft(OSError):
    """What the app gets when it sends to a client that is gone; ASGI wants an OSError."""


class Exchange:
    """One request and its answer."""

    def __init__(self, stream: GuardedStream, head: Head, settings: DoorSettings, *, seen: Outside, server: Address) -> None:
        self._stream = stream
        self._head = head
        self._settings = settings
        self._http = head.exchange
        # h11 has checked that it is a number.
        announced_bytes = int(head.fields.get("content-length", "0").partition(",")[0])
        self._body = Body(stream, head.exchange, settings, announced_bytes, is_upload=head.path in UPLOADS)
        self._scope = _scope(head, seen, server)
        self._is_told_body = False
        self._left = trio.Event()
        self._is_cut_off = False  # refused or broken: nothing more goes out
        self._start: Message | None = None  # held back until the first piece of the body, to go out with it
        self._has_body = head.method != "HEAD"

    async def run(self, app: ASGIApp) -> bool:
        """Have the app answer; return whether the connection can take another request.

        Raises what the app raises. A client that has left ends the app after a grace, and is no error.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope)
            try:
                await app(self._scope, self._receive, self._send)
            except* ClientLeft:
                pass
            except* (trio.BrokenResourceError, trio.ClosedResourceError) as group:
                # Never the client's stream: the barrier must not take it for a client that left.
                raise RuntimeError("the app ended on a broken resource of its own") from group
            nursery.cancel_scope.cancel()
        if self._is_cut_off:
            return False
        if self._http.our_state in {h11.SEND_RESPONSE, h11.SEND_BODY} and not self._left.is_set():
            raise RuntimeError(f"the app ended without a whole answer to {self._head.method} {self._head.path}")
        return self._http.our_state is h11.DONE and not self._left.is_set() and await self._body.skip()

    async def _receive(self) -> Message:
        if not self._is_told_body:
            try:
                piece = await self._body.read()
            except Refusal as refusal:
                await self._refuse(refusal)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._cut_off()
            else:
                self._is_told_body = self._body.whole.is_set()
                return {"type": "http.request", "body": piece, "more_body": not self._is_told_body}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _refuse(self, refusal: Refusal) -> None:
        """Say what is wrong with the body, where the answer has not begun; the app hears that the client has left."""
        may_answer = self._http.our_state is h11.SEND_RESPONSE and not self._is_cut_off
        self._cut_off()
        if may_answer:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._stream.send_all(answer(refusal, has_body=self._has_body))

    def _cut_off(self) -> None:
        self._is_cut_off = True
        self._is_told_body = True
        self._left.set()

    async def _send(self, message: Message) -> None:
        if self._is_cut_off:
            await trio.lowlevel.checkpoint()
            raise ClientLeft("the client has left, or was refused")
        match message["type"]:
            case "http.response.start" if self._start is None and self._http.our_state is h11.SEND_RESPONSE:
                self._start = message
                await trio.lowlevel.checkpoint()
            case "http.response.body":
                await self._send_body(message.get("body", b""), is_last=not message.get("more_body", False))
            case other:
                raise RuntimeError(f"the app sent {other} where it does not belong")

    async def _send_body(self, piece: bytes, *, is_last: bool) -> None:
        out = b""
        if self._start is not None:
            out = self._response(self._start, len(piece) if is_last else None)
            self._start = None
            is_last = is_last or not self._has_body
        elif self._http.our_state is not h11.SEND_BODY:
            # The body of an answer to HEAD, of which nothing goes out: an app that streams it for ever is ended here.
            await trio.lowlevel.checkpoint()
            raise ClientLeft("the answer is complete")
        if piece and self._has_body:
            framed = self._http.send(h11.Data(data=piece)) or b""
            # A large piece is not copied once more to travel with its head.
            if len(out) + len(framed) > PIECE_BYTES:
                await self._write(out)
                out = b""
            out += framed
        if is_last:
            out += self._http.send(h11.EndOfMessage()) or b""
        await self._write(out)

    async def _write(self, out: bytes) -> None:
        try:
            if out:
                await self._stream.send_all(out)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._cut_off()
            raise ClientLeft("the client has left") from None

    def _response(self, start: Message, whole_bytes: int | None) -> bytes:
        headers = [(bytes(name).lower(), bytes(value)) for name, value in start.get("headers", ())]
        names = {name for name, _ in headers}
        status = int(start["status"])
        if b"date" not in names:
            headers.append((b"date", formatdate(usegmt=True).encode()))
        if status in _BODILESS:
            self._has_body = False
        elif whole_bytes is not None and not names & {b"content-length", b"transfer-encoding"}:
            headers.append((b"content-length", str(whole_bytes).encode()))
        if self._http.they_are_waiting_for_100_continue:
            headers.append((b"connection", b"close"))  # whether a body comes now, nobody can tell
        return self._http.send(h11.Response(status_code=status, headers=headers)) or b""

    async def _watch(self, app_scope: trio.CancelScope) -> None:
        """Notice a client that leaves while the app works; end the app when it goes on after that."""
        await self._body.whole.wait()
        try:
            ahead = await self._stream.receive_some(self._settings.max_head_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            ahead = b""
        if ahead:
            self._stream.unread(ahead)  # the next request, sent early: this client has not left
            return
        self._left.set()
        await trio.sleep(self._settings.leave_grace_s)
        app_scope.cancel()


def _scope(head: Head, seen: Outside, server: Address) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "method": head.method,  # the body of an answer to HEAD stays here (RFC 9110 9.3.2)
        "scheme": "https" if seen.is_encrypted else "http",
        "path": unquote(head.path),
        "raw_path": head.path.encode(),
        "query_string": head.query.encode(),
        "root_path": "",
        "headers": list(head.headers),
        "client": seen.client,
        "server": server,
    }
