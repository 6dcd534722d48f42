"""Commands on their way to devices: who is connected, what is given to whom and in which order it is stored.

Owns the connections by device, that `sent` is kept before the bytes go out, and that nothing goes out without the lease on its device. It
ends no command (ending.py). Device sessions attach and detach; the desks send.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import structlog

from devices.wire.messages import Cancel, Command, CommandState
from hub.core import ledger
from hub.core.command_book import COMMAND, CommandBook, breathe
from hub.ports import CommandRecord, Conflict, Lease, StoreUnavailable

Deliver = Callable[[Command | Cancel], Awaitable[None]]
_WAITING: Final = (CommandState.QUEUED, CommandState.SENT)
_log: Final = structlog.get_logger(__name__)


class _There(NamedTuple):
    """A connection. Without a lease it needs none: there is nobody else."""

    deliver: Deliver
    lease: Lease | None


class Sending:
    """The connections that commands go out by."""

    def __init__(self, book: CommandBook) -> None:
        self._book = book
        self._there: dict[str, _There] = {}
        self._is_behind = False  # the store was away: something that could have been sent is queued
        self._unserved: dict[str, None] = {}  # devices that were to be told something while their lease did not hold

    def is_connected(self, device: str) -> bool:
        """Tell whether the device is there to be given commands."""
        return device in self._there

    async def attach(self, device: str, deliver: Deliver, lease: Lease | None = None) -> None:
        """Give a welcomed device what waits for it: queued commands, and sent ones it may not have got (it knows their ids if it has).

        One that is to be cancelled is not given again: its device is told not to begin it.
        """
        there = self._there[device] = _There(deliver, lease)
        async with self._book.changing:
            if self._there.get(device) is there:
                await self._serve(device)

    async def _serve(self, device: str) -> None:
        is_asked = self._book.cancels.is_asked
        await self.send(self._book.inbox.waiting(device))
        await self.ask_back(record for record in self._book.inbox.of(device) if is_asked(record.id))

    def detach(self, device: str, deliver: Deliver) -> None:
        """Forget a connection, unless another has taken its place. From now on what the device has begun may end by time."""
        if (there := self._there.get(device)) is not None and there.deliver is deliver:
            del self._there[device]
            for record in self._book.inbox.of(device):
                self._book.due.put(record.id, self._book.now())

    async def send(self, records: Sequence[CommandRecord]) -> list[CommandRecord]:
        """Send what can be sent now; return the records as they stand then. Where the store is away they stay queued.

        What another node has changed meanwhile is taken as it is there; a device that another one has taken is left to that.
        """
        now, taken = {record.id: record for record in records}, set[str]()
        while True:
            fences = self._fences({record.device for record in now.values()} - taken)
            ready = [record for record in now.values() if record.device in fences and self._is_due(record)]
            queued = [ledger.sent(record, self._book.now()) for record in ready if record.state == CommandState.QUEUED]
            try:  # committed before the bytes go out: a crash in between leaves it sent, never sent twice unnoticed
                if queued:
                    own = {record.device: fences[record.device] for record in queued}
                    await self._book.put(queued, fences={device: fence for device, fence in own.items() if fence is not None})
            except StoreUnavailable as error:
                _log.error("commands_wait", commands=len(ready), reason=str(error))
                self._is_behind = True
                return list(now.values())
            except Conflict as conflict:
                if conflict.kind == COMMAND:
                    now = {each.id: each for each in [await self._present(record) for record in now.values()]}
                else:  # its lease, which another node has
                    taken.add(conflict.key)
                    self._unserved[conflict.key] = None
                continue
            now |= {record.id: record for record in queued}
            await self._give([now[record.id] for record in ready])
            return list(now.values())

    def _is_due(self, record: CommandRecord) -> bool:
        """Tell whether a command may be given to its device: not one that is to be cancelled, be that told by another node only now."""
        return record.state in _WAITING and self._book.now() < record.expires_us and not self._book.cancels.is_asked(record.id)

    def _fences(self, devices: Iterable[str]) -> dict[str, int | None]:
        """Return the fences of those that may be spoken to now; None: of one that needs none."""
        known = {device: there.lease for device in devices if (there := self._there.get(device)) is not None}
        fences = {device: None if lease is None else lease.fence for device, lease in known.items()}
        without = [device for device, lease in known.items() if lease is not None and fences[device] is None]
        self._unserved |= dict.fromkeys(without)
        return {device: fence for device, fence in fences.items() if device not in without}

    async def _present(self, record: CommandRecord) -> CommandRecord:
        """Return a command as it is after another node's change; deleted with its device, where it is gone."""
        kept = await self._book.get(record.id)
        return kept or ledger.moved(record, CommandState.FAILED, self._book.now(), ledger.REMOVED)

    async def _give(self, records: Sequence[CommandRecord]) -> None:
        for at, record in enumerate(records):
            ttl_s = max(0.0, (record.expires_us - self._book.now()) / 1e6)
            await self._tell(record.device, Command(record.id, record.name, record.args, ttl_s, record.created_us))
            await breathe(at)

    async def _tell(self, device: str, message: Command | Cancel) -> None:
        """Tell a device that is there, by the fence that its lease has now; one without is told when it has one."""
        for fence in self._fences([device]).values():
            await self._there[device].deliver(replace(message, fence=fence))

    def is_waiting(self) -> bool:
        """Tell whether something could not be sent that could be now."""
        return self._is_behind or bool(self._unserved)

    async def send_waiting(self) -> None:
        """Send what the store was away for, and what had no lease."""
        for device in list(self._unserved):
            del self._unserved[device]
            await self._serve(device)
        if self._is_behind:
            self._is_behind = False
            await self.send([record for record in self._book.inbox.all() if record.state == CommandState.QUEUED])

    async def ask_back(self, records: Iterable[CommandRecord]) -> None:
        """Tell the devices that are there not to begin these, or to stop them."""
        for at, record in enumerate(records):
            await self._tell(record.device, Cancel(record.id))
            await breathe(at)
