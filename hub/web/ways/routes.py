"""The ways in without WebSockets put together: what they need of the hub, and their routes.

Owns nothing else. Made and run by main.py, in the layer of sessions; api.py takes the routes into the app.
"""

from collections.abc import Mapping

import trio
from fastapi import APIRouter

from hub.web.access import Access
from hub.web.ways.devices import ServeDevice, device_routes
from hub.web.ways.sessions import Sessions
from hub.web.ways.viewers import ServeViewer, viewer_routes


class Ways:
    """Sessions without a socket, of viewers and devices."""

    def __init__(self, serve_viewer: ServeViewer, serve_device: ServeDevice) -> None:
        self._sessions = Sessions()
        self._serve_viewer = serve_viewer
        self._serve_device = serve_device

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        await self._sessions.run(task_status=task_status)

    def routes(self, access: Access) -> APIRouter:
        """Return the routes."""
        routes = APIRouter()
        routes.include_router(viewer_routes(access, self._sessions, self._serve_viewer))
        routes.include_router(device_routes(access.auth, self._sessions, self._serve_device))
        return routes

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        return self._sessions.statistics()
