"""Tokens for programs: each with a name, a role and an end, and where it is limited the devices that it is for.

Owns their documents; keeps of a token its hash only. Somebody who holds one is known by that hash, as a browser is by its session's; what
they have open ends with the token, which whoever keeps it open hears by `on_ended`.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import trio

from devices.wire.fields import is_device_name
from hub.core.audit import AuditLog
from hub.core.errors import Refusal
from hub.core.reach import check_where
from hub.core.registry import hash_token
from hub.core.users import Users, check_role_name
from hub.ports import Conflict, Document, Now, StateStore

KIND: Final = "api_token"
MAX_TOKENS: Final = 1_000
MAX_DAYS: Final = 3_650
DEFAULT_DAYS: Final = 90
OF_TOKEN: Final = "token:"  # how the name of who came with a token begins
PREFIX: Final = "trib_"  # so that a token left lying in a file or a log can be searched for
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token, without the secret."""

    name: str
    role: str
    token_hash: bytes
    by: str
    created_us: int
    expires_us: int
    version: int = 1
    where: str = ""  # a tag expression: for these devices only
    maker: str = ""  # where a token made it: who made that one, or the first of them

    @property
    def owner(self) -> str:
        """Whom it was made by in the end: it is good for as long as they are not disabled."""
        return self.maker or self.by

    def item(self) -> dict[str, Any]:
        """Return what may be told of a token."""
        times = {"created_us": self.created_us, "expires_us": self.expires_us}
        return {"name": self.name, "role": self.role, "by": self.by, **times} | ({"where": self.where} if self.where else {})


class ApiTokens:
    """All tokens; `load` reads them once, each change is kept before it counts."""

    def __init__(self, state: StateStore, audit: AuditLog, now: Now, users: Users | None = None) -> None:
        self._state = state
        self._audit = audit
        self._now = now
        self._tokens: dict[str, ApiToken] = {}
        self._of_hash: dict[bytes, ApiToken] = {}
        self._ended: list[Callable[[bytes], None]] = []
        self._writing = trio.Lock()  # what is read meanwhile would be older than what was written
        self._users = users
        if users is not None:
            users.on_ended(self._user_changed)

    async def load(self) -> None:
        """Read the tokens. Raises StoreUnavailable."""
        self._tokens = {document.key: _token(document) for document in await self._state.documents(KIND)}
        self._of_hash = {token.token_hash: token for token in self._tokens.values()}

    async def reload(self) -> None:
        """Take in all tokens as they are kept; what is open by one that is gone ends. Raises StoreUnavailable."""
        async with self._writing:
            before = self._tokens
            await self.load()
        for token in before.values():
            if token.token_hash not in self._of_hash:
                self._tell(token)

    def on_ended(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback(token_hash)` when a token was revoked, or who made it was disabled."""
        self._ended.append(callback)

    def of_hash(self, token_hash: bytes) -> ApiToken | None:
        """Return the token with this hash, where it is good. How long that takes tells nothing of a token, only of its hash."""
        token = self._of_hash.get(token_hash)
        return token if token is not None and self.is_good(token) else None

    def is_good(self, token: ApiToken) -> bool:
        """Tell whether a token is not over, and who made it, or the token that made it, is not disabled."""
        return token.expires_us > self._now() and not (self._users is not None and self._users.is_disabled(token.owner))

    def get(self, name: str) -> ApiToken | None:
        """Return a token, also one that is over."""
        return self._tokens.get(name)

    def items(self) -> list[dict[str, Any]]:
        """Return what may be told of each, by name; also of those that are over."""
        return [self._tokens[name].item() for name in sorted(self._tokens)]

    async def make(self, name: str, role: str, days: float, who: str, where: str = "") -> tuple[str, ApiToken]:
        """Make a token that is good for so many days, for all devices or those that a tag expression means, and return it.

        Nobody can ask for it again. Raises Refusal, StoreUnavailable.
        """
        self._check_new(name, role, days)
        where = check_where(where)
        secret = PREFIX + secrets.token_urlsafe(32)
        at_us = self._now()
        token = ApiToken(name, role, hash_token(secret), who, at_us, at_us + int(days * _DAY_US), where=where, maker=self._behind(who))
        entry = self._audit.entry(
            who, "make token", f"token {name}", role=role, expires_us=token.expires_us, **({"where": where} if where else {})
        )
        async with self._writing:
            try:
                await self._state.change([_document(token)], audited=[entry])
            except Conflict:
                raise _exists(name) from None
            self._tokens[name] = self._of_hash[token.token_hash] = token
        return secret, token

    async def revoke(self, name: str, who: str) -> None:
        """Revoke a token: at once, also for what is open. Raises Refusal, StoreUnavailable."""
        if (token := self._tokens.get(name)) is None:
            raise _unknown(name)
        entry = self._audit.entry(who, "revoke token", f"token {name}", role=token.role)
        async with self._writing:
            try:
                await self._state.change(deletes=[_document(token)], audited=[entry])
            except Conflict:
                raise _unknown(name) from None
            del self._tokens[name], self._of_hash[token.token_hash]
        self._tell(token)

    def _user_changed(self, what: bytes) -> None:
        for token in self._tokens.values():
            if token.owner.encode() == what:  # a disabled user's name
                self._tell(token)

    def _behind(self, who: str) -> str:
        """Return who is behind a token that makes another one; "" where no token does."""
        token = self._tokens.get(who.removeprefix(OF_TOKEN)) if who.startswith(OF_TOKEN) else None
        return "" if token is None else token.owner

    def _tell(self, token: ApiToken) -> None:
        for callback in self._ended:
            callback(token.token_hash)

    def _check_new(self, name: str, role: str, days: float) -> None:
        if not is_device_name(name):
            rule = "1 to 64 of A-Z a-z 0-9 . _ : - and a letter or digit first"
            raise Refusal("bad_request", f"{name[:80]!r} is no name of a token", rule, 422)
        check_role_name(role)
        if not 0 < days <= MAX_DAYS:
            raise Refusal("bad_request", f"a token cannot be good for {days:g} days", f"more than 0 and at most {MAX_DAYS:,}", 422)
        if name in self._tokens:
            raise _exists(name)
        if len(self._tokens) >= MAX_TOKENS:
            raise Refusal("too_many_tokens", f"there are {MAX_TOKENS:,} tokens, which is the limit", "revoke some first", 409)


def _exists(name: str) -> Refusal:
    return Refusal("token_exists", f"there is a token {name!r} already", "revoke it first, or take another name", 409)


def _unknown(name: str) -> Refusal:
    return Refusal("no_token", f"no token is called {name[:64]!r}", "see: tributary token list", 404)


def _document(token: ApiToken) -> Document:
    body = {"role": token.role, "hash": token.token_hash.hex(), "by": token.by}
    body |= {key: value for key, value in (("where", token.where), ("maker", token.maker)) if value}
    return Document(KIND, token.name, token.version, {**body, "created_us": token.created_us, "expires_us": token.expires_us})


def _token(document: Document) -> ApiToken:
    body = document.body
    times = (body["created_us"], body["expires_us"])
    optional = (body.get("where", ""), body.get("maker", ""))
    return ApiToken(document.key, body["role"], bytes.fromhex(body["hash"]), body["by"], *times, document.version, *optional)
