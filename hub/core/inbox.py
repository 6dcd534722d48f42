"""The commands that have not ended, by device: what waits to be sent, what runs, and how much room there is for more.

Owns them in memory and the bounds: a device that is away must not fill the hub. What is kept for good is the StateStore's. Used by the
command desk alone; decides no state.
"""

from collections.abc import Iterable
from typing import Final

from devices.wire.codec import encode
from devices.wire.limits import MAX_FENCE
from devices.wire.messages import Command, CommandState
from hub.core.errors import Refusal
from hub.ports import CommandRecord

MAX_WAITING: Final = 256  # commands of one device that it has not answered; a connection is given all of them at once
MAX_WAITING_BYTES: Final = 1_048_576  # of the same, as they go over the wire
MAX_OPEN: Final = 100_000  # commands of all devices that have not ended
MAX_OPEN_BYTES: Final = 64 * 1_048_576
_WAITING: Final = (CommandState.QUEUED, CommandState.SENT)
_HINT: Final = "wait for its answers or until they expire, or cancel some"


class Inbox:
    """Every open command of this hub. Where it is full, `check_room` refuses the next one; nothing that is in it is ever dropped."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, CommandRecord]] = {}
        self._device: dict[str, str] = {}  # of each command
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._device)

    def get(self, command_id: str) -> CommandRecord | None:
        """Return an open command."""
        device = self._device.get(command_id)
        return None if device is None else self._of[device][command_id]

    def put(self, record: CommandRecord) -> None:
        """Keep a command as it is now."""
        if record.id not in self._device:
            self._device[record.id] = record.device
            self._sizes[record.id] = size = size_of(record)
            self._bytes += size
        self._of.setdefault(record.device, {})[record.id] = record

    def drop(self, command_id: str) -> None:
        """Forget a command that has ended; idempotent."""
        device = self._device.pop(command_id, None)
        if device is None:
            return
        self._bytes -= self._sizes.pop(command_id)
        del self._of[device][command_id]
        if not self._of[device]:
            del self._of[device]

    def all(self) -> list[CommandRecord]:
        """Return every open command."""
        return [record for records in self._of.values() for record in records.values()]

    def of(self, device: str) -> list[CommandRecord]:
        """Return the open commands of a device, oldest first."""
        return list(self._of.get(device, {}).values())

    def of_group(self, group: str) -> list[CommandRecord]:
        """Return the open commands of a group."""
        return [record for record in self.all() if record.group == group]

    def waiting(self, device: str) -> list[CommandRecord]:
        """Return those that the device has not answered, oldest first."""
        return [record for record in self.of(device) if record.state in _WAITING]

    def check_room(self, records: Iterable[CommandRecord]) -> None:
        """Refuse new commands that this hub has no room for. Raises Refusal with the limit and the value."""
        sizes = [size_of(record) for record in records]
        count, size_bytes = len(self) + len(sizes), self._bytes + sum(sizes)
        if count > MAX_OPEN or size_bytes > MAX_OPEN_BYTES:
            text = f"{count:,} open commands of {size_bytes:,} bytes are over this hub's limits of {MAX_OPEN:,} and {MAX_OPEN_BYTES:,}"
            raise Refusal("too_many_commands", text, "wait until some have ended", 409)

    def check_device(self, record: CommandRecord) -> None:
        """Refuse a new command that there is no room for among those of its device. Raises Refusal."""
        waiting = self.waiting(record.device)
        if len(waiting) >= MAX_WAITING:
            text = f"device {record.device} has not answered {len(waiting)} commands, the limit is {MAX_WAITING}"
            raise Refusal("too_many_commands", text, _HINT, 409)
        size_bytes = sum(self._sizes[each.id] for each in waiting) + size_of(record)
        if size_bytes > MAX_WAITING_BYTES:
            text = f"with this one {size_bytes:,} bytes of commands wait for device {record.device}, the limit is {MAX_WAITING_BYTES:,}"
            raise Refusal("too_many_commands", text, _HINT, 409)


def size_of(record: CommandRecord) -> int:
    """Return how many bytes a command is as it goes to a device."""
    return len(encode(Command(record.id, record.name, record.args, 0.0, record.created_us, MAX_FENCE)))
