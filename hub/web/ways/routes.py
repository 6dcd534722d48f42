"""The ways in without WebSockets put together: what they need of the hub, and their routes.

Owns nothing else. Made and run by main.py, in the layer of sessions; api.py takes the routes into the app.
"""

from collections.abc import Callable, Mapping

import trio
from fastapi import APIRouter, FastAPI

from hub.web.access import Access
from hub.web.beside import OtherNodes
from hub.web.ways.devices import ServeDevice, device_routes
from hub.web.ways.handing_on import HandingOn
from hub.web.ways.relay import Relay
from hub.web.ways.sessions import Sessions
from hub.web.ways.viewers import ServeViewer, viewer_routes


class Ways:
    """Sessions without a socket, of viewers and devices; `others` are the nodes beside this one."""

    def __init__(
        self,
        serve_viewer: ServeViewer,
        serve_device: ServeDevice,
        check: Callable[[str], None] = lambda kind: None,
        others: OtherNodes | None = None,
    ) -> None:
        self._others = others
        self._relay = Relay()
        self._sessions = Sessions("" if others is None else others.own)
        self._serve_viewer = serve_viewer
        self._serve_device = serve_device
        self._check = check

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        if self._others is None:
            await self._sessions.run(task_status=task_status)
            return
        async with trio.open_nursery() as nursery:
            await nursery.start(self._relay.run)
            await self._sessions.run(task_status=task_status)

    def routes(self, access: Access) -> APIRouter:
        """Return the routes."""
        routes = APIRouter()
        routes.routes.extend(viewer_routes(access, self._sessions, self._serve_viewer).routes)
        routes.routes.extend(device_routes(access.auth, self._sessions, self._serve_device, self._check).routes)
        return routes

    def stand_round(self, app: FastAPI, refused: Callable[[str], None]) -> None:
        """Have what comes for a session of another node handed on, where there are others; `refused` is told each refusal's code."""
        if self._others is not None:
            app.add_middleware(HandingOn, relay=self._relay, nodes=self._others, refused=refused)

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        handed_on = {"handed_on_requests": self._relay.requests, "handed_on_open": self._relay.open}
        return {**self._sessions.statistics(), **handed_on}
