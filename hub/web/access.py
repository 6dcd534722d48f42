"""Who may do which action over HTTP, in one table, and how a request proves that it is not another site's.

Owns the table and the checks before every route; knows no routes. Used by api.py and its siblings.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

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
_PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


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
    """Tell whether a request comes from this machine itself, and not through a proxy on it, which speaks for others."""
    is_local = request.client is not None and (request.client.host.startswith("127.") or request.client.host == "::1")
    return is_local and not any(name in request.headers for name in _PROXY_HEADERS)
