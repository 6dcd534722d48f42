"""Sending a browser to where the hub really is: to TLS, and into the base path.

Owns the answer and whom it is given to; what a redirect would not help is refused in words. Called by visit.py.
"""

import re
from email.utils import formatdate
from typing import Final

from hub.core.errors import Refusal
from hub.web.head import Head
from hub.web.refusals import DOOR_SECURITY
from hub.web.settings import DoorSettings

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")


def to_tls(head: Head, settings: DoorSettings) -> bytes:
    """Return the answer to a plain request on the TLS port.

    Raises Refusal where a token may have crossed the network in the clear: a redirect would hide that it did, each time anew.
    """
    said = Refusal("tls_required", "this port speaks TLS, and the request came in the clear", "use https:// and wss:// here", 403)
    if head.method not in ("GET", "HEAD") or head.is_upgrade or "authorization" in head.fields:
        raise said
    place = f"{head.path}?{head.query}" if head.query else head.path
    if settings.public_url.startswith("https:"):
        return moved(settings.public_url + place)
    if not _HOST.fullmatch(host := head.fields.get("host", "")):
        raise said
    return moved(f"https://{host}{settings.base_path}{place}")


def moved(to: str) -> bytes:
    """Return the answer that sends a browser elsewhere; the connection closes. Not for ever: a browser would keep it for good."""
    lines = [
        "HTTP/1.1 307 Temporary Redirect",
        f"Location: {to}",
        "Content-Length: 0",
        "Connection: close",
        *DOOR_SECURITY,
        f"Date: {formatdate(usegmt=True)}",
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"
