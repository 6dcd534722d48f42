"""The audit log: who did what, when, to what.

Owns how an entry is made and read; the state store keeps it, for a change of a document in the transaction of the change. Must never
be given a secret. Written by whoever makes a change; read over HTTP.
"""

from collections.abc import Sequence
from typing import Any

from hub.ports import Audited, Now, StateStore


class AuditLog:
    """The log of one hub."""

    def __init__(self, state: StateStore, now: Now) -> None:
        self._state = state
        self._now = now

    def entry(self, who: str, action: str, what: str, **detail: Any) -> Audited:
        """Return an entry of now, to go along with a change."""
        return Audited(self._now(), who, action, what, detail)

    async def note(self, who: str, action: str, what: str, **detail: Any) -> None:
        """Write an entry for what changes no document. Raises StoreUnavailable."""
        await self._state.change(audited=[self.entry(who, action, what, **detail)])

    async def page(self, before: int | None, limit: int) -> Sequence[Audited]:
        """Return what was done, newest first: at most `limit` entries with numbers below `before`. Raises StoreUnavailable."""
        return await self._state.audit(before, limit)
