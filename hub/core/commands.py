"""The command desk: takes commands from people, gives them to devices at most once, and keeps every change of state.

Owns the open commands in memory and their way through the StateStore; the rules are in ledger.py, the sockets in the device
sessions, which attach a function that delivers. results.py brings what devices answer from the journal.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
import trio

from devices.wire.codec import encode
from devices.wire.fields import shown
from devices.wire.messages import Command, CommandState, Outcome
from hub.core import ledger
from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.ports import CommandPage, CommandRecord, Now, StateStore, StoreUnavailable

Deliver = Callable[[Command], Awaitable[None]]
Records = list[CommandRecord]
MAX_TTL_S: Final = 7 * 86_400.0
MAX_WAITING: Final = 256  # commands of one device that it has not answered; a connection is given all of them at once
_SWEEP_S: Final = 1.0  # how late an expiry may be noticed
_RESENT: Final = (CommandState.QUEUED, CommandState.SENT)
_log: Final = structlog.get_logger(__name__)


class CommandBoard(Protocol):
    """Where command items are shown to viewers."""

    def put_command(self, item: Mapping[str, Any]) -> None:
        """Show a command."""


class CommandDesk:
    """All commands of this hub."""

    def __init__(self, state: StateStore, registry: Registry, board: CommandBoard, now: Now) -> None:
        self._state = state
        self._registry = registry
        self._board = board
        self._now = now
        self._open: dict[str, CommandRecord] = {}
        self._deliver: dict[str, Deliver] = {}
        self._changing = trio.Lock()  # one change at a time: each is made of what the one before has stored
        registry.on_removed(self._forget)

    async def load(self) -> None:
        """Read open and recent commands once at start."""
        for record in reversed((await self._state.commands(None, 200)).records):
            self._board.put_command(self.item(record))
        found = await self._state.open_commands()
        self._open = {record.id: record for record in found if self._registry.record(record.device) is not None}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End commands whose time is over, once a second, until cancelled; while the store is away they wait for the next second."""
        task_status.started()
        while True:
            await trio.sleep(_SWEEP_S)
            try:
                async with self._changing:
                    await self._end_overdue(self._now())
            except StoreUnavailable as error:
                _log.error("commands_not_ended", reason=str(error))

    async def _end_overdue(self, now_us: int) -> None:
        for record in list(self._open.values()):
            ended = ledger.overdue(record, now_us)
            if ended is not None:
                await self._put(ended)

    async def create(self, device: str, name: str, args: Mapping[str, Any], ttl_s: float, by: str) -> CommandRecord:
        """Queue a command and send it; return its record as it stands then. Raises Refusal and StoreUnavailable with nothing done.

        Once it is queued a cancellation waits until it is sent.
        """
        async with self._changing:
            record = self._checked(device, name, args, ttl_s, by)
            with trio.CancelScope(shield=True):
                await self._put(record)
                try:
                    record = await self._send(record)
                except StoreUnavailable as error:  # it is queued: the device's next connection gets it
                    _log.error("command_waits", command=record.id, reason=str(error))
        return record

    def _checked(self, device: str, name: str, args: Mapping[str, Any], ttl_s: float, by: str) -> CommandRecord:
        known = self._registry.record(device)
        if known is None:
            raise Refusal("no_device", f"no device is called {device}", "see: tributary device list", 404)
        if device not in self._deliver:
            raise Refusal("offline", f"device {device} is not connected", "send the command when it is online", 409)
        commands = {spec["name"]: spec for spec in known.description.get("commands", [])}
        if name not in commands:
            hint = f"it takes: {', '.join(sorted(commands)) or 'none'}"
            raise Refusal("unknown_command", f"device {device} takes no command {shown(name)}", hint, 422)
        if not 0 < ttl_s <= MAX_TTL_S:
            raise Refusal("bad_ttl", f"ttl_s must be above 0 and at most {MAX_TTL_S:.0f}, not {ttl_s:g}", "correct the value", 422)
        waiting = sum(record.device == device and record.state in _RESENT for record in self._open.values())
        if waiting >= MAX_WAITING:
            text = f"device {device} has not answered {waiting} commands, the limit is {MAX_WAITING}"
            raise Refusal("too_many_commands", text, "wait for its answers, or until they expire", 409)
        checked = ledger.checked_args(name, commands[name].get("args", {}), args)
        now_us = self._now()
        record = CommandRecord(
            id=secrets.token_hex(8),
            device=device,
            name=name,
            args=checked,
            state=CommandState.QUEUED.value,
            version=1,
            by=by,
            created_us=now_us,
            updated_us=now_us,
            expires_us=now_us + int(ttl_s * 1e6),
        )
        size, limit = len(encode(self._message(record))), known.description.get("max_message_bytes", 65_536)
        if size > limit:
            raise Refusal("too_large", f"the command is {size} bytes, the device takes {limit}", "send less", 413)
        return record

    async def attach(self, device: str, deliver: Deliver) -> None:
        """Give a welcomed device what waits for it: queued commands, and sent ones it may not have got (it knows their ids if it has).

        Raises StoreUnavailable: what was not sent then waits for the next connection.
        """
        self._deliver[device] = deliver
        async with self._changing:
            for record in list(self._open.values()):
                if record.device == device and record.state in _RESENT and self._deliver.get(device) is deliver:
                    await self._send(record)

    def detach(self, device: str, deliver: Deliver) -> None:
        """Forget a connection, unless another has taken its place."""
        if self._deliver.get(device) is deliver:
            del self._deliver[device]

    async def said(self, device: str, outcomes: Iterable[Outcome]) -> None:
        """Enter what a device says in hello, before it is welcomed. What cannot be stored comes again, as frames."""
        try:
            async with self._changing:
                for record in await self._changed([(device, outcome) for outcome in outcomes]):
                    await self._put(record)
        except StoreUnavailable as error:
            _log.error("results_of_hello_not_stored", device=device, reason=str(error))

    async def followed(self, results: Sequence[tuple[str, Outcome]], cursor: Cursor) -> None:
        """Enter results from the journal and the follower's cursor in one transaction. Raises StoreUnavailable with nothing done."""
        async with self._changing:
            newest = await self._changed(results)
            await self._state.put_commands_at(newest, cursor)
            for record in newest:
                self._keep(record)

    async def get(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        return self._open.get(command_id) or await self._state.command(command_id)

    async def list(self, device: str | None, limit: int) -> CommandPage:
        """Return the newest commands, newest first, as far as their size allows."""
        return await self._state.commands(device, limit)

    @staticmethod
    def item(record: CommandRecord) -> dict[str, Any]:
        """Return a command as viewers see it (protocol section 11)."""
        item = {
            key: getattr(record, key)
            for key in ("id", "version", "device", "name", "state", "by", "created_us", "updated_us", "expires_us")
        }
        optional = {key: getattr(record, key) for key in ("progress", "value", "reason", "note")}
        return item | {"args": dict(record.args)} | {key: value for key, value in optional.items() if value is not None}

    async def _changed(self, results: Iterable[tuple[str, Outcome]]) -> Records:
        """Return the commands that the results move, each once and as it is after all of them; a device speaks only of its own."""
        changed: dict[str, CommandRecord] = {}
        for device, outcome in results:
            record = changed.get(outcome.id) or await self.get(outcome.id)
            if record is None or record.device != device:
                continue
            following = ledger.with_outcome(record, outcome, self._now())
            if following is not None:
                changed[record.id] = following
        return list(changed.values())

    async def _send(self, record: CommandRecord) -> CommandRecord:
        deliver = self._deliver.get(record.device)
        if deliver is None or self._now() >= record.expires_us:
            return record
        sent = ledger.moved(record, CommandState.SENT, self._now()) if record.state == CommandState.QUEUED else record
        if sent is not record:
            await self._put(sent)  # committed before the bytes go out: a crash in between leaves it sent, never sent twice unnoticed
        await deliver(self._message(sent))
        return sent

    def _message(self, record: CommandRecord) -> Command:
        ttl_s = max(0.0, (record.expires_us - self._now()) / 1e6)
        return Command(record.id, record.name, record.args, ttl_s, record.created_us)

    async def _put(self, record: CommandRecord) -> None:
        await self._state.put_command(record)
        self._keep(record)

    def _keep(self, record: CommandRecord) -> None:
        """Follow the store, never ahead of it: what could not be stored must not be sent, nor be believed."""
        if ledger.is_final(record):
            self._open.pop(record.id, None)
        elif self._registry.record(record.device) is not None:
            self._open[record.id] = record
        self._board.put_command(self.item(record))

    def _forget(self, device: str) -> None:
        """End what a removed device was to do: another one may get its name."""
        for record in [record for record in self._open.values() if record.device == device]:
            del self._open[record.id]
            self._board.put_command(self.item(ledger.moved(record, CommandState.FAILED, self._now(), "the device was removed")))
