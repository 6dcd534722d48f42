"""The commands as they are kept: all of them in the state store, the open ones in memory, viewers shown what changed.

Owns that memory follows the store and is never ahead of it. It decides no state and sends nothing: commands.py and the files beside
it do, and take `changing` before they read what they change.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import trio

from devices.wire.messages import CommandState
from hub.core import ledger
from hub.core.begun import Begun
from hub.core.cancels import KIND as CANCEL
from hub.core.cancels import Cancels
from hub.core.due import Due
from hub.core.errors import Refusal
from hub.core.group import KIND as GROUP
from hub.core.group import Group
from hub.core.inbox import Inbox
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.tallies import GroupBoard, Tallies
from hub.ports import Audited, CommandRecord, CommandsWanted, Conflict, DeviceRecord, Document, LogLine, Now, StateStore

SHOWN: Final = 200  # commands of no group that a page begins with
COMMAND: Final = "command"  # what a store calls a command in a Conflict
_TRIES: Final = 20  # of one change that other nodes are faster with
T = TypeVar("T")
_TURN: Final = 200  # records; then others have theirs: a frame that comes meanwhile must not wait for 10,000 commands


class CommandBoard(GroupBoard, Protocol):
    """Where commands are shown to viewers."""

    def put_command(self, item: Mapping[str, Any]) -> None:
        """Show a command."""


class CommandBook:
    """All commands of this hub. Its methods raise StoreUnavailable with nothing done."""

    def __init__(self, state: StateStore, registry: Registry, board: CommandBoard, now: Now) -> None:
        self.state, self.registry, self.now = state, registry, now
        self.changing = trio.Lock()  # one change at a time: each is made of what the one before has stored
        self.began_us = 0
        self.heard_us = now  # up to when what devices answered is known here
        self.inbox, self.due, self.begun, self.cancels = Inbox(), Due(), Begun(), Cancels(state)
        self.tallies = Tallies(state, self.inbox, board, now)
        self._board = board
        self._removed: dict[str, int] = {}  # devices, and when: what a running write has left of them is ended
        registry.on_removed(self._forget)

    async def load(self) -> None:
        """Read open and recent commands once at start."""
        self.began_us = self.now()
        await self.cancels.load()
        for record in reversed((await self.state.commands(CommandsWanted(is_single=True), SHOWN)).records):
            self._board.put_command(self.item(record))
        for record in await self.state.open_commands():
            self._open(record)
        await self.tallies.load()

    def known(self, device: str) -> DeviceRecord:
        """Return what is known of a device. Raises Refusal 404."""
        if (known := self.registry.record(device)) is None:
            raise Refusal("no_device", f"no device is called {device[:64]!r}", "see: tributary device list", 404)
        return known

    async def get(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        return self.inbox.get(command_id) or await self.state.command(command_id)

    def item(self, record: CommandRecord) -> dict[str, Any]:
        """Return a command as viewers see it (protocol section 11)."""
        is_asked = self.cancels.is_asked(record.id) and not ledger.is_final(record)
        return ledger.item_of(record) | ({"cancel": "asked"} if is_asked else {})

    async def put(
        self,
        records: Sequence[CommandRecord],
        *,
        puts: Sequence[Document] = (),
        cursor: Cursor | None = None,
        audited: Sequence[Audited] = (),
        group: Group | None = None,
        lines: Sequence[LogLine] = (),
        fences: Mapping[str, int] | None = None,
    ) -> None:
        """Keep commands as they are now, with what belongs to them: a group, wishes to cancel, a cursor, who did it; all or none.

        Raises Conflict where another node has changed some of it: then that is read, and it is for the caller to decide again (`settle`).
        """
        groups = self.tallies.counted(records)
        puts = [*puts, *self.tallies.ended(groups)]
        try:
            await self.state.put_commands(records, puts=puts, lines=lines, cursor=cursor, audited=audited, fences=fences)
        except Conflict:
            await self.take_in([record.id for record in records])
            await self.cancels.take_in([each.key for each in puts if each.kind == CANCEL])
            await self.tallies.take_in([each.key for each in puts if each.kind == GROUP])
            raise
        self.cancels.keep(puts)
        self.tallies.keep(groups if group is None else [*groups, group])
        for at, record in enumerate(records):
            self._keep(record)
            await breathe(at)

    async def settle(self, decide: Callable[[], Awaitable[T]]) -> T:
        """Decide and change under the lock, and decide again where another node was faster. Raises Conflict where that goes on and on,
        or is of documents that are not the book's."""
        async with self.changing:
            for _ in range(_TRIES):
                try:
                    return await decide()
                except Conflict as conflict:
                    if conflict.kind not in (COMMAND, CANCEL, GROUP):
                        raise
            return await decide()

    async def take_in(self, ids: Sequence[str]) -> list[CommandRecord]:
        """Read commands that another node has changed and keep what is newer; return those that are open."""
        kept, taken = dict[str, CommandRecord](), list[CommandRecord]()
        for at, command_id in enumerate(ids):
            if at % _TURN == 0:
                kept = {record.id: record for record in await self.state.commands_of(ids[at : at + _TURN])}
            before, record = self.inbox.get(command_id), kept.get(command_id)
            if record is None:  # deleted: it is old, or its device was removed
                self.tallies.doubt([before] if before is not None else [])
                self._drop(command_id)
            elif before is None or record.version != before.version:
                self.tallies.doubt([record])
                self._keep(record)
                taken += [] if ledger.is_final(record) else [record]
            await breathe(at)
        return taken

    async def read_again(self) -> list[CommandRecord]:
        """Read everything that is open in the store or was here; return what is open and changed meanwhile, or queued."""
        await self.cancels.load()
        await self.tallies.load()
        known = [*self.inbox.all(), *await self.state.open_commands()]
        changed = await self.take_in(list(dict.fromkeys(record.id for record in known)))
        queued = [record for record in self.inbox.all() if record.state == CommandState.QUEUED]
        return list({record.id: record for record in [*changed, *queued]}.values())

    def _keep(self, record: CommandRecord) -> None:
        """Follow the store, never ahead of it: what could not be stored must not be sent, nor be believed."""
        if ledger.is_final(record):
            self._drop(record.id)
        else:
            self._open(record)
        self._show(record)

    def _open(self, record: CommandRecord) -> None:
        if self.registry.record(record.device) is None:
            self.tallies.doubt([record])
            return
        if self.inbox.get(record.id) is None:
            self.due.put(record.id, record.expires_us)
        self.inbox.put(record)

    def _show(self, record: CommandRecord) -> None:
        if record.group is None:  # of the others viewers see the tally
            self._board.put_command(self.item(record))

    def _drop(self, command_id: str) -> None:
        self.inbox.drop(command_id)
        self.due.drop(command_id)
        self.begun.drop(command_id)
        self.cancels.ended(command_id)

    def _forget(self, device: str) -> None:
        """End what a removed device was to do: another one may get its name."""
        self._removed[device] = self.now()
        records = self.inbox.of(device)
        self.tallies.doubt(records)
        for record in records:
            self._drop(record.id)
            self._show(ledger.moved(record, CommandState.FAILED, self.now(), ledger.REMOVED))

    def has_removed(self) -> bool:
        """Tell whether a device was removed, or a group is to be counted."""
        return bool(self._removed) or self.tallies.is_unsure

    async def end_removed(self) -> None:
        """End what a write that ran while a device was removed has left of it, and count the groups that lost commands with it."""
        removed = dict(self._removed)
        if removed:
            left = [each for each in await self.state.open_commands() if each.created_us <= removed.get(each.device, -1)]
            self.tallies.doubt(left)
            await self.put([ledger.moved(each, CommandState.FAILED, self.now(), ledger.REMOVED) for each in left])
            for device in removed:
                if self._removed[device] == removed[device]:
                    del self._removed[device]
        await self.tallies.count_anew()


async def breathe(at: int) -> None:
    """Let other tasks run after each _TURN of a long loop. What the loop began it ends: a cancellation waits."""
    if at % _TURN == _TURN - 1:
        await trio.lowlevel.cancel_shielded_checkpoint()
