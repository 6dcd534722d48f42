"""The route of the audit log: who did what, newest first, page by page, asked by who, what and when.

Owns the parameters; the log is core's. Made into the app by api.py.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from hub.ports import AuditWanted
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.parameters import DEFAULT_PAGE, Limit
from hub.web.shapes.users import Entries

_MAX_WORD: Final = 200
_After = Annotated[
    int | None, Query(ge=1, lt=2**63, description="Go on after the entry with this number, the `next` of the page before", examples=[17])
]
_Who = Annotated[str, Query(max_length=_MAX_WORD, description="Only of this person", examples=["ann"])]
_Action = Annotated[str, Query(max_length=_MAX_WORD, description="Only of this action", examples=["change role"])]
_What = Annotated[str, Query(max_length=_MAX_WORD, description="Only of things with this text", examples=["user bob"])]
_Time = Annotated[int | None, Query(ge=-(2**63), lt=2**63, description="µs since 1970", examples=[1_795_248_000_000_000])]


def audit_routes(access: Access) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/audit", response_model=Entries, dependencies=[Depends(access.may(Action.AUDIT))])
    async def audit(
        after: _After = None,
        limit: Limit = DEFAULT_PAGE,
        who: _Who = "",
        action: _Action = "",
        what: _What = "",
        since_us: _Time = None,
        until_us: _Time = None,
    ) -> Response:
        """Return who did what, newest first: of one person, one action, things with this text, a time; go on with `after` = `next`.

        `next` is null at the end.
        """
        entries = await access.auth.audit.page(after, limit, AuditWanted(who, action, what, since_us, until_us))
        return Answer({"entries": [entry._asdict() for entry in entries], "next": entries[-1].number if len(entries) == limit else None})

    return router
