"""One HTTP/1.1 connection to the hub, kept between requests: as much of HTTP as a device needs, over h11.

Owns the connection and its time limits; knows neither routes nor messages. Used by http_link.py.
"""

import ssl
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import h11
import trio

from devices.client.opening import Unreachable, authority_of, open_stream
from devices.client.watched import WatchedStream

MAX_ANSWER_BYTES: Final = 1024 * 1024
_CHUNK_BYTES: Final = 65_536


class HttpAnswer(NamedTuple):
    """What the hub, or something on the way, has said."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


class HttpConnection:
    """A connection that is opened when it is needed, and again where the other side ended it. One request at a time, others wait."""

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._tls = tls
        self._headers = [("Host", authority_of(url)), ("Authorization", f"Bearer {token}"), ("Content-Type", "application/msgpack")]
        self._turn = trio.Lock()
        self._stream: WatchedStream | None = None
        self._state = h11.Connection(h11.CLIENT)

    async def ask(self, method: str, target: str, body: bytes, timeout_s: float) -> HttpAnswer:
        """Send a request and return its answer. Cancelled or failed, the connection is closed: it may have been carried out.

        Raises Unreachable.
        """
        async with self._turn:
            try:
                with trio.fail_after(timeout_s):
                    answer = await self._ask(method, target, body)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.ProtocolError) as error:
                raise Unreachable(f"the connection to {self._url} broke: {error!r}") from None
            except trio.TooSlowError:
                raise Unreachable(f"no answer from {self._url} within {timeout_s:g} s") from None
            finally:
                if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
                    self._state.start_next_cycle()
                else:
                    await self.aclose()
            return answer

    async def aclose(self) -> None:
        """Close the connection at once; the next request opens another."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async def _ask(self, method: str, target: str, body: bytes) -> HttpAnswer:
        if self._stream is not None and self._stream.is_over.is_set():
            await self.aclose()
        if self._stream is None:
            self._stream = await open_stream(self._url, self._tls)
            self._state = h11.Connection(h11.CLIENT)
        head = h11.Request(method=method, target=target, headers=[*self._headers, ("Content-Length", str(len(body)))])
        await self._stream.send_all(b"".join(self._state.send(event) or b"" for event in (head, h11.Data(body), h11.EndOfMessage())))
        return await self._read(self._stream)

    async def _read(self, stream: WatchedStream) -> HttpAnswer:
        status, headers, body = 0, dict[str, str](), bytearray()
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                self._state.receive_data(bytes(await stream.receive_some(_CHUNK_BYTES)))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_ANSWER_BYTES:
                    raise Unreachable(f"an answer from {self._url} is over the limit of {MAX_ANSWER_BYTES:,} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return HttpAnswer(status, headers, bytes(body))
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise trio.BrokenResourceError("it ended in the middle of an answer")


def path_of(url: str) -> str:
    """Return the path of devices' sessions at a hub, for its WebSocket address."""
    return urlsplit(url).path.removesuffix("/v1/device").rstrip("/") + "/api/v1/device"
