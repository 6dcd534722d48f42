"""Users with a name, a role and a password.

Owns their documents and the rules of names and roles; is given passwords as hashes only, which hub/auth makes. Any change of a user ends
what was logged in before it: whoever keeps that open hears of it by `on_ended`.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import trio

from hub.core.actions import ROLES
from hub.core.audit import AuditLog
from hub.core.errors import Refusal
from hub.ports import Conflict, Document, Now, StateStore

KIND: Final = "user"
MAX_USERS: Final = 1_000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}", re.ASCII)
_RESERVED: Final = "admin"  # the holder of admin.token, in the audit log
_ADMIN: Final = "admin"  # the role


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in by a password."""

    name: str
    role: str
    password_hash: str
    generation: str  # drawn anew with each change; a session holds as long as this is the one that it began with
    created_us: int
    changed_us: int
    version: int
    is_disabled: bool = False  # may not log in, nor use what they logged in to or made tokens for

    @property
    def account(self) -> bytes:
        """What a login of this user hangs on."""
        return f"{self.name}/{self.generation}".encode()

    def item(self) -> dict[str, Any]:
        """Return what may be told of a user."""
        told = {"name": self.name, "role": self.role, "created_us": self.created_us, "changed_us": self.changed_us}
        return {**told, "version": self.version} | ({"disabled": True} if self.is_disabled else {})


