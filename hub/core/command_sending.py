"""Commands on their way to devices: who is connected, what is given to whom and in which order it is stored.

Owns the connections by device and that `sent` is kept before the bytes go out. It ends no command (ending.py). Device sessions attach
and detach; the desks send.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog

from devices.wire.messages import Cancel, Command, CommandState
from hub.core import ledger
from hub.core.command_book import CommandBook, breathe
from hub.ports import CommandRecord, StoreUnavailable

Deliver = Callable[[Command | Cancel], Awaitable[None]]
_log: Final = structlog.get_logger(__name__)


class Sending:
    """The connections that commands go out by."""

    def __init__(self, book: CommandBook) -> None:
        self._book = book
        self._deliver: dict[str, Deliver] = {}
        self._fences: dict[str, int | None] = {}  # of those connections
        self._is_behind = False  # the store was away: something that could have been sent is queued

    def is_connected(self, device: str) -> bool:
        """Tell whether the device is there to be given commands."""
        return device in self._deliver

    async def attach(self, device: str, deliver: Deliver, fence: int | None = None) -> None:
        """Give a welcomed device what waits for it: queued commands, and sent ones it may not have got (it knows their ids if it has).

        One that is to be cancelled is not given again: its device is told not to begin it.
        """
        self._deliver[device], self._fences[device] = deliver, fence
        async with self._book.changing:
            if self._deliver.get(device) is not deliver:
                return
            is_asked = self._book.cancels.is_asked
            await self.send([record for record in self._book.inbox.waiting(device) if not is_asked(record.id)])
            for record in self._book.inbox.of(device):
                if is_asked(record.id) and self._deliver.get(device) is deliver:
                    await deliver(Cancel(record.id, fence))

    def detach(self, device: str, deliver: Deliver) -> None:
        """Forget a connection, unless another has taken its place. From now on what the device has begun may end by time."""
        if self._deliver.get(device) is deliver:
            del self._deliver[device], self._fences[device]
            for record in self._book.inbox.of(device):
                self._book.due.put(record.id, self._book.now())

    async def send(self, records: Sequence[CommandRecord]) -> list[CommandRecord]:
        """Send what can be sent now; return the records as they stand then. Where the store is away they stay queued."""
        now_us = self._book.now()
        ready = [record for record in records if record.device in self._deliver and now_us < record.expires_us]
        sent = {record.id: ledger.sent(record, now_us) for record in ready}
        try:  # committed before the bytes go out: a crash in between leaves it sent, never sent twice unnoticed
            if changed := [sent[record.id] for record in ready if record.state == CommandState.QUEUED]:
                await self._book.put(changed)
        except StoreUnavailable as error:
            _log.error("commands_wait", commands=len(ready), reason=str(error))
            self._is_behind = True
            return list(records)
        for at, record in enumerate(sent.values()):
            if (deliver := self._deliver.get(record.device)) is not None:
                ttl_s = max(0.0, (record.expires_us - self._book.now()) / 1e6)
                fence = self._fences[record.device]
                await deliver(Command(record.id, record.name, record.args, ttl_s, record.created_us, fence))
            await breathe(at)
        return [sent.get(record.id, record) for record in records]

    async def send_waiting(self) -> None:
        """Send what the store was away for."""
        if self._is_behind:
            self._is_behind = False
            await self.send([record for record in self._book.inbox.all() if record.state == CommandState.QUEUED])

    async def ask_back(self, records: Iterable[CommandRecord]) -> None:
        """Tell the devices that are there not to begin these, or to stop them."""
        for at, record in enumerate(records):
            if (deliver := self._deliver.get(record.device)) is not None:
                await deliver(Cancel(record.id, self._fences[record.device]))
            await breathe(at)
