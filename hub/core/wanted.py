"""What somebody wants a device to do, checked before it becomes a command: the device, the name, the arguments, the time to live.

Owns these checks and the ids that idempotency keys stand for; keeps nothing, sends nothing. Called by the command desk.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from devices.wire.fields import shown
from devices.wire.messages import CommandState
from hub.core import ledger
from hub.core.errors import Refusal
from hub.core.inbox import size_of
from hub.ports import CommandRecord, DeviceRecord

MAX_TTL_S: Final = 7 * 86_400.0
MAX_KEY: Final = 128  # characters of an idempotency key
ID_CHARACTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command as it is asked for. The same `key` from the same `by` means the same command."""

    name: str
    args: Mapping[str, Any]
    ttl_s: float
    by: str
    key: str | None = None

    def new_id(self) -> str:
        """Return the id it gets: drawn, or the one that its key stands for. Raises Refusal."""
        if self.key is None:
            return secrets.token_hex(8)
        check_key(self.key)
        # Of whoever asks: nobody else's keys are in the way, nor can be tried out.
        return sha256(f"{self.by}\0{self.key}".encode()).hexdigest()[:ID_CHARACTERS]

    def args_bytes(self) -> int:
        """Return how many bytes the arguments are: what the audit log says of them, as they may hold a secret."""
        return len(json.dumps(dict(self.args)).encode())

    def check_ttl(self) -> None:
        """Refuse a time to live that no command may have. Raises Refusal."""
        if not 0 < self.ttl_s <= MAX_TTL_S:
            said = f"ttl_s must be above 0 and at most {MAX_TTL_S:.0f}, not {self.ttl_s:g}"
            raise Refusal("bad_ttl", said, "correct the value", 422)

    def record_for(self, known: DeviceRecord, command_id: str, now_us: int) -> CommandRecord:
        """Return the command for a device. Raises Refusal where the device would not take it."""
        if known.is_disabled:
            raise Refusal(
                "disabled", f"device {known.name} is disabled", f"it takes commands after: tributary device enable {known.name}", 409
            )
        specs = _specs(known)
        if self.name not in specs:
            hint = f"it takes: {', '.join(sorted(specs)) or 'none'}"
            raise Refusal("unknown_command", f"device {known.name} takes no command {shown(self.name)}", hint, 422)
        self.check_ttl()
        record = CommandRecord(
            id=command_id,
            device=known.name,
            name=self.name,
            args=ledger.checked_args(self.name, specs[self.name].get("args", {}), self.args),
            state=CommandState.QUEUED.value,
            version=1,
            by=self.by,
            created_us=now_us,
            updated_us=now_us,
            expires_us=now_us + int(self.ttl_s * 1e6),
            reached={CommandState.QUEUED.value: now_us},
        )
        size, limit = size_of(record), known.description.get("max_message_bytes", 65_536)
        if size > limit:
            raise Refusal("too_large", f"the command is {size} bytes, device {known.name} takes {limit}", "send less", 413)
        return record

    def check_same(self, record: CommandRecord, known: DeviceRecord) -> None:
        """Refuse a key that stands for another command than this one. Raises Refusal."""
        spec = _specs(known).get(record.name, {}).get("args", {})
        defaults = {name: rule["default"] for name, rule in spec.items() if "default" in rule}
        ttl_us = record.expires_us - record.created_us
        asked = (known.name, self.name, int(self.ttl_s * 1e6), defaults | dict(self.args))
        if asked != (record.device, record.name, ttl_us, defaults | dict(record.args)):
            said = f"this idempotency key stands for another command: {shown(record.name)} to {record.device}, {record.id}"
            raise Refusal("key_used", said, "send the same body again, or another key", 409)


def check_key(key: str) -> None:
    """Refuse a text that is no idempotency key. Raises Refusal."""
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        said = f"an idempotency key is 1 to {MAX_KEY} printable characters; this one has {len(key)}"
        raise Refusal("bad_key", said, "send a random one, as a UUID", 422)


def _specs(known: DeviceRecord) -> dict[str, Any]:
    return {spec["name"]: spec for spec in known.description.get("commands", [])}
