"""Routes of rules and alerts.

Owns their bodies and pages; the desk of rules decides. Made into the app by api.py.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.errors import Refusal
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import Number, Whole, refuses
from hub.web.openapi.parameters import DEFAULT_PAGE, AlertId, Limit, OfDevice, RuleName
from hub.web.shapes import rules as shapes

_EXAMPLE: Final[Any] = {"rule": "too-hot", "kind": "above", "channels": ["temperature"], "limit": 30, "hysteresis": 2, "for_s": 10}

_PREVIEW: Final[Any] = {"kind": "above", "channels": ["temperature"], "limit": 30, "for_s": 10, "days": 7}
_REFUSED: Final = refuses(no_rule=404, exists=409, conflict=409, too_many_rules=409, bad_name=422, bad_rule=422)
_State = Annotated[Literal["open", "acknowledged", "cleared"] | None, Query(description="Only in this state", examples=["open"])]

_Severity = Annotated[Literal["info", "warning", "critical"] | None, Query(description="Only of this severity", examples=["critical"])]


class Rules(Protocol):
    """What the routes ask and change. Each change raises Refusal."""

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules."""

    def rule(self, name: str) -> dict[str, Any]:
        """Return one rule. Raises Refusal."""

    async def put_rule(self, name: str, body: Mapping[str, Any], version: int | None, who: str) -> dict[str, Any]:
        """Make a rule, or replace a version of it."""

    async def delete_rule(self, name: str, who: str) -> None:
        """Delete a rule."""

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts, newest first."""

    def alert(self, id_: str) -> dict[str, Any]:
        """Return one alert. Raises Refusal."""

    async def acknowledge(self, id_: str, who: str) -> dict[str, Any]:
        """Note that somebody has seen an alert."""

    async def acknowledge_all(self, ids: Sequence[str], who: str) -> tuple[list[dict[str, Any]], dict[str, Refusal]]:
        """Note that somebody has seen alerts; return them, and why others of them are left as they are."""


class Previews(Protocol):
    """What looks back for a rule."""

    async def look(self, body: Mapping[str, Any], days: float) -> dict[str, Any]:
        """Return what a rule would have raised. Raises Refusal."""


class RuleBody(BaseModel):
    """A rule: its name, the version that is replaced (none: a new rule), and its fields by kind."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EXAMPLE]})
    rule: str
    version: Annotated[Whole, Field(ge=1)] | None = None
    kind: str


class PreviewBody(BaseModel):
    """The fields of a rule that need not be there yet, and how many days to look back."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_PREVIEW]})
    kind: str
    days: Annotated[Number, Field(gt=0, le=31)] = 7.0


class SeenBody(BaseModel):
    """The alerts that somebody has seen, by their ids."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"alerts": ["6f1c0c8e2b7a4d55", "0a3d5e7f9b1c2d44"]}]})
    alerts: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=1_000)]


def rule_routes(rules: Rules, access: Access, preview: Previews | None = None) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    _rule_routes(router, rules, access)
    if preview is not None:
        _preview_route(router, preview, access)
    _alert_routes(router, rules, access)
    return router


def _rule_routes(router: APIRouter, rules: Rules, access: Access) -> None:
    may_read = Depends(access.may(Action.READ))
    manager = Annotated[Principal, Depends(access.may(Action.MANAGE))]

    @router.get("/rules", response_model=shapes.Rules, dependencies=[may_read])
    async def all_rules() -> Response:
        """Return every rule; at most 500 can be."""
        return Answer({"rules": rules.rules()})

    @router.get("/rules/{name}", response_model=shapes.Rule, responses=refuses(no_rule=404), dependencies=[may_read])
    async def rule(name: RuleName) -> Response:
        """Return one rule."""
        return Answer(rules.rule(name))

    @router.post("/rules", status_code=201, response_model=shapes.Rule, responses=_REFUSED)
    async def put(body: Annotated[RuleBody, Body()], by: manager) -> Response:
        """Make a rule, or with `version` replace that version of it; alerts of the rule as it was are over then."""
        fields = {key: value for key, value in body.model_dump().items() if key not in ("rule", "version")}
        return Answer(await rules.put_rule(body.rule, fields, body.version, by.name), 201)

    @router.delete("/rules/{name}", status_code=204, responses=refuses(no_rule=404))
    async def delete(name: RuleName, by: manager) -> Response:
        """Delete a rule; its alerts are over."""
        await rules.delete_rule(name, by.name)
        return Response(status_code=204)


