"""The command desk: takes commands from people, gives them to devices at most once, and keeps every change of state.

Owns the way of single commands, and what runs beside; group_desk.py has those to many devices. The rules of states are in ledger.py,
what is kept in command_book.py, the way out in command_sending.py; results.py brings what devices answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog
import trio

from devices.wire.messages import CommandState, Outcome
from hub.core import ledger
from hub.core.ageing import LOOK_EVERY_S, Ageing, Keep
from hub.core.cancels import KIND as CANCEL
from hub.core.command_book import COMMAND, CommandBoard, CommandBook
from hub.core.command_sending import Deliver as Deliver  # what device sessions attach
from hub.core.command_sending import Sending
from hub.core.ending import Ending
from hub.core.errors import Refusal
from hub.core.group import KIND as GROUP
from hub.core.group_desk import GroupDesk
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.wanted import Wanted
from hub.ports import Audited, CommandPage, CommandRecord, CommandsWanted, Conflict, Document, LogLine, Now, StateStore, StoreUnavailable

CANCEL_WAIT_S: Final = 5.0  # for the answer of a device that is connected
_SWEEP_S: Final = 1.0  # how late an expiry may be noticed
_log: Final = structlog.get_logger(__name__)


class CommandDesk:
    """All commands of this hub; `groups` has those to many devices. Its methods raise StoreUnavailable with nothing done."""

    def __init__(self, state: StateStore, registry: Registry, board: CommandBoard, now: Now, keep: Keep | None = None) -> None:
        self._now = now
        self._book = CommandBook(state, registry, board, now)
        self._sending = Sending(self._book)
        self._ending = Ending(self._book, self._sending)
        self._ageing = Ageing(self._book, keep or Keep())
        self.groups = GroupDesk(self._book, self._sending)
        self._chores = (
            (self._ending.is_due, self._ending.end_overdue),
            (self._book.has_removed, self._book.end_removed),
            (self._sending.is_waiting, self._sending.send_waiting),
            (self._book.cancels.has_answered, self._book.cancels.forget_answered),
        )
        self.attach, self.detach = self._sending.attach, self._sending.detach
        self.get, self.item = self._book.get, self._book.item

    async def load(self) -> None:
        """Read open and recent commands once at start."""
        await self._book.load()

    def hear_by(self, heard_us: Now) -> None:
        """Be told up to when the answers of devices have come here: what they may have said later is waited for."""
        self._book.heard_us = heard_us

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End commands whose time is over, show tallies, delete what is old, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep)
            nursery.start_soon(self._forget_old)
            nursery.start_soon(self._book.tallies.show)
            task_status.started()

    async def _sweep(self) -> None:
        """Look once a second; what the store was away for is done the next second."""
        while True:
            await trio.sleep(_SWEEP_S)
            try:
                for has_work, work in self._chores:
                    if has_work():
                        await self._book.settle(work)
            except (StoreUnavailable, Conflict) as error:
                _log.error("commands_not_ended", reason=str(error))

    async def _forget_old(self) -> None:
        while True:
            await trio.sleep(LOOK_EVERY_S)
            try:
                await self._ageing.forget_old()
            except StoreUnavailable as error:
                _log.error("old_commands_not_deleted", reason=str(error))

    async def create(self, device: str, name: str, args: Mapping[str, Any], ttl_s: float, by: str, key: str | None = None) -> CommandRecord:
        """Queue a command and send it if its device is there; return its record as it stands then, or the one that `key` stands for.

        Raises Refusal. Once it is queued a cancellation waits until it is sent.
        """
        wanted = Wanted(name, args, ttl_s, by, key)
        command_id = wanted.new_id()

        async def decide() -> CommandRecord:
            known = self._book.known(device)
            if key is not None and (earlier := await self.get(command_id)) is not None:
                wanted.check_same(earlier, known)
                return earlier
            record = wanted.record_for(known, command_id, self._now())
            self._book.inbox.check_device(record)
            self._book.inbox.check_room([record])
            with trio.CancelScope(shield=True):
                await self._book.put([record], audited=[self._audited(by, "send command", record, args_bytes=wanted.args_bytes())])
                [record] = await self._sending.send([record])
            return record

        return await self._book.settle(decide)

    async def cancel(self, command_id: str, by: str, wait_s: float = CANCEL_WAIT_S) -> tuple[CommandRecord, ledger.CancelAnswer]:
        """Cancel a command; return it with the answer, waiting a while for a device that may have it. Raises Refusal.

        One that was never sent is cancelled at once. Otherwise its device is asked, now and at each connection, until it says which.
        """
        cancels = self._book.cancels

        async def decide() -> CommandRecord:
            record = await self.get(command_id)
            if record is None:
                raise Refusal("no_command", f"no command has the id {command_id[:64]!r}", "see: GET /api/v1/commands", 404)
            with trio.CancelScope(shield=True):
                await self._cancel(record, by)
            return record

        record = await self._book.settle(decide)
        if self._sending.is_connected(record.device) or self._book.registry.elsewhere.is_connected(record.device):
            await cancels.wait(command_id, wait_s)
        async with self._book.changing:  # behind the write that brought the answer
            record = await self.get(command_id) or record
        return record, ledger.cancel_answer(record, is_too_late=cancels.is_too_late(command_id))

    async def _cancel(self, record: CommandRecord, by: str) -> None:
        if ledger.is_final(record) or self._book.cancels.is_too_late(record.id):
            return
        audited = [self._audited(by, "cancel command", record)]
        if record.state == CommandState.QUEUED:
            await self._book.put([ledger.cancelled(record, self._now(), by)], audited=audited)
            return
        if wish := self._book.cancels.wish(record, by):  # kept with a version of its own: viewers see that it is asked
            again = ledger.moved(record, CommandState(record.state), self._now(), record.reason)
            await self._book.put([again], puts=wish, audited=audited)
        await self._sending.ask_back([record])

    def came(self, device: str) -> None:
        """Take note of a hello, before `said`: what its device has begun and names no more it may have lost."""
        self._book.begun.came(self._book.inbox.of(device), self._now())

    async def said(self, device: str, outcomes: Sequence[Outcome]) -> None:
        """Enter what a device says in hello, before it is welcomed: what it names it has. What cannot be stored comes again, as frames."""

        async def decide() -> None:
            if changed := await self._changed((device, outcome) for outcome in outcomes):
                await self._book.put(changed)
            for outcome in outcomes:
                if (record := self._book.inbox.get(outcome.id)) is not None and record.device == device:
                    self._book.begun.name(record)

        try:
            await self._book.settle(decide)
        except StoreUnavailable as error:
            _log.error("results_of_hello_not_stored", device=device, reason=str(error))

    async def followed(
        self,
        results: Sequence[tuple[str, Outcome]],
        cursor: Cursor,
        documents: Sequence[Document] = (),
        lines: Sequence[LogLine] = (),
    ) -> None:
        """Enter results from the journal, what shadows make of reports, log lines, and the follower's cursor in one transaction.

        Raises Conflict where another node has changed one of the documents.
        """

        async def decide() -> None:
            await self._book.put(await self._changed(results), puts=documents, cursor=cursor, lines=lines)

        await self._book.settle(decide)

    async def _changed(self, results: Iterable[tuple[str, Outcome]]) -> list[CommandRecord]:
        """Return the commands that the results move, each once and as it is after all of them; a device speaks only of its own."""
        changed: dict[str, CommandRecord] = {}
        for device, outcome in results:
            record = changed.get(outcome.id) or await self.get(outcome.id)
            if record is None or record.device != device:
                continue
            if outcome.state is CommandState.TOO_LATE:
                self._book.cancels.said_too_late(record.id)
            following = ledger.with_outcome(record, outcome, self._now())
            if following is not None:  # however often it moves here, it is one change of what is kept
                version = changed[record.id].version if record.id in changed else following.version
                changed[record.id] = replace(following, version=version)
        return [*changed.values()]

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Take in what another node has changed of commands, wishes to cancel or groups. Raises StoreUnavailable."""
        async with self._book.changing:
            if kind == COMMAND:
                await self._sending.send(await self._book.take_in(keys))
            elif kind == CANCEL:
                new = await self._book.cancels.take_in(keys)
                await self._sending.ask_back([record for each in new if (record := self._book.inbox.get(each)) is not None])
            elif kind == GROUP:
                await self._book.tallies.take_in(keys)

    async def reload(self) -> None:
        """Read everything again: nobody knows what other nodes have changed meanwhile. Raises StoreUnavailable."""
        async with self._book.changing:
            await self._sending.send(await self._book.read_again())
            await self._sending.ask_back(record for record in self._book.inbox.all() if self._book.cancels.is_asked(record.id))

    async def list(self, wanted: CommandsWanted, limit: int, after: tuple[int, str] | None = None) -> CommandPage:
        """Return commands, newest first, behind `after` and as far as their size allows."""
        return await self._book.state.commands(wanted, limit, after)

    def statistics(self) -> dict[str, float]:
        """Return the figures of the ledger, as /metrics shows them."""
        groups = self._book.tallies.open_count()
        return {"open": len(self._book.inbox), "open_groups": groups, "forgotten": self._ageing.forgotten}

    def _audited(self, by: str, action: str, record: CommandRecord, **detail: Any) -> Audited:
        said = {"device": record.device, "name": record.name, **detail}
        return Audited(self._now(), by, action, f"command {record.id}", said)
