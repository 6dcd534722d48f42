"""How many devices of each group command are in which state: counted as their commands change, shown a few times a second at most.

Owns the groups in memory; commands themselves are the book's (command_book.py), which gives every change. Bounded: each open one
has an open command, and of those that have ended ageing.py keeps so many.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import trio

from hub.core.group import KIND, Group, group_in
from hub.core.inbox import Inbox
from hub.ports import CommandRecord, Conflict, Document, Now, StateStore

SHOW_EVERY_S: Final = 0.25  # a thousand devices that answer at once are one push, not a thousand


class GroupBoard(Protocol):
    """Where group commands are shown to viewers."""

    def put_group_command(self, item: Mapping[str, Any]) -> None:
        """Show a group command."""

    def remove_group_command(self, group_id: str) -> None:
        """Show it no more to who comes."""


class Tallies:
    """Every group command of this hub."""

    def __init__(self, state: StateStore, inbox: Inbox, board: GroupBoard, now: Now) -> None:
        self._state, self._inbox, self._board, self._now = state, inbox, board, now
        self._groups: dict[str, Group] = {}
        self._unsure: set[str] = set()  # whose commands went with a device: counted anew from the store
        self._unshown: dict[str, None] = {}
        self._news = trio.Event()

    async def load(self) -> None:
        """Read them once at start, the newest to be shown first."""
        for document in await self._state.documents(KIND):
            self._groups[document.key] = group_in(document)
        for group in self.all():
            self._show(group.id)
            if group.ended_us is None:
                self._unsure.add(group.id)
        await self.count_anew()

    def get(self, group_id: str) -> Group | None:
        """Return a group."""
        return self._groups.get(group_id)

    def all(self) -> list[Group]:
        """Return every group, newest first."""
        return sorted(self._groups.values(), key=lambda group: (group.created_us, group.id), reverse=True)

    def open_count(self) -> int:
        """Return how many have not ended."""
        return sum(group.ended_us is None for group in self._groups.values())

    def counted(self, records: Iterable[CommandRecord]) -> list[Group]:
        """Return the groups as they are once these commands, some of them open so far, are as given here; nothing is kept yet."""
        counts: dict[str, Counter[str]] = {}
        for record in records:
            before = self._inbox.get(record.id)
            if before is None or before.state == record.state or record.group not in self._groups:
                continue
            counted = counts.setdefault(record.group, Counter(self._groups[record.group].counts))
            counted[before.state] -= 1
            counted[record.state] += 1
        return [self._groups[group_id].counted(each, self._now()) for group_id, each in counts.items()]

    def ended(self, groups: Iterable[Group]) -> list[Document]:
        """Return the documents of those that end by what was counted."""
        return [group.document() for group in groups if group.ended_us is not None]

    def keep(self, groups: Iterable[Group]) -> None:
        """Follow the store."""
        for group in groups:
            self._groups[group.id] = group
            self._show(group.id)

    def forget(self, groups: Sequence[Group]) -> None:
        """Forget groups that the store keeps no longer."""
        for group in groups:
            self._groups.pop(group.id, None)
            self._unshown.pop(group.id, None)
            self._board.remove_group_command(group.id)

    async def take_in(self, ids: Iterable[str]) -> None:
        """Read groups that another node has made or ended, or deleted."""
        for group_id in ids:
            document, known = await self._state.document(KIND, group_id), self._groups.get(group_id)
            if document is None:
                self.forget([] if known is None else [known])
            elif known is None or document.version != known.version:
                self._groups[group_id] = group_in(document)
                self._unsure.add(group_id) if self._groups[group_id].ended_us is None else self._show(group_id)

    def doubt(self, records: Iterable[CommandRecord]) -> None:
        """Count the groups of these commands anew: they went with their device, or were changed by another node."""
        self._unsure.update(record.group for record in records if record.group in self._groups)

    @property
    def is_unsure(self) -> bool:
        """Whether there is something to count anew."""
        return bool(self._unsure)

    async def count_anew(self) -> None:
        """Count what is not sure from the store, and keep what has ended by it. Raises StoreUnavailable; then it is done the next time."""
        for group_id in list(self._unsure):
            if (group := self._groups.get(group_id)) is not None and group.ended_us is None:
                following = group.counted(await self._state.group_tally(group_id), self._now())
                if ended := self.ended([following]):
                    try:
                        await self._state.change(ended)
                    except Conflict:  # another node has seen the end, too
                        await self.take_in([group_id])
                        continue
                self.keep([following])
            self._unsure.discard(group_id)

    def _show(self, group_id: str) -> None:
        self._unshown[group_id] = None
        self._news.set()

    async def show(self) -> None:
        """Show what has changed, each group SHOW_EVERY_S apart at least, until cancelled."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            unshown, self._unshown = self._unshown, {}
            for group_id in unshown:
                if (group := self._groups.get(group_id)) is not None:
                    self._board.put_group_command(group.item())
            await trio.sleep(SHOW_EVERY_S)
