"""Routes of self-registration: the keys that let devices in, for administrators, and the one where a device registers.

Owns their bodies, and that wrong keys are slowed down by address; core's provisioning decides. Made into the app by api.py.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import trio
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Auth, Principal
from hub.core.errors import Refusal
from hub.core.provisioning import Provisioning
from hub.web.access import Access, Action, address_of, check_parameters
from hub.web.envelope import Answer
from hub.web.openapi.convention import Number, Whole, example, refuses
from hub.web.shapes.devices import DeviceToken
from hub.web.shapes.provisioning import MadeKey, ProvisioningKeys

_EXAMPLE: Final[Any] = {"name": "pump-7", "nonce": "9f86d081884c7d659a2feaa0c55ad015", "title": "the pump in the cellar"}
_KEY: Final[Any] = {"name": "pumps", "prefix": "pump-", "days": 7, "max_devices": 100, "kind": "pump", "tags": ["new"]}
_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": DeviceToken, "description": "The same request came before: the same token"},
    **refuses(exists=409, being_deleted=409, key_used_up=409, bad_nonce=422, bad_name=422, bad_title=422, bad_notes=422),
    **refuses(too_many_registrations=429, busy=503),
}
_REFUSED: Final = refuses(key_exists=409, too_many_keys=409, bad_kind=422, bad_tag=422)
_KeyName = Annotated[str, Path(description="Name of the provisioning key", examples=["pumps"])]


class NewKey(BaseModel):
    """A provisioning key to make: whom it lets in, how many, how long, and what they become."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(_KEY))
    name: str
    prefix: str = ""
    days: Number = 7
    max_devices: Whole = 100
    kind: str = ""
    tags: Annotated[list[str], Field(max_length=100)] = []


class Registration(BaseModel):
    """What a device says of itself: its name, and a nonce that it drew and kept, so that the same request gives the same token."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(_EXAMPLE))
    name: str
    nonce: str
    title: str = ""
    notes: str = ""


def provisioning_routes(provisioning: Provisioning, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    _key_routes(router, provisioning, access)
    good_key = KeyGate(provisioning, access.auth)

    @router.post("/provision", status_code=201, response_model=DeviceToken, responses=_AGAIN)
    async def register(said: Registration, secret: Annotated[str, Depends(good_key)]) -> Response:
        """Register a device by a provisioning key (`Authorization: Bearer KEY`) and return its token.

        The same name and nonce again: the same token, until the device has connected with it.
        """
        facts = {"title": said.title, "notes": said.notes}
        token, is_new = await provisioning.register(secret, said.name, said.nonce, facts, trio.current_time())
        return Answer({"device": said.name, "token": token}, 201 if is_new else 200)

    return router


class KeyGate:
    """The check before the route where a device registers: it gives the key of a request, if it is good."""

    schemes = ("provisioning",)
    roles = ()

    def __init__(self, provisioning: Provisioning, auth: Auth) -> None:
        self._provisioning = provisioning
        self._auth = auth

    def refuses(self) -> Iterator[tuple[str, int]]:
        """Yield what this refuses, each code with its status, for the API to describe itself."""
        yield from (
            ("no_key", 401),
            ("wrong_key", 401),
            ("provisioning_off", 403),
            ("key_over", 403),
            ("too_many_tries", 429),
            ("busy", 503),
        )

    async def __call__(self, request: Request) -> str:
        """Return the key. Raises Refusal 401, 403, 422, 429, 503."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if secret.strip() and not self._provisioning.is_known(secret.strip()):
            await self._auth.may_be_new(address_of(request))
        try:
            self._provisioning.check(secret.strip(), trio.current_time())
        except Refusal as refusal:
            if refusal.code == "wrong_key":
                if scheme.lower() != "bearer" or not secret.strip():
                    raise Refusal("no_key", "there is no provisioning key", "send it as Authorization: Bearer KEY", 401) from None
                await self._auth.wrong_token(address_of(request))
            raise
        check_parameters(request)
        return secret.strip()


def _key_routes(router: APIRouter, provisioning: Provisioning, access: Access) -> None:
    may_manage = access.may(Action.MANAGE)

    @router.get("/provisioning", response_model=ProvisioningKeys, dependencies=[Depends(may_manage)])
    async def keys() -> Response:
        """Return every provisioning key, at most 100: whom it lets in, how many it has registered, until when; never its secret."""
        return Answer({"keys": provisioning.items()})

    @router.post("/provisioning", status_code=201, response_model=MadeKey, responses=_REFUSED)
    async def make(new: NewKey, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Make a provisioning key, whose secret is shown this once."""
        what: dict[str, Any] = {"prefix": new.prefix, "days": new.days, "max_devices": new.max_devices}
        secret, key = await provisioning.make(new.name, by.name, **what, kind=new.kind, tags=tuple(new.tags))
        return Answer(key.item() | {"key": secret}, 201)

    @router.delete("/provisioning/{name}", status_code=204, responses=refuses(no_key=404, conflict=409))
    async def revoke(name: _KeyName, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Revoke a provisioning key at once; the devices that it registered stay."""
        await provisioning.revoke(name, by.name)
        return Response(status_code=204)
