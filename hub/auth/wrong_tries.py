"""Credentials that are wrong: when one may be called so, how often that happened, and who must wait before another try.

Owns the counts and what is noted of them; that another node may have made what this one does not know yet. Base of auth.py, which looks
at credentials.
"""

from typing import Any, Final

import structlog
import trio

from hub.core.audit import AuditLog
from hub.core.errors import Refusal
from hub.core.guessing import Guessing, LockedOut, address_key
from hub.core.seldom import Seldom
from hub.core.users import Users
from hub.ports import Now, StateStore

_TOKENS: Final = "token "  # begins the key of an address whose wrong tokens are counted
_log: Final = structlog.get_logger(__name__)


class WrongTries:
    """What is known of those who came with something wrong."""

    def __init__(self, state: StateStore, now: Now) -> None:
        self._state = state
        self._now = now
        self.audit = AuditLog(state, now)
        self.users = Users(state, self.audit, now)
        # Many people may share an address; nobody but its owner should have tries of a name, whom a long wait would lock out.
        self._by_address = Guessing(free_tries=10, max_wait_s=900.0)
        self._by_name = Guessing(free_tries=5, max_wait_s=60.0)
        self._seldom = Seldom(period_s=3_600.0)  # a guesser must not fill the disk

    async def catch_up(self) -> None:
        """Return once all that was made on other nodes before this call is known here; a hub that is alone asks nobody.

        Raises Refusal 503 where it did not come in time, or the store is away: what is not known here may be good all the same.
        """
        if not await self._state.catch_up():
            said = "this may have been made on another node, of which this one has not heard yet"
            raise Refusal("busy", said, "try again in a moment; the hub's log says what is away", 503)

    async def may_be_new(self, address: str) -> None:
        """Do as `catch_up` for a token that nobody here has. Raises LockedOut, too: where too many wrong ones came from this address."""
        if wait_s := self._by_address.wait_s(_TOKENS + address_key(address), trio.current_time()):
            raise LockedOut(wait_s)
        await self.catch_up()

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
