"""Commands on the device: ids written before they run, running functions, outcomes as result frames.

Owns at-most-once (docs/protocol.md section 7) and the checks of arguments; it knows nothing of connections. devices.client puts
what arrives into `inbox` and runs `run` as long as the device lives, so a command outlives the connection it came by.
"""

import inspect
import logging
import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import trio

from devices.spool import Draft, Spool
from devices.spool.records import FrameKind, result_draft
from devices.wire.codec import decode_from_device, encode
from devices.wire.limits import MAX_MESSAGE_BYTES, MAX_REASON_BYTES
from devices.wire.messages import Cancel, Command, CommandSpec, CommandState, Outcome, Result, Unreadable

MAX_IDS: Final = 256  # commands kept at once; beyond it `rejected`, reason busy
MAX_REFUSED: Final = 256  # ids kept of those; beyond them a command is not answered
MAX_RUNNING: Final = 16
INBOX: Final = 64  # messages; when it is full the connection's reader waits
CANCELLED_UNSEEN_S: Final = 86_400.0  # an id cancelled before it came is refused for this long
RECORD_DEADLINE_S: Final = 5.0
_BUSY: Final = "busy"
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {"number": (int, float), "integer": (int,), "bool": (bool,), "text": (str,)}
_running_id: ContextVar[str] = ContextVar("running command")
_log = logging.getLogger("tributary.device")


@dataclass(frozen=True, slots=True)
class _Known:
    spec: CommandSpec
    function: Callable[..., Any]


class Commands:
    """The commands of one device."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._known: dict[str, _Known] = {}
        self._scopes: dict[str, trio.CancelScope] = {}
        self._limiter = trio.CapacityLimiter(MAX_RUNNING)
        self.inbox, self._outbox = trio.open_memory_channel[Command | Cancel](INBOX)

    def add(self, spec: CommandSpec, function: Callable[..., Any]) -> None:
        """Take a command by this name. Raises ValueError where the name is taken or an argument's type is unknown."""
        if spec.name in self._known:
            raise ValueError(f"command {spec.name!r} is there already; give this one another name")
        for name, rule in spec.args.items():
            if rule.get("type") not in _TYPES:
                raise ValueError(f"argument {name!r} of {spec.name!r} needs a type out of {', '.join(_TYPES)}, not {rule.get('type')!r}")
        self._known[spec.name] = _Known(spec, function)

    @property
    def specs(self) -> tuple[CommandSpec, ...]:
        """What hello declares."""
        return tuple(known.spec for known in self._known.values())

    async def report_interrupted(self, spool: Spool) -> None:
        """Report every command that had begun and not ended before this start as failed; none runs again."""
        for entry in list(spool.commands.values()):
            if not entry.outcome.state.is_final:
                await spool.record(Outcome(entry.id, CommandState.FAILED, reason="interrupted"), entry.expires_us)

    async def run(self, spool: Spool) -> None:
        """Take commands out of the inbox until cancelled; what runs then is reported as interrupted at the next start."""
        async with trio.open_nursery() as nursery:
            async for message in self._outbox:
                if await _is_stale(spool, message):
                    continue
                if isinstance(message, Cancel):
                    await self._cancel(spool, message.id)
                else:
                    await self._take(spool, message, nursery)

    async def report_progress(self, spool: Spool, progress: float) -> None:
        """Tell how far the command that calls this is, 0...1. Raises LookupError outside a command."""
        outcome = Outcome(_running_id.get(), CommandState.RUNNING, progress=min(max(float(progress), 0.0), 1.0))
        # Kept like a log line: a full spool may drop it, which an outcome must not be.
        await spool.append([Draft(FrameKind.LOG, lambda epoch, seq: Result(epoch, seq, outcome))])

    async def _take(self, spool: Spool, command: Command, nursery: trio.Nursery) -> None:
        deadline = trio.current_time() + command.ttl_s
        expires_us = self._now() + int(command.ttl_s * 1_000_000)
        earlier = spool.commands.get(command.id)
        if earlier is not None:
            await spool.record(earlier.outcome, earlier.expires_us)  # said again, not run again
            return
        await spool.purge_commands(self._now())
        refused = sum(entry.outcome.state is CommandState.REJECTED and entry.outcome.reason == _BUSY for entry in spool.commands.values())
        if len(spool.commands) - refused >= MAX_IDS:
            if refused < MAX_REFUSED:
                # Written down as well: what was refused must not be begun if it comes again before the hub has read that it was.
                await spool.record(Outcome(command.id, CommandState.REJECTED, reason=_BUSY), expires_us)
            else:
                _log.warning("command %s is not answered: %d ids are kept", command.id, len(spool.commands))
            return
        known = self._known.get(command.name)
        if known is None:
            reason = f"unknown command {command.name!r}; this device takes: {', '.join(self._known) or 'none'}"
            await spool.record(Outcome(command.id, CommandState.REJECTED, reason=_short(reason)), expires_us)
            return
        try:
            args = _checked(known.spec, command.args)
        except ValueError as error:
            await spool.record(Outcome(command.id, CommandState.REJECTED, reason=_short(str(error))), expires_us)
            return
        await spool.record(Outcome(command.id, CommandState.ACCEPTED), expires_us)
        self._scopes[command.id] = trio.CancelScope()
        nursery.start_soon(self._run_one, spool, command.id, known.function, args, deadline, expires_us)

    async def _run_one(
        self, spool: Spool, id_: str, function: Callable[..., Any], args: Mapping[str, Any], deadline: float, expires_us: int
    ) -> None:
        outcome = Outcome(id_, CommandState.CANCELLED)
        try:
            with self._scopes[id_]:
                async with self._limiter:
                    late = trio.current_time() >= deadline
                    outcome = Outcome(id_, CommandState.EXPIRED) if late else await _outcome_of(id_, function, args)
        finally:
            del self._scopes[id_]
        # What has run is written down: however slow the disk is, and even when the device is just being stopped, then for so long.
        try:
            await spool.record(outcome, expires_us)
        except trio.Cancelled:
            with trio.move_on_after(RECORD_DEADLINE_S, shield=True):
                await spool.record(outcome, expires_us)
            raise

    async def _cancel(self, spool: Spool, id_: str) -> None:
        scope = self._scopes.get(id_)
        if scope is not None:
            scope.cancel()
        elif id_ in spool.commands:
            await _say(spool, Outcome(id_, CommandState.TOO_LATE))
        else:
            # Never came: written down, so that it is not begun if it comes after all.
            await spool.record(Outcome(id_, CommandState.CANCELLED), self._now() + int(CANCELLED_UNSEEN_S * 1_000_000))


