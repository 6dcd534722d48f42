"""Redis as the hub's parts ask it: one client for all of them, a deadline for each call, and what is wrong said in one line.

Owns the reading of its address, its connections and their life; knows no key. Made in main.py, run beside everything for hub.state.redis.
A call that fails for a lost connection is made again within its deadline: what is asked must bear that.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import coredis
import trio
from coredis import Sentinel
from coredis.connection import TCPLocation
from coredis.exceptions import AuthenticationError, RedisError, ResponseError
from coredis.retry import NoRetryPolicy

from hub.core.errors import Refusal
from hub.ports import StoreUnavailable

T = TypeVar("T")
Client = coredis.Redis[bytes] | coredis.RedisCluster[bytes]
SHAPES: Final = "redis://HOST:6379/0, rediss://..., redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"
ANSWER_S: Final = 5.0  # for a call with all of its attempts
_AGAIN_S: Final = 0.1
_POOL: Final = 16
_NO_RETRY: Final = NoRetryPolicy()
# What Redis says of itself while a call may succeed later; any other refusal is a defect of ours, or of the one who set it up.
_LATER: Final = ("LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MISCONF", "OOM", "NOREPLICAS")


def make_client(url: str, password: str | None) -> tuple[Client, Sentinel[bytes] | None]:
    """Return the client that a URL names, and the sentinel that it asks where its Redis is. Raises Refusal. Connects to nothing."""
    parts = urlsplit(url)
    flavour, is_encrypted = parts.scheme.partition("+")[2], parts.scheme.startswith("rediss")
    if parts.scheme.partition("+")[0] not in ("redis", "rediss") or flavour not in ("", "cluster", "sentinel") or not parts.netloc:
        raise _wrong(url, "it names no Redis")
    if "@" in parts.netloc:
        raise _wrong(parts.scheme + "://...", "it holds a credential, which would end up in logs; set redis_password instead")
    options: dict[str, Any] = {"password": password, "ssl": is_encrypted, "connect_timeout": ANSWER_S, "stream_timeout": ANSWER_S}
    options |= {"retry_policy": _NO_RETRY, "username": next(iter(parse_qs(parts.query).get("user", [])), None)}
    places, path = [_location(url, place) for place in parts.netloc.split(",")], parts.path.strip("/")
    if flavour == "cluster":
        return coredis.RedisCluster[bytes](startup_nodes=places, max_connections=_POOL, **options), None
    if flavour == "sentinel":
        if not path:
            raise _wrong(url, "it names no service")
        sentinel = Sentinel[bytes](places)
        return sentinel.primary_for(path, max_connections=_POOL, **options), sentinel
    if len(places) != 1 or not (path or "0").isdigit():
        raise _wrong(url, "it names several hosts" if len(places) != 1 else f"{path} is no number of a database")
    return coredis.Redis[bytes](places[0].host, places[0].port, int(path or 0), max_connections=_POOL, **options), None


def _location(url: str, place: str) -> TCPLocation:
    host, _, port = place.rpartition(":") if not place.endswith("]") and ":" in place else (place, "", "6379")
    if not host or not port.isdigit():
        raise _wrong(url, f"{place} is no HOST:PORT")
    return TCPLocation(host.strip("[]"), int(port))


def _wrong(url: str, why: str) -> Refusal:
    return Refusal("bad_config", f"redis {url}: {why}", f"say {SHAPES}")


class Redis:
    """One Redis, cluster of them, or the one that sentinels agree on."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self._client, self._sentinel = make_client(url, password)
        self._scripts: dict[str, Any] = {}
        self.url = url

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the connections until cancelled. It need not be there yet."""
        async with self._client:
            task_status.started()
            await trio.sleep_forever()

    async def ask(self, make: Callable[[Client], Awaitable[T]]) -> T:
        """Return what is asked for, tried again where the connection is lost. Raises StoreUnavailable after ANSWER_S at most."""
        reason = f"no answer within {ANSWER_S:g} s"
        with trio.move_on_after(ANSWER_S):
            while True:
                try:
                    return await make(self._client)
                except ResponseError as error:
                    if isinstance(error, AuthenticationError) or not str(error).startswith(_LATER):
                        raise StoreUnavailable(f"{self.url}: {error}") from error
                    reason = str(error)
                except (RedisError, OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
                    reason = str(error) or type(error).__name__
                await trio.sleep(_AGAIN_S)
        raise StoreUnavailable(f"{self.url}: {reason}")

    async def run_script(self, script: str, key: str, args: Sequence[str | bytes | int]) -> Any:
        """Run a Lua script at the place of a key and return its answer. It may run twice. Raises StoreUnavailable."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._client.register_script(script)
        return await self.ask(lambda _: known(keys=[key], args=args))
