"""What devices answer to commands, report of themselves and log, out of the journal: a follower whose cursor moves with the records.

Owns reading results, reports and log lines out of rows and the follower's cursor; what a result does to a command is the desk's
(commands.py), what a report does to a shadow is shadows.py's. Run by hub.followers.run_follower.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from devices.wire.codec import BadMessage, decode_from_device
from devices.wire.messages import Log, Outcome, Reported, Result
from hub.core.commands import CommandDesk
from hub.core.records import Cursor, Row, RowKind
from hub.core.shadows import Report, Shadows
from hub.ports import Conflict, LogLine, Now, StateStore

_log: Final = structlog.get_logger(__name__)
_ENTERED: Final = frozenset({RowKind.RESULT, RowKind.REPORTED, RowKind.LOG})


def _said(row: Row) -> Result | Reported | Log | None:
    """Read what a row says; one that another version took and this one cannot read must not stop the ledger for all."""
    try:
        message = decode_from_device(row.body)
    except BadMessage as error:
        _log.error("frame_not_readable", device=row.device, epoch=row.epoch, seq=row.seq, position=row.position, reason=str(error))
        return None
    return message if isinstance(message, Result | Reported | Log) else None


class LedgerFollower:
    """The follower of the journal that brings results into the ledger, reports into the shadows, and log lines where they are kept."""

    name = "ledger"

    def __init__(
        self, desk: CommandDesk, shadows: Shadows, state: StateStore, journal_id: Callable[[], str], last: Callable[[], int], now: Now
    ) -> None:
        self._desk = desk
        self._shadows = shadows
        self._state = state
        self._journal_id = journal_id
        self._last, self._now = last, now  # position of the journal
        self._applied = 0
        self._safe = 0
        self._entered = 0
        self._heard_us = 0  # when the last row came that is entered
        desk.hear_by(self.heard_us)

    def heard_us(self) -> int:
        """Return up to when everything that devices said is entered."""
        return self._now() if self._entered >= self._last() else self._heard_us

    async def start(self) -> int:
        """Return the position after which to begin: 0 where the ledger has followed another journal."""
        cursor = await self._state.cursor_of(self.name)
        self._applied = self._safe = cursor.position if cursor is not None and cursor.journal == self._journal_id() else 0
        self._entered = self._applied
        return self._applied

    async def apply(self, rows: Sequence[Row]) -> None:
        """Enter the results, reports and log lines among the rows; without any nothing is written until make_safe."""
        self._applied = rows[-1].position
        results, reports, lines = [], [], []
        for row in rows:
            said = _said(row) if row.kind in _ENTERED else None
            if isinstance(said, Result):
                results.append((row.device, said.outcome))
            elif isinstance(said, Log):
                lines.append(LogLine(row.device, row.arrived_us, said.time_us, said.level, said.text))
            elif said is not None:
                reports.append(Report(row.device, row.arrived_us, said))
        if results or reports or lines:
            await self._enter(results, reports, lines)
            self._safe = self._applied
        self._entered, self._heard_us = self._applied, rows[-1].arrived_us

    async def _enter(self, results: Sequence[tuple[str, Outcome]], reports: Sequence[Report], lines: Sequence[LogLine]) -> None:
        """Enter them, and again where another node was faster with a report. Raises Conflict where that goes on and on."""
        for last in (False, False, True):
            try:
                async with self._shadows.entering(reports) as documents:
                    return await self._desk.followed(results, Cursor(self._journal_id(), self._applied), documents, lines)
            except Conflict:
                if last:
                    raise

    async def make_safe(self) -> int:
        """Write the cursor where it moved, and return it."""
        if self._safe != self._applied:
            await self._desk.followed([], Cursor(self._journal_id(), self._applied))
            self._safe = self._applied
        return self._safe
