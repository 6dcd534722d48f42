"""The table of commands in the state store's file.

Owns its statements and how much of it one answer gives; decides nothing. Base of sqlite.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hub.core.records import Cursor
from hub.ports import MAX_PAGE_BYTES, Audited, CommandPage, CommandRecord, CommandsWanted, Conflict, Document, LogLine
from hub.state.documents import as_json, note_audited, put_document
from hub.state.file import from_json
from hub.state.log_lines import SQLiteLogLines, put_log_lines

OPEN: Final = "state IN ('queued', 'sent', 'accepted', 'running')"  # word for word as in the index of open commands, or it is not used
ENDED: Final = "state NOT IN ('queued', 'sent', 'accepted', 'running')"

COMMAND: Final = (
    "id, device, name, args, state, version, by, created_us, updated_us, expires_us, progress, value, reason, note, reached, group_id"
)
_ARGS, _VALUE, _REACHED = 3, 11, 14
_PUT_COMMAND: Final = f"INSERT OR REPLACE INTO commands ({COMMAND}) VALUES ({', '.join('?' * 16)})"
_VERSIONS: Final = "SELECT id, version FROM commands WHERE id IN (SELECT value FROM json_each(?))"
_NEWEST: Final = "ORDER BY created_us DESC, id DESC LIMIT ?"
_OF_NO_OPEN_GROUP: Final = f"(group_id IS NULL OR group_id NOT IN (SELECT group_id FROM commands WHERE {OPEN} AND group_id IS NOT NULL))"
_OLDER: Final = "(updated_us, id) <= (?, ?)"
_FORGETTABLE: Final = f"{ENDED} AND {_OLDER} AND {_OF_NO_OPEN_GROUP}"
_FORGET: Final = f"DELETE FROM commands WHERE id IN (SELECT id FROM commands WHERE {_FORGETTABLE} ORDER BY updated_us, id LIMIT ?)"


class SQLiteCommands(SQLiteLogLines):
    """The commands of one file."""

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
        """Put commands, each of the version after the kept one, with documents, log lines, cursor and who did it; or nothing."""

        def put() -> None:
            with self._transaction() as connection:
                kept = dict(connection.execute(_VERSIONS, (json.dumps([record.id for record in commands]),)))
                for record in commands:
                    if record.version != kept.get(record.id, 0) + 1:
                        raise Conflict("command", record.id)
                connection.executemany(_PUT_COMMAND, map(_command_values, commands))
                for document in puts:
                    put_document(connection, document)
                put_log_lines(connection, lines)
                if cursor is not None:
                    connection.execute("INSERT OR REPLACE INTO cursors VALUES ('ledger', ?, ?)", cursor)
                note_audited(connection, audited)

        await self._call(put)

    async def command(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        rows = await self._all(f"SELECT {COMMAND} FROM commands WHERE id = ?", (command_id,))
        return command_in(rows[0]) if rows else None

    async def commands_of(self, ids: Sequence[str]) -> list[CommandRecord]:
        """Return those of these commands that there are."""
        rows = await self._all(f"SELECT {COMMAND} FROM commands WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))
        return [command_in(row) for row in rows]

    async def commands(self, wanted: CommandsWanted, limit: int, after: tuple[int, str] | None = None) -> CommandPage:
        """Return commands, newest first, behind `after`: at most `limit`, and no more than MAX_PAGE_BYTES of arguments and values."""
        columns = (("device", wanted.device), ("group_id", wanted.group), ("state", wanted.state), ("name", wanted.name))
        asked = [(f"{column} = ?", value) for column, value in columns if value is not None]
        conditions, values = [condition for condition, _ in asked], [value for _, value in asked]
        conditions += ["group_id IS NULL"] if wanted.is_single else []
        conditions += ["(created_us, id) < (?, ?)"] if after else []
        query = f"SELECT {COMMAND} FROM commands WHERE {' AND '.join(conditions) or 'true'} {_NEWEST}"

        def read() -> CommandPage:
            found: list[CommandRecord] = []
            size_bytes = 0
            for row in self._open_connection().execute(query, (*values, *(after or ()), limit + 1)):
                size_bytes += len(row[_ARGS]) + len(row[_VALUE] or "")
                if found and (len(found) == limit or size_bytes > MAX_PAGE_BYTES):
                    return CommandPage(found, (found[-1].created_us, found[-1].id))
                found.append(command_in(row))
            return CommandPage(found, None)

        return await self._call(read)

    async def open_commands(self) -> list[CommandRecord]:
        """Return all commands that are in no final state."""
        rows = await self._all(f"SELECT {COMMAND} FROM commands WHERE {OPEN} ORDER BY created_us, id")
        return [command_in(row) for row in rows]

    async def group_tally(self, group: str) -> dict[str, int]:
        """Return how many commands of a group are in each state."""
        return dict(await self._all("SELECT state, count(*) FROM commands WHERE group_id = ? GROUP BY state", (group,)))

    async def forget_commands(self, before_us: int, keep: int, limit: int) -> int:
        """Delete at most `limit` of those that ended before `before_us`, or are beyond the newest `keep` that ended."""

        def forget() -> int:
            with self._transaction() as connection:
                kept = f"SELECT updated_us, id FROM commands WHERE {ENDED} ORDER BY updated_us DESC, id DESC LIMIT 1 OFFSET ?"
                too_many: tuple[int, str] | None = connection.execute(kept, (keep,)).fetchone()  # the newest of them
                return connection.execute(_FORGET, (*max((before_us, ""), too_many or (0, "")), limit)).rowcount

        return await self._call(forget)


def _command_values(c: CommandRecord) -> tuple[Any, ...]:
    value = None if c.value is None else as_json(c.value)
    times = (c.created_us, c.updated_us, c.expires_us)
    said = (c.progress, value, c.reason, c.note, json.dumps(dict(c.reached)), c.group)
    return (c.id, c.device, c.name, as_json(dict(c.args)), c.state, c.version, c.by, *times, *said)


def command_in(row: Sequence[Any]) -> CommandRecord:
    value = None if row[_VALUE] is None else from_json(row[_VALUE])
    return replace(CommandRecord(*row), args=from_json(row[_ARGS]), value=value, reached=from_json(row[_REACHED]))
