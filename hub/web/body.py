"""The body of a request, read when the app wants it: within its limit and its deadline, after 100-continue where asked.

Owns reading until the end of the message; what came behind it goes back to the stream. Called by http.py only.
"""

from typing import Final

import h11
import trio

from hub.core.errors import Refusal
from hub.web.refusals import bad_request
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream

_RECEIVE_BYTES: Final = 65_536


class Body:
    """A request's body; `whole` is set when everything has been read."""

    def __init__(
        self, stream: GuardedStream, http: h11.Connection, settings: DoorSettings, announced_bytes: int, *, is_upload: bool = False
    ) -> None:
        self._stream = stream
        self._http = http
        self._settings = settings
        self._is_upload = is_upload
        self._max_bytes = settings.max_upload_bytes if is_upload else settings.max_body_bytes
        self._announced_bytes = announced_bytes  # 0 where nothing was said
        self._heard_bytes = 0
        self._next_piece = b""
        self._deadline: float | None = None
        self.whole = trio.Event()
        self._advance()  # a request without a body ends here

    async def read(self) -> bytes:
        """Return the next piece, b"" only at the end. Raises Refusal (400, 408, 413), BrokenResourceError, ClosedResourceError."""
        if self._deadline is None:
            self._check(self._announced_bytes)
        if self._deadline is None or self._is_upload:
            self._deadline = trio.current_time() + self._settings.body_timeout_s
        with trio.move_on_at(self._deadline):
            if self._http.they_are_waiting_for_100_continue:
                await self._stream.send_all(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            return await self._take()
        message = f"the body was not complete within {self._settings.body_timeout_s:g} s"
        raise Refusal("body_timeout", message, "send it faster, or in smaller requests", 408)

    async def skip(self) -> bool:
        """Read and forget what the app did not want; return whether the message came to its end."""
        if self.whole.is_set():
            return True
        if self._http.they_are_waiting_for_100_continue:
            return False  # whether the body comes now, nobody can tell
        try:
            with trio.move_on_after(self._settings.linger_s):
                while not self.whole.is_set():
                    await self._take()
        except (Refusal, trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return self.whole.is_set()

    async def _take(self) -> bytes:
        while not self._next_piece and not self.whole.is_set():
            self._http.receive_data(await self._stream.receive_some(_RECEIVE_BYTES))
            self._advance()
        await trio.lowlevel.checkpoint()
        piece, self._next_piece = self._next_piece, b""
        return piece

    def _advance(self) -> None:
        """Take what h11 has, up to the end of the message."""
        pieces = []
        while not self.whole.is_set():
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise bad_request(f"the body is broken: {error}", "see RFC 9112") from None
            if isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
                self._heard_bytes += len(event.data)
                self._check(self._heard_bytes)
            elif isinstance(event, h11.EndOfMessage):
                self._stream.unread(self._http.trailing_data[0])
                self.whole.set()
            else:
                break
        self._next_piece += b"".join(pieces)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise Refusal("body_too_large", f"the body is over the limit of {self._max_bytes:,} bytes", "send smaller requests", 413)
