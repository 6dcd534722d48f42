"""Routes of the fleet: which devices there are, what people say of them, their tokens.

Owns their bodies and limits; the registry decides. Called by devices.py.
"""

from bisect import bisect_right
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from hub.auth import Principal
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.core.registry_facts import MAX_NOTES, MAX_TITLE
from hub.core.tags import MAX_WORD
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.erasing import Eraser
from hub.web.openapi.convention import Number, Whole, example, refuses
from hub.web.openapi.parameters import MAX_PAGE, DeviceName, Limit, Where
from hub.web.shapes.devices import Device, Devices, DeviceToken, DeviceTokens

MAX_NAMES: Final = 1_000  # added by one request
_REFUSED_FACTS: Final = {"bad_title": 422, "bad_kind": 422, "bad_tag": 422, "bad_notes": 422}
_REFUSED_NEW: Final = refuses(exists=409, being_deleted=409, bad_name=422, **_REFUSED_FACTS)
_Data = Annotated[bool, Query(description="Delete its readings, too, for good", examples=[True])]
_Tags = Annotated[list[str], Field(max_length=100, examples=[["floor=2", "outdoor"]])]


class DeviceSaid(BaseModel, json_schema_extra=example({"title": "North house", "tags": ["floor=2"]})):
    """What people say of a device."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(description=f"At most {MAX_TITLE} characters")] = ""
    kind: Annotated[str, Field(description=f"At most {MAX_WORD} characters")] = ""
    tags: _Tags = []
    notes: Annotated[str, Field(description=f"At most {MAX_NOTES:,} characters")] = ""

    def said(self) -> dict[str, Any]:
        """Return what was given."""
        return self.model_dump(exclude_unset=True, exclude={"name", "revision"})


class NewDevice(DeviceSaid, json_schema_extra=example({"name": "greenhouse", "tags": ["floor=2"]})):
    """A device to add."""

    name: str


class NewDevices(BaseModel, json_schema_extra=example({"name": "greenhouse"}, {"devices": [{"name": "pump-7", "tags": ["floor=2"]}]})):
    """Devices to add: by `name`, several by `names`, or by `devices` with what is said of them; `check`: only see whether it could be."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    names: Annotated[list[str], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    devices: Annotated[list[NewDevice], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    check: StrictBool = False


class Edit(DeviceSaid, json_schema_extra=example({"title": "North house", "revision": 3}, {"disabled": True})):
    """What to change: what is given is replaced whole. With `revision`, only if the device is at it still."""

    disabled: StrictBool = False
    revision: Annotated[Whole, Field(ge=0)] | None = None


class NewToken(BaseModel, json_schema_extra=example({"overlap_s": 86_400})):
    """How a token is replaced."""

    model_config = ConfigDict(extra="forbid")
    overlap_s: Annotated[Number, Field(description="For how long the old token is still good, to 2,592,000")] = 0.0


def fleet_routes(router: APIRouter, registry: Registry, access: Access, eraser: Eraser) -> None:
    """Add the routes."""
    _list_route(router, registry, access)
    _add_route(router, registry, access)
    _device_routes(router, registry, access, eraser)
    _token_routes(router, registry, access)


def _list_route(router: APIRouter, registry: Registry, access: Access) -> None:
    @router.get("/devices", response_model=Devices, responses=refuses(bad_where=422))
    async def devices(
        by: Annotated[Principal, Depends(access.may(Action.READ, narrows=True))],
        where: Where = None,
        limit: Limit = MAX_PAGE,
        after: Annotated[str, Query(description="Go on after this name, the `next` of the page before", examples=["greenhouse"])] = "",
    ) -> Response:
        """Return the devices by name, all or those that a tag expression means; `next` is the `after` of the next page, null at the end."""
        names = registry.names() if where is None else registry.select(where)
        if (reach := access.reach(by)) is not None:
            names = [name for name in names if reach.matches(name)]
        names = names[bisect_right(names, after) :]
        page = names[:limit]
        return Answer({"devices": [registry.item(name) for name in page], "next": page[-1] if len(page) < len(names) else None})


