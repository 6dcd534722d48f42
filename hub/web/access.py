"""Who may do which action over HTTP, in one table, and how a request proves that it is not another site's.

Owns the table and the checks before every route; knows no routes. Used by api.py and its siblings.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.routing import APIRoute

from hub.auth import Auth, Principal
from hub.core.errors import Refusal
from hub.web.origins import is_own


class Action(Enum):
    """What a request does."""

    READ = "read"  # devices, readings, commands
    COMMAND = "send commands"
    MANAGE = "manage devices and logins"


ALLOWED: Final = {
    "viewer": frozenset({Action.READ}),
    "operator": frozenset({Action.READ, Action.COMMAND}),
    "admin": frozenset(Action),
}
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class Access:
    """The checks before a route."""

    def __init__(self, auth: Auth, allowed_origins: tuple[str, ...] = ()) -> None:
        self.auth = auth
        self._allowed_origins = allowed_origins

    def may(self, action: Action) -> Callable[[Request], Awaitable[Principal]]:
        """Return a dependency that lets only who may do the action through. It raises Refusal 401, 403 or 422."""

        async def check(request: Request) -> Principal:
            principal = await self.principal(request)
            if action not in ALLOWED.get(principal.role, frozenset()):
                raise Refusal("not_allowed", f"the role {principal.role} may not {action.value}", "ask an administrator", 403)
            self.check_origin(request)
            _check_parameters(request)
            return principal

        return check

    async def principal(self, request: Request) -> Principal:
        """Return who sends a request. Raises Refusal 401."""
        if (principal := await self.auth.principal(request.headers)) is not None:
            return principal
        if "authorization" in request.headers:
            hint = "send Authorization: Bearer <content of admin.token in the data directory>; a device's token opens /v1/device only"
            raise Refusal("wrong_token", "Authorization holds no administrator's token", hint, 401)
        hint = "log in with the link of: tributary login; programs send Authorization: Bearer <content of admin.token>"
        raise Refusal("not_logged_in", "this needs a login", hint, 401)

    def check_origin(self, request: Request) -> None:
        """Refuse a change that another site's page sends with this hub's cookie. A bearer token no browser sends by itself."""
        if request.method in _SAFE_METHODS or "authorization" in request.headers:
            return
        origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
        if not is_own(origin, host, self._allowed_origins, is_encrypted=request.scope["scheme"] == "https"):
            said = origin[:100] or "(none)"
            hint = "send changes from the hub's own page; behind a proxy that changes Host add the page's origin to allowed_origins"
            raise Refusal("foreign_origin", f"Origin {said} is not this hub's own", hint, 403)


def _check_parameters(request: Request) -> None:
    """Refuse a parameter that the route does not have: a misspelt one would be a question that was not asked."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = sorted(field.alias for field in route.dependant.query_params)
    for name in request.query_params:
        if name not in known:
            hint = f"known here: {', '.join(known)}" if known else "this route takes none"
            raise Refusal("unknown_parameter", f"there is no query parameter {name[:40]!r}", hint, 422)


def is_loopback(request: Request) -> bool:
    """Tell whether a request comes from this machine itself, for itself.

    A proxy on it speaks for others, and so does a browser on it for a page whose name was pointed here: it says that name as Host.
    """
    if request.client is None or not _is_loopback_name(request.client.host) or any(name in request.headers for name in _PROXY_HEADERS):
        return False
    host = request.headers.get("host")
    try:
        return host is None or _is_loopback_name(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _is_loopback_name(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def is_encrypted(request: Request) -> bool:
    """Tell whether the browser spoke TLS, to the hub or to a proxy that says so. Who says so wrongly locks out only themselves."""
    outside = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (request.scope["scheme"], outside)
