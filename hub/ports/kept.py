"""What a state store keeps, as its callers have it: devices, commands, connections, log lines, documents, who did what.

Owns the shapes alone; state.py has the store, hub/state the adapters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

LINES_KEPT: Final = 500  # log lines of each device
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024  # of the commands in one answer; one alone may be 128 KiB


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
    reached: Mapping[str, int] = field(default_factory=dict)  # each state it was in -> when the hub knew, µs
    group: str | None = None  # of which it is a part


@dataclass(frozen=True, slots=True)
class CommandsWanted:
    """Which commands a list is to hold; None: any."""

    device: str | None = None
    group: str | None = None
    state: str | None = None
    name: str | None = None
    is_single: bool = False  # only those of no group


class CommandPage(NamedTuple):
    """The newest commands; `next` is where the rest begins, None where that is all."""

    records: list[CommandRecord]
    next: tuple[int, str] | None  # created_us and id of the last one here


class ConnectionRecord(NamedTuple):
    """A connection that a device had, or has still."""

    device: str
    came_us: int  # with the device what it is known by
    left_us: int | None  # None: it is there
    remote: str
    code: int | None = None  # of its close; None: it is there, or nobody knows
    reason: str = ""
    node: str = ""  # which had it; the store of a hub that stands alone does not keep that


class LogLine(NamedTuple):
    """A line that a device logged."""

    device: str
    arrived_us: int  # wall clock of the hub
    at_us: int | None  # the device's clock; None: it has none
    level: str  # debug | info | warning | error
    text: str
    number: int = 0  # rises from line to line; given by the store


class Document(NamedTuple):
    """One thing that is kept whole: a user, a rule, a shadow. Its version counts its changes from 1 on."""

    kind: str  # which is a part's own: user, token, rule, silence, shadow ...
    key: str
    version: int
    body: Mapping[str, Any]  # what JSON can hold


class Conflict(Exception):
    """Somebody else has changed the document since it was read: nothing was changed; read it again, decide again."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key} was changed meanwhile")
        self.kind = kind
        self.key = key


class Changed(NamedTuple):
    """What another node has changed: kind and key of each document, `device` and `command`.

    None: something was missed, or the store has gone back: read everything again, also what seems to be older than what is known.
    """

    what: frozenset[tuple[str, str]] | None


class Audited(NamedTuple):
    """Who did what."""

    at_us: int
    who: str
    action: str  # as the table of roles and actions calls it
    what: str  # to what: device pump, user ann
    detail: Mapping[str, Any]  # never a secret
    number: int = 0  # in the log; given by the store


class AuditWanted(NamedTuple):
    """Which entries of the audit log; where nothing is said: all."""

    who: str = ""
    action: str = ""
    what: str = ""  # a part of it: device pump
    since_us: int | None = None
    until_us: int | None = None  # before then


class WebSession(NamedTuple):
    """A web session that is kept."""

    token_hash: bytes
    role: str
    expires_us: int
