"""Who may open a WebSocket: the handshake, the token or session, the origin and the subprotocol, all before the upgrade.

Owns the order of these checks and their refusals (docs/protocol.md sections 1 and 10). Opens nothing itself; called by the door.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
import trio

from devices.wire.limits import SUBPROTOCOL_DEVICE, SUBPROTOCOL_LIVE_JSON, SUBPROTOCOL_LIVE_MSGPACK
from hub.auth import Principal
from hub.core.actions import Action, check_role
from hub.core.errors import Refusal
from hub.core.seldom import Seldom
from hub.web.head import Head
from hub.web.origins import is_own
from hub.web.refusals import bad_request

DEVICE_PATH: Final = "/v1/device"
LIVE_PATH: Final = "/v1/live"
ENCODINGS: Final = {SUBPROTOCOL_LIVE_JSON: "json", SUBPROTOCOL_LIVE_MSGPACK: "msgpack"}
SUBPROTOCOLS: Final = {DEVICE_PATH: (SUBPROTOCOL_DEVICE,), LIVE_PATH: tuple(ENCODINGS)}
_log: Final = structlog.get_logger(__name__)
_seldom = Seldom()  # of the process, as the log is


class AuthPort(Protocol):
    """What the door asks about whoever knocks."""

    def device_of(self, token: str) -> str | None:
        """Return the device a token was made for."""

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """Return who sends these headers (names in lower case), by session cookie or bearer token."""

    async def may_be_new(self, address: str) -> None:
        """Return once a token that nobody has would be known if another node had made it. Raises Refusal 429, 503."""

    async def wrong_token(self, address: str) -> None:
        """Count a token that nobody has. Raises Refusal 429 where too many came from this address."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A WebSocket that may be opened, for a device or for somebody who watches."""

    who: str | Principal
    subprotocol: str
    key: str  # Sec-WebSocket-Key


async def admit(head: Head, auth: AuthPort, allowed_origins: tuple[str, ...], *, is_encrypted: bool, client: str = "") -> Admitted:
    """Let an upgrade in, or raise Refusal (400 to 404, 426, 429, 503); who is refused stands in the log, by the address `client`."""
    try:
        return await _admitted(head, auth, allowed_origins, client, is_encrypted=is_encrypted)
    except Refusal as refusal:
        _tell_refused(head, refusal, client)
        raise


def _tell_refused(head: Head, refusal: Refusal, client: str) -> None:
    """Write a line now and then. A proxy that is not trusted is not believed: what one says of the client stands beside."""
    is_device = head.path == DEVICE_PATH
    if times := _seldom.times(f"{is_device} {client} {refusal.code}", trio.current_time()):
        said: dict[str, object] = {"remote": client, "why": refusal.code, "reason": refusal.message[:200], "times": times}
        if forwarded := head.fields.get("x-forwarded-for"):
            said["forwarded_for"] = forwarded[:100]
        tell = _log.warning if is_device else _log.info
        tell("device_refused" if is_device else "viewer_refused", **said, hint=refusal.hint)


async def _admitted(head: Head, auth: AuthPort, allowed_origins: tuple[str, ...], client: str, *, is_encrypted: bool) -> Admitted:
    if head.path not in SUBPROTOCOLS:
        raise Refusal("not_found", f"there is no WebSocket at {head.path}", f"open {DEVICE_PATH} or {LIVE_PATH}", 404)
    key = _checked_key(head)
    is_device = head.path == DEVICE_PATH
    who = await device_by(head.fields.get("authorization", ""), auth, client) if is_device else await _viewer(head, auth, client)
    _check_origin(head, allowed_origins, is_encrypted=is_encrypted)
    return Admitted(who, _subprotocol(head), key)


def _checked_key(head: Head) -> str:
    if head.method != "GET" or head.version != "1.1":
        raise bad_request("a WebSocket begins with GET and HTTP/1.1", "see RFC 6455 section 4.1")
    if head.fields.get("sec-websocket-version") != "13":
        raise bad_request("Sec-WebSocket-Version is not 13", "speak WebSocket version 13 (RFC 6455)", status=426)
    if head.fields.get("content-length", "0") != "0" or "transfer-encoding" in head.fields:
        raise bad_request("a WebSocket handshake has no body", "see RFC 6455 section 4.1")
    key = head.fields.get("sec-websocket-key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        is_key = False
    if not is_key:
        raise bad_request("Sec-WebSocket-Key is not 16 bytes in base64", "see RFC 6455 section 4.1")
    return key


async def device_by(authorization: str, auth: AuthPort, client: str) -> str:
    """Return the device whose token stands in Authorization. Raises Refusal 401, 429, 503."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("no_token", "there is no device token", "send it as Authorization: Bearer <device token>", 401)
    if (device := auth.device_of(token.strip())) is None:
        await auth.may_be_new(client)
        device = auth.device_of(token.strip())
    if device is None:
        await auth.wrong_token(client)
        raise Refusal("wrong_token", "no device has this token", "make a new one: tributary device token NAME", 401)
    return device


async def principal_by(headers: Mapping[str, str], auth: AuthPort, client: str) -> Principal | None:
    """Return who sends these headers, asked again where a token may be new; a wrong one is counted. Raises Refusal 429, 503."""
    if (principal := await auth.principal(headers)) is None and "authorization" in headers:
        await auth.may_be_new(client)
        if (principal := await auth.principal(headers)) is None:
            await auth.wrong_token(client)
    return principal


async def _viewer(head: Head, auth: AuthPort, client: str) -> Principal:
    if (principal := await principal_by(head.fields, auth, client)) is None:
        if "authorization" in head.fields:
            raise Refusal("wrong_token", "this token is not good here", "send admin.token, or one of: tributary token add", 401)
        raise Refusal("not_logged_in", "there is no live session and no valid bearer token", "log in: tributary login", 401)
    check_role(principal.role, Action.SEE)
    return principal


def _check_origin(head: Head, allowed: tuple[str, ...], *, is_encrypted: bool) -> None:
    """Refuse a page of somebody else's that would use our user's cookie. Programs send a bearer token, and no Origin."""
    origin = head.fields.get("origin")
    if origin is None:
        if "authorization" in head.fields:
            return
        raise Refusal("foreign_origin", "there is no Origin, and a session cookie needs one", "use a bearer token outside a browser", 403)
    if not is_own(origin, head.fields.get("host", ""), allowed, is_encrypted=is_encrypted):
        raise Refusal("foreign_origin", f"pages of {origin} may not open sockets here", "add it to allowed_origins", 403)


def _subprotocol(head: Head) -> str:
    wanted = SUBPROTOCOLS[head.path]
    for offer in head.fields.get("sec-websocket-protocol", "").split(","):
        if (offer := offer.strip()) in wanted:
            return offer
    raise bad_request("no subprotocol was offered that is spoken here", f"send Sec-WebSocket-Protocol: {' or '.join(wanted)}")
