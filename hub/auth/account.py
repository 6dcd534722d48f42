"""What somebody who logged in by a password does for themselves: a new password, their sessions, the end of them.

Owns the rules of that; the user is core's, sessions are kept by the state store. Called by web/account.py with who is asking.
"""

from typing import Any

from hub.auth.auth import Auth
from hub.auth.principal import Principal
from hub.auth.web_sessions import SESSION_S
from hub.core.errors import Refusal
from hub.core.users import User
from hub.ports import Now, StateStore, WebSession


class Account:
    """The accounts of one hub, each in the hands of its owner."""

    def __init__(self, auth: Auth, state: StateStore, now: Now) -> None:
        self._auth = auth
        self._state = state
        self._now = now

    async def sessions(self, principal: Principal) -> list[dict[str, Any]]:
        """Return the sessions of whoever asks; `id` is none of their secrets. Raises Refusal 403, StoreUnavailable."""
        return [
            {
                "id": _id(session),
                "since_us": session.expires_us - SESSION_S * 1_000_000,
                "until_us": session.expires_us,
                "is_this": session.token_hash == principal.login,
            }
            for session in await self._sessions(self._user(principal))
        ]

    async def end_session(self, principal: Principal, id_: str) -> None:
        """End one of their sessions, with what it has open. Raises Refusal 403, 404, StoreUnavailable."""
        user = self._user(principal)
        for session in await self._sessions(user):
            if _id(session) == id_:
                await self._auth.end_session(session.token_hash)
                await self._auth.audit.note(user.name, "end session", f"user {user.name}", session=id_)
                return
        raise Refusal("no_session", f"no session of yours has the id {id_[:64]!r}", "see: GET /api/v1/account/sessions", 404)

    async def end_all(self, principal: Principal) -> None:
        """End every session of theirs, this one too. Raises Refusal 403, StoreUnavailable."""
        user = self._user(principal)
        await self._auth.users.end_logins(user.name, user.name)

    async def set_password(self, principal: Principal, old: str, new: str, address: str) -> str:
        """Replace their password by who knows the old one; every session ends. Return the token of a new one, for who asked.

        Raises Refusal: 401 where the old one is wrong, which counts as guessing, 403, 422, 429, 503; StoreUnavailable.
        """
        user = await self._auth.check_password(self._user(principal).name, old, address)
        if new == old:
            raise Refusal("bad_password", "the new password is the old one", "choose another", 422)
        changed = await self._auth.users.set_password(user.name, await self._auth.passwords.hash_of(new), user.name)
        return await self._auth.new_session(changed)

    def _user(self, principal: Principal) -> User:
        user = self._auth.users.get(principal.name)
        if principal.account is None or user is None or user.account != principal.account:
            hint = "log in by name and password; tokens are managed by: tributary token"
            raise Refusal("no_account", "only who logged in by a password has an account here", hint, 403)
        return user

    async def _sessions(self, user: User) -> list[WebSession]:
        sessions = await self._state.sessions(user.name, self._now())
        return [session for session in sessions if self._auth.is_of(session.role, user)]


def _id(session: WebSession) -> str:
    return session.token_hash.hex()[:16]
