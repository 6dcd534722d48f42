"""Whether a request of a browser comes from a page of this hub, or from another that the operator allows.

Owns the comparison of origins (RFC 6454) for sockets and for changes over HTTP alike; refuses nothing itself. Used by admission.py
and access.py.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_own(origin: str, host: str, allowed: Iterable[str], *, is_encrypted: bool) -> bool:
    """Tell whether an Origin is that of the hub's own page, which the browser calls by `host`, or an allowed one.

    https counts before plain TCP as well: a reverse proxy ends TLS.
    """
    schemes = ("https",) if is_encrypted else ("http", "https")
    own = [_place(f"{scheme}://{host}") for scheme in schemes]
    came_from = _place(origin)
    return came_from is not None and came_from in (*own, *map(_place, allowed))


def _place(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin; None where it is none ("null", garbage)."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, _DEFAULT_PORTS[parts.scheme] if port is None else port
