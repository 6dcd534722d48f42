"""The route that nodes of one cluster ask each other by: frames of this node's journal, for who follows it.

Owns the check of the token that nodes share, which is good for nothing else; no person and no program comes here, so the API does not
describe it. There only where a hub is one of several. Made into the app by api.py.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from hub.core.errors import Refusal
from hub.sessions.latest import RowsOfAll
from hub.web.access import check_parameters

_TYPE: Final = "application/msgpack"
_DEVICES: Final = "tributary-devices"  # a header, so that a node which does not know it says more than was asked, and not an error


class NodeFrames(NamedTuple):
    """What other nodes may ask for, and what this one has of theirs."""

    frames: Callable[[int | None, str | None], Awaitable[bytes]]  # after a position, of devices as the header says them
    token: Callable[[], str]  # "" while it is not known here: then nobody is let in
    rows: RowsOfAll | None = None


def node_routes(node: NodeFrames) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1/node", include_in_schema=False)

    @router.get("/frames")
    async def frames(request: Request, after: Annotated[int | None, Query(ge=0, le=2**62)] = None) -> Response:
        """Return the frames of some devices that follow on a position of this node's journal, without one those of a while."""
        _check(request, node.token())
        check_parameters(request)
        return Response(await node.frames(after, request.headers.get(_DEVICES)), media_type=_TYPE)

    return router


def _check(request: Request, token: str) -> None:
    """Let who shows the token of the nodes pass. Raises Refusal 401."""
    said = request.headers.get("authorization", "")
    if not token or not hmac.compare_digest(said.encode(), f"Bearer {token}".encode()):
        raise Refusal("wrong_token", "this is for nodes of the cluster, by the token that they share", "", 401)
