"""A byte stream that tells when it is over, whoever was reading or writing it.

Owns one event; passes everything else on. websocket.py puts it below trio-websocket, which does not wake a handshake that waits on a
connection that has ended.
"""

import trio


class WatchedStream(trio.abc.Stream):
    """`is_over` is set at the end of the stream, when it breaks, and when it is closed."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.is_over = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; as the stream below."""
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError:
            self.is_over.set()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        """Wait; as the stream below."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive; as the stream below."""
        try:
            chunk = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self.is_over.set()
            raise
        if not chunk:
            self.is_over.set()
        return chunk

    async def aclose(self) -> None:
        """Close; as the stream below."""
        self.is_over.set()
        await self._stream.aclose()
