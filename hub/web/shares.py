"""Routes of shared dashboards: links made, listed and withdrawn; and how a guest comes in by one and reads the dashboard.

Owns their bodies and the guest's cookie; core's Shares decides. Made into the app by api.py.
"""

import time
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.errors import Refusal
from hub.core.registry import hash_token
from hub.core.shares import Shares, not_good
from hub.web.access import Access, Action, address_of, is_encrypted
from hub.web.envelope import Answer
from hub.web.login import cookie_path
from hub.web.openapi.convention import Number, example, refuses
from hub.web.shapes.shares import MadeShare, Shared
from hub.web.shapes.shares import Shares as AllShares

MAX_TOKEN: Final = 128  # characters
_COOKIE_S: Final = 400 * 86_400  # browsers keep none for longer; the page comes in by its link again
_Name = Annotated[str, Path(description="Name of the dashboard", examples=["greenhouse"])]
_Id = Annotated[str, Path(description="Id of the link", examples=["5f0c9a1be2d34f67"])]


class NewShare(BaseModel):
    """A link to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example({"name": "Screen in the hall", "days": 7}))
    name: Annotated[str, Field(description="Whom it is for")]
    days: Annotated[Number | None, Field(description="For how long it is good; without: until it is withdrawn")] = None


class Token(BaseModel):
    """What stands behind the # of a link."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example({"token": "Vd1g0m3cPzQ"}))
    token: Annotated[str, Field(max_length=MAX_TOKEN)]


def share_routes(shares: Shares, access: Access, base_url: Callable[[], str]) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    _guest_routes(router, shares, access, base_url)
    sharer = Annotated[Principal, Depends(access.may(Action.DASHBOARDS))]

    @router.get("/dashboards/{name}/shares", response_model=AllShares, responses=refuses(no_dashboard=404))
    async def every(name: _Name, by: sharer) -> Response:
        """Return the links to a dashboard, newest first: whom for, made by whom, last used, until when."""
        return Answer({"shares": shares.items(name)})

    @router.post(
        "/dashboards/{name}/shares",
        status_code=201,
        response_model=MadeShare,
        responses=refuses(no_dashboard=404, too_many_shares=409, bad_name=422),
    )
    async def make(name: _Name, new: NewShare, by: sharer) -> Response:
        """Make a link to a dashboard, whose address is shown this once: whoever has it sees the dashboard, without an account."""
        token, share = await shares.make(name, new.name, new.days, by.name, by.account or by.login)
        return Answer(share.item(is_good=True) | {"url": f"{base_url()}/shared/{share.id}/#/{token}"}, 201)

    @router.delete("/dashboards/{name}/shares/{share_id}", status_code=204, responses=refuses(no_link=404))
    async def withdraw(name: _Name, share_id: _Id, by: sharer) -> Response:
        """Withdraw a link; what is open by it ends at once."""
        await shares.withdraw(name, share_id, by.name)
        return Response(status_code=204)

    return router


def _guest_routes(router: APIRouter, shares: Shares, access: Access, base_url: Callable[[], str]) -> None:
    auth = access.auth

    @router.post(
        "/shared",
        status_code=204,
        responses=refuses(no_share=404, foreign_origin=403, too_many_tries=429, busy=503),
        openapi_extra={"security": [{}]},
    )
    async def come_in(token: Token, request: Request) -> Response:
        """Come in by the token of a link, which the page finds behind the # of its address; the cookie is good below that address only."""
        access.check_origin(request)
        token_hash = hash_token(token.token)
        if not shares.is_known(token_hash):
            await auth.may_be_new(address_of(request))
            if not shares.is_known(token_hash):
                await auth.wrong_token(address_of(request))
        if (share := shares.of_hash(token_hash)) is None:
            raise not_good()
        base = base_url()
        response, age_s = Response(status_code=204), min(_COOKIE_S, (share.expires_us - time.time_ns() // 1_000) // 1_000_000)
        path, is_secure = f"{cookie_path(base)}shared/{share.id}/", is_encrypted(request) or base.startswith("https:")
        response.set_cookie(auth.guest_cookie, token.token, max_age=age_s, path=path, httponly=True, samesite="strict", secure=is_secure)
        return response

    @router.get("/shared", response_model=Shared, responses=refuses(no_share=404))
    async def shared(by: Annotated[Principal, Depends(access.may(Action.SEE, narrows=True))]) -> Response:
        """Return the dashboard of the link by which the guest came, as it is saved now, and the time."""
        if not by.share:
            raise Refusal("no_share", "this login came by no link of a shared dashboard", "see: GET /api/v1/dashboards", 404)
        return Answer({"time_us": time.time_ns() // 1_000, "dashboard": await shares.shown(by.share)})
