"""Links to dashboards: each lets whoever has it see one dashboard, live and without an account, until it ends.

Owns their documents, keeping of a link's token its hash only, and the rule of when one is good: until its time, while its dashboard is
there (one that is deleted and restored is the same), and while who made it may change dashboards. What a link reaches is what the tiles of
the saved dashboard show. When that changes, or a link ends, whoever keeps something open for it hears by `on_ended`.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import trio

from hub.core.actions import ALLOWED, Action
from hub.core.api_tokens import ApiTokens
from hub.core.audit import AuditLog
from hub.core.dashboards import Dashboards
from hub.core.errors import Refusal
from hub.core.registry import hash_token
from hub.core.share import FOR_EVER_US, KIND, Share, share_in
from hub.core.tile_sources import Source, public, sources_in
from hub.core.users import Users
from hub.ports import Audited, Conflict, Now, StateStore, StoreUnavailable

MAX_SHARES: Final = 500  # of the hub
MAX_OF_ONE: Final = 20  # dashboard
MAX_NAME: Final = 64  # characters
MAX_DAYS: Final = 365
_DAY_US: Final = 86_400_000_000
_NOTED_US: Final = 600_000_000  # how exactly it is kept when a link was last used: not every look is worth a sync


class Shares:
    """All links; `load` reads them once the users, tokens and dashboards are read. Each change is kept before it counts."""

    def __init__(self, state: StateStore, audit: AuditLog, dashboards: Dashboards, users: Users, tokens: ApiTokens, now: Now) -> None:
        self._state, self._audit, self._now = state, audit, now
        self._dashboards, self._users, self._tokens = dashboards, users, tokens
        self._shares: dict[str, Share] = {}
        self._of_hash: dict[bytes, str] = {}
        self._sources: dict[str, tuple[Source, ...]] = {}  # of dashboards that have links, or were saved since the start
        self._ended: list[Callable[[bytes], None]] = []
        self._changing = trio.Lock()  # one change at a time: each begins with what the one before has stored
        dashboards.on_changed(self._dashboard_changed)
        users.on_ended(lambda account: self._end_bad())
        tokens.on_ended(lambda token_hash: self._end_bad())

    async def load(self) -> None:
        """Read the links, and what each dashboard of theirs shows. Raises StoreUnavailable."""
        self._shares = {each.key: share_in(each) for each in await self._state.documents(KIND)}
        self._of_hash = {share.token_hash: share.id for share in self._shares.values()}
        for name in {share.dashboard for share in self._shares.values()}:
            if name not in self._sources and self._dashboards.born_us(name) is not None:
                self._sources[name] = sources_in((await self._dashboards.dashboard(name))["dashboard"])

    async def reload(self) -> None:
        """Take in all links as they are kept; what is open by one that is gone ends. Raises StoreUnavailable."""
        async with self._changing:
            before = self._shares
            await self.load()
        for share in before.values():
            if share.id not in self._shares:
                self._tell(share)

    def on_ended(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback(token_hash)` when a link ended, or reaches something else now."""
        self._ended.append(callback)

    def of_hash(self, token_hash: bytes) -> Share | None:
        """Return the link with this hash, where it is good."""
        share = self._shares.get(self._of_hash.get(token_hash, ""))
        return share if share is not None and self.is_good(share) else None

    def is_known(self, token_hash: bytes) -> bool:
        """Tell whether there is a link with this hash, good or not: who has it does not guess."""
        return token_hash in self._of_hash

    def is_good(self, share: Share) -> bool:
        """Tell whether a link is good now."""
        is_there = self._dashboards.born_us(share.dashboard) == share.born_us
        return share.expires_us > self._now() and is_there and self._may_share(share.maker)

    def sources(self, id_: str) -> tuple[Source, ...]:
        """Return what a link reaches now; the same object until that changes."""
        share = self._shares.get(id_)
        return self._sources.get(share.dashboard, ()) if share is not None and self.is_good(share) else ()

    async def shown(self, id_: str) -> dict[str, Any]:
        """Return the dashboard of a link as a guest sees it. Raises Refusal 404, StoreUnavailable."""
        if (share := self._shares.get(id_)) is None:
            raise not_good()
        document = (await self._dashboards.dashboard(share.dashboard))["dashboard"]
        with suppress(StoreUnavailable, Conflict):  # a full disk, another node's note: what is shared can be seen all the same
            await self._used(id_)
        return public(document)

    def items(self, dashboard: str) -> list[dict[str, Any]]:
        """Return what may be told of a dashboard's links, newest first; also of those that are over. Raises Refusal 404."""
        self._born_us(dashboard)
        mine = sorted(self._of_dashboard(dashboard), key=lambda share: share.created_us, reverse=True)
        return [share.item(is_good=self.is_good(share)) for share in mine]

    async def make(self, dashboard: str, name: str, days: float | None, by: str, maker: bytes | None) -> tuple[str, Share]:
        """Make a link that is good for so many days, None: until it is withdrawn; return its token, which nobody can ask for again.

        `maker` is the user's account or the hash of the API token that makes it. Raises Refusal, StoreUnavailable.
        """
        async with self._changing:
            over = self._check_new(dashboard, name, days)
            shows = sources_in((await self._dashboards.dashboard(dashboard))["dashboard"])
            token, at_us = secrets.token_urlsafe(32), self._now()
            hangs_on, ends_us = self._maker(maker)
            ends_us = min(ends_us, FOR_EVER_US if days is None else at_us + int(days * _DAY_US))
            born_us = self._born_us(dashboard)
            share = Share(secrets.token_hex(8), dashboard, name.strip(), hash_token(token), by, hangs_on, born_us, at_us, ends_us)
            detail = {"dashboard": dashboard, "name": share.name} | ({"expires_us": ends_us} if ends_us < FOR_EVER_US else {})
            await self._change([share], over, self._audit.entry(by, "share dashboard", f"share {share.id}", **detail))
            self._sources.setdefault(dashboard, shows)
        return token, share

    async def withdraw(self, dashboard: str, id_: str, by: str) -> None:
        """Withdraw a link: at once, also for what is open. Raises Refusal 404, StoreUnavailable."""
        async with self._changing:
            share = self._shares.get(id_)
            if share is None or share.dashboard != dashboard:
                raise _unknown(id_)
            entry = self._audit.entry(by, "withdraw share", f"share {id_}", dashboard=dashboard, name=share.name)
            await self._change([], [share], entry)
        self._tell(share)

    async def _used(self, id_: str) -> None:
        """Keep that a link is used now, unless that was a moment ago; its first use goes into the audit log."""
        async with self._changing:
            share = self._shares.get(id_)
            if share is None or self._now() - share.used_us < _NOTED_US:
                return
            first = self._audit.entry(f"share:{id_}", "use share", f"share {id_}", dashboard=share.dashboard, name=share.name)
            used = replace(share, used_us=self._now(), version=share.version + 1)
            await self._change([used], [], *([] if share.used_us else [first]))

    async def _change(self, puts: Sequence[Share], gone: Sequence[Share], *audited: Audited) -> None:
        """Store a change; who asked may leave meanwhile."""
        with trio.CancelScope(shield=True):
            await self._state.change([each.document() for each in puts], [each.document() for each in gone], audited=audited)
        for each in gone:
            del self._shares[each.id], self._of_hash[each.token_hash]
        for each in puts:
            self._shares[each.id], self._of_hash[each.token_hash] = each, each.id

    def _check_new(self, dashboard: str, name: str, days: float | None) -> list[Share]:
        """Return the links that are over for good, which go with the next change. Raises Refusal."""
        self._born_us(dashboard)
        if not 0 < len(name.strip()) <= MAX_NAME or not name.isprintable():
            raise Refusal("bad_name", f"a link's name is 1 to {MAX_NAME} printable characters", "say whom it is for", 422)
        if days is not None and not 0 < days <= MAX_DAYS:
            said = f"a link cannot be good for {days:g} days: more than 0 and at most {MAX_DAYS}"
            raise Refusal("bad_request", said, "or leave days out: until it is withdrawn", 422)
        over = [share for share in self._shares.values() if self._is_over(share)]
        gone = {share.id for share in over}
        for what, limit, found in (
            (f"dashboard {dashboard} has", MAX_OF_ONE, self._of_dashboard(dashboard)),
            ("there are", MAX_SHARES, list(self._shares.values())),
        ):
            if sum(share.id not in gone for share in found) >= limit:
                raise Refusal("too_many_shares", f"{what} {limit} links, which is the limit", "withdraw one first", 409)
        return over

    def _is_over(self, share: Share) -> bool:
        """Tell whether a link is never good again; those of a dashboard that is lost nobody could find to withdraw them."""
        return share.expires_us <= self._now() or self._dashboards.born_us(share.dashboard, or_deleted=True) != share.born_us

    def _of_dashboard(self, dashboard: str) -> list[Share]:
        return [share for share in self._shares.values() if share.dashboard == dashboard]

    def _born_us(self, dashboard: str) -> int:
        if (born_us := self._dashboards.born_us(dashboard)) is None:
            raise Refusal("no_dashboard", f"no dashboard is called {dashboard[:64]!r}", "see: tributary dashboard list", 404)
        return born_us

    def _maker(self, maker: bytes | None) -> tuple[str, int]:
        """Return what a link hangs on besides, and when that ends."""
        if maker is not None and (token := self._tokens.of_hash(maker)) is not None:
            return f"token {token.name} {token.created_us}", token.expires_us
        user = self._users.of_account(maker)
        return ("" if user is None else f"user {user.name} {user.created_us}"), FOR_EVER_US

    def _may_share(self, maker: str) -> bool:
        if not maker:
            return True  # by admin.token or a login link: nobody who could be removed
        what, name, created = maker.split(" ")
        user, token = (self._users.get(name), None) if what == "user" else (None, self._tokens.get(name))
        found = user or token
        if found is None or found.created_us != int(created) or (token is not None and not self._tokens.is_good(token)):
            return False
        return not (user is not None and user.is_disabled) and Action.DASHBOARDS in ALLOWED.get(found.role, frozenset())

    def _dashboard_changed(self, name: str, document: Mapping[str, Any] | None) -> None:
        """Note what a dashboard shows now, also where it has no link yet: one may be being made."""
        before = self._sources.pop(name, ())
        sources = () if document is None else sources_in(document)
        if document is not None:
            self._sources[name] = before if sources == before else sources
        if sources != before:
            for share in self._of_dashboard(name):
                self._tell(share)
        else:
            self._end_bad()

    def _end_bad(self) -> None:
        for share in self._shares.values():
            if not self.is_good(share):
                self._tell(share)

    def _tell(self, share: Share) -> None:
        for callback in self._ended:
            callback(share.token_hash)


def not_good() -> Refusal:
    """Return the refusal of a link that shows nothing, whatever the reason."""
    said = "this link shows nothing: it was withdrawn, is over, or was not copied whole"
    return Refusal("no_share", said, "ask who sent it for a new one", 404)


def _unknown(id_: str) -> Refusal:
    return Refusal("no_link", f"this dashboard has no link {id_[:64]!r}", "see: tributary dashboard shares NAME", 404)
