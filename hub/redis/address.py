"""What a URL of a Redis means: one server, a cluster of them, or the one that sentinels agree on.

Owns the shapes of the URL and the library's client made of it; connects to nothing. Called by client.py and, to look, by doctor.
"""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import coredis
from coredis import Sentinel
from coredis.connection import TCPLocation
from coredis.retry import NoRetryPolicy

from hub.core.errors import Refusal

Client = coredis.Redis[bytes] | coredis.RedisCluster[bytes]
SHAPES: Final = (
    "redis://HOST:6379/0, rediss://HOST:6379/0, redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"
)
CONNECT_S: Final = 2.0
REPLY_S: Final = 4.0  # of one request on a connection; it is more than Redis needs to sync and less than a caller waits
_POOL: Final = 16
_NO_RETRY: Final = NoRetryPolicy()


def make_client(url: str, password: str | None) -> tuple[Client, Sentinel[bytes] | None]:
    """Return the client that a URL names, and the sentinel that it asks where its Redis is. Raises Refusal. Connects to nothing."""
    parts = urlsplit(url)
    flavour, is_encrypted = parts.scheme.partition("+")[2], parts.scheme.startswith("rediss")
    if parts.scheme.partition("+")[0] not in ("redis", "rediss") or flavour not in ("", "cluster", "sentinel") or not parts.netloc:
        raise _wrong(url, "it names no Redis")
    if "@" in parts.netloc:
        raise _wrong(parts.scheme + "://...", "it holds a credential, which would end up in logs; set redis_password instead")
    if flavour and is_encrypted:
        raise _wrong(url, "a cluster and sentinels are spoken to without TLS only")
    options: dict[str, Any] = {"password": password, "connect_timeout": CONNECT_S, "stream_timeout": REPLY_S, "max_connections": _POOL}
    options["username"] = next(iter(parse_qs(parts.query).get("user", [])), None)
    places, path = [_location(url, place) for place in parts.netloc.split(",")], parts.path.strip("/")
    if flavour == "cluster":
        if path not in ("", "0"):
            raise _wrong(url, "a cluster has the database 0 alone")
        return coredis.RedisCluster[bytes](startup_nodes=places, retry_policy=_NO_RETRY, **options), None
    if flavour == "sentinel":
        if not path:
            raise _wrong(url, "it names no service")
        sentinel = Sentinel[bytes](places, sentinel_kwargs={"connect_timeout": CONNECT_S, "stream_timeout": REPLY_S})
        return sentinel.primary_for(path, **options), sentinel
    if len(places) != 1 or not (path or "0").isdigit():
        raise _wrong(url, "it names several hosts" if len(places) != 1 else f"{path} is no number of a database")
    place = places[0]
    return coredis.Redis[bytes](place.host, place.port, int(path or 0), ssl=is_encrypted, retry_policy=_NO_RETRY, **options), None


def servers_of(url: str) -> list[str]:
    """Return the URLs of the servers that are to be looked at one by one: each that a cluster's URL names."""
    parts = urlsplit(url)
    if parts.scheme != "redis+cluster":
        return [url]
    query = f"?{parts.query}" if parts.query else ""
    return [f"redis://{place}/0{query}" for place in parts.netloc.split(",")]


def _location(url: str, place: str) -> TCPLocation:
    host, _, port = place.rpartition(":") if not place.endswith("]") and ":" in place else (place, "", "6379")
    if not host or not port.isdigit():
        raise _wrong(url, f"{place} is no HOST:PORT")
    return TCPLocation(host.strip("[]"), int(port))


def _wrong(url: str, why: str) -> Refusal:
    return Refusal("bad_redis", f"redis_url = {url[:120]!r}: {why}", f"write {SHAPES}")
