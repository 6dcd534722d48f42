"""The audit log: who did what, when, to what.

Owns how an entry is made and read, and how many are kept; the state store keeps it, for a change of a document in the transaction of the
change. Must never be given a secret. Written by whoever makes a change; read over HTTP.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog
import trio

from hub.ports import Audited, AuditWanted, Now, StateStore, StoreUnavailable

TRIM_EVERY_S: Final = 3_600.0
_DAY_US: Final = 86_400_000_000
_log: Final = structlog.get_logger(__name__)


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

    async def page(self, before: int | None, limit: int, wanted: AuditWanted | None = None) -> Sequence[Audited]:
        """Return what was done, newest first: at most `limit` entries with numbers below `before`. Raises StoreUnavailable."""
        return await self._state.audit(before, limit, wanted)

    async def run(self, keep_days: float, keep: int, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the log bounded, by age (0: for ever) and number, until cancelled; a store that is away is asked again an hour later."""
        task_status.started()
        while True:
            before_us = self._now() - int(keep_days * _DAY_US) if keep_days else None
            try:
                if trimmed := await self._state.trim_audit(before_us, keep):
                    _log.info("audit_trimmed", entries=trimmed)
            except StoreUnavailable as error:
                _log.warning("audit_not_trimmed", reason=str(error))
            await trio.sleep(TRIM_EVERY_S)
