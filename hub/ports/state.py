"""A state store as the hub needs it: devices, logins, commands.

Owns the promise that tests/contract/test_state_store.py holds each adapter to; those live in hub/state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from hub.core.records import Cursor


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device as the registry keeps it."""

    name: str
    created_us: int
    token_hash: bytes
    description: Mapping[str, Any]  # what its last hello declared: channels, commands, firmware, interval_s, max_message_bytes
    last_seen_us: int | None = None
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command in the ledger. `version` rises with each change; a final state never changes again."""

    id: str
    device: str
    name: str
    args: Mapping[str, Any]
    state: str
    version: int
    by: str
    created_us: int
    updated_us: int
    expires_us: int
    progress: float | None = None
    value: Any = None
    reason: str | None = None
    note: str | None = None  # a result that came after the final state


class CommandPage(NamedTuple):
    """The newest commands; not whole where their size cut it short of what was asked for."""

    records: list[CommandRecord]
    is_whole: bool


class StateStore(Protocol):
    """Devices, logins, commands. Every change is synced before the call returns."""

    async def start(self) -> None:
        """Open or make the store."""

    async def devices(self) -> list[DeviceRecord]:
        """Return all devices."""

    async def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace by name."""

    async def delete_device(self, name: str) -> bool:
        """Delete a device and its commands; tell whether it was there."""

    async def put_command(self, command: CommandRecord) -> None:
        """Insert, or replace where the kept version is lower."""

    async def command(self, command_id: str) -> CommandRecord | None:
        """Return one command."""

    async def commands(self, device: str | None, limit: int) -> CommandPage:
        """Return the newest commands, newest first: at most `limit`, and fewer where they are large."""

    async def open_commands(self) -> list[CommandRecord]:
        """Return all commands that are in no final state."""

    async def put_commands_at(self, commands: Sequence[CommandRecord], cursor: Cursor) -> None:
        """Write the commands and the ledger follower's cursor in one transaction."""

    async def ledger_cursor(self) -> Cursor | None:
        """Return the cursor of put_commands_at."""

    async def put_login(self, token_hash: bytes, kind: str, name: str, role: str, expires_us: int) -> None:
        """Keep a one-time login link (kind link) or a web session (kind session)."""

    async def take_login(self, token_hash: bytes, now_us: int) -> tuple[str, str] | None:
        """Use up a one-time link: return (name, role) once, then None."""

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        """Return (name, role, end in µs) of a live web session."""

    async def end_session(self, token_hash: bytes) -> None:
        """End a web session."""

    async def aclose(self) -> None:
        """Close; idempotent."""