def _preview_route(router: APIRouter, preview: Previews, access: Access) -> None:
    @router.post(
        "/rules/preview",
        response_model=shapes.Preview,
        responses=refuses(bad_rule=422, bad_where=422, busy=503, query_timeout=504, store_refused=502),
        dependencies=[Depends(access.may(Action.MANAGE))],
    )
    async def look(body: Annotated[PreviewBody, Body()]) -> Response:
        """Return what a rule would have raised in the last days, by what is stored; nothing is made.

        Readings are judged by the rule's own code. Where they are too many, or no longer kept one by one, `width_us` says how wide the
        buckets are that were looked at instead; `notes` say what that hides, and what else could not be looked at.
        """
        fields = {key: value for key, value in body.model_dump().items() if key not in ("days", "rule", "version")}
        return Answer(await preview.look(fields, body.days))


def _alert_routes(router: APIRouter, rules: Rules, access: Access) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/alerts", response_model=shapes.Alerts, responses=refuses(no_alert=404), dependencies=[may_read])
    async def alerts(
        state: _State = None,
        rule: Annotated[str | None, Query(description="Only of this rule", examples=["too-hot"])] = None,
        device: OfDevice = None,
        severity: _Severity = None,
        after: Annotated[str | None, Query(description="Go on after the alert with this id", examples=["6f1c0c8e2b7a4d55"])] = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """Return alerts, newest first; go on with `after` = `next` of the answer, null at the end."""
        wanted = {"state": state, "rule": rule, "device": device, "severity": severity}
        found = _after(rules.alerts(), after)
        found = [alert for alert in found if all(value is None or alert[key] == value for key, value in wanted.items())]
        return Answer({"alerts": found[:limit], "next": found[limit - 1]["id"] if len(found) > limit else None})

    @router.get("/alerts/{alert_id}", response_model=shapes.Alert, responses=refuses(no_alert=404), dependencies=[may_read])
    async def alert(alert_id: AlertId) -> Response:
        """Return one alert."""
        return Answer(rules.alert(alert_id))

    @router.post("/alerts/{alert_id}/acknowledge", response_model=shapes.Alert, responses=refuses(no_alert=404, not_open=409))
    async def acknowledge(alert_id: AlertId, by: Annotated[Principal, Depends(access.may(Action.ALERTS))]) -> Response:
        """Note that you have seen an open alert; it stays until it is cleared."""
        return Answer(await rules.acknowledge(alert_id, by.name))

    @router.post("/alerts/acknowledge", response_model=shapes.Acknowledged)
    async def acknowledge_all(seen: Annotated[SeenBody, Body()], by: Annotated[Principal, Depends(access.may(Action.ALERTS))]) -> Response:
        """Note that you have seen these alerts, at most 1,000, all at once; those that are not open are left as they are and named."""
        found, refused = await rules.acknowledge_all(seen.alerts, by.name)
        refusals = [{"alert": id_, "code": refusal.code, "message": refusal.message} for id_, refusal in refused.items()]
        return Answer({"alerts": found, "refusals": refusals})


def _after(alerts: Sequence[dict[str, Any]], id_: str | None) -> Sequence[dict[str, Any]]:
    if id_ is None:
        return alerts
    for at, alert in enumerate(alerts):
        if alert["id"] == id_:
            return alerts[at + 1 :]
    raise Refusal("no_alert", f"no alert has the id {id_[:64]!r}", "begin again without `after`: old alerts are deleted in time", 404)
