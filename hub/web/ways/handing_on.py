"""Requests without a socket whose session is on another node: handed on to that node, which answers through this one.

Owns how a request says whose session it means. Who comes is asked by the session's node alone, to which the door (beside.py) has the
request look as it came here. A request is handed on once. Stands round the app where a hub is one of several; routes.py puts it there.
"""

import re
from collections.abc import Callable
from typing import Final

from hub.core.errors import Refusal
from hub.web.beside import HANDED_ON, OtherNodes
from hub.web.envelope import NOT_KEPT, ASGIApp, Message, Receive, Send, refusal_answer
from hub.web.refusals import SECURITY
from hub.web.ways.relay import Relay, Unreached
from hub.web.whole_body import given_again, whole_body

# A session's id begins with its node's name (sessions.py).
_OF_SESSION: Final = re.compile(r"/api/v1/(?:live|device)/([a-z0-9-]{1,32})\.[A-Za-z0-9_-]{1,64}(?:/events)?")
_HANDED_ON: Final = HANDED_ON.encode()


class HandingOn:
    """The middleware."""

    def __init__(self, app: ASGIApp, relay: Relay, nodes: OtherNodes, refused: Callable[[str], None]) -> None:
        self._app, self._relay, self._nodes = app, relay, nodes
        self._refused = refused  # told of each refusal

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or (url := self._elsewhere(scope)) is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._hand_on(url, scope, receive, send)
        except Refusal as refusal:
            self._refused(refusal.code)
            headers = {**SECURITY, **NOT_KEPT, "Retry-After": "1"}
            await refusal_answer(refusal.status, refusal.code, refusal.message, refusal.hint, headers)(scope, receive, send)

    def _elsewhere(self, scope: Message) -> str | None:
        """Return where the session of a request is, None for here; what was handed on to this node stays here."""
        match = _OF_SESSION.fullmatch(scope["path"])
        if match is None or match[1] == self._nodes.own or any(name == _HANDED_ON for name, _ in scope["headers"]):
            return None
        return self._nodes.url_of(match[1])

    async def _hand_on(self, url: str, scope: Message, receive: Receive, send: Send) -> None:
        if (body := await whole_body(receive)) is None:
            return
        client = scope["client"]
        said = self._nodes.telling(scope["scheme"], client[0] if client else "")
        try:
            await self._relay.send_on(url, scope, body, said, receive, send)
        except Unreached:
            # It died a moment ago, and its sessions with it: there is no such session, which is said to who may hear it.
            await self._app(scope, given_again(body, receive), send)
