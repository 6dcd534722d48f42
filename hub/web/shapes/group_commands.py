"""The shapes of answers about commands to many devices.

Owns descriptions and examples. Used by group_commands.py.
"""

from typing import Any, Final

from hub.web.openapi.convention import Shape, example

_ITEM: Final[dict[str, Any]] = {
    **{"id": "9f86d081884c7d65", "name": "set_interval", "by": "ann", "where": "floor=2 and not test", "devices": 3, "refused": 1},
    **{"tally": {"queued": 1, "done": 2}, "created_us": 1_790_000_000_000_000, "expires_us": 1_790_000_003_600_000},
}
_REFUSAL: Final[dict[str, Any]] = {"device": "pump-4", "code": "disabled", "message": "device pump-4 is disabled"}


class GroupCommand(Shape, json_schema_extra=example(_ITEM)):
    """A group command: how many devices have it, and how many of their commands are in each state."""

    id: str
    name: str
    by: str
    where: str | None = None
    devices: int
    refused: int
    tally: dict[str, int]
    created_us: int
    expires_us: int
    ended_us: int | None = None


class RefusedDevice(Shape, json_schema_extra=example(_REFUSAL)):
    """A device that was meant and is not commanded."""

    device: str
    code: str
    message: str


class WholeGroupCommand(GroupCommand, json_schema_extra=example(_ITEM | {"refusals": [_REFUSAL]})):
    """The same, with the devices that cannot take the command and why."""

    refusals: list[RefusedDevice]


class GroupCommands(Shape, json_schema_extra=example({"group_commands": [_ITEM], "next": None})):
    """Group commands, newest first."""

    group_commands: list[GroupCommand]
    next: str | None
    """The `after` of the next page; null at the end"""


class CancelledGroup(Shape, json_schema_extra=example({"cancelled": 1, "asked": 0, "ended": 2, "group": _ITEM})):
    """What became of the wish to cancel a group command."""

    cancelled: int
    """Commands that were never sent, and will not be"""
    asked: int
    """Commands that their devices may have: each is asked until it answers"""
    ended: int
    """Commands that had ended"""
    group: GroupCommand