async def _is_stale(spool: Spool, message: Command | Cancel) -> bool:
    """Tell whether who sent this no longer speaks for the hub; then nothing is answered: who does will say it again."""
    if message.fence is None:
        return False
    if message.fence < spool.fence:
        _log.warning("command %s is refused: its fence %d is below %d", message.id, message.fence, spool.fence)
        return True
    await spool.keep_fence(message.fence)
    return False


async def _outcome_of(id_: str, function: Callable[..., Any], args: Mapping[str, Any]) -> Outcome:
    _running_id.set(id_)
    try:
        value = function(**args)
        if inspect.isawaitable(value):
            value = await value
    except Exception as error:  # the caller's own function: whatever it raises is the outcome, and the device lives on
        _log.warning("command %s failed: %r", id_, error, exc_info=True)
        return Outcome(id_, CommandState.FAILED, reason=_short(f"{type(error).__name__}: {error}"))
    outcome = Outcome(id_, CommandState.DONE, value=value)
    problem = _unsayable(outcome)
    return (
        outcome if problem is None else Outcome(id_, CommandState.FAILED, reason=_short(f"it ran, but its value cannot be sent: {problem}"))
    )


def _unsayable(outcome: Outcome) -> str | None:
    try:
        body = encode(Result(1, 1, outcome))
    except (TypeError, ValueError, OverflowError) as error:
        return str(error)
    if len(body) > MAX_MESSAGE_BYTES // 2:  # hello lists it too, beside all else
        return f"{len(body)} bytes are over the limit of {MAX_MESSAGE_BYTES // 2}"
    read = decode_from_device(body)
    return read.reason if isinstance(read, Unreadable) else None


async def _say(spool: Spool, outcome: Outcome) -> None:
    await spool.append([result_draft(outcome)])


def _checked(spec: CommandSpec, args: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(args) - set(spec.args))
    if unknown:
        raise ValueError(f"unknown argument {unknown[0]!r}; {spec.name} takes: {', '.join(spec.args) or 'none'}")
    checked = {}
    for name, rule in spec.args.items():
        if name not in args and "default" not in rule:
            raise ValueError(f"argument {name!r} is missing")
        value = args.get(name, rule.get("default"))
        allowed = _TYPES[rule["type"]]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"argument {name!r} must be of type {rule['type']}, not {str(value)[:40]!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"argument {name!r} must be finite, not {value}")
        low, high = rule.get("min"), rule.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"argument {name!r} must lie within {low}...{high}, not {value}")
        checked[name] = value
    return checked


def _short(text: str) -> str:
    return text.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
