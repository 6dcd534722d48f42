"""How long commands that have ended are kept: for a time, and at most so many. None that is open is ever deleted.

Owns the choice; the store deletes, a batch at a time. With a command goes what its idempotency key stood for. Run by the command desk.
"""

from dataclasses import dataclass
from typing import Final

from hub.core.command_book import CommandBook
from hub.core.group import KIND, REFUSALS, Group
from hub.ports import Conflict, Document

LOOK_EVERY_S: Final = 60.0
_BATCH: Final = 1_000  # commands of one transaction: others wait for the store meanwhile
MAX_GROUPS: Final = 1_000  # that have ended


@dataclass(frozen=True, slots=True)
class Keep:
    """How long, 0: for ever; and how many."""

    days: float = 30.0
    commands: int = 100_000


class Ageing:
    """Deletes old commands and old groups; counts them."""

    def __init__(self, book: CommandBook, keep: Keep) -> None:
        self._book = book
        self._keep = keep
        self.forgotten = 0

    async def forget_old(self) -> None:
        """Delete what is too old or too much; between two batches others have their turn. Raises StoreUnavailable."""
        days_us = int(self._keep.days * 86_400_000_000)
        before_us = self._book.now() - days_us if days_us else 0
        count = _BATCH
        while count == _BATCH:
            async with self._book.changing:  # a result of one that goes would write it again
                count = await self._book.state.forget_commands(before_us, self._keep.commands, _BATCH)
            self.forgotten += count
        async with self._book.changing:
            await self._forget_groups(before_us)

    async def _forget_groups(self, before_us: int) -> None:
        ended = [group for group in self._book.tallies.all() if group.ended_us is not None]
        old = [group for at, group in enumerate(ended) if at >= MAX_GROUPS or (group.ended_us or 0) < before_us][:_BATCH]
        if old:
            try:
                await self._book.state.change(deletes=[document for group in old for document in _documents_of(group)])
            except Conflict:  # another node has deleted some of them; the rest goes the next time
                await self._book.tallies.take_in([group.id for group in old])
            else:
                self._book.tallies.forget(old)


def _documents_of(group: Group) -> list[Document]:
    refusals = [Document(REFUSALS, group.id, 1, {})] if group.refused else []
    return [Document(KIND, group.id, group.version, {}), *refusals]
