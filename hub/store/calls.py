"""HTTP calls to a database on the network, in worker threads: so many at once, each bounded in time and in bytes.

Owns the threads and the connections of influxdb-client: no redirect is followed, nothing is tried twice, an answer has a limit, and a
call that is cancelled or late has its socket shut, so that no thread is left behind. failures.py says what an error means. Used by
posting.py and the stores' queries.
"""

import io
import socket
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlencode

import trio
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.connection import HTTPConnection, HTTPSConnection

from hub.ports import StoreUnavailable
from hub.store.failures import EXPECTED, Database, failure_of, token_refusal

T = TypeVar("T")
MAX_ANSWER_BYTES: Final = 4 << 20  # of what is read at once; who streams an answer has a limit of its own
TIMEOUT_S: Final = 10.0


class AnswerTooLarge(urllib3.exceptions.HTTPError):
    """An answer went on beyond its limit."""


class _Late(urllib3.exceptions.TimeoutError):
    """A call did not end in time."""


class Client:
    """The connection of one thread. `call` of `Calls.run` gets it, and may use it in that thread only."""

    def __init__(self, url: str, org: str | None, token: str | None, scheme: str, timeout_s: float) -> None:
        self.is_ended = False
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        made: Any = InfluxDBClient(url=url, token=token or "", org=org or "", timeout=int(timeout_s * 1_000))
        self.api: Any = made
        if token is not None:
            made.api_client.set_default_header("Authorization", f"{scheme} {token}")
        self._headers = {"Authorization": f"{scheme} {token}"} if token is not None else {}
        self._url = url.rstrip("/")
        self.pools = _Pools(self, timeout_s)
        made.api_client.rest_client.pool_manager = self.pools

    def ask(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, body: bytes | None = None, content_type: str | None = None
    ) -> bytes:
        """Return the body of an answer, at most MAX_ANSWER_BYTES of it; `fields` go into the URL. Raises what `Calls.run` expects."""
        return self._answer(method, path, fields, body, content_type, is_read=True).data

    def open(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, body: bytes | None = None, content_type: str | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Return an answer whose body is read as it comes; close it. Raises what `Calls.run` expects."""
        return self._answer(method, path, fields, body, content_type, is_read=False)

    def _answer(
        self, method: str, path: str, fields: Mapping[str, str] | None, body: bytes | None, content_type: str | None, *, is_read: bool
    ) -> urllib3.BaseHTTPResponse:
        query = "?" + urlencode(fields) if fields else ""
        headers = self._headers | ({"Content-Type": content_type} if content_type is not None else {})
        answer = self.pools.urlopen(method, self._url + path + query, body=body, headers=headers, preload_content=is_read)
        if not 200 <= answer.status < 300:
            raise ApiException(http_resp=answer)  # type: ignore[no-untyped-call]
        return answer

    def connected(self, connection: HTTPConnection) -> None:
        """Note a new socket; called by the thread that connects."""
        if self.is_ended:
            raise _Late("the call was ended")
        self._sockets.add(connection.sock)

    def end(self) -> None:
        """Have the call that runs fail at once; called from outside its thread."""
        self.is_ended = True
        for each in list(self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connections."""
        self.pools.clear()


class _Pools(urllib3.PoolManager):
    """urllib3's connections with our limits, for influxdb-client, which has none of its own."""

    def __init__(self, client: Client, timeout_s: float) -> None:
        super().__init__(num_pools=1, maxsize=1, retries=False, timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s))
        self.status = 0  # of the last answer

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                client.connected(self)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                client.connected(self)

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        self.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        """Ask once. What is not streamed, and every refusal, comes back read, at most MAX_ANSWER_BYTES of it."""
        is_read = kw.pop("preload_content", True)
        answer = super().urlopen(method, url, redirect=False, preload_content=False, **kw)
        self.status = answer.status
        if not is_read and 200 <= answer.status < 300:
            return answer
        body = answer.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        if len(body) > MAX_ANSWER_BYTES:
            answer.close()
            raise AnswerTooLarge(f"its answer is longer than {MAX_ANSWER_BYTES:,} bytes")
        answer.release_conn()
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in ("content-encoding", "transfer-encoding")}
        return urllib3.HTTPResponse(io.BytesIO(body), headers, answer.status, reason=answer.reason, preload_content=True)


class _Call:
    """What the task and the thread of one call share."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.is_left = False


class Calls:
    """Calls to one database, `threads` at once; more of them wait for a turn, each within its own time."""

    def __init__(
        self,
        database: Database,
        org: str | None,
        token: str | None,
        *,
        threads: int,
        timeout_s: float = TIMEOUT_S,
        scheme: Literal["Token", "Bearer"] = "Token",
    ) -> None:
        self._database = database
        self._token_refusal = token_refusal(token)
        usable = token if self._token_refusal is None else None
        self._free = [Client(database.url, org, usable, scheme, timeout_s) for _ in range(threads)]
        self._clients = tuple(self._free)
        self._limiter = trio.CapacityLimiter(threads)
        self._timeout_s = timeout_s
        self._not_before_s = 0.0

    async def run(self, call: Callable[[Client], T], *, is_write: bool = False) -> T:
        """Return what `call` returns in a worker thread. Cancelled or late: its socket is shut and nobody waits for the thread.

        Raises StoreUnavailable, and StoreRefused for a write. No call goes out before the time that the database asked for.
        """
        if self._token_refusal is not None:
            raise StoreUnavailable(self._token_refusal)
        if (left_s := self._not_before_s - trio.current_time()) > 0:
            raise StoreUnavailable(f"{self._database.name} asked for a pause", retry_after_s=left_s)
        try:
            return await self._within_time(call)
        except EXPECTED as error:
            failure = failure_of(error, self._database, is_write=is_write)
            if isinstance(failure, StoreUnavailable) and failure.retry_after_s:
                self._not_before_s = trio.current_time() + failure.retry_after_s
            raise failure from error

    async def _within_time(self, call: Callable[[Client], T]) -> T:
        shared = _Call()
        try:
            with trio.move_on_after(self._timeout_s):
                return await trio.to_thread.run_sync(self._in_thread, call, shared, limiter=self._limiter, abandon_on_cancel=True)
        finally:
            shared.is_left = True
            if (client := shared.client) is not None:
                client.end()
        raise _Late("no answer in time")

    def _in_thread(self, call: Callable[[Client], T], shared: _Call) -> T:
        client = self._free.pop()
        client.is_ended = False
        shared.client = client
        try:
            if shared.is_left:
                raise _Late("the call was ended")
            return call(client)
        finally:
            shared.client = None
            self._free.append(client)

    async def aclose(self) -> None:
        """Close the connections; idempotent. A call that still runs fails."""
        for client in self._clients:
            client.end()
            client.close()
        await trio.lowlevel.checkpoint()
