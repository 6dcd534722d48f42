"""The app of a whole hub, of which nothing runs but its state store: every route there is, and clients of each role.

Owns what a route is called and who may come to it; checks nothing. Used by tests of the gates and of the API's description.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from hub.api_parts import api_parts
from hub.auth import Auth
from hub.config import Settings
from hub.core.actions import GUEST, Action
from hub.core.dashboards import Dashboards
from hub.core.shares import Shares
from hub.datadir import DataDir
from hub.main import Hub, now_us
from hub.web.access import Gate
from hub.web.api import make_app
from hub.web.openapi.document import calls_of, routes_of
from tests.support.api_hub import URL
from tests.support.cheap_passwords import cheap

# What needs no login, and why. Every other route has an action.
OPEN = {
    ("GET", "/healthz"): "for whoever starts and watches the process",
    ("GET", "/readyz"): "for load balancers",
    ("GET", "/metrics"): "for this machine; for others it reads",
    ("GET", "/"): "the page, or how to log in",
    ("GET", "/static/{name:path}"): "nothing of this hub",
    ("GET", "/favicon.ico"): "the same",
    ("GET", "/shared"): "the same: what it shows comes by the token of a link",
    ("POST", "/api/v1/shared"): "the way in for guests",
    ("GET", "/login"): "the way in",
    ("HEAD", "/login"): "the same",
    ("POST", "/login"): "the same",
    ("POST", "/logout"): "ends what the cookie names",
    ("GET", "/api/v1/openapi.json"): "nothing of this hub",
    ("GET", "/api/v1/docs"): "the same",
    ("POST", "/api/v1/device"): "for devices, by their own tokens",
    ("POST", "/api/v1/device/{session}"): "the same",
    ("GET", "/api/v1/device/{session}"): "the same",
    ("POST", "/api/v1/provision"): "for devices, by a provisioning key",
}


def actions_of(route: APIRoute) -> set[Action]:
    """Return what a route declares that it does."""
    return {call.action for call in calls_of(route.dependant) if isinstance(call, Gate)}


@dataclass(frozen=True)
class Whole:
    """The app of a whole hub, of which nothing runs but its state store: no call here goes further than a gate."""

    app: FastAPI
    auth: Auth
    shares: Shares
    dashboards: Dashboards

    def gated(self) -> dict[tuple[str, str], set[Action]]:
        """Return the actions of every route that is neither open nor for devices."""
        return {place: actions_of(route) for place, route in self.routes() if place not in OPEN and not is_for_devices(place)}

    def routes(self) -> list[tuple[tuple[str, str], APIRoute]]:
        """Return every route with each of its methods."""
        return [((method, route.path), route) for route in routes_of(self.app.routes) for method in route.methods or ()]

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Return somebody without a login, unless it is in the headers."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("10.0.0.9", 40_000))
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)

    async def client_of(self, role: str, way: str) -> httpx.AsyncClient:
        """Return somebody with a role who came by a way."""
        auth = self.auth
        if role == GUEST:
            document = {"title": "Hall", "variables": [], "range": "1h", "tiles": []}
            await self.dashboards.save("hall", document, 0, "me")
            token, _ = await self.shares.make("hall", "it", 1, "me", None)
            return self.client(Cookie=f"{auth.guest_cookie}={token}", Origin=URL)
        if way == "token":
            return self.client(Authorization=f"Bearer {(await auth.tokens.make('it', role, 1, 'me'))[0]}")
        if way == "link":
            session = await auth.use_login(await auth.new_login("ann", role))
        else:
            await auth.users.add("ann", role, await auth.passwords.hash_of("correct horse"), "me")
            session = await auth.log_in("ann", "correct horse", "10.0.0.9")
        return self.client(Cookie=f"{auth.cookie}={session}", Origin=URL)


@asynccontextmanager
async def whole_hub(directory: Path) -> AsyncIterator[Whole]:
    with DataDir(directory / "data") as data:
        hub = Hub(Settings(data_dir=directory / "data"), data)
        await hub.state.start()
        try:
            await cheap(hub.control.auth).start()
            yield Whole(make_app(api_parts(hub, now_us)), hub.control.auth, hub.control.shares, hub.control.dashboards)
        finally:
            await hub.state.aclose()


def is_for_devices(place: tuple[str, str]) -> bool:
    """Tell the routes that take a device's token and nobody's role."""
    return f"{place[1]}/".startswith("/api/v1/device/")
