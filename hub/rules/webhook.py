"""One attempt at a webhook: signed, sent to an address that was checked, the answer read no further than its status.

Owns the request, its headers (docs/api.md, Notifications) and the deadline. Whether and when it is tried again is outbox.py's.
"""

import hashlib
import hmac
import ipaddress
import json
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import httpx
import trio

from devices.wire.fields import shown
from hub.core.notices import Target, wrong_target
from hub.ports import Now
from hub.rules.addresses import AddressDenied, Allowed

DEADLINE_S: Final = 10.0  # of an attempt from the name's resolution to the answer's head
MAX_ERROR: Final = 200  # characters
_MAY_COME_RIGHT: Final = (408, 425, 429)  # of the answers from 400 to 499: "not now", and not "not this"


class Outcome(NamedTuple):
    """How an attempt ended."""

    is_delivered: bool
    status: int | None = None
    error: str = ""
    is_refused: bool = False  # the target works and will not have this notice: those after it may pass


def check_url(url: str, allowed: Allowed) -> None:
    """Check a webhook's address as far as that goes without asking for its name. Raises Refusal."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise wrong_target(f"url must be printable ASCII without blanks, not {shown(url)}", "write other characters as %xx, a name as xn--")
    try:
        parsed = httpx.URL(url)
        port = parsed.port
    except (httpx.InvalidURL, ValueError) as error:
        raise wrong_target(f"url is no address: {str(error)[:MAX_ERROR]}", "write it like https://example.com/hook") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise wrong_target(f"url must begin with http:// or https:// and a host, not {shown(url[:40])}", "correct url")
    if parsed.userinfo or parsed.fragment:
        raise wrong_target("url must hold no user, password or fragment", "a receiver knows the hub by the signature")
    if port is not None and not 1 <= port <= 65_535:
        raise wrong_target(f"the port of url must be from 1 to 65535, not {port}", "correct url")
    try:
        address = ipaddress.ip_address(parsed.host)
    except ValueError:
        return  # a name: judged by what it means at each attempt
    try:
        allowed.check(parsed.host, address)
    except AddressDenied as error:
        raise wrong_target(str(error), "name a public address, or set webhook_allow") from None


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the HMAC-SHA256 of `TIMESTAMP.BODY`, hexadecimal."""
    return hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


class Webhooks:
    """Sends notices by HTTP. Redirects are not followed, and no proxy of the environment is asked."""

    def __init__(self, allowed: Allowed, now: Now) -> None:
        self.allowed = allowed
        self._now = now

    async def send(self, target: Target, notice: Mapping[str, Any]) -> Outcome:
        """Make one attempt. Cancelled, it may or may not have arrived."""
        body = json.dumps(notice["content"], ensure_ascii=False, separators=(",", ":")).encode()
        now_us = self._now()
        timestamp = now_us // 1_000_000
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tributary",
            "Tributary-Delivery": str(notice["id"]),
            "Tributary-Timestamp": str(timestamp),
            "Tributary-Signature": ",".join(f"v1={signature(secret, timestamp, body)}" for secret in target.secrets_at(now_us)),
        }
        with trio.move_on_after(DEADLINE_S):
            try:
                return _judged(await self._status_of(httpx.URL(target.url), headers, body))
            except AddressDenied as error:
                return Outcome(False, error=str(error)[:MAX_ERROR])
            except (httpx.HTTPError, OSError, UnicodeError) as error:
                return Outcome(False, error=said_of(error))
        return Outcome(False, error=f"no answer within {DEADLINE_S:g} s")

    async def _status_of(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> int:
        """Send to the very address that was checked; the name stays in Host and in what the certificate must say."""
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await self.allowed.resolve(url.host, port)
        request = httpx.Request(
            *("POST", url.copy_with(host=str(address))),
            headers={"Host": url.netloc.decode("ascii"), **headers},
            content=body,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        async with httpx.AsyncHTTPTransport(verify=_trust(), trust_env=False) as transport:
            answer = await transport.handle_async_request(request)
            await answer.aclose()
            return answer.status_code


def said_of(error: BaseException) -> str:
    """Return an error in words: its own, or of what caused it, where the libraries between have none."""
    cause: BaseException | None = error
    while cause is not None and not str(cause):
        cause = cause.__cause__ or cause.__context__
    return (str(cause) if cause is not None else type(error).__name__)[:MAX_ERROR]


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _judged(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome(True, status)
    said = " (redirects are not followed)" if 300 <= status < 400 else ""
    return Outcome(False, status, f"answered {status}{said}", 400 <= status < 500 and status not in _MAY_COME_RIGHT)
