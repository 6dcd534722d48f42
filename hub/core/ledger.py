"""The life of a command as plain functions: which state follows which, and which arguments a device takes.

Owns the order of states (design: queued, sent, accepted, running, then one final state that never changes) and the checks of arguments;
commands.py keeps the records. No clock, no I/O.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from devices.wire.fields import shown
from devices.wire.messages import CommandState, Outcome
from hub.core.errors import Refusal
from hub.ports import CommandRecord

GRACE_US: Final = 30_000_000  # a result may be on its way, or in a spool, when the time to live ends
LOST_US: Final = 7 * 86_400_000_000  # a device that sleeps for days still brings its result; what is silent for longer is lost
REMOVED: Final = "the device was removed"
CancelAnswer = Literal["cancelled", "too_late", "asked"]
_RANK: Final = {CommandState.QUEUED: 0, CommandState.SENT: 1, CommandState.ACCEPTED: 2, CommandState.RUNNING: 3}


def is_final(record: CommandRecord) -> bool:
    """Tell whether the command has ended."""
    return CommandState(record.state).is_final


def moved(record: CommandRecord, state: CommandState, now_us: int, reason: str | None = None) -> CommandRecord:
    """Return the record in another state, or again in the same; the time is noted when a state is reached first."""
    reached = {state.value: now_us, **record.reached}
    return replace(record, state=state.value, version=record.version + 1, updated_us=now_us, reason=reason, reached=reached)


def with_outcome(record: CommandRecord, outcome: Outcome, now_us: int) -> CommandRecord | None:
    """Return the record after what the device said, or None where that changes nothing.

    Another final state after the final one is kept as a note; a state that lies behind the record's is old news.
    """
    if outcome.state is CommandState.TOO_LATE:
        return None
    if is_final(record):
        if not outcome.state.is_final:
            return None  # hello tells how it ended ahead of the frames that tell how it went
        note = f"{outcome.state.value} was reported after the end" + (f": {outcome.reason}" if outcome.reason else "")
        if (outcome.state.value, outcome.reason) == (record.state, record.reason) or record.note == note:
            return None
        return replace(record, version=record.version + 1, updated_us=now_us, note=note)
    if not outcome.state.is_final and (_RANK[outcome.state], outcome.progress or 0) <= (
        _RANK[CommandState(record.state)],
        record.progress or 0,
    ):
        return None
    progress = outcome.progress if outcome.progress is not None else record.progress
    return replace(moved(record, outcome.state, now_us, outcome.reason), progress=progress, value=outcome.value)


def cancelled(record: CommandRecord, now_us: int, by: str) -> CommandRecord:
    """Return a queued record as somebody has cancelled it."""
    return moved(record, CommandState.CANCELLED, now_us, f"cancelled by {by} before it was sent")


def sent(record: CommandRecord, now_us: int) -> CommandRecord:
    """Return the record as its device is given it; one that was given before stays as it is."""
    return moved(record, CommandState.SENT, now_us) if record.state == CommandState.QUEUED else record


def overdue(record: CommandRecord, now_us: int, began_us: int = 0, silent_since_us: int | None = None) -> CommandRecord | None:
    """Return the record as time ends it: expired if it was never sent, unknown if it was sent and nothing came back."""
    if now_us < over_us(record, now_us, began_us, silent_since_us):
        return None
    if record.state == CommandState.QUEUED:
        return moved(record, CommandState.EXPIRED, now_us, "not sent within its time to live")
    return moved(record, CommandState.FAILED, now_us, "outcome_unknown")


def over_us(record: CommandRecord, now_us: int, began_us: int = 0, silent_since_us: int | None = None) -> int:
    """Return when time ends the record as it is now, at the earliest.

    The grace counts from `began_us` at least: a hub that was away has heard nothing. One that the device has accepted ends only where
    nothing was heard of it for LOST_US; None as `silent_since_us`: its device is connected and has it.
    """
    if record.state == CommandState.QUEUED:
        return record.expires_us
    if record.state == CommandState.SENT:
        return max(record.expires_us, began_us) + GRACE_US
    return max(now_us if silent_since_us is None else silent_since_us, record.expires_us) + LOST_US


def cancel_answer(record: CommandRecord, *, is_too_late: bool) -> CancelAnswer:
    """Return what became of the wish to cancel a command."""
    if record.state == CommandState.CANCELLED:
        return "cancelled"
    return "too_late" if is_too_late or is_final(record) else "asked"


def item_of(record: CommandRecord) -> dict[str, Any]:
    """Return a command as viewers see it (protocol section 11)."""
    item = {
        key: getattr(record, key) for key in ("id", "version", "device", "name", "state", "by", "created_us", "updated_us", "expires_us")
    }
    optional = {key: getattr(record, key) for key in ("progress", "value", "reason", "note", "group")}
    known = {"args": dict(record.args), "reached_us": dict(sorted(record.reached.items(), key=lambda each: each[1]))}
    return item | known | {key: value for key, value in optional.items() if value is not None}


def checked_args(command: str, specs: Mapping[str, Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with defaults filled in. Raises Refusal naming the argument, the limit and the value."""
    for name in args:
        if name not in specs:
            known = ", ".join(sorted(specs)) or "none"
            raise Refusal("bad_argument", f"{command} has no argument {shown(name)}", f"it takes: {known}", 422)
    checked = {}
    for name, spec in specs.items():
        value = args.get(name, spec.get("default"))
        if value is None:
            raise Refusal("bad_argument", f"{command} needs the argument {name} ({spec['type']})", "give it", 422)
        checked[name] = _checked_arg(name, spec, value)
    return checked


def _checked_arg(name: str, spec: Mapping[str, Any], value: Any) -> Any:
    types: Mapping[str, tuple[type, ...]] = {"number": (int, float), "integer": (int,), "bool": (bool,), "text": (str,)}
    if type(value) not in types[spec["type"]] or (type(value) is float and not math.isfinite(value)):
        raise Refusal("bad_argument", f"{name} must be a {spec['type']}, not {shown(value)}", "correct the value", 422)
    low, high = spec.get("min"), spec.get("max")
    if type(value) in (int, float) and ((low is not None and value < low) or (high is not None and value > high)):
        bounds = " and ".join(f"at {word} {bound:g}" for word, bound in (("least", low), ("most", high)) if bound is not None)
        raise Refusal("bad_argument", f"{name} must be {bounds}, not {value:g}", "correct the value", 422)
    return value
