"""The state store on SQLite: devices, commands, logins; every change is on disk when the call returns.

Owns the tables of state.db and its thread; decides nothing. An adapter of hub.ports.StateStore, named in main.py only.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from hub.core.records import Cursor
from hub.ports import Audited, CommandPage, CommandRecord, DeviceRecord
from hub.state.documents import PUT_DEVICE, SQLiteDocuments, as_json, device_values, note_audited

T = TypeVar("T")
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024  # one command alone may be 128 KiB
FINAL: Final = "('done', 'failed', 'expired', 'cancelled', 'rejected')"

_COMMAND: Final = "id, device, name, args, state, version, by, created_us, updated_us, expires_us, progress, value, reason, note"
_PUT_COMMAND: Final = f"""
INSERT INTO commands ({_COMMAND}) VALUES ({", ".join("?" * 14)}) ON CONFLICT (id) DO UPDATE SET state = excluded.state,
    version = excluded.version, updated_us = excluded.updated_us, progress = excluded.progress, value = excluded.value,
    reason = excluded.reason, note = excluded.note WHERE excluded.version > commands.version
"""
_NEWEST: Final = "ORDER BY created_us DESC, id DESC LIMIT ?"


class SQLiteStateStore(SQLiteDocuments):
    """A StateStore in one file. Raises StoreUnavailable where SQLite fails: the same call may succeed later."""

    async def devices(self) -> list[DeviceRecord]:
        """Return all devices."""
        rows = await self._all("SELECT name, created_us, token_hash, description, last_seen_us, is_disabled FROM devices")
        return [
            DeviceRecord(name, created_us, token_hash, json.loads(description), last_seen_us, bool(is_disabled))
            for name, created_us, token_hash, description, last_seen_us, is_disabled in rows
        ]

    async def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace by name."""
        await self._change(PUT_DEVICE, device_values(device))

    async def delete_device(self, name: str, kinds: Sequence[str] = (), audited: Sequence[Audited] = ()) -> bool:
        """Delete a device, its commands and its documents of these kinds; tell whether it was there."""

        def delete() -> bool:
            with self._transaction() as connection:
                connection.execute("DELETE FROM commands WHERE device = ?", (name,))
                connection.executemany("DELETE FROM documents WHERE kind = ? AND key = ?", [(kind, name) for kind in kinds])
                note_audited(connection, audited)
                return connection.execute("DELETE FROM devices WHERE name = ?", (name,)).rowcount > 0

        return await self._call(delete)

    async def put_command(self, command: CommandRecord) -> None:
        """Insert, or replace where the kept version is lower."""
        await self._change(_PUT_COMMAND, _command_values(command))

    async def command(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        rows = await self._all(f"SELECT {_COMMAND} FROM commands WHERE id = ?", (command_id,))
        return _command(rows[0]) if rows else None

    async def commands(self, device: str | None, limit: int) -> CommandPage:
        """Return the newest commands, newest first: at most `limit`, and no more than MAX_PAGE_BYTES of arguments and values."""
        chosen, values = ("", ()) if device is None else ("WHERE device = ?", (device,))

        def read() -> CommandPage:
            found: list[CommandRecord] = []
            size_bytes = 0
            for row in self._open_connection().execute(f"SELECT {_COMMAND} FROM commands {chosen} {_NEWEST}", (*values, limit)):
                size_bytes += len(row[3]) + len(row[11] or "")
                if found and size_bytes > MAX_PAGE_BYTES:
                    return CommandPage(found, is_whole=False)
                found.append(_command(row))
            return CommandPage(found, is_whole=True)

        return await self._call(read)

    async def open_commands(self) -> list[CommandRecord]:
        """Return all commands that are in no final state."""
        rows = await self._all(f"SELECT {_COMMAND} FROM commands WHERE state NOT IN {FINAL} ORDER BY created_us, id")
        return [_command(row) for row in rows]

    async def put_commands_at(self, commands: Sequence[CommandRecord], cursor: Cursor) -> None:
        """Write the commands and the ledger follower's cursor in one transaction."""

        def put() -> None:
            with self._transaction() as connection:
                connection.executemany(_PUT_COMMAND, [_command_values(command) for command in commands])
                connection.execute("INSERT OR REPLACE INTO cursors VALUES ('ledger', ?, ?)", (cursor.journal, cursor.position))

        await self._call(put)

    async def ledger_cursor(self) -> Cursor | None:
        """Return the cursor of put_commands_at."""
        rows = await self._all("SELECT journal, position FROM cursors WHERE follower = 'ledger'")
        return Cursor(*rows[0]) if rows else None

    async def put_login(self, token_hash: bytes, kind: str, name: str, role: str, expires_us: int) -> None:
        """Keep a one-time login link (kind link) or a web session (kind session)."""
        await self._change("INSERT OR REPLACE INTO logins VALUES (?, ?, ?, ?, ?)", (token_hash, kind, name, role, expires_us))

    async def take_login(self, token_hash: bytes, now_us: int) -> tuple[str, str] | None:
        """Use up a one-time link: return (name, role) once, then None. Links that are over go as well."""

        def take() -> tuple[str, str] | None:
            with self._transaction() as connection:
                found = connection.execute(
                    "DELETE FROM logins WHERE token_hash = ? AND kind = 'link' AND expires_us > ? RETURNING name, role",
                    (token_hash, now_us),
                ).fetchone()
                connection.execute("DELETE FROM logins WHERE expires_us <= ?", (now_us,))
                return None if found is None else (found[0], found[1])

        return await self._call(take)

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        """Return (name, role, end in µs) of a live web session."""
        query = "SELECT name, role, expires_us FROM logins WHERE token_hash = ? AND kind = 'session' AND expires_us > ?"
        rows = await self._all(query, (token_hash, now_us))
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    async def end_session(self, token_hash: bytes) -> None:
        """End a web session."""
        await self._change("DELETE FROM logins WHERE token_hash = ? AND kind = 'session'", (token_hash,))


def _command_values(c: CommandRecord) -> tuple[Any, ...]:
    value = None if c.value is None else as_json(c.value)
    times = (c.created_us, c.updated_us, c.expires_us)
    return (c.id, c.device, c.name, as_json(dict(c.args)), c.state, c.version, c.by, *times, c.progress, value, c.reason, c.note)


def _command(row: Sequence[Any]) -> CommandRecord:
    record = CommandRecord(*row)
    return replace(record, args=json.loads(row[3]), value=None if row[11] is None else json.loads(row[11]))
