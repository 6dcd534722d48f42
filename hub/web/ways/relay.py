"""A request sent on to another node, and its answer on its way back: the HTTP client between nodes for ways without WebSockets.

Owns the connections, the time limits and what of a request and an answer goes along. Knows no sessions; handing_on.py says which request
goes where. Run by routes.py.
"""

import ssl
from typing import Final

import httpx
import structlog
import trio

from hub.core.errors import Refusal
from hub.core.seldom import Seldom
from hub.web.beside import HANDED_ON
from hub.web.envelope import Message, Receive, Send
from hub.web.ways.answers import cancel_at_the_end

MAX_OPEN: Final = 1_000  # requests that are under way: as many as a hub has sessions
MAX_ANSWER_BYTES: Final = 64 << 20  # of one that says its length; events do not, and are passed on as they come
CONNECT_S: Final = 2.0
ANSWER_S: Final = 45.0  # a poll is answered after 30 s, and a stream says something every 15 s
_LIMITS: Final = httpx.Limits(max_connections=MAX_OPEN, max_keepalive_connections=64, keepalive_expiry=30.0)
_TIMES: Final = {"connect": CONNECT_S, "pool": CONNECT_S, "read": ANSWER_S, "write": ANSWER_S}
_ASKED: Final = frozenset({b"host", b"origin", b"authorization", b"cookie", b"content-type", b"accept"})
_OF_CONNECTION: Final = frozenset({b"connection", b"keep-alive", b"transfer-encoding"})
_log: Final = structlog.get_logger(__name__)


class Unreached(Exception):
    """There is no way to the other node now; nothing of the request went there."""


class Relay:
    """The way to other nodes."""

    def __init__(self) -> None:
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._seldom = Seldom()
        self.requests = 0  # since the start
        self.open = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep connections until cancelled."""
        # As all that nodes ask each other: by the system's certificates, and no proxy of the environment.
        async with httpx.AsyncHTTPTransport(verify=ssl.create_default_context(), limits=_LIMITS, trust_env=False) as self._transport:
            task_status.started()
            await trio.sleep_forever()

    async def send_on(self, url: str, scope: Message, body: bytes, said: str, receive: Receive, send: Send) -> None:
        """Ask another node what this request asks, with `said` as HANDED_ON, and answer as it does, until the client leaves.

        Raises Unreached, and Refusal 503 where there is no room or no whole answer; nothing was answered then.
        """
        if self._transport is None or self.open >= MAX_OPEN:
            limit = f"{self.open} requests for sessions of other nodes are under way, the limit is {MAX_OPEN:,}"
            raise Refusal("busy", limit, "come back later", 503)
        request, failed = _request(url, scope, body, said), None
        self.requests += 1
        self.open += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_at_the_end, receive, nursery.cancel_scope)
                failed = await self._answer(self._transport, request, send)
                nursery.cancel_scope.cancel()
        finally:
            self.open -= 1
        if failed is not None:
            raise failed

    async def _answer(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request, send: Send) -> Refusal | Unreached | None:
        """Answer, or return why not: what is raised beside another task comes in a group."""
        try:
            answer = await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._tell(request, error)
            return Unreached()
        except (httpx.HTTPError, OSError) as error:
            return self._lost(request, error)
        try:
            if "content-length" not in answer.headers:
                await self._stream(request, answer, send)
                return None
            content = await _whole(answer)
        except httpx.HTTPError as error:
            return self._lost(request, error)
        finally:
            with trio.CancelScope(shield=True):
                await answer.aclose()
        await send(_start(answer))
        await send({"type": "http.response.body", "body": content})
        return None

    async def _stream(self, request: httpx.Request, answer: httpx.Response, send: Send) -> None:
        """Pass on an answer without a length. Where the other node breaks off it ends here, too, and the client begins anew."""
        await send(_start(answer))
        parts = answer.aiter_raw()
        while True:
            try:
                part = await anext(parts, b"")
            except httpx.HTTPError as error:
                self._tell(request, error)
                part = b""
            await send({"type": "http.response.body", "body": part, "more_body": bool(part)})
            if not part:
                return

    def _lost(self, request: httpx.Request, error: Exception) -> Refusal:
        self._tell(request, error)
        return Refusal("busy", "the node that has this session did not answer", "send this again", 503)

    def _tell(self, request: httpx.Request, error: Exception) -> None:
        node = request.url.netloc.decode()
        if times := self._seldom.times(node, trio.current_time()):
            _log.warning("request_not_handed_on", to=node, reason=(str(error) or type(error).__name__)[:300], times=times)


def _request(url: str, scope: Message, body: bytes, said: str) -> httpx.Request:
    headers = [*((name, value) for name, value in scope["headers"] if name in _ASKED), (HANDED_ON.encode(), said.encode())]
    query = scope["query_string"].decode()
    target = url + scope["raw_path"].decode() + (f"?{query}" if query else "")
    return httpx.Request(scope["method"], target, headers=headers, content=body, extensions={"timeout": _TIMES})


def _start(answer: httpx.Response) -> Message:
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _OF_CONNECTION]
    return {"type": "http.response.start", "status": answer.status_code, "headers": headers}


async def _whole(answer: httpx.Response) -> bytes:
    """Return the body. Raises HTTPError, also where it is more than a node says."""
    parts, size_bytes = list[bytes](), 0
    async for part in answer.aiter_raw():
        size_bytes += len(part)
        if size_bytes > MAX_ANSWER_BYTES:
            raise httpx.ReadError(f"it says more than {MAX_ANSWER_BYTES >> 20} MB; is another program at its address?")
        parts.append(part)
    return b"".join(parts)