class Users:
    """All users; `load` reads them once, each change is kept before it counts."""

    def __init__(self, state: StateStore, audit: AuditLog, now: Now) -> None:
        self._state = state
        self._audit = audit
        self._now = now
        self._users: dict[str, User] = {}
        self._ended: list[Callable[[bytes], None]] = []
        self._writing = trio.Lock()  # what is read meanwhile would be older than what was written
        self._disabling = trio.Lock()  # two administrators who disable each other must not both succeed

    async def load(self) -> None:
        """Read the users. Raises StoreUnavailable."""
        self._users = {document.key: _user(document) for document in await self._state.documents(KIND)}

    async def reload(self) -> None:
        """Take in all users as they are kept; what was logged in to a changed one ends. Raises StoreUnavailable."""
        async with self._writing:
            before = self._users
            await self.load()
        for user in before.values():
            now = self._users.get(user.name)
            if now is None or now.generation != user.generation:
                self._tell(user)

    def on_ended(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback(what)` when what was logged in to an account holds no more; `what` is the account, and a disabled user's name."""
        self._ended.append(callback)

    def get(self, name: str) -> User | None:
        """Return a user."""
        return self._users.get(name)

    def of_account(self, account: bytes | None) -> User | None:
        """Return the user whose present logins hang on this."""
        user = self._users.get((account or b"").decode(errors="replace").rpartition("/")[0])
        return user if user is not None and user.account == account else None

    def is_disabled(self, name: str) -> bool:
        """Tell whether there is a user of this name who is disabled."""
        user = self._users.get(name)
        return user is not None and user.is_disabled

    def items(self) -> list[dict[str, Any]]:
        """Return what may be told of each, by name."""
        return [self._users[name].item() for name in sorted(self._users)]

    def check_new(self, name: str, role: str) -> None:
        """Tell what stands against a new user, before a password is hashed for it. Raises Refusal."""
        if not _NAME.fullmatch(name):
            rule = "1 to 64 of a-z 0-9 . _ @ + - and a letter or digit first"
            raise Refusal("bad_request", f"{name[:80]!r} is no user name", rule, 422)
        if name == _RESERVED:
            raise Refusal("bad_request", f"{name!r} is who holds admin.token", "take another name", 422)
        check_role_name(role)
        if name in self._users:
            raise Refusal("user_exists", f"there is a user {name} already", "see: tributary user role, tributary user password", 409)
        if len(self._users) >= MAX_USERS:
            raise Refusal("too_many_users", f"there are {MAX_USERS:,} users, which is the limit", "remove some first", 409)

    async def add(self, name: str, role: str, password_hash: str, who: str) -> User:
        """Add a user. Raises Refusal, StoreUnavailable."""
        self.check_new(name, role)
        at_us = self._now()
        user = User(name, role, password_hash, secrets.token_hex(8), at_us, at_us, 1)
        await self._put(user, who, "add user", role=role)
        return user

    async def set_role(self, name: str, role: str, who: str) -> User:
        """Give a user another role; their logins end, unless it is the one they have. Raises Refusal, StoreUnavailable."""
        check_role_name(role)
        before = self.known(name)
        if before.role == role:
            return before
        user = self._next(before, role=role)
        await self._put(user, who, "change role", role=role, before=before.role)
        return user

    async def set_password(self, name: str, password_hash: str, who: str) -> User:
        """Replace a password; the user's logins end. Raises Refusal, StoreUnavailable."""
        user = self._next(self.known(name), password_hash=password_hash)
        await self._put(user, who, "set password")
        return user

    async def set_disabled(self, name: str, who: str, *, is_disabled: bool) -> User:
        """Disable a user, whose logins and tokens are good for nothing then, or enable them again. Raises Refusal, StoreUnavailable.

        Somebody must be left to administer the hub.
        """
        async with self._disabling:
            before = self.known(name)
            if before.is_disabled is is_disabled:
                return before
            others = (user for user in self._users.values() if user.name != name and user.role == _ADMIN and not user.is_disabled)
            if is_disabled and before.role == _ADMIN and next(others, None) is None:
                raise Refusal("last_admin", f"{name} is the last administrator who can log in", "make somebody else one first", 409)
            user = self._next(before, is_disabled=is_disabled)
            await self._put(user, who, "disable user" if is_disabled else "enable user")
        return user

    async def end_logins(self, name: str, who: str) -> None:
        """End every login of a user, and change nothing else. Raises Refusal, StoreUnavailable."""
        await self._put(self._next(self.known(name)), who, "end logins")

    async def remove(self, name: str, who: str) -> None:
        """Remove a user; their logins end. Raises Refusal, StoreUnavailable."""
        user = self.known(name)
        entry = self._audit.entry(who, "remove user", f"user {name}", role=user.role)
        async with self._writing:
            try:
                await self._state.change(deletes=[_document(user)], audited=[entry])
            except Conflict:
                raise _changed(name) from None
            del self._users[name]
        self._tell(user)

    def known(self, name: str) -> User:
        """Return a user. Raises Refusal 404."""
        if (user := self._users.get(name)) is None:
            raise Refusal("no_user", f"no user is called {name[:64]!r}", "see: tributary user list", 404)
        return user

    def _next(self, user: User, **changed: Any) -> User:
        return replace(user, generation=secrets.token_hex(8), changed_us=self._now(), version=user.version + 1, **changed)

    async def _put(self, user: User, who: str, action: str, **detail: str) -> None:
        entry = self._audit.entry(who, action, f"user {user.name}", **detail)
        async with self._writing:
            try:
                await self._state.change([_document(user)], audited=[entry])
            except Conflict:
                raise _changed(user.name) from None
            before = self._users.get(user.name)
            self._users[user.name] = user
        if before is not None:
            self._tell(before)

    def _tell(self, user: User) -> None:
        ended = [user.account, *([user.name.encode()] if self.is_disabled(user.name) else [])]
        for callback in self._ended:
            for what in ended:
                callback(what)


def check_role_name(role: str) -> None:
    """Let a role pass that there is. Raises Refusal 422."""
    if role not in ROLES:
        raise Refusal("bad_request", f"{role[:40]!r} is no role", f"take one of {', '.join(ROLES)}", 422)


def _changed(name: str) -> Refusal:
    return Refusal("conflict", f"user {name} was changed by somebody else meanwhile", "look at it, then try again", 409)


def _document(user: User) -> Document:
    body: Mapping[str, Any] = {
        "role": user.role,
        "password_hash": user.password_hash,
        "generation": user.generation,
        "created_us": user.created_us,
        "changed_us": user.changed_us,
        **({"is_disabled": True} if user.is_disabled else {}),
    }
    return Document(KIND, user.name, user.version, body)


def _user(document: Document) -> User:
    return User(name=document.key, version=document.version, **document.body)
