"""How many viewers each user, API token and link of a shared dashboard has at once: so many, and no more.

Owns the counts of open viewers and how one too many is told (4013, docs/protocol.md section 12). Must not know who may log in. main.py
puts `serve` round each viewer's session, whatever way it came.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
import trio

from devices.link import ServerLink
from devices.wire.limits import CloseCode
from hub.auth import Principal
from hub.core.seldom import Seldom

_log: Final = structlog.get_logger(__name__)


class Seats:
    """The viewers of everybody; `refuses` says why nobody new is let in now, if so."""

    def __init__(self, per_user: int, per_link: int, refuses: Callable[[], str | None] = lambda: None) -> None:
        self._per_user, self._per_link = per_user, per_link
        self._refuses = refuses
        self._taken: Counter[str] = Counter()
        self._refused = 0
        self._seldom = Seldom()

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        return {"refused": self._refused}

    async def serve(self, principal: Principal, link: ServerLink, serve: Callable[[], Awaitable[None]]) -> None:
        """Run a session, or close its link with 4013."""
        if (reason := self._refuses() or self._over(principal)) is not None:
            self._refused += 1
            self._tell(principal.name, link.remote, reason)
            await link.aclose(CloseCode.NO_ROOM, reason)
            return
        self._taken[principal.name] += 1
        try:
            await serve()
        finally:
            self._taken[principal.name] -= 1
            if not self._taken[principal.name]:
                del self._taken[principal.name]

    def _over(self, principal: Principal) -> str | None:
        limit, what = (self._per_link, "link") if principal.share else (self._per_user, "login")
        if self._taken[principal.name] < limit:
            return None
        return f"{limit} viewers of this {what} are open, which is the limit"

    def _tell(self, who: str, remote: str, reason: str) -> None:
        if times := self._seldom.times(who, trio.current_time()):
            _log.warning("viewer_limited", who=who, remote=remote, reason=reason, times=times)
