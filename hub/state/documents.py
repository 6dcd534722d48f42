"""Documents, the audit log and followers' cursors in the state store's file.

Owns these tables; decides nothing and knows no kind of document. Base of sqlite.py.
"""

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.core.records import Cursor
from hub.ports import Audited, AuditWanted, Conflict, DeviceRecord, Document
from hub.state.file import SQLiteFile, from_json

_AUDIT_TESTS: Final = ("number < ?", "who = ?", "action = ?", "instr(what, ?) > 0", "at_us >= ?", "at_us < ?")  # of AuditWanted
PUT_DEVICE: Final = "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?)"
_SEEN: Final = "UPDATE devices SET description = ?, last_seen_us = ? WHERE name = ?"


class SQLiteDocuments(SQLiteFile):
    """The documents of one file."""

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by key."""
        rows = await self._all("SELECT kind, key, version, body FROM documents WHERE kind = ? ORDER BY key", (kind,))
        return [Document(kind, key, version, from_json(body)) for kind, key, version, body in rows]

    async def documents_of(self, kind: str, keys: Sequence[str]) -> list[Document]:
        """Return those of these documents that there are."""
        query = "SELECT kind, key, version, body FROM documents WHERE kind = ? AND key IN (SELECT value FROM json_each(?))"
        rows = await self._all(query, (kind, json.dumps(list(keys))))
        return [Document(kind, key, version, from_json(body)) for kind, key, version, body in rows]

    async def document(self, kind: str, key: str) -> Document | None:
        """Return one document."""
        rows = await self._all("SELECT kind, key, version, body FROM documents WHERE kind = ? AND key = ?", (kind, key))
        return next((Document(kind, key, version, from_json(body)) for kind, key, version, body in rows), None)

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
        """Put and delete documents, put devices, move a follower's cursor and note who did it, all in one transaction or nothing."""

        def change() -> None:
            with self._transaction() as connection:
                for document in puts:
                    put_document(connection, document)
                for document in deletes:
                    _delete(connection, document)
                for name, before in (made_of or {}).items():
                    _check_device(connection, name, before)
                connection.executemany(PUT_DEVICE, [device_values(device) for device in devices])
                connection.executemany(_SEEN, [(as_json(dict(each.description)), each.last_seen_us, each.name) for each in seen])
                if cursor is not None:
                    connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (cursor[0], *cursor[1]))
                note_audited(connection, audited)

        await self._call(change)

    async def cursor_of(self, follower: str) -> Cursor | None:
        """Return the cursor that a follower's last change was made with."""
        rows = await self._all("SELECT journal, position FROM cursors WHERE follower = ?", (follower,))
        return Cursor(*rows[0]) if rows else None

    async def forget_cursors(self, nodes: Sequence[str]) -> None:
        """There is no other node."""

    async def audit(self, before: int | None, limit: int, wanted: AuditWanted | None = None) -> list[Audited]:
        """Return what was done, newest first, below a number."""
        asked = [
            (test, value) for test, value in zip(_AUDIT_TESTS, (before, *(wanted or AuditWanted())), strict=True) if value not in (None, "")
        ]
        chosen = " AND ".join(["TRUE", *(test for test, _ in asked)])
        query = f"SELECT at_us, who, action, what, detail, number FROM audit WHERE {chosen} ORDER BY number DESC LIMIT ?"
        rows = await self._all(query, [*(value for _, value in asked), limit])
        return [Audited(at_us, who, action, what, from_json(detail), number) for at_us, who, action, what, detail, number in rows]

    async def trim_audit(self, before_us: int | None, keep: int) -> int:
        """Delete entries older than a time, and all but the newest `keep`; return how many."""

        def trim() -> int:
            with self._transaction() as connection:
                old = "DELETE FROM audit WHERE at_us < ? OR number <= (SELECT max(number) FROM audit) - ?"
                return connection.execute(old, (-(2**63) if before_us is None else before_us, keep)).rowcount

        return await self._call(trim)


def note_audited(connection: sqlite3.Connection, audited: Sequence[Audited]) -> None:
    """Note who did what, in the transaction that is open."""
    rows = [(each.at_us, each.who, each.action, each.what, json.dumps(dict(each.detail))) for each in audited]
    connection.executemany("INSERT INTO audit (at_us, who, action, what, detail) VALUES (?, ?, ?, ?, ?)", rows)


def device_values(d: DeviceRecord) -> tuple[Any, ...]:
    """Return a device as PUT_DEVICE takes it."""
    return (d.name, d.created_us, d.token_hash, as_json(dict(d.description)), d.last_seen_us, int(d.is_disabled))


def as_json(value: Any) -> str:
    """Write a value of a device as JSON; bytes, which JSON does not have, become base64url text and stay that.

    A value that could not be written would stop the ledger for every device, as its row comes again and again.
    """
    return json.dumps(value, default=lambda raw: base64.urlsafe_b64encode(raw).decode())


def put_document(connection: sqlite3.Connection, document: Document) -> None:
    """Insert version 1, or replace the version before. Raises Conflict."""
    body = json.dumps(dict(document.body))
    if document.version == 1:
        found = connection.execute("INSERT OR IGNORE INTO documents VALUES (?, ?, 1, ?)", (document.kind, document.key, body))
    else:
        found = connection.execute(
            "UPDATE documents SET version = ?, body = ? WHERE kind = ? AND key = ? AND version = ?",
            (document.version, body, document.kind, document.key, document.version - 1),
        )
    if found.rowcount != 1:
        raise Conflict(document.kind, document.key)


def _check_device(connection: sqlite3.Connection, name: str, before: DeviceRecord | None) -> None:
    """Hold a device to be as it was known. Raises Conflict."""
    kept = connection.execute("SELECT token_hash, is_disabled FROM devices WHERE name = ?", (name,)).fetchone()
    if kept != (None if before is None else (before.token_hash, int(before.is_disabled))):
        raise Conflict("device", name)


def _delete(connection: sqlite3.Connection, document: Document) -> None:
    """Delete this version. Raises Conflict where another one, or none, is there."""
    found = connection.execute(
        "DELETE FROM documents WHERE kind = ? AND key = ? AND version = ?", (document.kind, document.key, document.version)
    )
    if found.rowcount != 1:
        raise Conflict(document.kind, document.key)
