"""One WebSocket client on a plain socket: cheap enough that a thousand in one process do not disturb what they measure.

Owns the handshake, the cutting of what comes into messages, and the rest of a write that did not fit. Knows nothing of what messages
mean. Used by the programs that send and that watch.
"""

import re
import socket
import ssl
from collections.abc import Iterator

from simulators.bench.answering import GivenUp
from simulators.bench.encryption import client_context
from simulators.bench.frames import masked_message

DEADLINE_S = 30.0  # for each step of opening
PING, PONG, CLOSE = 9, 10, 8


class Connection:
    """A client's socket, first blocking while it is opened, then not."""

    def __init__(self, address: tuple[str, int], receive_buffer_bytes: int = 0, *, is_encrypted: bool = False) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE_S)
        if receive_buffer_bytes:  # before connecting: the window is told in the handshake
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_encrypted:
            self.socket = client_context().wrap_socket(self.socket)
        self._inbox, self._at = b"", 0  # what came, and how far it was taken
        self._rest: memoryview | bytes = b""

    @property
    def is_writing(self) -> bool:
        """Tell whether a write waits for room."""
        return bool(self._rest)

    def read_head(self) -> None:
        """Take the answer to the upgrade. Raises GivenUp where it is a refusal."""
        while b"\r\n\r\n" not in self._inbox:
            self._take(self._more())
        head, _, self._inbox = self._inbox.partition(b"\r\n\r\n")
        status = head.partition(b"\r\n")[0]
        if b" 101 " not in status:
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            while length is not None and len(self._inbox) < min(int(length[1]), 300):
                self._take(self._more())
            raise GivenUp(f"the upgrade was refused: {(status + b' ' + self._inbox)[:300]!r}")

    def read_message(self) -> bytes:
        """Wait for one message and take it."""
        while True:
            for _, payload in self.messages():
                return payload
            self._take(self._more())

    def _more(self) -> bytes:
        try:
            piece = self.socket.recv(65_536)
        except TimeoutError:
            raise GivenUp(f"the other side said nothing for {DEADLINE_S:g} s while a connection was being opened") from None
        if not piece:
            raise GivenUp("the other side closed while a connection was being opened")
        return piece

    def receive(self, max_bytes: int = 262_144) -> None:
        """Take what is there; of TLS a whole record, so that nothing stays where epoll does not see it.

        Raises GivenUp at the end of the stream.
        """
        try:
            piece = self.socket.recv(max_bytes)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        if not piece:
            raise GivenUp("the other side closed a connection without a word")
        self._take(piece)

    def _take(self, piece: bytes) -> None:
        self._inbox = self._inbox[self._at :] + piece
        self._at = 0

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Take the whole messages out of the inbox, one by one: (opcode, payload). Pings are answered. Raises GivenUp at a Close."""
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == PING:
                self.write(masked_message(payload, PONG))
            elif opcode == CLOSE:
                raise GivenUp(f"the other side closes a connection: {int.from_bytes(payload[:2], 'big')} {payload[2:]!r}")
            elif opcode != PONG:
                yield frame

    def _next_frame(self) -> tuple[int, bytes] | None:
        box, at = self._inbox, self._at
        if len(box) < at + 2:
            return None
        size, begin = box[at + 1] & 0x7F, at + 2
        if size >= 126:
            begin += 2 if size == 126 else 8
            size = int.from_bytes(box[at + 2 : begin], "big")
        if len(box) < begin + size:  # also where the head itself is cut: begin lies beyond the end then
            return None
        self._at = begin + size
        return box[at] & 0x0F, box[begin : self._at]

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Write; False: a rest is kept (not copied), and `write_on` must be called once there is room."""
        if self._rest:  # rare: what comes meanwhile is short, such as a pong
            self._rest = bytes(self._rest) + bytes(data)
            return False
        try:
            went = self.socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            went = 0
        self._rest = memoryview(data)[went:]
        return not self._rest

    def write_on(self) -> bool:
        """Write the rest; True: nothing is left."""
        rest, self._rest = self._rest, b""
        return self.write(rest)
