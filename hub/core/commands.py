"""The command desk: takes commands from people, gives them to devices at most once, and keeps every change of state.

Owns the way of commands through the StateStore; the rules are in ledger.py, what is asked for in wanted.py, open ones and their bounds
in inbox.py, wishes to cancel in cancels.py. Device sessions attach a function that delivers; results.py brings what devices answer.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
import trio

from devices.wire.messages import Cancel, Command, CommandState, Outcome
from hub.core import ledger
from hub.core.cancels import Cancels
from hub.core.errors import Refusal
from hub.core.inbox import Inbox
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.wanted import Wanted
from hub.ports import CommandPage, CommandRecord, CommandsWanted, DeviceRecord, Document, Now, StateStore, StoreUnavailable

Deliver = Callable[[Command | Cancel], Awaitable[None]]
Records = list[CommandRecord]
CANCEL_WAIT_S: Final = 5.0  # for the answer of a device that is connected
_SWEEP_S: Final = 1.0  # how late an expiry may be noticed
_log: Final = structlog.get_logger(__name__)


class CommandBoard(Protocol):
    """Where command items are shown to viewers."""

    def put_command(self, item: Mapping[str, Any]) -> None:
        """Show a command."""


class CommandDesk:
    """All commands of this hub. Its methods raise StoreUnavailable with nothing done."""

    def __init__(self, state: StateStore, registry: Registry, board: CommandBoard, now: Now) -> None:
        self._state = state
        self._registry = registry
        self._board = board
        self._now = now
        self._began_us = 0
        self._inbox, self._cancels = Inbox(), Cancels(state, now)
        self._deliver: dict[str, Deliver] = {}
        self._removed: dict[str, int] = {}  # devices, and when: what a running write has left of them is ended
        self._changing = trio.Lock()  # one change at a time: each is made of what the one before has stored
        registry.on_removed(self._forget)

    async def load(self) -> None:
        """Read open and recent commands once at start."""
        self._began_us = self._now()
        await self._cancels.load()
        for record in reversed((await self._state.commands(CommandsWanted(), 200)).records):
            self._board.put_command(self.item(record))
        for record in await self._state.open_commands():
            if self._registry.record(record.device) is not None:
                self._inbox.put(record)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End commands whose time is over, once a second, until cancelled; what the store was away for is done the next second."""
        task_status.started()
        while True:
            await trio.sleep(_SWEEP_S)
            try:
                async with self._changing:
                    await self._end_overdue(self._now())
                    await self._sent([record for record in self._inbox.all() if record.state == CommandState.QUEUED])
                    await self._cancels.forget_answered()
            except StoreUnavailable as error:
                _log.error("commands_not_ended", reason=str(error))

    async def _end_overdue(self, now_us: int) -> None:
        ended = [ledger.overdue(record, now_us, self._began_us, self._silent_since_us(record)) for record in self._inbox.all()]
        if self._removed:
            for record in await self._state.open_commands():
                if record.created_us <= self._removed.get(record.device, -1):
                    ended.append(ledger.moved(record, CommandState.FAILED, now_us, ledger.REMOVED))
        await self._put_all([record for record in ended if record is not None])
        self._removed.clear()

    def _silent_since_us(self, record: CommandRecord) -> int | None:
        """Return since when nothing was heard of a command's device; None where it is connected. The hub's own absence does not count."""
        if record.device in self._deliver:
            return None
        return max(self._began_us, record.updated_us, self.known(record.device).last_seen_us or 0)

    async def create(self, device: str, name: str, args: Mapping[str, Any], ttl_s: float, by: str, key: str | None = None) -> CommandRecord:
        """Queue a command and send it if its device is there; return its record as it stands then, or the one that `key` stands for.

        Raises Refusal. Once it is queued a cancellation waits until it is sent.
        """
        wanted = Wanted(name, args, ttl_s, by, key)
        async with self._changing:
            known = self.known(device)
            command_id = wanted.new_id()
            if key is not None and (earlier := await self.get(command_id)) is not None:
                wanted.check_same(earlier, known)
                return earlier
            record = wanted.record_for(known, command_id, self._now())
            self._inbox.check_room([record])
            with trio.CancelScope(shield=True):
                await self._put(record)
                [record] = await self._sent([record])
        return record

    def known(self, device: str) -> DeviceRecord:
        """Return what is known of a device. Raises Refusal 404."""
        if (known := self._registry.record(device)) is None:
            raise Refusal("no_device", f"no device is called {device[:64]!r}", "see: tributary device list", 404)
        return known

    async def cancel(self, command_id: str, by: str, wait_s: float = CANCEL_WAIT_S) -> tuple[CommandRecord, ledger.CancelAnswer]:
        """Cancel a command; return it with the answer, waiting a while for a device that may have it. Raises Refusal.

        One that was never sent is cancelled at once. Otherwise its device is asked, now and at each connection, until it says which.
        """
        async with self._changing:
            record = await self.get(command_id)
            if record is None:
                raise Refusal("no_command", f"no command has the id {command_id[:64]!r}", "see: GET /api/v1/commands", 404)
            with trio.CancelScope(shield=True):
                await self._cancel(record, by)
        if record.device in self._deliver:
            await self._cancels.wait(command_id, wait_s)
        async with self._changing:  # behind the write that brought the answer
            record = await self.get(command_id) or record
        return record, ledger.cancel_answer(record, is_too_late=self._cancels.is_too_late(command_id))

    async def _cancel(self, record: CommandRecord, by: str) -> None:
        if ledger.is_final(record):
            return
        if record.state == CommandState.QUEUED:
            await self._put(ledger.moved(record, CommandState.CANCELLED, self._now(), f"cancelled by {by} before it was sent"))
            await self._cancels.note(record, by)
        elif not self._cancels.is_too_late(record.id):
            await self._cancels.ask(record, by)
            await self._put(ledger.moved(record, CommandState(record.state), self._now(), record.reason))  # viewers see that it is asked
            if (deliver := self._deliver.get(record.device)) is not None:
                await deliver(Cancel(record.id))

    async def attach(self, device: str, deliver: Deliver) -> None:
        """Give a welcomed device what waits for it: queued commands, and sent ones it may not have got (it knows their ids if it has).

        One that is to be cancelled is not given again: its device is told not to begin it.
        """
        self._deliver[device] = deliver
        async with self._changing:
            if self._deliver.get(device) is not deliver:
                return
            await self._sent([record for record in self._inbox.waiting(device) if not self._cancels.is_asked(record.id)])
            for record in self._inbox.of(device):
                if self._cancels.is_asked(record.id) and self._deliver.get(device) is deliver:
                    await deliver(Cancel(record.id))

    def detach(self, device: str, deliver: Deliver) -> None:
        """Forget a connection, unless another has taken its place."""
        if self._deliver.get(device) is deliver:
            del self._deliver[device]

    async def said(self, device: str, outcomes: Iterable[Outcome]) -> None:
        """Enter what a device says in hello, before it is welcomed. What cannot be stored comes again, as frames."""
        try:
            async with self._changing:
                await self._put_all(await self._changed((device, outcome) for outcome in outcomes))
        except StoreUnavailable as error:
            _log.error("results_of_hello_not_stored", device=device, reason=str(error))

    async def followed(self, results: Sequence[tuple[str, Outcome]], cursor: Cursor, documents: Sequence[Document] = ()) -> None:
        """Enter results from the journal, what shadows make of reports, and the follower's cursor in one transaction."""
        async with self._changing:
            newest = await self._changed(results)
            await self._state.put_commands(newest, puts=documents, cursor=cursor)
            for record in newest:
                self._keep(record)

    async def get(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        return self._inbox.get(command_id) or await self._state.command(command_id)

    async def list(self, wanted: CommandsWanted, limit: int, after: tuple[int, str] | None = None) -> CommandPage:
        """Return commands, newest first, behind `after` and as far as their size allows."""
        return await self._state.commands(wanted, limit, after)

    def item(self, record: CommandRecord) -> dict[str, Any]:
        """Return a command as viewers see it (protocol section 11)."""
        is_asked = self._cancels.is_asked(record.id) and not ledger.is_final(record)
        return ledger.item_of(record) | ({"cancel": "asked"} if is_asked else {})

    async def _changed(self, results: Iterable[tuple[str, Outcome]]) -> Records:
        """Return the commands that the results move, each once and as it is after all of them; a device speaks only of its own."""
        changed: dict[str, CommandRecord] = {}
        for device, outcome in results:
            record = changed.get(outcome.id) or await self.get(outcome.id)
            if record is None or record.device != device:
                continue
            if outcome.state is CommandState.TOO_LATE:
                self._cancels.said_too_late(record.id)
            following = ledger.with_outcome(record, outcome, self._now())
            if following is not None:
                changed[record.id] = following
        return list(changed.values())

    async def _sent(self, records: Records) -> Records:
        """Send what can be sent now; return the records as they stand then. Where the store is away they stay queued."""
        ready = [record for record in records if record.device in self._deliver and self._now() < record.expires_us]
        sent = {record.id: ledger.sent(record, self._now()) for record in ready}
        try:  # committed before the bytes go out: a crash in between leaves it sent, never sent twice unnoticed
            await self._put_all([sent[record.id] for record in ready if record.state == CommandState.QUEUED])
        except StoreUnavailable as error:  # `run` tries again
            _log.error("commands_wait", commands=len(ready), reason=str(error))
            return records
        for record in sent.values():
            if (deliver := self._deliver.get(record.device)) is not None:
                ttl_s = max(0.0, (record.expires_us - self._now()) / 1e6)
                await deliver(Command(record.id, record.name, record.args, ttl_s, record.created_us))
        return [sent.get(record.id, record) for record in records]

    async def _put(self, record: CommandRecord) -> None:
        await self._put_all([record])

    async def _put_all(self, records: Records) -> None:
        if records:
            await self._state.put_commands(records)
        for record in records:
            self._keep(record)

    def _keep(self, record: CommandRecord) -> None:
        """Follow the store, never ahead of it: what could not be stored must not be sent, nor be believed."""
        if ledger.is_final(record):
            self._inbox.drop(record.id)
            self._cancels.ended(record.id)
        elif self._registry.record(record.device) is not None:
            self._inbox.put(record)
        self._board.put_command(self.item(record))

    def _forget(self, device: str) -> None:
        """End what a removed device was to do: another one may get its name."""
        self._removed[device] = self._now()
        for record in self._inbox.of(device):
            self._inbox.drop(record.id)
            self._cancels.ended(record.id)
            self._board.put_command(self.item(ledger.moved(record, CommandState.FAILED, self._now(), ledger.REMOVED)))
