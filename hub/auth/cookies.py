"""The session cookie.

Owns its name and how it is found among others. Used by auth.py and the page's routes.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

COOKIE: Final = "tributary_session"  # how the name begins
GUEST_COOKIE: Final = "tributary_guest"  # the same, of who came by the link of a shared dashboard


def session_of(headers: Mapping[str, str], cookie_name: str) -> str | None:
    """Return the session token in the cookie of this name.

    Read by hand: http.cookies gives up on all of them at one odd cookie, and cookies of every program on this host, whatever
    its port, arrive here.
    """
    for cookie in headers.get("cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == cookie_name and value:
            return value
    return None


def names_by(secret: bytes) -> tuple[str, str]:
    """Return the names of the cookies of who is logged in and of guests: hubs on other ports of a host get the same cookies."""
    own = hashlib.sha256(secret).hexdigest()[:8]
    return f"{COOKIE}_{own}", f"{GUEST_COOKIE}_{own}"
