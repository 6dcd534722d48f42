"""A state store as the hub needs it: devices, logins, commands.

Owns the promise that tests/contract/test_state_store.py holds each adapter to; those live in hub/state. What is kept: kept.py.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from hub.core.records import Cursor
from hub.ports.kept import (
    Audited,
    AuditWanted,
    Changed,
    CommandPage,
    CommandRecord,
    CommandsWanted,
    ConnectionRecord,
    DeviceRecord,
    Document,
    LogLine,
    WebSession,
)


class StateStore(Protocol):
    """Devices, logins, commands, documents. Every change is synced before the call returns."""

    async def start(self) -> None:
        """Open or make the store."""

    async def devices(self) -> list[DeviceRecord]:
        """Return all devices."""

    async def devices_of(self, names: Sequence[str]) -> list[DeviceRecord]:
        """Return those of these devices that there are, in any order."""

    async def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace by name."""

    async def delete_device(self, name: str, kinds: Sequence[str] = (), audited: Sequence[Audited] = ()) -> bool:
        """Delete a device, its commands, connections, log and documents of these kinds, whose key is its name; tell if it was there."""

    async def put_commands(
        self,
        commands: Sequence[CommandRecord],
        *,
        puts: Sequence[Document] = (),
        lines: Sequence[LogLine] = (),
        cursor: Cursor | None = None,
        audited: Sequence[Audited] = (),
        fences: Mapping[str, int] | None = None,
    ) -> None:
        """Put commands, each once, and documents, move the cursor of the follower `ledger`.

        And append log lines of known devices, of each of which the newest stay, and note who did it: all in one transaction, or nothing.
        A command, too, has the version after the kept one, 1 where there is none. Raises Conflict as `change` does, of a command by the
        kind `command`, and Conflict("lease", device) where the lease on one of the devices in `fences` has another number; a store of one
        hub does not look at these.
        """

    async def command(self, command_id: str) -> CommandRecord | None:
        """Return one command."""

    async def commands_of(self, ids: Sequence[str]) -> list[CommandRecord]:
        """Return those of these commands that there are, in any order."""

    async def commands(self, wanted: CommandsWanted, limit: int, after: tuple[int, str] | None = None) -> CommandPage:
        """Return commands, newest first, behind `after`: at most `limit`, and fewer where they are large."""

    async def open_commands(self) -> list[CommandRecord]:
        """Return all commands that are in no final state."""

    async def group_tally(self, group: str) -> dict[str, int]:
        """Return how many commands of a group are in each state."""

    async def forget_commands(self, before_us: int, keep: int, limit: int) -> int:
        """Delete commands that ended before `before_us`, and of all that ended the oldest beyond `keep`; return how many went.

        At most `limit` in one call; none that is open, and none of a group that has open ones.
        """

    async def put_connections(self, connections: Sequence[ConnectionRecord], keep: int) -> None:
        """Insert connections of known devices, or replace them, in one transaction; of each device only the newest `keep` stay."""

    async def connections(self, device: str, before_us: int | None, limit: int) -> list[ConnectionRecord]:
        """Return the connections of a device that came before a time, newest first."""

    async def last_connections(self) -> list[ConnectionRecord]:
        """Return the newest connection of each device that had one."""

    async def log_lines(self, device: str, levels: Collection[str], before: int | None, limit: int) -> list[LogLine]:
        """Return lines of a device with one of these levels and numbers below `before`, newest first."""

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by key."""

    async def documents_of(self, kind: str, keys: Sequence[str]) -> list[Document]:
        """Return those of these documents that there are, in any order."""

    async def document(self, kind: str, key: str) -> Document | None:
        """Return one document."""

    async def change(
        self,
        puts: Sequence[Document] = (),
        deletes: Sequence[Document] = (),
        *,
        devices: Sequence[DeviceRecord] = (),
        made_of: Mapping[str, DeviceRecord | None] | None = None,
        seen: Sequence[DeviceRecord] = (),
        cursor: tuple[str, Cursor] | None = None,
        audited: Sequence[Audited] = (),
    ) -> None:
        """Put and delete documents, put devices, move a follower's cursor and note who did it: in one transaction, or nothing.

        A put has the version after the kept one, 1 where there is none; a delete has the kept one. A device that is `made_of` something
        is kept with that token and disabled as that is, or is not there (None). Raises Conflict otherwise (of a device: its kind is
        `device`). Of devices that were `seen`, only what they declared and when is kept, where they are there.
        """

    async def cursor_of(self, follower: str) -> Cursor | None:
        """Return the cursor that a follower's last change was made with."""

    async def forget_cursors(self, nodes: Sequence[str]) -> None:
        """Delete the cursors of followers of these nodes; a store of one hub has those of no other."""

    async def audit(self, before: int | None, limit: int, wanted: AuditWanted | None = None) -> list[Audited]:
        """Return what was done, newest first: at most `limit` entries with numbers below `before`."""

    async def trim_audit(self, before_us: int | None, keep: int) -> int:
        """Delete entries older than a time, and all but the newest `keep`; return how many. Numbers are never given again."""

    async def put_login(self, token_hash: bytes, kind: str, name: str, role: str, expires_us: int, now_us: int) -> None:
        """Keep a one-time login link (kind link) or a web session (kind session); those that are over go."""

    async def take_login(self, token_hash: bytes, now_us: int) -> tuple[str, str] | None:
        """Use up a one-time link: return (name, role) once, then None."""

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        """Return (name, role, end in µs) of a live web session."""

    async def sessions(self, name: str, now_us: int) -> list[WebSession]:
        """Return the live web sessions of a name, the one that ends last first."""

    async def end_session(self, token_hash: bytes) -> None:
        """End a web session."""

    async def next_change(self) -> Changed:
        """Wait for what other nodes change, from `start` on; for ever where nobody shares the store. Raises StoreUnavailable.

        What this store changed itself comes only where nobody knows whether it was done (a call that raised StoreUnavailable). Who asks for
        the next one has taken in those before.
        """

    async def catch_up(self) -> bool:
        """Wait until what other nodes have changed before this call is taken in; false: not within some seconds, or the store is away."""

    async def aclose(self) -> None:
        """Close; idempotent."""
