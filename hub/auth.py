"""Who may do what: principals, the administrator's credential, one-time login links and web sessions.

Owns the drawing and checking of secrets; keeps only their hashes, in the state store. Devices' tokens are the registry's. Asked by
the door before an upgrade and by the API at each request.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from hub.core.registry import hash_token
from hub.ports import Now, StateStore

COOKIE: Final = "tributary_session"  # how the name begins
LINK_S: Final = 600  # long enough to switch to a browser, short enough to forget in a scrollback
SESSION_S: Final = 30 * 86_400
ROLES: Final = ("viewer", "operator", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in, and the role (viewer, operator, admin) that says what they may do."""

    name: str
    role: str
    login: bytes | None = field(default=None, compare=False, repr=False)  # by what a login is known; None: a bearer token
    until_us: int = field(default=0, compare=False)  # when the login is over


class Auth:
    """The credentials of one hub."""

    def __init__(self, state: StateStore, admin_token: Path, device_of: Callable[[str], str | None], now: Now) -> None:
        self._state = state
        self._path = admin_token
        self._device_of = device_of
        self._now = now
        self._admin = b""
        self.cookie = COOKIE  # a name of this hub's own: hubs on other ports of this host get the same cookies
        self._ended: list[Callable[[bytes], None]] = []

    async def start(self) -> None:
        """Read the administrator's credential, or make it; only its owner may read the file. Raises OSError."""
        self._admin = hash_token(await trio.to_thread.run_sync(self._read_or_make))
        self.cookie = f"{COOKIE}_{hashlib.sha256(self._admin).hexdigest()[:8]}"

    def _read_or_make(self) -> str:
        try:
            token = self._path.read_text().strip()
        except FileNotFoundError:
            token = ""
        if not token:
            token = secrets.token_urlsafe(32)
            draft = self._path.with_name(self._path.name + ".new")
            draft.unlink(missing_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(token + "\n")
            draft.replace(self._path)
        self._path.chmod(0o600)
        return token

    def device_of(self, token: str) -> str | None:
        """Return the device a token was made for."""
        return self._device_of(token)

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """Return who sends these headers (names in lower case): by Authorization if it is there, else by session cookie."""
        if (said := headers.get("authorization")) is not None:  # an empty one too: the checks of the origin pass over the same requests
            scheme, _, token = said.partition(" ")
            is_admin = scheme.lower() == "bearer" and secrets.compare_digest(hash_token(token.strip()), self._admin)
            return Principal("admin", "admin") if is_admin else None
        session = self.session_of(headers)
        return await self._logged_in(hash_token(session)) if session else None

    async def _logged_in(self, login: bytes) -> Principal | None:
        found = await self._state.session(login, self._now())
        return Principal(*found[:2], login, found[2]) if found is not None else None

    async def is_live(self, principal: Principal) -> bool:
        """Tell whether a principal's login has not ended. Raises StoreUnavailable."""
        return principal.login is None or await self._logged_in(principal.login) is not None

    def on_ended(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback(login)` when a login was ended before its time; its principals have the same `login`."""
        self._ended.append(callback)

    def session_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the session token in the cookies of a request."""
        return session_of(headers, self.cookie)

    async def new_login(self, name: str, role: str) -> str:
        """Return the token of a one-time login link, good for LINK_S. Raises ValueError where there is no such role."""
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, not {role!r}")
        token = secrets.token_urlsafe(32)
        await self._state.put_login(hash_token(token), "link", name, role, self._now() + LINK_S * 1_000_000)
        return token

    async def use_login(self, token: str) -> str | None:
        """Use up a login link: return the token of a new session, or None where the link is not known, used or over."""
        found = await self._state.take_login(hash_token(token), self._now())
        if found is None:
            return None
        session = secrets.token_urlsafe(32)
        await self._state.put_login(hash_token(session), "session", *found, self._now() + SESSION_S * 1_000_000)
        return session

    async def logout(self, session: str) -> None:
        """End a session, and tell who keeps connections open for it."""
        await self._state.end_session(hash_token(session))
        for callback in self._ended:
            callback(hash_token(session))


def session_of(headers: Mapping[str, str], cookie_name: str) -> str | None:
    """Return the session token in the cookie of this name.

    Read by hand: http.cookies gives up on all of them at one odd cookie, and cookies of every program on this host, whatever
    its port, arrive here.
    """
    for cookie in headers.get("cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == cookie_name and value:
            return value
    return None