def _add_route(router: APIRouter, registry: Registry, access: Access) -> None:
    @router.post(
        "/devices",
        status_code=201,
        response_model=DeviceToken | DeviceTokens,
        responses={204: {"description": "They could be added"}, **_REFUSED_NEW},
    )
    async def add(new: NewDevices, by: Annotated[Principal, Depends(access.may(Action.MANAGE))]) -> Response:
        """Add devices, all or none; their tokens are shown this once. With `check` nothing is added, and the answer is 204."""
        names = _names(new)
        facts = {each.name: each.said() for each in new.devices or ()}
        if new.check:
            registry.check_new(names, facts)
            return Response(status_code=204)
        tokens = await registry.add_devices(names, facts, by=by.name)
        if new.name is not None:
            return Answer({"device": new.name, "token": tokens[new.name]}, 201)
        return Answer({"devices": [{"device": name, "token": token} for name, token in tokens.items()]}, 201)


def _names(new: NewDevices) -> list[str]:
    """Return the names of the one list that was given. Raises Refusal where there is none, or another as well."""
    one = None if new.name is None else [new.name]
    told = None if new.devices is None else [each.name for each in new.devices]
    given = [names for names in (one, new.names, told) if names is not None]
    if len(given) != 1:
        raise Refusal("bad_request", "give one of name, names and devices", 'send {"name": "pump-7"}', 422)
    names = given[0]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise Refusal("bad_name", f"the name {twice[:64]!r} is there twice", "give each device a name of its own", 422)
    return names


def _device_routes(router: APIRouter, registry: Registry, access: Access, eraser: Eraser) -> None:
    @router.patch(
        "/devices/{name}", response_model=Device, responses=refuses(no_device=404, own_device=409, conflict=409, **_REFUSED_FACTS)
    )
    async def edit(name: DeviceName, edit: Edit, by: Annotated[Principal, Depends(access.may(Action.MANAGE))]) -> Response:
        """Change what people say of a device, or disable it (its connection ends) or enable it; 409 where the revision is another."""
        await registry.edit(name, edit.said(), revision=edit.revision, by=by.name)
        return Answer(registry.item(name))

    @router.delete(
        "/devices/{name}",
        status_code=204,
        responses=refuses(no_device=404, own_device=409, being_deleted=409, store_behind=503, store_refused=502),
    )
    async def remove(name: DeviceName, by: Annotated[Principal, Depends(access.may(Action.MANAGE))], data: _Data = False) -> Response:
        """Forget a device and end its connection; its readings stay, unless `data` is true: then they are deleted for good."""
        if data:
            await eraser.erase(name, by.name)
            await access.auth.audit.note(by.name, "delete readings", f"device {name}")
        else:
            await registry.remove_device(name, by=by.name)
        return Response(status_code=204)


def _token_routes(router: APIRouter, registry: Registry, access: Access) -> None:
    @router.post("/devices/{name}/token", response_model=DeviceToken, responses=refuses(no_device=404, own_device=409, bad_overlap=422))
    async def token(
        name: DeviceName, by: Annotated[Principal, Depends(access.may(Action.MANAGE))], new: NewToken | None = None
    ) -> Response:
        """Replace a device's token: the old one is good for `overlap_s` more, or dead at once, and its connection ends."""
        overlap_s = new.overlap_s if new else 0.0
        said: dict[str, Any] = {"device": name, "token": await registry.new_token(name, overlap_s=overlap_s, by=by.name)}
        until_us = (registry.item(name) or {}).get("old_token_until_us")
        return Answer(said | ({"old_token_until_us": until_us} if until_us else {}))

    @router.delete("/devices/{name}/token", status_code=204, responses=refuses(no_device=404, own_device=409))
    async def revoke(name: DeviceName, by: Annotated[Principal, Depends(access.may(Action.MANAGE))]) -> Response:
        """Withdraw a device's tokens at once and end its connection; it needs a new one."""
        await registry.revoke(name, by=by.name)
        return Response(status_code=204)
