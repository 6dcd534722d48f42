"""A device's way to the hub by plain requests, as a Link: frames by POST, what the hub says in the answers and by long poll.

Owns the form of docs/protocol.md section 14 and what a lost answer means: the request is sent again as it was, what came twice is known
by its number. Says no message of its own. ways.py opens one where no WebSocket gets through.
"""

import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgpack
import trio

from devices.client.http import HttpConnection, path_of
from devices.client.opening import DeviceRefused, Unreachable, authority_of, refused
from devices.link import LinkClosed
from devices.wire.limits import CloseCode

MAX_POST_BYTES: Final = 512 * 1024  # of messages; the hub takes 1 MiB
MAX_POST_MESSAGES: Final = 512
ANSWER_S: Final = 15.0
POLL_S: Final = 40.0  # the hub answers after 30 s
QUIET_S: Final = 0.5  # without a POST for so long, the hub is asked by long poll; before that its answers say all
INSIST_S: Final = 25.0  # a session that nobody comes to for 40 s is over
AGAIN_S: Final = 0.2  # after a lost answer; doubled up to MAX_AGAIN_S
MAX_AGAIN_S: Final = 2.0
LEAVE_S: Final = 1.0
_LOST: Final = 1006  # RFC 6455 7.1.5
_BUSY: Final = (429, 502, 503, 504)  # from the hub, or from a proxy that does not get through to it
_CODES: Final[Mapping[str, CloseCode]] = {code.name.lower(): code for code in CloseCode}


