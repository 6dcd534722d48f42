"""The route of the nodes: which hubs there are on one state, and how each fares as it says.

Owns nothing but the route; hub/nodes knows them. Made into the app by api.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Depends, Response

from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.shapes.nodes import Nodes


def cluster_routes(nodes: Callable[[], Mapping[str, Any]], access: Access) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(access.may(Action.CONNECTIONS))])

    @router.get("/nodes", response_model=Nodes)
    async def every_node() -> Response:
        """Return the nodes that share the state with this one, and this one first. A node that is gone is listed for seven days."""
        return Answer(nodes())

    return router
