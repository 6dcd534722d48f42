"""The shapes of what viewers are told without a WebSocket.

Owns descriptions and examples. Used by ways/viewers.py.
"""

from typing import Any

from hub.web.openapi.convention import Shape, example


class Begun(Shape, json_schema_extra=example({"session": "Zk3vJx0q6l8", "poll_s": 30.0, "absent_s": 40.0})):
    """A session that was begun."""

    session: str
    """Its id, a secret of this login"""
    poll_s: float
    """For how long a poll waits"""
    absent_s: float
    """After so long without a request the session is given up"""


class Closed(Shape):
    """How a session ended."""

    code: int
    """A close code (docs/protocol.md section 9)"""
    reason: str


class Fetched(Shape, json_schema_extra=example({"messages": [{"op": "hello", "time_us": 1_795_248_000_000_000}], "next": 1})):
    """What the hub has said: messages of docs/protocol.md part B."""

    messages: list[dict[str, Any]]
    next: int
    """The `after` of the next request"""
    closed: Closed | None = None
    """The session has ended, and these were its last messages"""
