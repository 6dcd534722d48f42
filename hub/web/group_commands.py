"""Routes of commands to many devices: sent to a list or by a tag expression, listed with their tallies, cancelled.

Owns their bodies; the desk of groups decides. Made into the app by devices.py.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from hub.auth import Principal
from hub.core.group import Group, Refused
from hub.core.group_desk import GroupDesk
from hub.core.wanted import Wanted
from hub.core.wanted_group import MAX_GROUP, WantedGroup
from hub.web.access import Access, Action
from hub.web.commands import After, Key, after_of, place_of, sendable
from hub.web.envelope import Answer
from hub.web.openapi.convention import Number, example, refuses
from hub.web.openapi.parameters import DEFAULT_PAGE, Limit
from hub.web.shapes.group_commands import CancelledGroup, GroupCommands, WholeGroupCommand

_EXAMPLE: Final[dict[str, Any]] = {"name": "set_interval", "args": {"interval_s": 5}, "ttl_s": 3600, "where": "floor=2 and not test"}


class NewGroupCommand(BaseModel):
    """A command to many devices: those of `devices`, or those that `where` means now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(_EXAMPLE))
    name: str
    args: Annotated[dict[str, Any], AfterValidator(sendable)] = Field(default_factory=dict)
    ttl_s: Number = 30.0
    devices: Annotated[list[str], Field(max_length=MAX_GROUP)] | None = None
    where: str | None = None
    all_or_nothing: Annotated[StrictBool, Field(description="Send nothing where one of the devices cannot take it")] = False


_GroupId = Annotated[str, Path(description="Id of the group command", examples=["9f86d081884c7d65"])]
_CREATED: Final = refuses(
    no_device=404, key_used=409, too_many_commands=409, not_for_all=422, bad_devices=422, no_devices=422, too_many_devices=422,
    bad_where=422, bad_ttl=422, bad_key=422,
)  # fmt: skip
_ASKED: Final[dict[str, Any]] = {"model": CancelledGroup, "description": "Devices are asked, and have not answered yet"}


def group_command_routes(router: APIRouter, groups: GroupDesk, access: Access) -> None:
    """Add the routes."""
    _read_routes(router, groups, access)
    may_command = access.may(Action.COMMAND)

    @router.post("/group-commands", status_code=202, response_model=WholeGroupCommand, responses=_CREATED)
    async def send_to_group(new: NewGroupCommand, by: Annotated[Principal, Depends(may_command)], key: Key = None) -> Response:
        """Send a command to many devices, each as if it were sent to it alone; the devices are chosen now and stay the same."""
        devices = None if new.devices is None else tuple(new.devices)
        each = Wanted(new.name, new.args, new.ttl_s, by.name, key)
        group, refused = await groups.create(WantedGroup(each, devices, new.where, new.all_or_nothing))
        return Answer(_whole(group, refused), 202)

    @router.post("/group-commands/{group_id}/cancel", response_model=CancelledGroup, responses={202: _ASKED, **refuses(no_group=404)})
    async def cancel_group(group_id: _GroupId, by: Annotated[Principal, Depends(may_command)]) -> Response:
        """Cancel a group's commands: 200 where none is left to ask for; 202 while devices are asked, whose answers the tally tells."""
        group, counts = await groups.cancel(group_id, by.name)
        return Answer(counts._asdict() | {"group": group.item()}, 202 if counts.asked else 200)


def _read_routes(router: APIRouter, groups: GroupDesk, access: Access) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/group-commands", response_model=GroupCommands, dependencies=[may_read])
    async def group_commands(after: After = None, limit: Limit = DEFAULT_PAGE) -> Response:
        """Return group commands with their tallies, newest first; go on with `after` = `next` of the answer, null at the end."""
        found, place = groups.page(limit, place_of(after))
        return Answer({"group_commands": [group.item() for group in found], "next": after_of(place)})

    @router.get("/group-commands/{group_id}", response_model=WholeGroupCommand, responses=refuses(no_group=404), dependencies=[may_read])
    async def group_command(group_id: _GroupId) -> Response:
        """Return one group command; each device's command is in `GET /api/v1/commands?group=ID`."""
        group = groups.known(group_id)
        return Answer(_whole(group, await groups.refused(group)))


def _whole(group: Group, refused: list[Refused]) -> dict[str, Any]:
    return group.item() | {"refusals": [each._asdict() for each in refused]}
