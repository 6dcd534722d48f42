"""A live connection by long poll, where a network lets no WebSocket through: what the hub says by asking again and again.

Owns the requests of docs/protocol.md section 13 and what a lost answer means: the question is asked again as it was. live.py makes a
connection of it. Asking again says that what came is drawn.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import httpx
import trio

from hub.client.errors import HubError, hint_for, refused

POLL_S: Final = 45.0  # the hub answers after 30 s
INSIST_S: Final = 25.0  # a session that nobody comes to for 40 s is over
AGAIN_S: Final = 0.2  # doubled up to MAX_AGAIN_S
MAX_AGAIN_S: Final = 2.0
LEAVE_S: Final = 1.0
_MAY_PASS: Final = (429, 502, 503, 504)
_BEGIN: Final = "/api/v1/live"


class PollWay:
    """What a hub says to one session, in order."""

    tells_drawn = False

    def __init__(self, http: httpx.AsyncClient, path: str) -> None:
        self._http = http
        self._path = path
        self._after = 0
        self._came: deque[dict[str, Any]] = deque()
        self._closed: HubError | None = None

    async def send(self, message: Mapping[str, Any]) -> None:
        """Say something. Raises HubError."""
        if self._closed is not None:
            raise self._closed
        await insisted(self._http, "POST", self._path, {"messages": [message]})

    async def receive(self) -> dict[str, Any]:
        """Return the next message. Raises HubError. Cancelling loses nothing: the hub keeps what was not confirmed."""
        while not self._came:
            if self._closed is not None:
                raise self._closed
            said = (await insisted(self._http, "GET", f"{self._path}?after={self._after}")).json()
            self._came.extend(said["messages"])
            self._after = said["next"]
            if (closed := said.get("closed")) is not None:
                text = f"the hub closed the live connection: {closed['code']} {closed['reason']}".rstrip()
                self._closed = HubError("closed", text, "connect again and resume from the last cursor", closed["code"])
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._came.popleft()


@asynccontextmanager
async def open_poll(http: httpx.AsyncClient) -> AsyncIterator[PollWay]:
    """Begin a session as a viewer; ended when the block is left, within 1 s. Raises HubError."""
    session = (await insisted(http, "POST", _BEGIN, {"messages": []})).json()["session"]
    path = f"{_BEGIN}/{session}"
    try:
        yield PollWay(http, path)
    finally:
        # Where this fails the hub ends it by itself.
        with trio.CancelScope(deadline=trio.current_time() + LEAVE_S, shield=True), suppress(httpx.HTTPError):
            await http.delete(path)


async def insisted(http: httpx.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
    """Ask until there is an answer. Raises HubError: it is a refusal, or none came for INSIST_S."""
    until_s, again_s = trio.current_time() + INSIST_S, AGAIN_S
    while True:
        try:
            answer = await http.request(method, path, json=body, timeout=POLL_S)
            if answer.is_success:
                return answer
            failure = refused(answer.status_code, answer.content)
            if answer.status_code not in _MAY_PASS:
                raise failure
        except httpx.HTTPError as error:
            said = f"cannot watch {http.base_url}: {str(error) or type(error).__name__}"
            failure = HubError("unreachable", said, hint_for(error, "check that the hub runs there"))
        if path == _BEGIN or trio.current_time() + again_s > until_s:
            raise failure
        await trio.sleep(again_s)
        again_s = min(MAX_AGAIN_S, again_s * 2)
