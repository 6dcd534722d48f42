"""Sessions without a socket: their ids, whom each belongs to, and when one that nobody comes to is given up.

Owns the register and its bounds, and the barrier round each session, as the door has it round each connection. Knows neither viewers
nor devices; viewers.py and devices.py open and find. Run by main.py in the layer of sessions.
"""

import secrets
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final

import structlog
import trio

from devices.wire.limits import HEARTBEAT_S, MISSED_HEARTBEATS, CloseCode
from hub.core.errors import Refusal
from hub.web.ways.link import FetchedLink

MAX_SESSIONS: Final = 1_000  # at most 64 KiB wait in each
MAX_OF_ONE: Final = 50
ABSENT_S: Final = HEARTBEAT_S * MISSED_HEARTBEATS  # then it is given up: as a socket whose pings are not answered
_LOOK_S: Final = 5.0
_LATE_S: Final = 1.0  # a look that comes later than this was not let run
_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Session:
    link: FetchedLink
    owner: Hashable


class Sessions:
    """All of them."""

    def __init__(self, node: str = "") -> None:
        self._begin = f"{node}." if node else ""  # of each id on one of several nodes, so that any of them knows where it is
        self._sessions: dict[str, _Session] = {}
        self._nursery: trio.Nursery | None = None
        self._refused = 0
        self._given_up = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then every session ends in its own orderly way."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                task_status.started()
                while True:
                    due_s = trio.current_time() + _LOOK_S
                    await trio.sleep_until(due_s)
                    if trio.current_time() - due_s < _LATE_S:  # else requests may wait in the sockets, and are read before the next look
                        self._look()
            finally:
                self._nursery = None

    def open(self, owner: Hashable, remote: str, serve: Callable[[FetchedLink], Awaitable[None]]) -> tuple[str, FetchedLink]:
        """Begin a session of somebody; return its id, which is a secret, and its link.

        Raises Refusal: 429 where this owner has as many as one may have, 503 where the hub has.
        """
        mine = sum(session.owner == owner for session in self._sessions.values())
        if mine >= MAX_OF_ONE:
            self._refused += 1
            said = f"{mine} sessions of this login or device are open, the limit is {MAX_OF_ONE}"
            raise Refusal("too_many_sessions", said, f"end one; one that nobody comes to ends after {ABSENT_S:g} s", 429)
        if self._nursery is None or len(self._sessions) >= MAX_SESSIONS:
            self._refused += 1
            said = f"{len(self._sessions)} sessions without a socket are open, the limit of the hub is {MAX_SESSIONS}"
            raise Refusal("busy", said, "come back later", 503)
        name, link = self._begin + secrets.token_urlsafe(32), FetchedLink(remote)
        self._sessions[name] = _Session(link, owner)
        self._nursery.start_soon(self._behind_barrier, link, serve)
        return name, link

    def find(self, name: str, owner: Hashable) -> FetchedLink:
        """Return the link of a session. Raises Refusal 404 where there is none, or it is somebody else's."""
        session = self._sessions.get(name)
        if session is None or session.owner != owner:
            raise Refusal("no_session", "there is no such session, or it has ended", "begin a new one", 404)
        return session.link

    def end(self, name: str) -> None:
        """End a session, and forget it."""
        if (session := self._sessions.pop(name, None)) is not None:
            session.link.give_up(CloseCode.NORMAL, "")

    def statistics(self) -> dict[str, float]:
        """Return figures for metrics."""
        waiting_bytes = sum(session.link.waiting_bytes for session in self._sessions.values())
        figures = {"sessions": len(self._sessions), "waiting_bytes": waiting_bytes}
        return {**figures, "refused_sessions": self._refused, "given_up_sessions": self._given_up}

    def _look(self) -> None:
        """Give up sessions that nobody comes to, and forget those that ended and have told it, or had the time to."""
        for name, session in list(self._sessions.items()):
            if session.link.absent_s() > ABSENT_S:
                self._given_up += session.link.end is None
                session.link.give_up(CloseCode.HEARTBEAT_LOST, f"nobody came for {ABSENT_S:g} s")
                del self._sessions[name]

    async def _behind_barrier(self, link: FetchedLink, serve: Callable[[FetchedLink], Awaitable[None]]) -> None:
        code = CloseCode.INTERNAL
        try:
            await serve(link)
            code = CloseCode.NORMAL
        except* Exception as group:
            _log.error("session_failed", remote=link.remote, exc_info=group)
        finally:
            link.give_up(code, "")
