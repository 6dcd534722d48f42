"""Routes of commands to many devices: sent to a list or by a tag expression, listed with their tallies, cancelled.

Owns their bodies; the desk of groups decides. Made into the app by devices.py.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.group import Group, Refused
from hub.core.group_desk import GroupDesk
from hub.core.wanted import Wanted
from hub.core.wanted_group import MAX_GROUP, WantedGroup
from hub.web.access import Access, Action
from hub.web.commands import After, Key, after_of, place_of, sendable
from hub.web.envelope import Answer

_EXAMPLE: Final[dict[str, Any]] = {"name": "set_interval", "args": {"interval_s": 5}, "ttl_s": 3600, "where": "floor=2 and not test"}
_ITEM: Final[dict[str, Any]] = {
    "id": "9f86d081884c7d65",
    "name": "set_interval",
    "by": "ann",
    "where": "floor=2 and not test",
    "devices": 3,
    "refused": 1,
    "tally": {"queued": 1, "done": 2},
    "created_us": 1_790_000_000_000_000,
    "expires_us": 1_790_000_003_600_000,
}
_REFUSAL: Final[dict[str, Any]] = {"device": "pump-4", "code": "disabled", "message": "device pump-4 is disabled"}


class NewGroupCommand(BaseModel):
    """A command to many devices: those of `devices`, or those that `where` means now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})
    name: str
    args: Annotated[dict[str, Any], AfterValidator(sendable)] = Field(default_factory=dict)
    ttl_s: float = 30.0
    devices: Annotated[list[str], Field(max_length=MAX_GROUP)] | None = None
    where: str | None = None
    all_or_nothing: Annotated[bool, Field(description="Send nothing where one of the devices cannot take it")] = False


class GroupCommand(BaseModel):
    """A group command: how many devices have it, and how many of their commands are in each state."""

    model_config = ConfigDict(json_schema_extra={"example": _ITEM})
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


class RefusedDevice(BaseModel):
    """A device that was meant and is not commanded."""

    device: str
    code: str
    message: str


class WholeGroupCommand(GroupCommand):
    """The same, with the devices that cannot take the command and why."""

    model_config = ConfigDict(json_schema_extra={"example": _ITEM | {"refusals": [_REFUSAL]}})
    refusals: list[RefusedDevice]


class GroupCommandList(BaseModel):
    """A page of group commands."""

    group_commands: list[GroupCommand]
    next: str | None


class CancelledGroup(BaseModel):
    """What became of the wish to cancel a group command."""

    cancelled: Annotated[int, Field(description="Commands that were never sent, and will not be")]
    asked: Annotated[int, Field(description="Commands that their devices may have: each is asked until it answers")]
    ended: Annotated[int, Field(description="Commands that had ended")]
    group: GroupCommand


def group_command_routes(router: APIRouter, groups: GroupDesk, access: Access) -> None:
    """Add the routes."""
    _read_routes(router, groups, access)
    may_command = access.may(Action.COMMAND)

    @router.post("/group-commands", status_code=202, responses={202: {"model": WholeGroupCommand}})
    async def send_to_group(new: NewGroupCommand, by: Annotated[Principal, Depends(may_command)], key: Key = None) -> Response:
        """Send a command to many devices, each as if it were sent to it alone; the devices are chosen now and stay the same."""
        devices = None if new.devices is None else tuple(new.devices)
        each = Wanted(new.name, new.args, new.ttl_s, by.name, key)
        group, refused = await groups.create(WantedGroup(each, devices, new.where, new.all_or_nothing))
        return Answer(_whole(group, refused), 202)

    @router.post("/group-commands/{group_id}/cancel", responses={200: {"model": CancelledGroup}, 202: {"model": CancelledGroup}})
    async def cancel_group(group_id: str, by: Annotated[Principal, Depends(may_command)]) -> Response:
        """Cancel a group's commands: 200 where none is left to ask for; 202 while devices are asked, whose answers the tally tells."""
        group, counts = await groups.cancel(group_id, by.name)
        return Answer(counts._asdict() | {"group": group.item()}, 202 if counts.asked else 200)


def _read_routes(router: APIRouter, groups: GroupDesk, access: Access) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/group-commands", dependencies=[may_read], responses={200: {"model": GroupCommandList}})
    async def group_commands(after: After = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
        """Return group commands with their tallies, newest first; go on with `after` = `next` of the answer, null at the end."""
        found, place = groups.page(limit, place_of(after))
        return Answer({"group_commands": [group.item() for group in found], "next": after_of(place)})

    @router.get("/group-commands/{group_id}", dependencies=[may_read], responses={200: {"model": WholeGroupCommand}})
    async def group_command(group_id: str) -> Response:
        """Return one group command; each device's command is in `GET /api/v1/commands?group=ID`."""
        group = groups.known(group_id)
        return Answer(_whole(group, await groups.refused(group)))


def _whole(group: Group, refused: list[Refused]) -> dict[str, Any]:
    return group.item() | {"refusals": [each._asdict() for each in refused]}
