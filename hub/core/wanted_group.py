"""What somebody wants many devices to do, checked as a whole before it is checked for each: which devices, under which key.

Owns the choice of the devices, fixed when the group is made, and what an idempotency key of a group stands for; keeps nothing. Called by
the desk of groups.
"""

import json
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.group import Group
from hub.core.registry import Registry
from hub.core.wanted import ID_CHARACTERS, Wanted, check_key

MAX_GROUP: Final = 10_000  # devices of one group: all of it is one transaction, of about a second


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A group command as it is asked for: of `devices` and `where` one."""

    each: Wanted  # what every device is to do; its key is the group's
    devices: tuple[str, ...] | None = None
    where: str | None = None
    is_all_or_nothing: bool = False

    def new_id(self) -> str:
        """Return the id it gets: drawn, or the one that its key stands for. Raises Refusal."""
        if self.each.key is None:
            return secrets.token_hex(8)
        check_key(self.each.key)
        return sha256(f"group\0{self.each.by}\0{self.each.key}".encode()).hexdigest()[:ID_CHARACTERS]

    def command_id(self, group_id: str, device: str) -> str:
        """Return the id of a device's command: one for each, whatever is tried again."""
        return sha256(f"{group_id}\0{device}".encode()).hexdigest()[:ID_CHARACTERS]

    def fingerprint(self) -> str:
        """Return what tells whether the same is asked again."""
        chosen = sorted(set(self.devices)) if self.devices is not None else self.where
        asked: list[Any] = [self.each.name, dict(self.each.args), float(self.each.ttl_s), chosen, self.is_all_or_nothing]
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def names(self, registry: Registry) -> list[str]:
        """Return the devices that are meant now, each once, sorted. Raises Refusal."""
        if (self.devices is None) == (self.where is None):
            raise Refusal("bad_devices", "a group command takes either devices or where", "send one of them", 422)
        named = sorted(set(self.devices or ()))
        names = named if self.where is None else registry.select(self.where)
        if not names:
            said = "the list of devices is empty" if self.where is None else f"no device is meant by {shown(self.where)}"
            raise Refusal("no_devices", said, "see: tributary device list --where EXPRESSION", 422)
        if len(names) > MAX_GROUP:
            said = f"{len(names):,} devices are over the limit of {MAX_GROUP:,} for one group command"
            raise Refusal("too_many_devices", said, "choose fewer by a narrower expression, and send several", 422)
        return names

    def check_same(self, group: Group) -> None:
        """Refuse a key that stands for another group command than this one. Raises Refusal."""
        if group.fingerprint != self.fingerprint():
            said = f"this idempotency key stands for another group command: {shown(group.name)} to {group.devices:,} devices, {group.id}"
            raise Refusal("key_used", said, "send the same body again, or another key", 409)
