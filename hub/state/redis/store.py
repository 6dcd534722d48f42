"""The adapter of hub.ports.StateStore on Redis: commands, connections, log lines and logins, on the base of documents.py.

Owns which set of names answers a question; decides nothing. Named in main.py only.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from coredis.tokens import PureToken

from hub.core.records import Cursor
from hub.ports import (
    LINES_KEPT,
    MAX_PAGE_BYTES,
    Audited,
    CommandPage,
    CommandRecord,
    CommandsWanted,
    ConnectionRecord,
    Document,
    LogLine,
    WebSession,
)
from hub.state.redis import values
from hub.state.redis.documents import END, RedisDocuments, below

_OPEN: Final = frozenset({"queued", "sent", "accepted", "running"})


class RedisStateStore(RedisDocuments):
    """A StateStore on a Redis that others may share. Raises StoreUnavailable while it is away: the same call may succeed later."""

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
        await self._change(
            *(("fence", device, fence) for device, fence in (fences or {}).items()),
            *map(values.command_put_of, commands),
            *map(values.put_of, puts),
            *(values.line_put_of(line, LINES_KEPT) for line in lines),
            *([values.cursor_put_of(self._node, "ledger", cursor)] if cursor else []),
            *map(values.audited_put_of, audited),
        )

    async def command(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        kept = await self._one(command_id, "command")
        return None if kept is None else values.command_of(command_id, kept)

    async def commands(self, wanted: CommandsWanted, limit: int, after: tuple[int, str] | None = None) -> CommandPage:
        """Return commands, newest first, behind `after`: at most `limit`, and no more than MAX_PAGE_BYTES of them."""
        end = END if after is None else below(values.ordered(after[0]) + b" " + after[1].encode())
        found: list[CommandRecord] = []
        size_bytes = 0
        while members := await self._chunk(end, "commands", *_set_of(wanted)):
            end = below(members[-1])
            for record, record_bytes in await self._kept(members):
                if not _is_chosen(record, wanted):
                    continue
                size_bytes += record_bytes
                if found and (len(found) == limit or size_bytes > MAX_PAGE_BYTES):
                    return CommandPage(found, (found[-1].created_us, found[-1].id))
                found.append(record)
        return CommandPage(found, None)

    async def _kept(self, members: Sequence[bytes]) -> list[tuple[CommandRecord, int]]:
        """Return commands by their names in a set, with how many bytes each takes; without those that went meanwhile."""
        return await self._known([values.rest_of(member).decode() for member in members])

    async def _known(self, ids: Sequence[str]) -> list[tuple[CommandRecord, int]]:
        return [(values.command_of(command_id, kept), len(kept)) for command_id, kept in (await self._some(ids, "command")).items()]

    async def commands_of(self, ids: Sequence[str]) -> list[CommandRecord]:
        """Return those of these commands that there are."""
        return [record for record, _ in await self._known(ids)]

    async def open_commands(self) -> list[CommandRecord]:
        """Return all commands that are in no final state."""
        end, found = END, list[CommandRecord]()
        while members := await self._chunk(end, "commands", "open"):
            end = below(members[-1])
            found += [record for record, _ in await self._kept(members)]
        return found[::-1]

    async def group_tally(self, group: str) -> dict[str, int]:
        """Return how many commands of a group are in each state."""
        return {state.decode(): int(count) for state, count in (await self._all("tally", group)).items()}

    async def forget_commands(self, before_us: int, keep: int, limit: int) -> int:
        """Delete at most `limit` of those that ended before `before_us`, or are beyond the newest `keep` that ended."""
        return int(await self._change(("forget", before_us, keep, limit)) or 0)

    async def put_connections(self, connections: Sequence[ConnectionRecord], keep: int) -> None:
        """Insert connections, or replace them by device and time; of each device only the newest `keep` stay."""
        await self._change(*(values.connection_put_of(each, keep) for each in connections))

    async def connections(self, device: str, before_us: int | None, limit: int) -> list[ConnectionRecord]:
        """Return the connections of a device that came before a time, newest first."""
        newest = math.inf if before_us is None else before_us - 1
        place = self._redis.key("connections", device)
        found = await self._ask(
            lambda client: client.zrange(place, newest, -math.inf, rev=True, sortby=PureToken.BYSCORE, offset=0, count=limit)
        )
        return [ConnectionRecord(*json.loads(each)) for each in found if isinstance(each, bytes)]

    async def last_connections(self) -> list[ConnectionRecord]:
        """Return the newest connection of each device that had one."""
        return [ConnectionRecord(*json.loads(each)) for each in (await self._all("last_connections")).values()]

    async def log_lines(self, device: str, levels: Collection[str], before: int | None, limit: int) -> list[LogLine]:
        """Return lines of a device with one of these levels and numbers below `before`, newest first."""
        return await self._newest(
            lambda member: values.line_of(device, member), lambda line: line.level in levels, before, limit, "log", device
        )

    async def put_login(self, token_hash: bytes, kind: str, name: str, role: str, expires_us: int, now_us: int) -> None:
        """Keep a one-time login link (kind link) or a web session (kind session); those that are over go."""
        body = json.dumps({"kind": kind, "name": name, "role": role, "expires_us": expires_us})
        await self._change(("login", token_hash.hex(), name, expires_us, body, now_us))

    async def take_login(self, token_hash: bytes, now_us: int) -> tuple[str, str] | None:
        """Use up a one-time link: return (name, role) once, then None. Links that are over go as well."""
        taken = await self._change(("take_login", token_hash.hex(), now_us))
        login = json.loads(taken) if taken else None
        return None if login is None else (login["name"], login["role"])

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        """Return (name, role, end in µs) of a live web session."""
        kept = await self._one(token_hash.hex(), "logins")
        login = json.loads(kept) if kept else None
        return (login["name"], login["role"], login["expires_us"]) if login is not None and _is_live(login, now_us) else None

    async def sessions(self, name: str, now_us: int) -> list[WebSession]:
        """Return the live web sessions of a name, the one that ends last first."""
        hashes = await self._ask(lambda client: client.smembers(self._redis.key("logins_of", name)))
        kept = await self._some([each.decode() for each in hashes], "logins")
        logins = ((token_hash, json.loads(body)) for token_hash, body in kept.items())
        live = [WebSession(bytes.fromhex(each), login["role"], login["expires_us"]) for each, login in logins if _is_live(login, now_us)]
        return sorted(live, key=lambda each: each.expires_us, reverse=True)

    async def end_session(self, token_hash: bytes) -> None:
        """End a web session."""
        await self._change(("end_session", token_hash.hex()))


def _is_live(login: Mapping[str, Any], now_us: int) -> bool:
    """Tell whether a login is a web session that has not ended."""
    return bool(login["kind"] == "session" and login["expires_us"] > now_us)


def _set_of(wanted: CommandsWanted) -> tuple[str, ...]:
    """Return the smallest set that has all that is wanted."""
    if wanted.group is not None:
        return "group", wanted.group
    if wanted.device is not None:
        return "device", wanted.device
    if wanted.state in _OPEN:
        return ("open",)
    return ("single",) if wanted.is_single else ("all",)


def _is_chosen(record: CommandRecord, wanted: CommandsWanted) -> bool:
    asked = ((wanted.device, record.device), (wanted.group, record.group), (wanted.state, record.state), (wanted.name, record.name))
    return all(value is None or value == has for value, has in asked) and not (wanted.is_single and record.group is not None)
