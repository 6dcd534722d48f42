"""Cancelling commands that a device may have: who asked, that it is asked again until the device answers, and who waits for that.

Owns the wishes to cancel, kept as documents until the command has ended; the desk sends them and decides the states of commands.
"""

from collections.abc import Iterable
from typing import Final

import trio

from hub.ports import CommandRecord, Conflict, Document, StateStore

KIND: Final = "cancel"


class Cancels:
    """The wishes to cancel that no device has answered."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._asked: dict[str, Document] = {}
        self._answered: list[Document] = []
        self._too_late: set[str] = set()  # said of a command whose result is still on its way
        self._waiting: dict[str, trio.Event] = {}

    async def load(self) -> None:
        """Read them once at start."""
        self._asked = {document.key: document for document in await self._state.documents(KIND)}

    def is_asked(self, command_id: str) -> bool:
        """Tell whether a command is to be cancelled, and its device has not said more."""
        return command_id in self._asked

    def is_too_late(self, command_id: str) -> bool:
        """Tell whether its device has said so."""
        return command_id in self._too_late

    def wish(self, record: CommandRecord, by: str) -> list[Document]:
        """Return what is to be kept of the wish to cancel a command, with who wants it; nothing where that is kept."""
        return [] if record.id in self._asked else [Document(KIND, record.id, 1, {"by": by})]

    def keep(self, documents: Iterable[Document]) -> None:
        """Take in wishes that the store has kept; documents of other kinds are not looked at."""
        self._asked.update({document.key: document for document in documents if document.kind == KIND})

    async def take_in(self, ids: Iterable[str]) -> list[str]:
        """Read wishes that another node has changed; return those that are new here. One that is gone is answered."""
        ids, new = list(ids), []
        kept = {document.key: document for document in await self._state.documents_of(KIND, ids)}
        for command_id in ids:
            if (document := kept.get(command_id)) is None:
                self._asked_no_more(command_id)
            elif command_id not in self._asked:
                self._asked[command_id] = document
                new.append(command_id)
        return new

    def _asked_no_more(self, command_id: str) -> None:
        """Take for answered what another node keeps no wish of any more: its command has ended, or had before."""
        if self._asked.pop(command_id, None) is not None:
            self._too_late.add(command_id)
            self._tell(command_id)

    def ended(self, command_id: str) -> None:
        """Take the end of a command for the answer."""
        self._too_late.discard(command_id)
        self._answer(command_id)

    def said_too_late(self, command_id: str) -> None:
        """Take the device's answer that the command has already ended; its result is the ledger's."""
        if command_id in self._asked:
            self._too_late.add(command_id)
            self._answer(command_id)

    def _answer(self, command_id: str) -> None:
        if (document := self._asked.pop(command_id, None)) is not None:
            self._answered.append(document)
        self._tell(command_id)

    def _tell(self, command_id: str) -> None:
        if (event := self._waiting.pop(command_id, None)) is not None:
            event.set()

    async def wait(self, command_id: str, timeout_s: float) -> None:
        """Return when the answer is there, or that time is over."""
        if command_id in self._asked:
            with trio.move_on_after(timeout_s):
                await self._waiting.setdefault(command_id, trio.Event()).wait()

    def has_answered(self) -> bool:
        """Tell whether something is kept of answered ones."""
        return bool(self._answered)

    async def forget_answered(self) -> None:
        """Delete what is kept of answered ones. Raises StoreUnavailable; then they go the next time."""
        if self._answered:
            gone = list(self._answered)
            try:
                await self._state.change(deletes=gone)
            except Conflict:  # another node took the answer, too
                kept = {document.key for document in await self._state.documents(KIND)}
                self._answered = [document for document in self._answered if document.key in kept]
            else:
                del self._answered[: len(gone)]
