"""Routes of users, of who is locked out, and of API tokens.

Owns their bodies; core's users and tokens decide. Made into the app by api.py.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, StrictBool

from hub.auth import Auth, Principal
from hub.core.api_tokens import DEFAULT_DAYS
from hub.core.errors import Refusal
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import Number, example, refuses
from hub.web.openapi.parameters import TokenName, UserName
from hub.web.shapes.users import AllLocked, ApiTokens, MadeToken, User, Users


class NewUser(BaseModel):
    """A user to add."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example({"name": "ann", "role": "viewer", "password": "ten or more"}))
    name: str
    role: str
    password: str


class UserChange(BaseModel):
    """What to change of a user: one of the three."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=example({"role": "operator"}, {"password": "ten or more"}, {"disabled": True})
    )
    disabled: StrictBool | None = None
    role: str | None = None
    password: str | None = None


class Lifted(BaseModel):
    """Who need not wait any longer: the `key` of one that is locked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example({"key": "ann"}))
    key: str


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example({"name": "grafana", "role": "viewer", "days": 90}))
    name: str
    role: str
    days: Number = DEFAULT_DAYS
    where: str = ""


def user_routes(access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    _user_routes(router, access.auth, access)
    _token_routes(router, access.auth, access)

    _lock_routes(router, access.auth, access)
    return router


def _user_routes(router: APIRouter, auth: Auth, access: Access) -> None:
    may_manage = access.may(Action.USERS)

    @router.get("/users", response_model=Users, dependencies=[Depends(may_manage)])
    async def users() -> Response:
        """Return every user: name, role, when added and changed; at most 1,000 can be."""
        return Answer({"users": auth.users.items()})

    @router.post("/users", status_code=201, response_model=User, responses=refuses(user_exists=409, too_many_users=409, bad_password=422))
    async def add(new: NewUser, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Add a user with a password."""
        auth.users.check_new(new.name, new.role)
        return Answer((await auth.users.add(new.name, new.role, await auth.passwords.hash_of(new.password), by.name)).item(), 201)

    @router.patch("/users/{name}", response_model=User, responses=refuses(no_user=404, conflict=409, last_admin=409, bad_password=422))
    async def change(name: UserName, new: UserChange, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Change the role or the password of a user, or disable or enable them; every login of theirs ends at once.

        A disabled user cannot log in, and API tokens that they made are good for nothing until they are enabled again.
        """
        auth.users.known(name)
        if sum(each is not None for each in (new.role, new.password, new.disabled)) != 1:
            raise Refusal("bad_request", "give one of role, password and disabled", 'send {"role": "operator"}', 422)
        if new.disabled is not None:
            return Answer((await auth.users.set_disabled(name, by.name, is_disabled=new.disabled)).item())
        if new.role is not None:
            return Answer((await auth.users.set_role(name, new.role, by.name)).item())
        return Answer((await auth.users.set_password(name, await auth.passwords.hash_of(new.password or ""), by.name)).item())

    @router.delete("/users/{name}", status_code=204, responses=refuses(no_user=404, conflict=409))
    async def remove(name: UserName, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Remove a user; every login of theirs ends at once. Tokens that they made stay."""
        await auth.users.remove(name, by.name)
        return Response(status_code=204)

    @router.delete("/users/{name}/sessions", status_code=204, responses=refuses(no_user=404, conflict=409))
    async def end_logins(name: UserName, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """End every login of a user at once, and change nothing else."""
        await auth.users.end_logins(name, by.name)
        return Response(status_code=204)


def _lock_routes(router: APIRouter, auth: Auth, access: Access) -> None:
    may_manage = access.may(Action.USERS)

    @router.get("/locked", response_model=AllLocked, dependencies=[Depends(may_manage)])
    async def locked() -> Response:
        """Return which users and addresses must wait before another try, after how many wrong ones, and for how long."""
        return Answer({"locked": auth.locked()})

    @router.post("/locked/lift", status_code=204, responses=refuses(not_locked=404))
    async def lift(lifted: Lifted, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Let a user or an address try again at once."""
        await auth.unlock(lifted.key, by.name)
        return Response(status_code=204)


def _token_routes(router: APIRouter, auth: Auth, access: Access) -> None:
    may_manage = access.may(Action.USERS)

    @router.get("/tokens", response_model=ApiTokens, dependencies=[Depends(may_manage)])
    async def tokens() -> Response:
        """Return every API token, at most 1,000: name, role, who made it, when, when it is over, the devices it is limited to."""
        return Answer({"tokens": auth.tokens.items()})

    @router.post(
        "/tokens", status_code=201, response_model=MadeToken, responses=refuses(token_exists=409, too_many_tokens=409, bad_where=422)
    )
    async def make(new: NewToken, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Make an API token, which is shown this once; with `where`, a tag expression, it is good for the devices that it means only."""
        secret, token = await auth.tokens.make(new.name, new.role, new.days, by.name, new.where)
        return Answer(token.item() | {"token": secret}, 201)

    @router.delete("/tokens/{name}", status_code=204, responses=refuses(no_token=404))
    async def revoke(name: TokenName, by: Annotated[Principal, Depends(may_manage)]) -> Response:
        """Revoke an API token; what it has open is closed at once."""
        await auth.tokens.revoke(name, by.name)
        return Response(status_code=204)
