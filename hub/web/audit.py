"""The route of the audit log: who did what, newest first, page by page, asked by who, what and when.

Owns the parameters; the log is core's. Made into the app by api.py.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from hub.ports import AuditWanted
from hub.web.access import Access, Action
from hub.web.envelope import Answer

_MAX_ENTRIES: Final = 1_000  # in one answer
_MAX_WORD: Final = 200
_Word = Annotated[str, Query(max_length=_MAX_WORD)]
_Time = Annotated[int | None, Query(ge=-(2**63), lt=2**63)]


def audit_routes(access: Access) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/audit", dependencies=[Depends(access.may(Action.AUDIT))])
    async def audit(
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_ENTRIES)] = 100,
        who: _Word = "",
        action: _Word = "",
        what: _Word = "",
        since_us: _Time = None,
        until_us: _Time = None,
    ) -> Response:
        """Return who did what, newest first: of one person, one action, things with this text, a time; go on with `before` = `next`.

        `next` is null at the end.
        """
        entries = await access.auth.audit.page(before, limit, AuditWanted(who, action, what, since_us, until_us))
        return Answer({"entries": [entry._asdict() for entry in entries], "next": entries[-1].number if len(entries) == limit else None})

    return router
