"""Routes of targets, which are told of alerts, and of the delivery log.

Owns their bodies and pages; the desk of targets decides. Made into the app by api.py.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.errors import Refusal
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import Number, Whole, refuses
from hub.web.openapi.parameters import DEFAULT_PAGE, Limit
from hub.web.shapes.alerting import AllTargets, Deliveries, Delivery, Target, TargetSecret

_EXAMPLE: Final[Any] = {"target": "on-call", "kind": "webhook", "url": "https://example.com/hook", "severity": "warning"}
_REFUSED: Final = refuses(no_target=404, exists=409, conflict=409, too_many_targets=409, no_mail=409, bad_name=422, bad_target=422)
_Name = Annotated[str, Path(description="Name of the target", examples=["on-call"])]
_State = Annotated[Literal["waiting", "delivered", "given_up"] | None, Query(description="Only in this state", examples=["waiting"])]
_After = Annotated[
    str | None, Query(description="Go on after this one, the `next` of the page before", examples=["9f86d081884c7d659a2feaa0"])
]


class Targets(Protocol):
    """What the routes ask and change. Each change raises Refusal."""

    def targets(self) -> list[dict[str, Any]]:
        """Return all targets."""

    def target(self, name: str) -> dict[str, Any]:
        """Return one target. Raises Refusal."""

    async def put_target(self, name: str, body: Mapping[str, Any], version: int | None, who: str) -> dict[str, Any]:
        """Make a target, or replace a version of it."""

    async def delete_target(self, name: str, who: str) -> None:
        """Delete a target."""

    async def new_secret(self, name: str, overlap_s: float, who: str) -> str:
        """Replace a target's secret."""

    async def test(self, name: str, who: str) -> dict[str, Any]:
        """Send a test notice."""

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the delivery log, newest first."""


class TargetBody(BaseModel):
    """A target: its name, the version that is replaced (none: a new target), and its fields by kind."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EXAMPLE]})
    target: str
    version: Annotated[Whole, Field(ge=1)] | None = None
    kind: str


class NewSecret(BaseModel):
    """How a secret is replaced."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_s": 3600}]})
    overlap_s: Annotated[Number, Field(ge=0, le=30 * 86_400)] = 0.0


def target_routes(targets: Targets, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    _target_routes(router, targets, access)
    _secret_routes(router, targets, access)
    _delivery_routes(router, targets, access)
    return router


def _target_routes(router: APIRouter, targets: Targets, access: Access) -> None:
    manager = Annotated[Principal, Depends(access.may(Action.MANAGE))]

    @router.get("/targets", response_model=AllTargets, dependencies=[Depends(access.may(Action.MANAGE))])
    async def all_targets() -> Response:
        """Return every target; at most 50 can be. Not for everybody: an address may be a secret between its receiver and you."""
        return Answer({"targets": targets.targets()})

    @router.get(
        "/targets/{name}", response_model=Target, responses=refuses(no_target=404), dependencies=[Depends(access.may(Action.MANAGE))]
    )
    async def target(name: _Name) -> Response:
        """Return one target."""
        return Answer(targets.target(name))

    @router.post("/targets", status_code=201, response_model=Target, responses=_REFUSED)
    async def put(body: Annotated[TargetBody, Body()], by: manager) -> Response:
        """Make a target, whose `secret` is shown this once, or with `version` replace that version of it; the secret stays."""
        fields = {key: value for key, value in body.model_dump().items() if key not in ("target", "version")}
        return Answer(await targets.put_target(body.target, fields, body.version, by.name), 201)

    @router.delete("/targets/{name}", status_code=204, responses=refuses(no_target=404))
    async def delete(name: _Name, by: manager) -> Response:
        """Delete a target; what waits for it is given up."""
        await targets.delete_target(name, by.name)
        return Response(status_code=204)


def _secret_routes(router: APIRouter, targets: Targets, access: Access) -> None:
    manager = Annotated[Principal, Depends(access.may(Action.MANAGE))]

    @router.post("/targets/{name}/secret", response_model=TargetSecret, responses=refuses(no_target=404, bad_target=422))
    async def secret(name: _Name, by: manager, new: NewSecret | None = None) -> Response:
        """Replace a target's secret, shown this once; for `overlap_s` notices are signed with the old one as well."""
        overlap_s = 0.0 if new is None else new.overlap_s
        return Answer({"target": name, "secret": await targets.new_secret(name, overlap_s, by.name)})

    @router.post("/targets/{name}/test", response_model=Delivery, responses=refuses(no_target=404))
    async def test(name: _Name, by: manager) -> Response:
        """Send a test notice now, once, and return its delivery."""
        return Answer(await targets.test(name, by.name))


def _delivery_routes(router: APIRouter, targets: Targets, access: Access) -> None:
    @router.get(
        "/deliveries", response_model=Deliveries, responses=refuses(no_delivery=404), dependencies=[Depends(access.may(Action.READ))]
    )
    async def deliveries(
        state: _State = None,
        target: Annotated[str | None, Query(description="Only to this target", examples=["on-call"])] = None,
        alert: Annotated[str | None, Query(description="Only of this alert", examples=["6f1c0c8e2b7a4d55"])] = None,
        after: _After = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """Return notices and how their delivery fares, newest first; go on with `after` = `next` of the answer, null at the end."""
        wanted = {"state": state, "target": target, "alert": alert}
        found = _after(targets.deliveries(), after)
        found = [each for each in found if all(value is None or each.get(key) == value for key, value in wanted.items())]
        return Answer({"deliveries": found[:limit], "next": found[limit - 1]["id"] if len(found) > limit else None})


def _after(deliveries: Sequence[dict[str, Any]], id_: str | None) -> Sequence[dict[str, Any]]:
    if id_ is None:
        return deliveries
    for at, each in enumerate(deliveries):
        if each["id"] == id_:
            return deliveries[at + 1 :]
    raise Refusal("no_delivery", f"no delivery has the id {id_[:64]!r}", "begin again without `after`: old ones are deleted in time", 404)