class HttpLink:
    """A Link over requests. The first message sent must be hello, which begins the session; MAX_POST_BYTES wait, then `send` waits."""

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None) -> None:
        self.remote = authority_of(url)
        self._posts = HttpConnection(url, token, tls)
        self._polls = HttpConnection(url, token, tls)
        self._path = path_of(url)
        self._is_begun = False
        self._end: LinkClosed | None = None
        self._outgoing: deque[bytes] = deque()
        self._outgoing_bytes = 0
        self._inbox: deque[bytes] = deque()  # bounded by the hub: what it says waits there until we have confirmed it
        self._after = 0  # the number of the newest message that came
        self._moved = trio.Event()
        self._posted_s = 0.0

    async def run(self) -> None:
        """Carry messages until the session ends or this is cancelled."""
        while not self._is_begun:
            await self._moved.wait()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._poll)
                await self._post()
                nursery.cancel_scope.cancel()
        except* LinkClosed as group:
            self._close(_first(group))

    async def send(self, message: bytes | str) -> None:
        assert isinstance(message, bytes)
        if not self._is_begun:
            return await self._begin(message)
        while self._end is None and self._outgoing and self._outgoing_bytes + len(message) > MAX_POST_BYTES:
            await self._moved.wait()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._end is not None:
            raise LinkClosed(self._end.code, self._end.reason)
        self._outgoing.append(message)
        self._outgoing_bytes += len(message)
        self._wake()
        await trio.lowlevel.cancel_shielded_checkpoint()  # it is taken, and must not be sent again

    async def receive(self) -> bytes | str:
        while not self._inbox:
            if self._end is not None:
                raise LinkClosed(self._end.code, self._end.reason)
            await self._moved.wait()
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._inbox.popleft()

    async def ping(self) -> None:
        if self._end is not None:
            raise LinkClosed(self._end.code, self._end.reason)
        await self._say(())

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        is_over = self._end is not None
        self._close(LinkClosed(code, reason))
        with trio.move_on_after(LEAVE_S):
            try:
                if self._is_begun and not is_over:
                    await self._polls.aclose()
                    await self._polls.ask("DELETE", self._path, b"", LEAVE_S)
            except Unreachable:
                pass  # the hub finds out by itself
        await self._posts.aclose()
        await self._polls.aclose()

    def end(self, reason: str) -> None:
        """End the link from this side; its user comes back, perhaps by another way."""
        self._close(LinkClosed(CloseCode.NORMAL, reason))

    async def _begin(self, hello: bytes) -> None:
        """Begin the session. It is not insisted upon: a hello whose answer was lost must be another. Raises DeviceRefused, Unreachable."""
        status, headers, body = await self._posts.ask("POST", self._path, msgpack.packb({"messages": [hello]}), POLL_S)
        if status != 201:
            raise refused(status, headers, body)
        said = _read(body)
        if said is None or not isinstance(said.get("session"), str):
            raise Unreachable("what answers is not the hub: perhaps a proxy that wants a login", is_way=True)
        self._path += f"/{said['session']}"
        self._take(said)
        self._is_begun = True
        self._wake()

    async def _post(self) -> None:
        while self._end is None:
            if not self._outgoing:
                await self._moved.wait()
                continue
            batch: list[bytes] = []
            size = 0
            for message in self._outgoing:
                size += len(message)
                if batch and (size > MAX_POST_BYTES or len(batch) == MAX_POST_MESSAGES):
                    break
                batch.append(message)
            await self._say(batch)
            for message in batch:
                self._outgoing.popleft()
                self._outgoing_bytes -= len(message)
            self._wake()

    async def _say(self, messages: Sequence[bytes]) -> None:
        self._posted_s = trio.current_time()
        body = msgpack.packb({"messages": messages, "after": self._after})
        self._take(await self._insist(self._posts, "POST", self._path, body, ANSWER_S))
        self._posted_s = trio.current_time()

    async def _poll(self) -> None:
        while self._end is None:
            quiet_s = trio.current_time() - self._posted_s
            if quiet_s < QUIET_S:
                await trio.sleep(QUIET_S - quiet_s)
                continue
            self._take(await self._insist(self._polls, "GET", f"{self._path}?after={self._after}", b"", POLL_S))

    async def _insist(self, connection: HttpConnection, method: str, target: str, body: bytes, timeout_s: float) -> dict[str, Any]:
        """Ask until there is an answer. Raises LinkClosed: it means the end, or there was none for INSIST_S."""
        until_s, again_s = trio.current_time() + INSIST_S, AGAIN_S
        while True:
            try:
                answer = await connection.ask(method, target, body, timeout_s)
            except (Unreachable, DeviceRefused) as error:
                reason = str(error)
            else:
                said = _read(answer.body) if answer.status == 200 else None
                if said is not None:
                    return said
                if answer.status not in (200, *_BUSY):
                    raise _over(answer.status, answer.body)
                reason = f"HTTP status {answer.status}"
            if trio.current_time() + again_s > until_s:
                raise LinkClosed(_LOST, f"no answer for {INSIST_S:g} s: {reason}")
            await trio.sleep(again_s)
            again_s = min(MAX_AGAIN_S, again_s * 2)

    def _take(self, said: Mapping[str, Any]) -> None:
        """Take what an answer holds and did not come before."""
        messages, newest = said["messages"], said["next"]
        for number, message in enumerate(messages, newest - len(messages) + 1):
            if number > self._after:
                self._inbox.append(message)
                self._after = number
        if (closed := said.get("closed")) is not None:
            self._close(LinkClosed(closed["code"], closed["reason"]))
        self._wake()

    def _close(self, end: LinkClosed) -> None:
        self._end = self._end or end
        self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, trio.Event()
        moved.set()


@asynccontextmanager
async def open_http(url: str, token: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator["HttpLink"]:
    """Yield a link by requests to the hub with this WebSocket address; closes it at the end, within 1 s. Raises nothing of its own.

    The first `send` raises DeviceRefused, Unreachable.
    """
    link = HttpLink(url, token, tls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        try:
            yield link
        finally:
            with trio.CancelScope(deadline=trio.current_time() + LEAVE_S, shield=True):
                await link.aclose()
            nursery.cancel_scope.cancel()


def _first(group: BaseExceptionGroup[LinkClosed]) -> LinkClosed:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _read(body: bytes) -> dict[str, Any] | None:
    """Return what an answer of the hub says; None where it is none."""
    try:
        said = msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException):
        return None
    is_ours = isinstance(said, dict) and isinstance(said.get("messages"), list) and isinstance(said.get("next"), int)
    return said if is_ours else None


def _over(status: int, body: bytes) -> LinkClosed:
    """Return the end that a refusal means."""
    try:
        said = json.loads(body)
        code, reason = str(said["code"]), str(said["message"])
    except (ValueError, TypeError, KeyError):
        return LinkClosed(_LOST, f"HTTP status {status}")
    return LinkClosed(_CODES.get(code, _LOST), reason)
