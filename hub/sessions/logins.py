"""The live connections of each login: they end when it does, by logging out, by another login in its place, by a change of
its user, or by its time.

Owns the register of open connections by login and how one is closed (4504, docs/protocol.md section 12). Must not know who may log in.
Auth tells of a login's end; main.py puts `serve` round each viewer's session.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import trio

from devices.link import Link
from devices.wire.limits import CloseCode
from hub.auth import Auth, Principal
from hub.ports import Now, StoreUnavailable

_LOOK_S: Final = 60.0  # at the wall clock, which may be set while a connection is open
_CONFIRM_S: Final = 300.0  # so that a login that is in use is remembered when the state store goes away (auth/web_sessions.py)


class Logins:
    """Which logins have live connections."""

    def __init__(self, auth: Auth, now: Now) -> None:
        self._auth = auth
        self._now = now
        self._open: dict[trio.Event, Principal] = {}
        auth.on_ended(self._ended)

    def __len__(self) -> int:
        """Return how many logins have a connection."""
        return len({principal.login for principal in self._open.values()})

    async def serve(self, principal: Principal, link: Link, serve: Callable[[], Awaitable[None]]) -> None:
        """Run a session; the end of its login closes the link with 4504, which the session hears as LinkClosed.

        The holder of admin.token has no login to end.
        """
        if principal.login is None:
            await serve()
            return
        ended = trio.Event()
        self._open[ended] = principal
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._close_at_the_end, principal, link, ended)
                await serve()
                nursery.cancel_scope.cancel()
        finally:
            del self._open[ended]

    def _ended(self, what: bytes) -> None:
        for ended, principal in self._open.items():
            if what in (principal.login, principal.account, principal.name.encode()):
                ended.set()

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Whatever ends a login by a change, Auth tells of."""

    async def reload(self) -> None:
        """Look at every login that has a connection: some may have ended on other nodes without a word. Raises StoreUnavailable."""
        for ended, principal in list(self._open.items()):
            if not await self._auth.is_live(principal):
                ended.set()

    async def _close_at_the_end(self, principal: Principal, link: Link, ended: trio.Event) -> None:
        confirm_s = trio.current_time()
        while not ended.is_set() and (left_s := (principal.until_us - self._now()) / 1e6) > 0:
            if trio.current_time() < confirm_s:
                with trio.move_on_after(min(left_s, _LOOK_S)):
                    await ended.wait()
                continue
            confirm_s = trio.current_time() + _CONFIRM_S
            with suppress(StoreUnavailable):  # it was good when the door looked, and its end is told from here on
                if not await self._auth.is_live(principal):
                    ended.set()
        await link.aclose(CloseCode.LOGIN_ENDED, "the login has ended")
