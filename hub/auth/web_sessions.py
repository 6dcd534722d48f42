"""Web sessions: begun, ended, and remembered for a while as the state store has confirmed them, for when it is away.

Owns what a cookie is worth while the store does not answer: what it was when the store was asked last, for REMEMBERED_S and for reading
only, unless its end was told since. Owns no cookie. Asked by auth.py.
"""

import secrets
from collections import OrderedDict
from typing import Final, NamedTuple

import trio

from hub.core.registry import hash_token
from hub.ports import Now, StateStore, StoreUnavailable

SESSION_S: Final = 30 * 86_400
# An end on a node that still reaches the store is not heard of here meanwhile: nobody reads longer than this after it.
REMEMBERED_S: Final = 1_800.0
MAX_REMEMBERED: Final = 2_000  # beyond it the one that was confirmed longest ago is forgotten


class Session(NamedTuple):
    """A session that has not ended."""

    name: str
    role: str
    until_us: int
    is_remembered: bool = False  # the store did not answer now


class WebSessions:
    """The web sessions of one hub."""

    def __init__(self, state: StateStore, now: Now, max_remembered: int = MAX_REMEMBERED) -> None:
        self._state, self._now, self._max_remembered = state, now, max_remembered
        self._remembered: OrderedDict[bytes, tuple[Session, float]] = OrderedDict()  # login -> what it was, when (monotonic)
        self._forgotten = 0

    async def begin(self, name: str, role: str) -> str:
        """Return the token of a new session. Raises StoreUnavailable."""
        token, now_us = secrets.token_urlsafe(32), self._now()
        await self._state.put_login(hash_token(token), "session", name, role, now_us + SESSION_S * 1_000_000, now_us)
        return token

    async def end(self, login: bytes) -> None:
        """End a session by its hash. Raises StoreUnavailable."""
        await self._state.end_session(login)

    async def confirmed(self, login: bytes) -> Session | None:
        """Return a session as the store has it. Raises StoreUnavailable."""
        forgotten = self._forgotten
        if (found := await self._state.session(login, self._now())) is None:
            self._remembered.pop(login, None)
            return None
        session = Session(*found)
        if forgotten == self._forgotten:  # else this may be the one that has ended since the store was asked
            self._remembered[login] = session, trio.current_time()
            self._remembered.move_to_end(login)
            if len(self._remembered) > self._max_remembered:
                self._remembered.popitem(last=False)
        return session

    async def known(self, login: bytes) -> Session | None:
        """Return a session as the store has it or, while that is away, had it. Raises StoreUnavailable where nothing is remembered."""
        try:
            return await self.confirmed(login)
        except StoreUnavailable:
            session, confirmed_s = self._remembered.get(login, (None, 0.0))
            if session is None or trio.current_time() - confirmed_s > REMEMBERED_S:
                raise
            return session._replace(is_remembered=True) if session.until_us > self._now() else None

    def forget(self, what: bytes) -> None:
        """Take no more for good what has ended: a session by its hash; of anything else nothing is remembered here."""
        self._forgotten += 1
        self._remembered.pop(what, None)

    async def confirm_all(self) -> None:
        """Ask the store again of all that is remembered: some may have ended without a word. Raises StoreUnavailable."""
        since_s = trio.current_time() - REMEMBERED_S
        for login, (_, confirmed_s) in list(self._remembered.items()):
            if confirmed_s > since_s:
                await self.confirmed(login)
            else:
                self._remembered.pop(login, None)
