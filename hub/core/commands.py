"""The command desk: takes commands from people, gives them to devices at most once, and keeps every change of state.

Owns the open commands in memory and their way through the StateStore; the rules are in ledger.py, the sockets in the device
sessions, which attach a function that delivers. LedgerFollower brings results from the journal.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import trio

from devices.wire.codec import decode_from_device, encode
from devices.wire.fields import shown
from devices.wire.messages import Command, CommandState, Outcome, Result
from hub.core import ledger
from hub.core.errors import Refusal
from hub.core.records import Cursor, Row, RowKind
from hub.core.registry import Registry
from hub.ports import CommandRecord, Now, StateStore

Deliver = Callable[[Command], Awaitable[None]]
Records = list[CommandRecord]
MAX_TTL_S: Final = 7 * 86_400.0
_SWEEP_S: Final = 1.0  # how late an expiry may be noticed


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

    async def load(self) -> None:
        """Read open and recent commands once at start."""
        for record in reversed(await self._state.commands(None, 200)):
            self._board.put_command(self.item(record))
        self._open = {record.id: record for record in await self._state.open_commands()}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End commands whose time is over, once a second, until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(_SWEEP_S)
            now_us = self._now()
            for record in list(self._open.values()):
                ended = ledger.overdue(record, now_us)
                if ended is not None:
                    await self._put(ended)

    async def create(self, device: str, name: str, args: Mapping[str, Any], ttl_s: float, by: str) -> CommandRecord:
        """Queue a command and send it; return its record as it stands then. Raises Refusal with nothing done."""
        record = self._checked(device, name, args, ttl_s, by)
        await self._put(record)
        await self._send(record)
        return self._open.get(record.id, record)

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
        """Give a welcomed device what waits for it: queued commands, and sent ones it may not have got (it knows their ids if it has)."""
        self._deliver[device] = deliver
        for record in list(self._open.values()):
            if record.device == device and record.state in (CommandState.QUEUED, CommandState.SENT):
                await self._send(record)

    def detach(self, device: str, deliver: Deliver) -> None:
        """Forget a connection, unless another has taken its place."""
        if self._deliver.get(device) is deliver:
            del self._deliver[device]

    async def said(self, device: str, outcomes: Iterable[Outcome]) -> None:
        """Enter what a device says in hello, before it is welcomed."""
        for record in await self._changed(device, outcomes):
            await self._put(record)

    async def followed(self, results: Sequence[tuple[str, Outcome]], cursor: Cursor) -> None:
        """Enter results from the journal and the follower's cursor in one transaction."""
        changed = [record for device, outcome in results for record in await self._changed(device, [outcome])]
        newest = list({record.id: record for record in changed}.values())
        await self._state.put_commands_at(newest, cursor)
        for record in newest:
            self._board.put_command(self.item(record))

    async def get(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        return self._open.get(command_id) or await self._state.command(command_id)

    async def list(self, device: str | None, limit: int) -> Records:
        """Return the newest commands, newest first."""
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

    async def _changed(self, device: str, outcomes: Iterable[Outcome]) -> Records:
        """Move this device's commands in memory; a device speaks only of its own."""
        changed = []
        for outcome in outcomes:
            record = await self.get(outcome.id)
            if record is None or record.device != device:
                continue
            following = ledger.with_outcome(record, outcome, self._now())
            if following is not None:
                self._keep(following)
                changed.append(following)
        return changed

    async def _send(self, record: CommandRecord) -> None:
        deliver = self._deliver.get(record.device)
        if deliver is None or self._now() >= record.expires_us:
            return
        sent = ledger.moved(record, CommandState.SENT, self._now()) if record.state == CommandState.QUEUED else record
        if sent is not record:
            await self._put(sent)  # committed before the bytes go out: a crash in between leaves it sent, never sent twice unnoticed
        await deliver(self._message(sent))

    def _message(self, record: CommandRecord) -> Command:
        ttl_s = max(0.0, (record.expires_us - self._now()) / 1e6)
        return Command(record.id, record.name, record.args, ttl_s, record.created_us)

    async def _put(self, record: CommandRecord) -> None:
        self._keep(record)
        await self._state.put_command(record)
        self._board.put_command(self.item(record))

    def _keep(self, record: CommandRecord) -> None:
        if ledger.is_final(record):
            self._open.pop(record.id, None)
        else:
            self._open[record.id] = record


class LedgerFollower:
    """The follower of the journal that brings results into the ledger."""

    name = "ledger"

    def __init__(self, desk: CommandDesk, state: StateStore, journal_id: Callable[[], str]) -> None:
        self._desk = desk
        self._state = state
        self._journal_id = journal_id
        self._applied = 0
        self._safe = 0

    async def start(self) -> int:
        """Return the position after which to begin: 0 where the ledger has followed another journal."""
        cursor = await self._state.ledger_cursor()
        self._applied = self._safe = cursor.position if cursor is not None and cursor.journal == self._journal_id() else 0
        return self._applied

    async def apply(self, rows: Sequence[Row]) -> None:
        """Enter the results among the rows; without any nothing is written until make_safe."""
        self._applied = rows[-1].position
        results = []
        for row in rows:
            if row.kind == RowKind.RESULT and isinstance(message := decode_from_device(row.body), Result):
                results.append((row.device, message.outcome))
        if results:
            await self._desk.followed(results, Cursor(self._journal_id(), self._applied))
            self._safe = self._applied

    async def make_safe(self) -> int:
        """Write the cursor where it moved, and return it."""
        if self._safe != self._applied:
            await self._desk.followed([], Cursor(self._journal_id(), self._applied))
            self._safe = self._applied
        return self._safe
