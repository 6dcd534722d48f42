"""The state store on SQLite: devices, commands, logins; every change is on disk when the call returns.

Owns the tables of devices and logins; decides nothing. An adapter of hub.ports.StateStore, named in main.py only.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from hub.ports import Audited, DeviceRecord, WebSession
from hub.state.connections import SQLiteConnections
from hub.state.documents import PUT_DEVICE, device_values, note_audited
from hub.state.file import from_json

DEVICE: Final = "name, created_us, token_hash, description, last_seen_us, is_disabled"
_END_LOGINS: Final = "DELETE FROM logins WHERE expires_us <= ?"


class SQLiteStateStore(SQLiteConnections):
    """A StateStore in one file. Raises StoreUnavailable where SQLite fails: the same call may succeed later."""

    async def devices(self) -> list[DeviceRecord]:
        """Return all devices."""
        return [device_in(row) for row in await self._all(f"SELECT {DEVICE} FROM devices")]

    async def devices_of(self, names: Sequence[str]) -> list[DeviceRecord]:
        """Return those of these devices that there are."""
        rows = await self._all(f"SELECT {DEVICE} FROM devices WHERE name IN (SELECT value FROM json_each(?))", (json.dumps(list(names)),))
        return [device_in(row) for row in rows]

    async def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace by name."""
        await self._change(PUT_DEVICE, device_values(device))

    async def delete_device(self, name: str, kinds: Sequence[str] = (), audited: Sequence[Audited] = ()) -> bool:
        """Delete a device, its commands, connections, log and documents of these kinds; tell whether it was there."""

        def delete() -> bool:
            with self._transaction() as connection:
                connection.execute("DELETE FROM commands WHERE device = ?", (name,))
                connection.execute("DELETE FROM connections WHERE device = ?", (name,))
                connection.execute("DELETE FROM log_lines WHERE device = ?", (name,))
                connection.executemany("DELETE FROM documents WHERE kind = ? AND key = ?", [(kind, name) for kind in kinds])
                note_audited(connection, audited)
                return connection.execute("DELETE FROM devices WHERE name = ?", (name,)).rowcount > 0

        return await self._call(delete)

    async def put_login(self, token_hash: bytes, kind: str, name: str, role: str, expires_us: int, now_us: int) -> None:
        """Keep a one-time login link (kind link) or a web session (kind session); those that are over go."""

        def put() -> None:
            with self._transaction() as connection:
                connection.execute(_END_LOGINS, (now_us,))
                connection.execute("INSERT OR REPLACE INTO logins VALUES (?, ?, ?, ?, ?)", (token_hash, kind, name, role, expires_us))

        await self._call(put)

    async def take_login(self, token_hash: bytes, now_us: int) -> tuple[str, str] | None:
        """Use up a one-time link: return (name, role) once, then None. Links that are over go as well."""

        def take() -> tuple[str, str] | None:
            with self._transaction() as connection:
                found = connection.execute(
                    "DELETE FROM logins WHERE token_hash = ? AND kind = 'link' AND expires_us > ? RETURNING name, role",
                    (token_hash, now_us),
                ).fetchone()
                connection.execute(_END_LOGINS, (now_us,))
                return None if found is None else (found[0], found[1])

        return await self._call(take)

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        """Return (name, role, end in µs) of a live web session."""
        query = "SELECT name, role, expires_us FROM logins WHERE token_hash = ? AND kind = 'session' AND expires_us > ?"
        rows = await self._all(query, (token_hash, now_us))
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    async def sessions(self, name: str, now_us: int) -> list[WebSession]:
        """Return the live web sessions of a name, the one that ends last first."""
        query = "SELECT token_hash, role, expires_us FROM logins WHERE kind = 'session' AND name = ? AND expires_us > ? ORDER BY expires_us"
        return [WebSession(*row) for row in reversed(await self._all(query, (name, now_us)))]

    async def end_session(self, token_hash: bytes) -> None:
        """End a web session."""
        await self._change("DELETE FROM logins WHERE token_hash = ? AND kind = 'session'", (token_hash,))


def device_in(row: Sequence[Any]) -> DeviceRecord:
    name, created_us, token_hash, description, last_seen_us, is_disabled = row
    return DeviceRecord(name, created_us, token_hash, from_json(description), last_seen_us, bool(is_disabled))
