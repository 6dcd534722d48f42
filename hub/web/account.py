"""Routes of whoever is logged in, for themselves: who they are, their password, their sessions.

Owns their bodies; hub/auth's account decides. Made into the app by api.py.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from hub.auth import Account, Principal
from hub.web.access import Access, Action, address_of
from hub.web.envelope import Answer
from hub.web.login import cookie_path, let_in
from hub.web.openapi.convention import example, refuses
from hub.web.openapi.parameters import SessionId
from hub.web.shapes.users import OwnLogin, OwnSessions


class NewPassword(BaseModel):
    """A new password of one's own."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example({"old": "the one so far", "new": "ten or more"}))
    old: str
    new: str


def account_routes(access: Access, account: Account, base_url: Callable[[], str]) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/account")
    # About who asks, and no device.
    own = Annotated[Principal, Depends(access.may(Action.OWN, narrows=True))]

    @router.get("", response_model=OwnLogin)
    async def who(by: own) -> Response:
        """Return who asks: name, role, when the login is over (null: never), and whether it is an account with a password."""
        return Answer({"name": by.name, "role": by.role, "until_us": by.until_us or None, "has_password": by.account is not None})

    @router.put("/password", status_code=204, responses=refuses(wrong_login=401, no_account=403, conflict=409, bad_password=422, busy=503))
    async def password(new: NewPassword, request: Request, by: own) -> Response:
        """Replace your password by who knows the old one; every session of yours ends, and this browser gets a new one."""
        session = await account.set_password(by, new.old, new.new, address_of(request))
        return let_in(access, base_url(), request, session, Response(status_code=204))

    @router.get("/sessions", response_model=OwnSessions, responses=refuses(no_account=403))
    async def sessions(by: own) -> Response:
        """Return your sessions: `id`, since when, until when, and which one is this."""
        return Answer({"sessions": await account.sessions(by)})

    @router.delete("/sessions", status_code=204, responses=refuses(no_account=403))
    async def end_all(by: own) -> Response:
        """Log out everywhere, here too."""
        await account.end_all(by)
        response = Response(status_code=204)
        response.delete_cookie(access.auth.cookie, path=cookie_path(base_url()))
        return response

    @router.delete("/sessions/{session_id}", status_code=204, responses=refuses(no_account=403, no_session=404))
    async def end(session_id: SessionId, by: own) -> Response:
        """End one of your sessions; what it has open is closed."""
        await account.end_session(by, session_id)
        return Response(status_code=204)

    return router
