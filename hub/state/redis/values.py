"""How devices, commands, log lines and the like lie in Redis: as JSON, ordered by names of equal scores.

Owns both directions; plain code. change.lua looks into a command for `device`, `group` and `created_us`, into a login for `kind`, `name`
and `expires_us`, and into nothing else.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hub.core.records import Cursor
from hub.ports import Audited, CommandRecord, ConnectionRecord, DeviceRecord, Document, LogLine
from hub.state.documents import as_json

Operation = tuple[Any, ...]  # of change.lua
_DIGITS: Final = 20  # of a number in a name


def ordered(number: int) -> bytes:
    """Return a number as names in a sorted set begin."""
    return b"%020d" % number


def number_of(member: bytes) -> int:
    """Return the number that a name begins with."""
    return int(member[:_DIGITS])


def rest_of(member: bytes) -> bytes:
    """Return what stands behind that number."""
    return member[_DIGITS + 1 :]


def put_of(document: Document) -> Operation:
    """Return the operation that puts a document."""
    return ("put", document.kind, document.key, document.version, json.dumps(dict(document.body)))


def delete_of(document: Document) -> Operation:
    """Return the operation that deletes a document."""
    return ("delete", document.kind, document.key, document.version)


def document_of(kind: str, key: str, kept: bytes) -> Document:
    """Read a document."""
    version, _, body = kept.partition(b"\n")
    return Document(kind, key, int(version), json.loads(body))


def device_put_of(d: DeviceRecord, before: DeviceRecord | None = None) -> Operation:
    """Return the operation that puts a device; where it is made of one that declared the same, what is kept of that stays."""
    head = json.dumps([d.created_us, b64encode(d.token_hash).decode(), d.is_disabled])
    if before is not None and before.description == d.description:
        return ("marked", d.name, head)
    return ("device", d.name, "\n".join((head, json.dumps(d.last_seen_us), as_json(dict(d.description)))))


def device_was_of(name: str, before: DeviceRecord | None) -> Operation:
    """Return the operation that holds a device to be as it was known: with this token and disabled so, or not there."""
    return ("device_was", name) if before is None else ("device_was", name, b64encode(before.token_hash).decode(), before.is_disabled)


def device_seen_of(d: DeviceRecord) -> Operation:
    """Return the operation that keeps what a device declared and when, where it is there."""
    return ("seen", d.name, as_json(dict(d.description)), json.dumps(d.last_seen_us))


def device_of(name: bytes, kept: bytes) -> DeviceRecord:
    """Read a device."""
    (created_us, token_hash, is_disabled), last_seen_us, description = map(json.loads, kept.split(b"\n", 2))
    return DeviceRecord(name.decode(), created_us, b64decode(token_hash), description, last_seen_us, is_disabled)


def command_put_of(c: CommandRecord) -> Operation:
    """Return the operation that puts a command, the version after the kept one."""
    body = {"device": c.device, "name": c.name, "args": dict(c.args), "by": c.by, "created_us": c.created_us, "expires_us": c.expires_us}
    body |= {"progress": c.progress, "value": c.value, "reason": c.reason, "note": c.note, "reached": dict(c.reached), "group": c.group}
    return ("command", c.id, c.device, c.group, c.created_us, c.state, c.version, c.updated_us, as_json(body))


def command_of(command_id: str, kept: bytes) -> CommandRecord:
    """Read a command."""
    head, _, body = kept.partition(b"\n")
    version, state, updated_us = head.split()
    return CommandRecord(id=command_id, state=state.decode(), version=int(version), updated_us=int(updated_us), **json.loads(body))


def cursor_put_of(node: str, follower: str, cursor: Cursor) -> Operation:
    """Return the operation that moves the cursor of a node's follower."""
    return ("cursor", f"{node}:{follower}", json.dumps(cursor))


def line_put_of(line: LogLine, keep: int) -> Operation:
    """Return the operation that appends a log line of a device that is known, and keeps the newest."""
    return ("line", line.device, json.dumps(line[1:5]), keep)


def line_of(device: str, member: bytes) -> LogLine:
    """Read a log line."""
    arrived_us, at_us, level, text = json.loads(rest_of(member))
    return LogLine(device, arrived_us, at_us, level, text, number_of(member))


def audited_put_of(done: Audited) -> Operation:
    """Return the operation that notes who did what."""
    return ("audited", done.at_us, json.dumps([done.who, done.action, done.what, dict(done.detail)]))


def audited_of(member: bytes) -> Audited:
    """Read what was done."""
    done = rest_of(member)
    who, action, what, detail = json.loads(rest_of(done))
    return Audited(number_of(done), who, action, what, detail, number_of(member))


def connection_put_of(connection: ConnectionRecord, keep: int) -> Operation:
    """Return the operation that keeps a connection of a device that is known, and the newest of it."""
    return ("connection", connection.device, connection.came_us, json.dumps(connection), keep)


def told_of(operations: Iterable[Operation]) -> str:
    """Return what other nodes are told of a change, as JSON; empty: nothing in it is in anybody's memory."""
    told = sorted({each for operation in operations for each in _TOLD.get(operation[0], _nothing)(operation)})
    return json.dumps(told) if told else ""


def told_in(body: bytes) -> frozenset[tuple[str, str]]:
    """Read what another node has told."""
    return frozenset((str(kind), str(key)) for kind, key in json.loads(body))


def _nothing(operation: Operation) -> list[tuple[str, str]]:
    return []


_TOLD: Final[Mapping[str, Callable[[Operation], list[tuple[str, str]]]]] = {
    "put": lambda operation: [(operation[1], operation[2])],
    "delete": lambda operation: [(operation[1], operation[2])],
    "device": lambda operation: [("device", operation[1])],
    "marked": lambda operation: [("device", operation[1])],
    "seen": lambda operation: [("device", operation[1])],
    "end_session": lambda operation: [("session", operation[1])],
    "drop_device": lambda operation: [("device", operation[1]), *((kind, operation[1]) for kind in operation[2])],
    "command": lambda operation: [("command", operation[1])],
}
