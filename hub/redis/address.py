"""What a URL of a Redis means: one server, a cluster of them, or the one that sentinels agree on.

Owns the shapes of the URL and the library's client made of it; connects to nothing. Called by client.py and, to look, by doctor.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import coredis
from coredis import Sentinel
from coredis.connection import TCPLocation
from coredis.retry import NoRetryPolicy

from hub.core.errors import Refusal

Client = coredis.Redis[bytes] | coredis.RedisCluster[bytes]
SHAPES: Final = (
    "redis://HOST:6379/0, redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE, with rediss for TLS"
)
CONNECT_S: Final = 2.0
REPLY_S: Final = 4.0  # of one request on a connection; it is more than Redis needs to sync and less than a caller waits
_POOL: Final = 16
_NO_RETRY: Final = NoRetryPolicy()


@dataclass(frozen=True, slots=True)
class Passwords:
    """What a Redis is shown, and what the sentinels are that say where it is."""

    server: str | None = field(default=None, repr=False)
    sentinels: str | None = field(default=None, repr=False)


def make_client(url: str, passwords: Passwords) -> tuple[Client, Sentinel[bytes] | None]:
    """Return the client that a URL names, and the sentinel that it asks where its Redis is. Raises Refusal. Connects to nothing."""
    parts = urlsplit(url)
    flavour, is_encrypted = parts.scheme.partition("+")[2], parts.scheme.startswith("rediss")
    if parts.scheme.partition("+")[0] not in ("redis", "rediss") or flavour not in ("", "cluster", "sentinel") or not parts.netloc:
        raise _wrong(url, "it names no Redis")
    if "@" in parts.netloc:
        raise _wrong(parts.scheme + "://...", "it holds a credential, which would end up in logs; set redis_password instead")
    # The library's own context would take a good certificate of any other host.
    waits: dict[str, Any] = {"connect_timeout": CONNECT_S, "stream_timeout": REPLY_S}
    waits["ssl_context"] = ssl.create_default_context() if is_encrypted else None
    asked = parse_qs(parts.query)
    options = waits | {"password": passwords.server, "username": asked.get("user", [None])[0], "max_connections": _POOL}
    places, path = [_location(url, place) for place in parts.netloc.split(",")], parts.path.strip("/")
    if flavour == "cluster":
        if path not in ("", "0"):
            raise _wrong(url, "a cluster has the database 0 alone")
        return coredis.RedisCluster[bytes](startup_nodes=places, retry_policy=_NO_RETRY, **options), None
    if flavour == "sentinel":
        if not path:
            raise _wrong(url, "it names no service")
        shown = {"password": passwords.sentinels, "username": asked.get("sentinel_user", [None])[0]}
        sentinel = Sentinel[bytes](places, sentinel_kwargs=waits | shown)
        return sentinel.primary_for(path, **options), sentinel
    if len(places) != 1 or not (path or "0").isdigit():
        raise _wrong(url, "it names several hosts" if len(places) != 1 else f"{path} is no number of a database")
    place = places[0]
    return coredis.Redis[bytes](place.host, place.port, int(path or 0), retry_policy=_NO_RETRY, **options), None


def servers_of(url: str) -> list[str]:
    """Return the URLs of the servers that are to be looked at one by one: each that a cluster's URL names."""
    parts = urlsplit(url)
    scheme, _, flavour = parts.scheme.partition("+")
    if flavour != "cluster":
        return [url]
    query = f"?{parts.query}" if parts.query else ""
    return [f"{scheme}://{place}/0{query}" for place in parts.netloc.split(",")]


def _location(url: str, place: str) -> TCPLocation:
    host, _, port = place.rpartition(":") if not place.endswith("]") and ":" in place else (place, "", "6379")
    if not host or not port.isdigit():
        raise _wrong(url, f"{place} is no HOST:PORT")
    return TCPLocation(host.strip("[]"), int(port))


def _wrong(url: str, why: str) -> Refusal:
    return Refusal("bad_redis", f"redis_url = {url[:120]!r}: {why}", f"write {SHAPES}")
