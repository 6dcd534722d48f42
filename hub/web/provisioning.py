"""Routes of self-registration: the keys that let devices in, for administrators, and the one where a device registers.

Owns their bodies, and that wrong keys are slowed down by address; core's provisioning decides. Made into the app by api.py.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import trio
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Auth, Principal
from hub.core.errors import Refusal
from hub.core.provisioning import Provisioning
from hub.web.access import Access, Action, address_of
from hub.web.envelope import Answer

_EXAMPLE: Final[Any] = {"name": "pump-7", "nonce": "9f86d081884c7d659a2feaa0c55ad015", "title": "the pump in the cellar"}
_KEY: Final[Any] = {"name": "pumps", "prefix": "pump-", "days": 7, "max_devices": 100, "kind": "pump", "tags": ["new"]}


class NewKey(BaseModel):
    """A provisioning key to make: whom it lets in, how many, how long, and what they become."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _KEY})
    name: str
    prefix: str = ""
    days: Annotated[float, Field(allow_inf_nan=False)] = 7
    max_devices: int = 100
    kind: str = ""
    tags: Annotated[list[str], Field(max_length=100)] = []


class Registration(BaseModel):
    """What a device says of itself: its name, and a nonce that it drew and kept, so that the same request gives the same token."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})
    name: str
    nonce: str
    title: str = ""
    notes: str = ""


def provisioning_routes(provisioning: Provisioning, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    _key_routes(router, provisioning, access)
    good_key = _checked(provisioning, access.auth)

    @router.post("/provision", status_code=201, responses={200: {"description": "The same request came before: the same token"}})
    async def register(said: Registration, secret: Annotated[str, Depends(good_key)]) -> Response:
        """Register a device by a provisioning key (`Authorization: Bearer KEY`) and return its token.

        The same name and nonce again: the same token, until the device has connected with it.
        """
        facts = {"title": said.title, "notes": said.notes}
        token, is_new = await provisioning.register(secret, said.name, said.nonce, facts, trio.current_time())
        return Answer({"device": said.name, "token": token}, 201 if is_new else 200)

    return router


def _checked(provisioning: Provisioning, auth: Auth) -> Callable[[Request], Awaitable[str]]:
    """Return a dependency that gives the key of a request, if it is good. It raises Refusal 401, 403, 429."""

    async def check(request: Request) -> str:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        try:
            provisioning.check(secret.strip(), trio.current_time())
        except Refusal as refusal:
            if refusal.code == "wrong_key":
                if scheme.lower() != "bearer" or not secret.strip():
                    raise Refusal("no_key", "there is no provisioning key", "send it as Authorization: Bearer KEY", 401) from None
                await auth.wrong_token(address_of(request))
            raise
        return secret.strip()

    return check


def _key_routes(router: APIRouter, provisioning: Provisioning, access: Access) -> None:
    may_manage = access.may(Action.MANAGE)

    @router.get("/provisioning", dependencies=[Depends(may_manage)])
    async def keys() -> dict[str, Any]:
        """Return every provisioning key: whom it lets in, how many it has registered, until when it is good; never its secret."""
        return {"keys": provisioning.items()}

    @router.post("/provisioning", status_code=201)
    async def make(new: NewKey, by: Annotated[Principal, Depends(may_manage)]) -> dict[str, Any]:
        """Make a provisioning key, whose secret is shown this once."""
        what: dict[str, Any] = {"prefix": new.prefix, "days": new.days, "max_devices": new.max_devices}
        secret, key = await provisioning.make(new.name, by.name, **what, kind=new.kind, tags=tuple(new.tags))
        return key.item() | {"key": secret}

    @router.delete("/provisioning/{name}", status_code=204)
    async def revoke(name: str, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Revoke a provisioning key at once; the devices that it registered stay."""
        await provisioning.revoke(name, by.name)
        return Response(status_code=204)
