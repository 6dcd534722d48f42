"""Who may do which action over HTTP, in one table, and how a request proves that it is not another site's.

Owns the table and the checks before every route; knows no routes. Used by api.py and its siblings.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from hub.auth import Auth, Principal
from hub.core.errors import Refusal


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


def may(auth: Auth, action: Action) -> Callable[[Request], Awaitable[Principal]]:
    """Return a dependency that lets only who may do the action through. It raises Refusal 401 or 403."""

    async def check(request: Request) -> Principal:
        principal = await auth.principal(request.headers)
        if principal is None:
            hint = "log in with the link of: tributary login; programs send Authorization: Bearer <content of admin.token>"
            raise Refusal("not_logged_in", "this needs a login", hint, 401)
        if action not in ALLOWED.get(principal.role, frozenset()):
            raise Refusal("not_allowed", f"the role {principal.role} may not {action.value}", "ask an administrator", 403)
        check_origin(request)
        return principal

    return check


def check_origin(request: Request) -> None:
    """Refuse a change that another site's page sends with this hub's cookie. A bearer token no browser sends by itself."""
    if request.method in _SAFE_METHODS or "authorization" in request.headers:
        return
    origin = request.headers.get("origin", "")
    scheme, _, place = origin.lower().partition("://")
    if scheme not in ("http", "https") or not place or place != request.headers.get("host", "").lower():
        said = origin[:100] or "(none)"
        raise Refusal("foreign_origin", f"Origin {said} is not this hub's own", "send changes from the hub's own page", 403)


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
