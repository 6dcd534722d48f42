"""Routes of single commands: sent, listed, cancelled; those of many devices are group_commands.py's.

Owns their bodies and limits; the command desk decides. Made into the app by devices.py.
"""

from typing import Annotated, Any, Final

import msgpack
from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.commands import CommandDesk
from hub.core.errors import Refusal
from hub.ports import CommandsWanted
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import Number, example, refuses
from hub.web.openapi.parameters import DEFAULT_PAGE, CommandId, DeviceName, Limit, OfDevice
from hub.web.shapes.commands import Cancelled, Command, Commands, CommandStates

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="The same key and body again: the same command, not another one", examples=["7d1c7f0a"]),
]


_State = Annotated[CommandStates | None, Query(description="Only those in this state", examples=["done"])]
_Group = Annotated[str | None, Query(description="Only those of this group command", examples=["0192f3a07c1e7b44"])]
_Name = Annotated[str | None, Query(description="Only those of this name", examples=["open_window"])]
After = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{1,18}\.[^\x00]{1,64}$", description="`next` of the page before", examples=["1795248000000000.0192f3a07c1e7b44"]),
]


def sendable(args: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON can spell and msgpack cannot carry: half a surrogate pair, an integer beyond 64 bits, 500 nested arrays."""
    try:
        msgpack.packb(args)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"a device cannot be sent this: {error}") from None
    return args


class NewCommand(BaseModel, json_schema_extra=example({"name": "open_window", "args": {"percent": 40}, "ttl_s": 30})):
    """A command to send."""

    model_config = ConfigDict(extra="forbid")
    name: str
    args: Annotated[dict[str, Any], AfterValidator(sendable)] = Field(default_factory=dict)
    ttl_s: Annotated[Number, Field(description="How long it may wait, 1 to 604,800")] = 30.0


_ASKED: Final[dict[str, Any]] = {"model": Cancelled, "description": "Its device is asked, and has not answered yet"}
_REFUSED: Final = {
    **refuses(no_device=404, too_many_commands=409, key_used=409, being_deleted=409, disabled=409, too_large=413),
    **refuses(unknown_command=422, bad_argument=422, bad_ttl=422, bad_key=422),
}


def command_routes(router: APIRouter, desk: CommandDesk, access: Access) -> None:
    """Add the routes."""
    _read_routes(router, desk, access)
    may_command = access.may(Action.COMMAND)

    @router.post("/devices/{name}/commands", status_code=202, response_model=Command, responses=_REFUSED)
    async def send(name: DeviceName, new: NewCommand, by: Annotated[Principal, Depends(may_command)], key: Key = None) -> Response:
        """Send a command to a device, or keep it for its next connection; its result comes later, under its id."""
        return Answer(desk.item(await desk.create(name, new.name, new.args, new.ttl_s, by.name, key)), 202)

    @router.post("/commands/{command_id}/cancel", response_model=Cancelled, responses={202: _ASKED, **refuses(no_command=404)})
    async def cancel(command_id: CommandId, by: Annotated[Principal, Depends(access.may(Action.COMMAND, narrows=True))]) -> Response:
        """Cancel a command: 200 with `cancelled` or `too_late`; 202 with `asked` while its device, which may have it, has not answered."""
        known = await desk.get(command_id)
        access.check_reach(by, known.device if known is not None else "")
        record, answer = await desk.cancel(command_id, by.name)
        return Answer({"answer": answer, "command": desk.item(record)}, 202 if answer == "asked" else 200)


def _read_routes(router: APIRouter, desk: CommandDesk, access: Access) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/commands", response_model=Commands, dependencies=[may_read])
    async def commands(
        device: OfDevice = None,
        group: _Group = None,
        state: _State = None,
        name: _Name = None,
        after: After = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """Return commands, newest first, no more than about 4 MiB of them; go on with `after` = `next` of the answer, null at the end."""
        wanted = CommandsWanted(device, group, state, name)
        found = await desk.list(wanted, limit, place_of(after))
        return Answer({"commands": [desk.item(record) for record in found.records], "next": after_of(found.next)})

    @router.get("/commands/{command_id}", response_model=Command, responses=refuses(no_command=404))
    async def command(command_id: CommandId, by: Annotated[Principal, Depends(access.may(Action.READ, narrows=True))]) -> Response:
        """Return one command."""
        record = await desk.get(command_id)
        access.check_reach(by, record.device if record is not None else "")
        if record is None:
            raise Refusal("no_command", f"no command has the id {command_id[:64]!r}", "see: GET /api/v1/commands", 404)
        return Answer(desk.item(record))


def place_of(after: str | None) -> tuple[int, str] | None:
    """Return where a page begins."""
    if after is None:
        return None
    created_us, _, id_ = after.partition(".")
    return int(created_us), id_


def after_of(place: tuple[int, str] | None) -> str | None:
    """Return the `after` of the next page; None at the end."""
    return None if place is None else f"{place[0]}.{place[1]}"
