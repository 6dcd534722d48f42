"""The checks before every route: who sends a request, whether their role may do its action, and that no other site sent it.

Owns the order of the checks; the table of roles and actions is core's. Knows no routes. Used by api.py and its siblings.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final, get_origin
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.routing import APIRoute

from hub.auth import Auth, Principal
from hub.core.actions import ALLOWED, Action, check_role
from hub.core.errors import Refusal
from hub.core.reach import Reach, Reaches
from hub.web.admission import principal_by
from hub.web.origins import is_own

__all__ = ["Access", "Action", "Gate", "address_of", "check_parameters", "is_encrypted", "is_loopback"]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_OF_DEVICE: Final = re.compile(r"/api/v1/devices/\{(\w+)\}")  # how the path of a route of one device begins
_PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class Access:
    """The checks before a route."""

    def __init__(self, auth: Auth, reaches: Reaches, allowed_origins: tuple[str, ...] = ()) -> None:
        self.auth = auth
        self._reaches = reaches
        self._allowed_origins = allowed_origins

    def may(self, action: Action, *, narrows: bool = False) -> "Gate":
        """Return a dependency that lets only who may do the action through.

        Who is limited to some devices is let through where the request names devices in reach, or where the route says that it `narrows`
        what it gives by itself.
        """
        return Gate(self, action, narrows=narrows)

    def reach(self, principal: Principal) -> Reach | None:
        """Return what is in reach of a limited login; None: all."""
        return self._reaches.of(principal.where, principal.share)

    def check_reach(self, principal: Principal, device: str, channels: Sequence[str] = ()) -> None:
        """Let these channels of a device pass, all where none is named, if they are in reach. Raises Refusal 403."""
        if (reach := self.reach(principal)) is not None:
            reach.check(device, channels)

    def check_named(self, principal: Principal, request: Request) -> None:
        """Let a request of a limited login pass that names devices, all in reach: in its path or, where it reads, by `device`.

        Raises Refusal 403.
        """
        route = request.scope.get("route")
        path = route.path if isinstance(route, APIRoute) else ""
        if (match := _OF_DEVICE.match(path)) is not None:
            self.check_reach(principal, str(request.path_params[match[1]]))
            return
        query, reach = request.query_params, self.reach(principal)
        is_reading = request.method in _SAFE_METHODS and _takes_device(route)
        named = query.getlist("device") if is_reading else []
        if reach is not None and (not named or "where" in query):
            reach.check_where(query["where"] if is_reading and not named and "where" in query else "", query.getlist("channel"))
        for device in named:
            self.check_reach(principal, device, query.getlist("channel"))

    async def principal(self, request: Request) -> Principal:
        """Return who sends a request. Raises Refusal 401, 429, 503."""
        if (principal := await principal_by(request.headers, self.auth, address_of(request))) is not None:
            return principal
        if "authorization" in request.headers:
            hint = "send Authorization: Bearer <content of admin.token, or a token of: tributary token add>; devices have /v1/device only"
            raise Refusal("wrong_token", "Authorization holds no token that is good here", hint, 401)
        hint = "log in at /login, or with the link of: tributary login; programs send Authorization: Bearer <token>"
        raise Refusal("not_logged_in", "this needs a login", hint, 401)

    def check_origin(self, request: Request) -> None:
        """Refuse what another site's page sends with this hub's cookie, and a change of which no origin is told.

        A bearer token no browser sends by itself. Pages ask their own site without an Origin where nothing changes.
        """
        if "authorization" in request.headers or (request.method in _SAFE_METHODS and "origin" not in request.headers):
            return
        origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
        if not is_own(origin, host, self._allowed_origins, is_encrypted=is_encrypted(request)):
            said = origin[:100] or "(none)"
            hint = "send it from the hub's own page; behind a proxy that changes Host add the page's origin to allowed_origins"
            raise Refusal("foreign_origin", f"Origin {said} is not this hub's own", hint, 403)


class Gate:
    """The check before a route: it gives who comes, if their role may do the action."""

    schemes = ("bearer", "cookie")  # how one proves who one is

    def __init__(self, access: Access, action: Action, *, narrows: bool = False) -> None:
        self._access = access
        self.action = action
        self.narrows = narrows
        self.roles = tuple(role for role, actions in ALLOWED.items() if action in actions)

    def refuses(self) -> Iterator[tuple[str, int]]:
        """Yield what this refuses, each code with its status, for the API to describe itself."""
        yield from (
            ("not_logged_in", 401),
            ("wrong_token", 401),
            ("not_allowed", 403),
            ("out_of_reach", 403),
            ("foreign_origin", 403),
            ("too_many_tries", 429),
            ("busy", 503),
        )

    async def __call__(self, request: Request) -> Principal:
        """Return who may go on. Raises Refusal 401, 403, 422, 429, 503; StoreUnavailable."""
        principal = await self._access.principal(request)
        check_role(principal.role, self.action)
        if principal.is_remembered and self.action is not Action.SEE and request.method not in _SAFE_METHODS:
            raise _only_reading()
        if (principal.where or principal.share) and not self.narrows:
            self._access.check_named(principal, request)
        self._access.check_origin(request)
        check_parameters(request)
        return principal


def _only_reading() -> Refusal:
    """Return what somebody is told who would change something while nobody can tell whether their login has ended meanwhile."""
    said = "the store of logins does not answer: until it does, who is logged in can read, and change nothing"
    return Refusal("store_unavailable", said, "try again when it is back; the hub's log says why it is away", 503)


def _takes_device(route: object) -> bool:
    return isinstance(route, APIRoute) and any(field.alias == "device" for field in route.dependant.query_params)


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client is not None else ""


def check_parameters(request: Request) -> None:
    """Refuse a parameter that the route does not have, or is there twice: a misspelt one would be a question that was not asked."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = {field.alias: field for field in route.dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            hint = f"known here: {', '.join(sorted(known))}" if known else "this route takes none"
            raise Refusal("unknown_parameter", f"there is no query parameter {name[:40]!r}", hint, 422)
        if given.count(name) > 1 and get_origin(known[name].field_info.annotation) is not list:
            raise Refusal("repeated_parameter", f"the query parameter {name} is there {given.count(name)} times", "give it once", 422)


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
    """Tell whether the browser spoke TLS, to the hub or to a proxy that the operator trusts: the door has judged that (proxies.py)."""
    return bool(request.scope["scheme"] == "https")
