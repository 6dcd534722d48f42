"""Commands that time ends: those that were not sent in time, and those of which no device says any more what became of them.

Owns the look of each second; ledger.py has the rules. Run by the command desk, under the book's lock.
"""

from typing import Final

from devices.wire.messages import CommandState
from hub.core import ledger
from hub.core.command_book import CommandBook, breathe
from hub.core.command_sending import Sending
from hub.ports import CommandRecord

_ANOTHER_US: Final = 5_000_000  # to the next look at what another node looks after


class Ending:
    """Looks at what is due, so that a second costs what ends in it and not what is open."""

    def __init__(self, book: CommandBook, sending: Sending) -> None:
        self._book = book
        self._sending = sending

    def is_due(self) -> bool:
        """Tell whether a command must be looked at."""
        return self._book.due.is_due(self._book.now())

    async def end_overdue(self) -> None:
        """End the commands whose time is over. Raises StoreUnavailable; then they end the next time."""
        book, now_us, heard_us = self._book, self._book.now(), self._book.heard_us()
        due, ended = book.due.take(now_us), []
        try:
            for at, command_id in enumerate(due):
                if (record := book.inbox.get(command_id)) is not None and not self._is_elsewhere(record):
                    known = (record, now_us, book.began_us, self._silent_since_us(record))
                    # While the store is away answers wait in the journal: nobody may say that none came.
                    is_heard = record.state == CommandState.QUEUED or heard_us >= ledger.over_us(*known)
                    over = ledger.overdue(*known) if is_heard else None
                    ended += [] if over is None else [over]
                await breathe(at)
            if ended:
                await book.put(ended)
        finally:  # what is open still, be it that the store was away, is looked at again
            for command_id in due:
                if (record := book.inbox.get(command_id)) is not None:
                    again_us = ledger.over_us(record, now_us, book.began_us, self._silent_since_us(record))
                    book.due.put(command_id, max(again_us, now_us + _ANOTHER_US) if self._is_elsewhere(record) else again_us)

    def _is_elsewhere(self, record: CommandRecord) -> bool:
        """Tell whether another node has the device or had it last, lives, and looks after its commands: it has the answers."""
        return self._book.registry.elsewhere.presence(record.device) is not None and not self._sending.is_connected(record.device)

    def _silent_since_us(self, record: CommandRecord) -> int | None:
        """Return since when nothing was heard of a command; None where its device is connected and has spoken of it on this connection.

        The hub's own absence does not count.
        """
        if (since_us := self._book.begun.silent_since_us(record)) is not None or self._sending.is_connected(record.device):
            return since_us
        return max(self._book.began_us, record.updated_us, self._book.known(record.device).last_seen_us or 0)
