"""The stream under every connection: sends make progress or end it, bytes can be put back, and last words are heard.

Owns deadlines of sending, the TLS handshake, and the orderly end of a TCP or TLS stream; knows neither HTTP nor WebSocket. Made by the
door for each connection it accepts, used by head, http and upgrade.
"""

import os
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import trio

Transport: TypeAlias = "trio.SocketStream | trio.SSLStream[LingeringStream]"

PIECE_BYTES: Final = 16_384  # what counts as progress: so much within the send deadline
MAX_LINGER_BYTES: Final = 1_048_576  # what is read and thrown away so that our last words are not lost to a reset


class GuardedStream:
    """One accepted connection.

    A send that makes no progress for `send_timeout_s` closes the stream and raises BrokenResourceError. One task may receive at a time.
    """

    def __init__(self, transport: Transport, send_timeout_s: float) -> None:
        self._transport = transport
        self._send_timeout_s = send_timeout_s
        self._unread = b""
        self._has_ended_sending = False
        self.sent_bytes = 0  # a count, so that the door knows whether an answer has begun
        self.on_closing: Callable[[], None] = lambda: None  # told before the descriptor goes, for who watches it apart from trio

    @property
    def is_encrypted(self) -> bool:
        """Tell whether this is TLS."""
        return isinstance(self._transport, trio.SSLStream)

    @property
    def descriptor(self) -> int | None:
        """The socket, for who reads and writes it by plain calls; None: its bytes are not the connection's own (TLS)."""
        return self._transport.socket.fileno() if isinstance(self._transport, trio.SocketStream) else None

    def receive_now(self, descriptor: int, max_bytes: int) -> bytes | None:
        """Return what has come, b"" at the end, None where nothing has. Raises BrokenResourceError."""
        try:
            return os.read(descriptor, max_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise trio.BrokenResourceError from error

    def unread(self, data: bytes) -> None:
        """Put bytes back; the next receive returns them first."""
        self._unread = data + self._unread

    def take_unread(self) -> bytes:
        """Return the bytes that were put back; they are not received any more."""
        unread, self._unread = self._unread, b""
        return unread

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what came, b"" at the end. Cancelling loses nothing. Raises BrokenResourceError, ClosedResourceError."""
        if not self._unread:
            return bytes(await self._transport.receive_some(max_bytes))
        await trio.lowlevel.checkpoint()
        size = len(self._unread) if max_bytes is None else max_bytes
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def send_all(self, data: bytes) -> None:
        """Send everything. Cancelled, it leaves the stream unusable. Raises BrokenResourceError, ClosedResourceError."""
        if len(data) <= PIECE_BYTES:
            await self._send(data)
            return
        view = memoryview(data)
        for begin in range(0, len(data), PIECE_BYTES):
            await self._send(view[begin : begin + PIECE_BYTES])

    async def _send(self, piece: bytes | memoryview) -> None:
        with trio.move_on_after(self._send_timeout_s) as scope:
            try:
                await self._transport.send_all(piece)
            except trio.BusyResourceError:
                raise trio.BrokenResourceError("another task is closing the stream") from None
            self.sent_bytes += len(piece)
        if scope.cancelled_caught:
            await self.close()
            raise trio.BrokenResourceError(f"the other side read nothing for {self._send_timeout_s:g} s")

    async def end_sending(self) -> None:
        """Say that nothing more will be sent, where the transport can (TLS cannot); idempotent."""
        if not self._has_ended_sending and isinstance(self._transport, trio.SocketStream):
            self._has_ended_sending = True
            await self._transport.send_eof()

    async def finish(self, linger_s: float) -> None:
        """End sending, wait until the other side ends or `linger_s` is over, and close.

        Closing with bytes unread would reset the connection, and the reset would overtake our last words.
        """
        try:
            with trio.move_on_after(linger_s):
                if isinstance(self._transport, trio.SSLStream):
                    await self._transport.aclose()  # says so within TLS, then lingers below it
                else:
                    await self.end_sending()
                    await _drain(self._transport)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            pass  # it is over, or another task is in the middle of something: then at once
        finally:
            await self.close()

    async def close(self) -> None:
        """Close at once, whatever is under way; idempotent."""
        self.on_closing()
        await trio.aclose_forcefully(self._transport)


class LingeringStream(trio.abc.Stream):
    """A TCP stream that lingers when it is closed: what stands under a TLS stream."""

    def __init__(self, stream: trio.SocketStream, heard: bytes = b"") -> None:
        self._stream = stream
        self._heard = heard  # of the other side, before this stream was made

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self._heard:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        size = len(self._heard) if max_bytes is None else max_bytes
        data, self._heard = self._heard[:size], self._heard[size:]
        return data

    async def aclose(self) -> None:
        try:
            await self._stream.send_eof()
            await _drain(self._stream)
        finally:
            await trio.aclose_forcefully(self._stream)


async def secured(transport: LingeringStream, context: ssl.SSLContext) -> "trio.SSLStream[LingeringStream]":
    """Return a stream whose TLS handshake is done, as the server of it. Raises BrokenResourceError.

    Who is refused is told why by the alert that TLS has for it: trio keeps that back, and an end without a word means anything.
    """
    alerts = _Alerts(context)
    stream = trio.SSLStream(transport, cast(ssl.SSLContext, alerts), server_side=True)
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        if isinstance(error.__cause__, ssl.SSLError) and alerts.unsent is not None and (alert := alerts.unsent.read()):
            await transport.send_all(alert)
        raise
    return stream


class _Alerts:
    """A context for one connection, which lets go of what TLS still has to say there."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.unsent: ssl.MemoryBIO | None = None

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **said: Any) -> ssl.SSLObject:
        """Do as the context does."""
        self.unsent = outgoing
        return self._context.wrap_bio(incoming, outgoing, **said)


async def _drain(stream: trio.SocketStream) -> None:
    heard_bytes = 0
    while heard_bytes < MAX_LINGER_BYTES and (data := await stream.receive_some()):
        heard_bytes += len(data)
