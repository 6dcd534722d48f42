"""The credentials of a hub put together: who sends a request, logging in by a link or a password, logging out.

Owns login links and web sessions. Users and API tokens are core's; here their secrets are made and checked.
"""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog
import trio

from hub.auth.admin_token import read_or_make
from hub.auth.cookies import COOKIE, GUEST_COOKIE, names_by, session_of
from hub.auth.passwords import Passwords
from hub.auth.principal import Principal
from hub.core.actions import GUEST, ROLES
from hub.core.api_tokens import OF_TOKEN, ApiTokens
from hub.core.audit import AuditLog
from hub.core.errors import Refusal
from hub.core.guessing import Guessing, LockedOut, address_key
from hub.core.registry import hash_token
from hub.core.seldom import Seldom
from hub.core.shares import Shares
from hub.core.users import User, Users
from hub.ports import Now, StateStore

LINK_S: Final = 600  # long enough to switch to a browser, short enough to forget in a scrollback
SESSION_S: Final = 30 * 86_400
_OF_USER: Final = "user:"  # begins what stands in place of a session's role: the generation of the user that it holds for
_TOKENS: Final = "token "  # begins the key of an address whose wrong tokens are counted
_log: Final = structlog.get_logger(__name__)


class Auth:
    """The credentials of one hub."""

    def __init__(self, state: StateStore, admin_token: Path, device_of: Callable[[str], str | None], now: Now) -> None:
        self._state = state
        self._path = admin_token
        self._device_of = device_of
        self._now = now
        self._admin = b""
        self.cookie = COOKIE  # a name of this hub's own: hubs on other ports of this host get the same cookies
        self.guest_cookie = GUEST_COOKIE
        self.audit = AuditLog(state, now)
        self.users = Users(state, self.audit, now)
        self.tokens = ApiTokens(state, self.audit, now, self.users)
        self.passwords = Passwords()
        # Many people may share an address; nobody but its owner should have tries of a name, whom a long wait would lock out.
        self._by_address = Guessing(free_tries=10, max_wait_s=900.0)
        self._by_name = Guessing(free_tries=5, max_wait_s=60.0)
        self._seldom = Seldom(period_s=3_600.0)  # a guesser must not fill the disk
        self._ended: list[Callable[[bytes], None]] = []
        self._shares: Shares | None = None
        self.users.on_ended(self.ended)
        self.tokens.on_ended(self.ended)

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

        A guest's cookie is sent below its own link's address only, where it comes first: there even an administrator is a guest.
        """
        if (said := headers.get("authorization")) is not None:  # an empty one too: the checks of the origin pass over the same requests
            scheme, _, token = said.partition(" ")
            return self._bearer(hash_token(token.strip())) if scheme.lower() == "bearer" else None
        if (guest := session_of(headers, self.guest_cookie)) is not None:
            return self.guest(hash_token(guest))
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
        if (found := await self._state.session(login, self._now())) is None:
            return None
        name, role, until_us = found
        user = self.users.get(name)
        if not role.startswith(_OF_USER):
            return None if self.users.is_disabled(name) else Principal(name, role, login, until_us)
        if user is None or user.is_disabled or user.generation != role.removeprefix(_OF_USER):
            return None  # removed or changed since
        return Principal(name, user.role, login, until_us, account=user.account)

    async def is_live(self, principal: Principal) -> bool:
        """Tell whether a principal's login has not ended. Raises StoreUnavailable."""
        login = principal.login
        if login is None or self.tokens.of_hash(login) is not None or self.guest(login) is not None:
            return True
        return await self._logged_in(login) is not None

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
        await self._state.put_login(hash_token(token), "link", name, role, self._now() + LINK_S * 1_000_000)
        await self.audit.note(by, "make login link", f"login {name}", role=role)
        return token

    async def use_login(self, token: str, address: str = "") -> str | None:
        """Use up a login link: return the token of a new session, or None where the link is not known, used or over."""
        found = await self._state.take_login(hash_token(token), self._now())
        if found is None or self.users.is_disabled(found[0]):
            return None
        name, role = found
        session = await self._new_session(name, role)
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
        is_right = await self.passwords.is_right(password, user.password_hash if user is not None else None)
        if user is None or not is_right or self.users.get(name) is not user:
            await self._note_failed(name, address, "fail to log in")
            raise Refusal("wrong_login", "name or password is wrong", "check both; an administrator can set a new password", 401)
        self._by_address.excuse(address_key(address))
        self._by_name.forget(name)
        if user.is_disabled:  # said to who knows the password only
            raise Refusal("disabled_user", f"{name} is disabled", "an administrator can enable you again", 401)
        return user

    async def wrong_token(self, address: str) -> None:
        """Count a token, of a link or a program, that nobody has. Raises LockedOut where too many came from this address.

        They are counted apart from passwords, and a right one is always let in: of 256 bits none is guessed, but a program with an old
        one, which tries for ever, must not lock out its neighbours.
        """
        key, now_s = _TOKENS + address_key(address), trio.current_time()
        if wait_s := self._by_address.wait_s(key, now_s):
            raise LockedOut(wait_s)
        self._by_address.tried(key, now_s)
        await self._note_failed("", address, "try a wrong token")

    async def _note_failed(self, name: str, address: str, action: str) -> None:
        """Write it down, now and then: in the log by address only, as a password is easily typed in place of a name."""
        if times := self._seldom.times(f"{action} {address}", trio.current_time()):
            _log.warning("login_failed", remote=address, why=action, times=times)
            known = name if self.users.get(name) is not None else "(unknown)"
            await self.audit.note("nobody", action, f"user {known}", address=address, times=times)

    async def new_session(self, user: User) -> str:
        """Return the token of a new session of a user, which lasts until the user is changed. Raises StoreUnavailable."""
        return await self._new_session(user.name, _OF_USER + user.generation)

    def is_of(self, role: str, user: User) -> bool:
        """Tell whether a kept session is a user's, as the user is now."""
        return role == _OF_USER + user.generation

    def locked(self) -> list[dict[str, Any]]:
        """Return who must wait before another try: names of users and addresses; of names that nobody has nothing is told."""
        now_s = trio.current_time()
        names = [("user", *each) for each in self._by_name.waiting(now_s) if self.users.get(each[0]) is not None]
        found = [*names, *(("address", *each) for each in self._by_address.waiting(now_s))]
        return [{"what": what, "key": key.removeprefix(_TOKENS), "tries": tries, "left_s": round(s, 1)} for what, key, tries, s in found]

    async def unlock(self, key: str, by: str) -> None:
        """Let a user's name, or an address, try again at once. Raises Refusal 404, StoreUnavailable."""
        if all(each["key"] != key for each in self.locked()):
            raise Refusal("not_locked", f"neither a user nor an address {key[:64]!r} must wait now", "see: tributary user locked", 404)
        self._by_name.forget(key)
        self._by_address.forget(key)
        self._by_address.forget(_TOKENS + key)
        await self.audit.note(by, "unlock", f"login of {key}")

    async def _new_session(self, name: str, role: str) -> str:
        session = secrets.token_urlsafe(32)
        await self._state.put_login(hash_token(session), "session", name, role, self._now() + SESSION_S * 1_000_000)
        return session

    async def logout(self, session: str) -> None:
        """End a session, and tell who keeps connections open for it."""
        login = hash_token(session)
        principal = await self._logged_in(login)
        await self.end_session(login)
        if principal is not None:
            await self.audit.note(principal.name, "log out", f"login {principal.name}")

    async def end_session(self, login: bytes) -> None:
        """End a session by its hash, and tell who keeps connections open for it. Raises StoreUnavailable."""
        await self._state.end_session(login)
        self.ended(login)
