"""One connection of the device under test, after the upgrade: the script says what a hub says, and each frame is judged as it comes.

Owns the rules that hold on every connection: the form of frames, their numbers, the credit. Nothing is read unless a scene waits, so
what is judged comes in the scene's own time. stand.py opens it, scenes speak by it.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgpack
import trio

from devices.wire.codec import BadMessage, decode_from_device
from devices.wire.limits import MAX_MESSAGE_BYTES, SUBPROTOCOL_DEVICE
from devices.wire.messages import Data, Frame, Gap, Hello, UnknownOp, Unreadable
from simulators.conformance.book import Book
from simulators.conformance.socket import Closed, Message, Ping, Pong, Socket
from simulators.conformance.verdict import Broken
from simulators.conformance.windows import WIDE, Windows

HELLO_S: Final = 10.0
LEAVE_S: Final = 2.0
READ_S: Final = 10.0
HUB: Final = "conformance 1"


class Talk:
    """One connection. `frames` came on it, in order, each of so many bytes (`sizes`); with `is_acking` each is acked as it comes."""

    def __init__(self, socket: Socket, book: Book) -> None:
        self.socket = socket
        self.book = book
        self.frames: list[Frame] = []
        self.sizes: list[int] = []
        self.pings: list[float] = []
        self.pongs: list[bytes] = []
        self.closed: Closed | None = None
        self.is_acking = True
        self.is_mute = False  # answer no ping either
        self.fragment_bytes = 0  # 0: messages go whole; else in such pieces, a ping after each
        self.credit: Mapping[str, Any] = WIDE
        self.hello: Hello = Hello("", 1, ())
        self.said: Mapping[str, Any] = {}  # hello as it came
        self.began: dict[int, int] = {}  # epoch -> seq that had to come first, from welcome on
        self._next: dict[int, int] = {}  # epoch -> seq that must come now
        self._windows = Windows(0)

    async def upgrade(self, subprotocol: str | None = SUBPROTOCOL_DEVICE) -> None:
        """Let it in."""
        await self.socket.accept(subprotocol)

    async def read_hello(self) -> Hello:
        """Read the first message and compare it with what is known. Raises Broken."""
        with trio.move_on_after(HELLO_S):
            while not self.said and self.closed is None:
                await self._step()
        if self.closed is not None:
            raise Broken(f"expected hello; the client closed the connection with {self.closed.code} {self.closed.reason}".rstrip())
        if not self.said:
            raise Broken(f"expected hello within {HELLO_S:g} s of the upgrade; nothing came")
        return self.hello

    async def welcome(self, credit: Mapping[str, Any] = WIDE, **more: Any) -> None:
        """Answer hello by the marks of the book; `more` replaces or adds fields, None leaves one out."""
        marks = {entry.epoch: self.book.epochs[entry.epoch].mark for entry in self.hello.unfinished}
        marks.setdefault(self.hello.epoch, self.book.epochs[self.hello.epoch].mark)
        self._next = {epoch: mark + 1 for epoch, mark in marks.items()}
        for entry in self.hello.unfinished:
            self._next[entry.epoch] = max(self._next[entry.epoch], entry.first)
        self.began = dict(self._next)
        self._windows = Windows(self.hello.epoch)
        self.credit = credit
        self._windows.grant(trio.current_time(), credit)
        message: dict[str, Any] = {"op": "welcome", "time_us": time.time_ns() // 1_000, "marks": [list(pair) for pair in marks.items()]}
        message |= {"credit": credit, "limits": {"frame_bytes": MAX_MESSAGE_BYTES, "readings": 4_096, "future_s": 86_400}}
        message |= {"heartbeat_s": 20.0, "hub": HUB}
        if self.hello.shadow is not None:
            message["reported"] = max((report.number for report in self.book.reports), default=0)
        message |= more
        await self.say({key: value for key, value in message.items() if value is not None})

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send a message as it is given."""
        if self.fragment_bytes:
            await self.socket.send_in_pieces(packed(message), self.fragment_bytes, b"between")
        else:
            await self.socket.send(packed(message))

    async def ack(self, *pairs: tuple[int, int], credit: Mapping[str, Any] | None = None) -> None:
        """Ack up to each (epoch, seq), note it in the book and restate credit, or change it."""
        for epoch, seq in pairs:
            known = self.book.epochs.get(epoch)
            if known is not None:
                known.mark = max(known.mark, min(seq, known.received))
                self._windows.acked(epoch, seq)
        if credit is not None:
            self.credit = credit
            self._windows.grant(trio.current_time(), credit)
        await self.say({"op": "ack", "acks": [list(pair) for pair in pairs], "credit": self.credit})

    async def narrow(self, credit: Mapping[str, Any]) -> None:
        """Tell smaller windows by an empty ack; they bind from when its client has answered a ping that came behind. Raises Broken."""
        await self.say({"op": "ack", "acks": [], "credit": credit})
        payload = f"read {trio.current_time()}".encode()
        await self.socket.ping(payload)
        await self.until(lambda: payload in self.pongs, READ_S, "a pong")
        self.credit = credit
        self._windows.grant(trio.current_time(), credit)

    async def ack_all(self, credit: Mapping[str, Any] | None = None) -> None:
        """Ack all that has come on this connection, and each frame from now on as it comes."""
        self.is_acking = True
        came = {frame.epoch: frame.last if isinstance(frame, Gap) else frame.seq for frame in self.frames}
        await self.ack(*came.items(), credit=credit)

    async def bye(self, code: int, reason: str = "conformance", **more: Any) -> None:
        """Say bye and close; returns when the client has closed its side, or after 2 s."""
        await self.say({"op": "bye", "code": code, "reason": reason, **more})
        await self.close(code, reason)

    async def close(self, code: int, reason: str = "") -> None:
        """Close without a bye; otherwise as `bye`."""
        await self.socket.close(code, reason)
        with trio.move_on_after(LEAVE_S):
            while self.closed is None:  # what it had sent before is read and not counted: a reset would overtake our close
                event = await self.socket.receive()
                self.closed = event if isinstance(event, Closed) else None
        self.socket.end()

    def cut(self) -> None:
        """End the connection at once."""
        self.socket.cut()

    async def until(self, is_so: Callable[[], object], within_s: float, expected: str) -> None:
        """Read until a condition holds. Raises Broken where it does not in time, or the client closes before."""
        with trio.move_on_after(within_s):
            while not is_so():
                if self.closed is not None:
                    raise Broken(
                        f"expected {expected}; the client closed the connection with {self.closed.code} {self.closed.reason}".rstrip()
                    )
                await self._step()
        if not is_so():
            raise Broken(f"expected {expected} within {within_s:g} s; it did not come")

    async def listen(self, for_s: float) -> None:
        """Read for so long, or until the client closes."""
        with trio.move_on_after(for_s):
            while self.closed is None:
                await self._step()

    async def count(self, frames: int, within_s: float, expected: str = "") -> None:
        """Read until so many more frames have come."""
        wanted = len(self.frames) + frames
        await self.until(lambda: len(self.frames) >= wanted, within_s, expected or f"{frames} more frames")

    def in_flight(self) -> int:
        """Return how many frames of the live lane are not acked."""
        return self._windows.in_flight(self.hello.epoch)

    async def _step(self) -> None:
        event = await self.socket.receive()
        if isinstance(event, Closed):
            self.closed = event
            self.socket.end()
        elif isinstance(event, Ping):
            self.pings.append(trio.current_time())
            if not self.is_mute:
                await self.socket.pong(event.payload)
        elif isinstance(event, Pong):
            self.pongs.append(event.payload)
        elif event.is_text:
            raise Broken(f"expected binary messages; the text {event.body[:40].decode(errors='replace')!r} came")
        elif not self.said:
            self._take_hello(event)
        else:
            await self._take(event)

    def _take_hello(self, message: Message) -> None:
        try:
            hello = decode_from_device(message.body)
        except BadMessage as error:
            raise Broken(f"expected a good hello; {error}") from None
        if not isinstance(hello, Hello):
            raise Broken(f"expected hello as the first message; {_op(message.body)} came")
        self.hello = hello
        self.said = msgpack.unpackb(message.body)
        self.book.enter_hello(hello)

    async def _take(self, message: Message) -> None:
        frame = self._decoded(message.body)
        if isinstance(frame, UnknownOp):
            return
        if not self._next:
            raise Broken(f"expected nothing before welcome; {_op(message.body)} came")
        expected = self._next.get(frame.epoch)
        if expected is None:
            raise Broken(f"expected frames of the epochs that hello names; one of epoch {frame.epoch} came")
        last = frame.last if isinstance(frame, Gap) else frame.seq
        if frame.seq != expected and not (isinstance(frame, Gap) and frame.seq <= expected <= last):
            what = "came already, or is acked" if frame.seq < expected else "a hole"
            raise Broken(f"expected seq {expected} of epoch {frame.epoch}; {frame.seq} came ({what})")
        self._next[frame.epoch] = last + 1
        self._windows.take(trio.current_time(), frame.epoch, last, len(message.body))
        self.frames.append(frame)
        self.sizes.append(len(message.body))
        self.book.enter(frame)
        if self.is_acking:
            await self.ack((frame.epoch, last))

    def _decoded(self, body: bytes) -> Frame | UnknownOp:
        try:
            frame = decode_from_device(body)
        except BadMessage as error:
            raise Broken(f"expected a numbered frame; {error}") from None
        if isinstance(frame, Hello):
            raise Broken("expected one hello; a second one came")
        if isinstance(frame, UnknownOp):
            return frame
        keys = list(msgpack.unpackb(body))[:3]
        if keys != ["e", "s", "op"]:
            raise Broken(f"expected e, s and op as the first entries of a frame, in this order; {', '.join(map(str, keys))} came")
        if isinstance(frame, Unreadable):
            raise Broken(f"expected a good body in frame {frame.seq}; {frame.reason}")
        known = self.book.epochs.get(frame.epoch)
        if isinstance(frame, Data) and known is not None and any(not 0 <= channel < len(known.channels) for channel in frame.channels):
            raise Broken(
                f"expected channels of the list that hello has for epoch {frame.epoch}; frame {frame.seq} names {max(frame.channels)}"
            )
        return frame


def packed(message: Mapping[str, Any]) -> bytes:
    """Write a message."""
    return bytes(msgpack.packb(dict(message)))


def _op(body: bytes) -> str:
    try:
        decoded = msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException):
        return f"{len(body)} bytes that are no msgpack"
    return str(decoded.get("op")) if isinstance(decoded, dict) else "no map"
