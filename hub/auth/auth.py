"""The credentials of a hub put together: who sends a request, logging in by a link or a password, logging out.

Owns login links; web sessions are web_sessions.py's. Users and API tokens are core's; here their secrets are made and checked.
"""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import trio

from hub.auth.admin_token import read_or_make
from hub.auth.cookies import COOKIE, GUEST_COOKIE, names_by, session_of
from hub.auth.passwords import Passwords
from hub.auth.principal import Principal
from hub.auth.web_sessions import Session, WebSessions
from hub.auth.wrong_tries import WrongTries
from hub.core.actions import GUEST, ROLES
from hub.core.api_tokens import OF_TOKEN, ApiTokens
from hub.core.errors import Refusal
from hub.core.guessing import LockedOut, address_key
from hub.core.registry import hash_token
from hub.core.shares import Shares
from hub.core.users import User
from hub.ports import Now, StateStore

LINK_S: Final = 600  # long enough to switch to a browser, short enough to forget in a scrollback
_OF_USER: Final = "user:"  # begins what stands in place of a session's role: the generation of the user that it holds for


class Auth(WrongTries):
    """The credentials of one hub."""

    def __init__(self, state: StateStore, admin_token: Path, device_of: Callable[[str], str | None], now: Now) -> None:
        super().__init__(state, now)
        self._path = admin_token
        self._device_of = device_of
        self._admin = b""
        self.cookie = COOKIE  # a name of this hub's own: hubs on other ports of this host get the same cookies
        self.guest_cookie = GUEST_COOKIE
        self.tokens = ApiTokens(state, self.audit, now, self.users)
        self.passwords = Passwords()
        self.sessions = WebSessions(state, now)
        self._ended: list[Callable[[bytes], None]] = []
        self._shares: Shares | None = None
        self.users.on_ended(self.ended)
        self.tokens.on_ended(self.ended)
        self.on_ended(self.sessions.forget)

    async def start(self) -> None:
        """Read what is kept, and make the administrator's credential where there is none. Raises OSError, StoreUnavailable."""
        self._admin = hash_token(await trio.to_thread.run_sync(read_or_make, self._path))
        self.cookie, self.guest_cookie = names_by(self._admin)
        await self.users.load()
        await self.tokens.load()
        await self.passwords.start()

    def let_guests_in(self, shares: Shares) -> None:
        """Take the links of shared dashboards for logins, too."""
        self._shares = shares
        shares.on_ended(self.ended)

    def share_cookies(self, secret: str) -> None:
        """Name cookies by what the nodes of a cluster share: a proxy sends people to this one and that one."""
        self.cookie, self.guest_cookie = names_by(hash_token(secret))

    def device_of(self, token: str) -> str | None:
        """Return the device a token was made for."""
        return self._device_of(token)

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """Return who sends these headers (names in lower case): by Authorization if it is there, else by cookie.

        A guest's cookie is sent below its own link's address only, where it comes first: there even an administrator is a guest. Of a
        token in Authorization the caller asks again once it `may_be_new`. Raises Refusal 503, StoreUnavailable.
        """
        if (said := headers.get("authorization")) is not None:  # an empty one too: the checks of the origin pass over the same requests
            scheme, _, token = said.partition(" ")
            return self._bearer(hash_token(token.strip())) if scheme.lower() == "bearer" else None
        if (guest := session_of(headers, self.guest_cookie)) is not None:
            if (found := self.guest(hash_token(guest))) is None:
                await self.catch_up()
                found = self.guest(hash_token(guest))
            return found
        session = self.session_of(headers)
        return await self._logged_in(hash_token(session)) if session else None

    def guest(self, token_hash: bytes) -> Principal | None:
        """Return who came by a link of a shared dashboard that is good."""
        share = None if self._shares is None else self._shares.of_hash(token_hash)
        return None if share is None else Principal(f"share:{share.id}", GUEST, token_hash, share.expires_us, share=share.id)

    def _bearer(self, token_hash: bytes) -> Principal | None:
        if secrets.compare_digest(token_hash, self._admin):
            return Principal("admin", "admin")
        token = self.tokens.of_hash(token_hash)
        return None if token is None else Principal(OF_TOKEN + token.name, token.role, token_hash, token.expires_us, where=token.where)

    async def _logged_in(self, login: bytes) -> Principal | None:
        session = await self.sessions.known(login)
        if session is None:
            return None
        if (found := self._of_session(login, session)) is None and not session.is_remembered:
            await self.catch_up()  # the user may be new, or have a new password
            found = self._of_session(login, session)
        return found

    def _of_session(self, login: bytes, session: Session) -> Principal | None:
        name, role, until_us, is_remembered = session
        user = self.users.get(name)
        if not role.startswith(_OF_USER):
            return None if self.users.is_disabled(name) else Principal(name, role, login, until_us, is_remembered=is_remembered)
        if user is None or user.is_disabled or user.generation != role.removeprefix(_OF_USER):
            return None  # removed or changed since
        return Principal(name, user.role, login, until_us, account=user.account, is_remembered=is_remembered)

    async def is_live(self, principal: Principal) -> bool:
        """Tell whether a principal's login has not ended, as the state store has it. Raises StoreUnavailable."""
        login = principal.login
        if login is None or self.tokens.of_hash(login) is not None or self.guest(login) is not None:
            return True
        session = await self.sessions.confirmed(login)
        return session is not None and self._of_session(login, session) is not None

    def on_ended(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback(what)` when something ended before its time; its principals have it as their `login` or `account`."""
        self._ended.append(callback)

    def ended(self, what: bytes) -> None:
        """Tell who keeps something open for a login, or for all of an account, that it has ended."""
        for callback in self._ended:
            callback(what)

    def session_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the session token in the cookies of a request."""
        return session_of(headers, self.cookie)

    async def new_login(self, name: str, role: str, by: str = "admin") -> str:
        """Return the token of a one-time login link, good for LINK_S. Raises ValueError where there is no such role."""
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, not {role!r}")
        token = secrets.token_urlsafe(32)
        now_us = self._now()
        await self._state.put_login(hash_token(token), "link", name, role, now_us + LINK_S * 1_000_000, now_us)
        await self.audit.note(by, "make login link", f"login {name}", role=role)
        return token

    async def use_login(self, token: str, address: str = "") -> str | None:
        """Use up a login link: return the token of a new session, or None where the link is not known, used or over."""
        found = await self._state.take_login(hash_token(token), self._now())
        if found is None or self.users.is_disabled(found[0]):
            return None
        name, role = found
        session = await self.sessions.begin(name, role)
        await self.audit.note(name, "log in", f"login {name}", by="link", role=role, address=address)
        return session

    async def log_in(self, name: str, password: str, address: str) -> str:
        """Return the token of a new session of a user.

        Raises Refusal: LockedOut, `wrong_login`, the same and as late whether there is such a user or not, `disabled_user`, `busy`.
        """
        name = name.strip()[:64]
        # Of ASCII only: other letters become ASCII in lower case, too, and would be another way to spell somebody's name.
        user = await self.check_password(name.lower() if name.isascii() else name, password, address)
        session = await self.new_session(user)
        await self.audit.note(user.name, "log in", f"user {user.name}", by="password", role=user.role, address=address)
        return session

    async def check_password(self, name: str, password: str, address: str) -> User:
        """Return the user with this name and password; a wrong one counts as guessing. Raises Refusal as `log_in` does."""
        keys = ((self._by_address, address_key(address)), (self._by_name, name))
        now_s = trio.current_time()
        if wait_s := max(guessing.wait_s(key, now_s) for guessing, key in keys):
            await self._note_failed(name, address, "lock out")
            raise LockedOut(wait_s)
        for guessing, key in keys:
            guessing.tried(key, now_s)
        user = self.users.get(name)
        is_right = await self._is_right(password, user)
        if not is_right:
            await self.catch_up()
            if self.users.get(name) is not user:
                user = self.users.get(name)
                is_right = await self._is_right(password, user)
        if user is None or not is_right or self.users.get(name) is not user:
            await self._note_failed(name, address, "fail to log in")
            raise Refusal("wrong_login", "name or password is wrong", "check both; an administrator can set a new password", 401)
        self._by_address.excuse(address_key(address))
        self._by_name.forget(name)
        if user.is_disabled:  # said to who knows the password only
            raise Refusal("disabled_user", f"{name} is disabled", "an administrator can enable you again", 401)
        return user

    async def _is_right(self, password: str, user: User | None) -> bool:
        return await self.passwords.is_right(password, user.password_hash if user is not None else None)

    async def new_session(self, user: User) -> str:
        """Return the token of a new session of a user, which lasts until the user is changed. Raises StoreUnavailable."""
        return await self.sessions.begin(user.name, _OF_USER + user.generation)

    def is_of(self, role: str, user: User) -> bool:
        """Tell whether a kept session is a user's, as the user is now."""
        return role == _OF_USER + user.generation

    async def logout(self, session: str) -> None:
        """End a session, and tell who keeps connections open for it."""
        login = hash_token(session)
        principal = await self._logged_in(login)
        await self.end_session(login)
        if principal is not None:
            await self.audit.note(principal.name, "log out", f"login {principal.name}")

    async def end_session(self, login: bytes) -> None:
        """End a session by its hash, and tell who keeps connections open for it. Raises StoreUnavailable."""
        await self.sessions.end(login)
        self.ended(login)
