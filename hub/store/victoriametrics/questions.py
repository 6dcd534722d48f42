"""Questions to a VictoriaMetrics over HTTP: PromQL, export, its own figures; each is one bounded call in a worker thread.

Owns the paths, which are those of a single node (vmauth gives a cluster the same ones), and what an answer's bytes mean. Knows no
series. ranges.py and store.py ask; writes go through posting.py.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from influxdb_client.rest import ApiException

from hub.store.calls import Calls, Client
from hub.store.failures import Database, said_in

T = TypeVar("T")
TIMEOUT_S: Final = 35.0  # the server itself gives a query up after 30 s (-search.maxQueryDuration)
THREADS: Final = 2
MAX_ANSWER_BYTES: Final = 256 << 20
CHUNK_BYTES: Final = 1 << 20
_FORM: Final = "application/x-www-form-urlencoded"
_TOO_MUCH: Final = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})

Fields = Sequence[tuple[str, str]]


class TooMuch(Exception):
    """The server refused a question: more readings or series than it takes at once; ask for less."""


class Questions:
    """Questions to one server, or to the proxy of a cluster."""

    def __init__(self, database: Database, token: str | None) -> None:
        self._calls = Calls(database, None, token, threads=THREADS, timeout_s=TIMEOUT_S, scheme="Bearer")

    async def query(self, query: str, at_ms: int, shape: Callable[[list[Any]], T]) -> T:
        """Return what `shape` makes of the series of an instant query, in a worker thread. Raises StoreUnavailable, TooMuch."""
        return await self._result("/api/v1/query", [("query", query), ("time", seconds(at_ms))], shape)

    async def query_range(self, query: str, from_ms: int, to_ms: int, step_ms: int, shape: Callable[[list[Any]], T]) -> T:
        """Return what `shape` makes of the series of a query at from_ms, from_ms + step_ms ... to_ms. Raises StoreUnavailable, TooMuch."""
        times = [("start", seconds(from_ms)), ("end", seconds(to_ms)), ("step", f"{step_ms}ms")]
        return await self._result("/api/v1/query_range", [("query", query), *times], shape)

    async def _result(self, path: str, fields: Fields, shape: Callable[[list[Any]], T]) -> T:
        # Without `nocache` the server moves the edges; a cluster would leave out what a dead node has.
        return await self.data(path, [*fields, ("nocache", "1"), ("deny_partial_response", "1")], lambda data: shape(data["result"]))

    async def data(self, path: str, fields: Fields, shape: Callable[[Any], T]) -> T:
        """Return what `shape` makes of the `data` in the answer's JSON, in a worker thread. Raises StoreUnavailable, TooMuch."""

        def ask(client: Client) -> T:
            found = json.loads(_body(client, path, fields))
            if not isinstance(found, dict) or "data" not in found:
                raise ValueError("its JSON holds no data")
            return shape(found["data"])

        return await self._calls.run(_once_more_refused(ask))

    async def export(self, selectors: Sequence[str], from_ms: int, to_ms: int, take: Callable[[Any], None]) -> None:
        """Give each series with a reading in [from_ms, to_ms) to `take`, called in a worker thread. Raises StoreUnavailable, TooMuch.

        Each is a dict of `metric` (labels), `timestamps` in ms, ascending, and `values`.
        """
        fields = [*(("match[]", each) for each in selectors), ("start", seconds(from_ms)), ("end", seconds(to_ms - 1))]

        def ask(client: Client) -> None:
            for line in _lines(client, "/api/v1/export", fields):
                take(json.loads(line))

        await self._calls.run(_once_more_refused(ask))

    async def do(self, path: str, fields: Fields = ()) -> bytes:
        """Have the server do something and return the body of its answer. Raises StoreUnavailable, TooMuch."""
        return await self._calls.run(_once_more_refused(lambda client: _body(client, path, fields)))

    async def metrics(self) -> bytes:
        """Return what it says of itself; nothing where a proxy does not let us ask. Raises StoreUnavailable."""
        return await self._allowed("/metrics") or b""

    async def force_flush(self) -> bool:
        """Have the server show what it has answered; False where it, or the proxy before it, does not let us. Raises StoreUnavailable."""
        return await self._allowed("/internal/force_flush") is not None

    async def _allowed(self, path: str) -> bytes | None:
        def ask(client: Client) -> bytes | None:
            try:
                return _body(client, path, [])
            except ApiException as error:
                if error.status is not None and HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return None
                raise

        return await self._calls.run(ask)

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._calls.aclose()


def seconds(t_ms: int) -> str:
    """Return a time in ms as the server reads it."""
    return f"{t_ms // 1_000}.{t_ms % 1_000:03d}"


def _once_more_refused(ask: Callable[[Client], T]) -> Callable[[Client], T]:
    """Return the call, with a refusal of a question told apart from a wrong setting."""

    def call(client: Client) -> T:
        try:
            return ask(client)
        except ApiException as error:
            if error.status in _TOO_MUCH:
                raise TooMuch(said_in(error.body)) from error
            if error.status == HTTPStatus.BAD_REQUEST and "auth token" in said_in(error.body):
                error.status = HTTPStatus.UNAUTHORIZED.value  # what vmauth means
            raise

    return call


def _lines(client: Client, path: str, fields: Fields) -> Iterator[bytes]:
    rest = b""
    for chunk in _chunks(client, path, fields):
        *whole, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else (rest + chunk,)
        yield from (line for line in whole if line)
    if rest:
        yield rest


def _body(client: Client, path: str, fields: Fields) -> bytes:
    return b"".join(_chunks(client, path, fields))


def _chunks(client: Client, path: str, fields: Fields) -> Iterator[bytes]:
    size_bytes = 0
    with client.open("POST", path, body=urlencode(fields).encode(), content_type=_FORM) as answer:
        for chunk in answer.stream(CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > MAX_ANSWER_BYTES:
                raise TooMuch(f"an answer is over {MAX_ANSWER_BYTES:,} bytes")
            yield chunk
