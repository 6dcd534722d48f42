"""Routes of commands: sent, listed, cancelled.

Owns their bodies and limits; the command desk decides. Made into the app by devices.py.
"""

from typing import Annotated, Any, Literal

import msgpack
from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.commands import CommandDesk
from hub.core.errors import Refusal
from hub.web.access import Access, Action
from hub.web.envelope import Answer

_Key = Annotated[str | None, Header(alias="Idempotency-Key", description="The same key and body again: the same command, not another one")]


def _sendable(args: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON can spell and msgpack cannot carry: half a surrogate pair, an integer beyond 64 bits, 500 nested arrays."""
    try:
        msgpack.packb(args)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"a device cannot be sent this: {error}") from None
    return args


class NewCommand(BaseModel):
    """A command to send."""

    model_config = ConfigDict(extra="forbid")
    name: str
    args: Annotated[dict[str, Any], AfterValidator(_sendable)] = Field(default_factory=dict)
    ttl_s: float = 30.0


class Cancelled(BaseModel):
    """What became of the wish to cancel a command."""

    answer: Literal["cancelled", "too_late", "asked"]
    command: dict[str, Any]


def command_routes(router: APIRouter, desk: CommandDesk, access: Access) -> None:
    """Add the routes."""
    _read_routes(router, desk, access)
    may_command = access.may(Action.COMMAND)

    @router.post("/devices/{name}/commands", status_code=202)
    async def send(name: str, new: NewCommand, by: Annotated[Principal, Depends(may_command)], key: _Key = None) -> Response:
        """Send a command to a device, or keep it for its next connection; its result comes later, under its id."""
        return Answer(desk.item(await desk.create(name, new.name, new.args, new.ttl_s, by.name, key)), 202)

    @router.post("/commands/{command_id}/cancel", responses={200: {"model": Cancelled}, 202: {"model": Cancelled}})
    async def cancel(command_id: str, by: Annotated[Principal, Depends(may_command)]) -> Response:
        """Cancel a command: 200 with `cancelled` or `too_late`; 202 with `asked` while its device, which may have it, has not answered."""
        record, answer = await desk.cancel(command_id, by.name)
        return Answer({"answer": answer, "command": desk.item(record)}, 202 if answer == "asked" else 200)


def _read_routes(router: APIRouter, desk: CommandDesk, access: Access) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/commands", dependencies=[may_read])
    async def commands(device: str | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
        """Return the newest commands, newest first; `truncated` where they are so large that not all that were asked for are given."""
        found = await desk.list(device, limit)
        return Answer({"commands": [desk.item(record) for record in found.records], "truncated": not found.is_whole})

    @router.get("/commands/{command_id}", dependencies=[may_read])
    async def command(command_id: str) -> Response:
        """Return one command."""
        record = await desk.get(command_id)
        if record is None:
            raise Refusal("no_command", f"no command has the id {command_id[:64]!r}", "see: GET /api/v1/commands", 404)
        return Answer(desk.item(record))
