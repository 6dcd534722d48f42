"""The shapes of answers about commands (docs/protocol.md section 11).

Owns descriptions and examples. Used by commands.py.
"""

from typing import Any, Final, Literal

from hub.web.openapi.convention import Shape, example

CommandStates = Literal["queued", "sent", "accepted", "running", "done", "failed", "rejected", "expired", "cancelled"]
COMMAND: Final = {
    **{"id": "0192f3a07c1e7b44", "version": 4, "device": "greenhouse", "name": "open_window", "args": {"percent": 40}, "state": "done"},
    **{"value": 40, "by": "ann", "created_us": 1_795_248_000_000_000, "updated_us": 1_795_248_001_200_000},
    "expires_us": 1_795_248_030_000_000,
    "reached_us": {"queued": 1_795_248_000_000_000, "sent": 1_795_248_000_100_000, "done": 1_795_248_001_200_000},
}


class Command(Shape, json_schema_extra=example(COMMAND)):
    """A command, as the ledger has it."""

    id: str
    version: int
    device: str
    name: str
    args: dict[str, Any]
    state: CommandStates
    progress: Any = None
    """How far it is, 0 to 1, while it runs"""
    value: Any = None
    """What the device answered; bytes as base64url text"""
    reason: str | None = None
    """Why it did not end well"""
    note: str | None = None
    """What the device said after the end"""
    cancel: Literal["asked"] | None = None
    """It is to be cancelled, and its device has not answered that"""
    by: str
    created_us: int
    updated_us: int
    expires_us: int
    reached_us: dict[str, int]
    """Each state it was in, with the time when the hub knew of it"""
    group: str | None = None
    """Id of the group command that it is of"""


class Commands(
    Shape,
    json_schema_extra=example({"commands": [COMMAND], "next": None}, {"commands": [COMMAND], "next": "1795248000000000.0192f3a07c1e7b44"}),
):
    """Commands, newest first."""

    commands: list[Command]
    next: str | None
    """The `after` of the next page; null at the end"""


class Cancelled(Shape, json_schema_extra=example({"answer": "cancelled", "command": {**COMMAND, "state": "cancelled", "value": None}})):
    """What became of the wish to cancel a command."""

    answer: Literal["cancelled", "too_late", "asked"]
    command: Command
