"""The hub's rules without its storage: devices.wire.session on a link, marks and frames in memory, a commit every so often.

Owns what a device client needs to be tested against: real numbering, credit, acks, byes, and ways to fail. Frames that were not
committed when a connection ends are forgotten, as a hub does that was killed.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio
from trio_websocket import WebSocketRequest, serve_websocket

from devices.client import Unreachable
from devices.link import Link, LinkClosed, WebSocketLink, memory_link_pair
from devices.wire.codec import BadMessage, decode_from_device, encode
from devices.wire.limits import SUBPROTOCOL_DEVICE, CloseCode
from devices.wire.messages import (
    Ack,
    Bye,
    Cancel,
    Command,
    Credit,
    Data,
    Frame,
    Gap,
    Hello,
    Log,
    Reject,
    Result,
    UnknownOp,
    Welcome,
    Window,
)
from devices.wire.session import DeviceSession, ProtocolError, State, Verdict

OPEN = Credit(Window(64, 1 << 20), Window(32, 1 << 20))
HELD = Credit(Window(0, 0), Window(0, 0), "store_full")
TIME_US = 1_700_000_000_000_000


class LittleHub:
    """A hub for one device. Settings may be changed at any time."""

    def __init__(self, device: str = "d1") -> None:
        self.device = device
        self.marks: dict[int, int] = {}
        self.frames: list[Frame] = []  # durable, in order
        self.hellos: list[Hello] = []
        self.connected_s: list[float] = []  # when each connection was tried
        self.credit = OPEN
        self.heartbeat_s = 20.0
        self.commit_s = 0.05
        self.down: Unreachable | None = None  # what an attempt to connect gets
        self.hints: dict[int, tuple[float, float]] = {}  # close code -> (retry_s, jitter_s)
        self.is_unreadable: Callable[[Frame], bool] = lambda frame: False
        self.reject: Callable[[Frame], Reject | None] = lambda frame: None
        self.current: HubConnection | None = None
        self._nursery: trio.Nursery
        self._changed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Be the `connect` of a Device."""
        self.connected_s.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if self.down is not None:
            raise self.down
        ours, theirs = memory_link_pair(1_000)
        self._nursery.start_soon(self.serve, theirs)
        try:
            yield ours
        finally:
            await ours.aclose()

    async def serve(self, link: Link) -> None:
        """Serve one connection until it ends; a newer one ends an older one."""
        connection = HubConnection(self, link)
        if self.current is not None:
            self.current.withdraw()
            self._nursery.start_soon(self.current.end, CloseCode.TAKEN_OVER, "taken over")
        self.current = connection
        await connection.run()

    async def cut(self) -> None:
        """Break the connection without a word."""
        if self.current is not None:
            await self.current.link.aclose(1006, "cut")

    async def say(self, message: Command | Cancel | Reject | Bye | Ack) -> None:
        """Send a message on the connection of now."""
        assert self.current is not None
        with suppress(LinkClosed):
            await self.current.link.send(encode(message))

    async def set_credit(self, credit: Credit) -> None:
        """Grant other windows and say so."""
        self.credit = credit
        if self.current is not None:
            self.current.grant(credit)
        await self.say(Ack((), credit))

    async def until(self, holds: Callable[[], Any], timeout_s: float = 1_000.0) -> None:
        """Return when something holds; it is asked after each commit, hello and end of a connection."""
        with trio.fail_after(timeout_s):
            while not holds():
                await self._changed.wait()

    def notify(self) -> None:
        """Wake whoever waits in `until`."""
        self._changed.set()
        self._changed = trio.Event()

    def values(self) -> list[Any]:
        """Return the value of every durable reading, in the order they became durable."""
        return [value for frame in self.frames if isinstance(frame, Data) for value in frame.values]

    def gaps(self) -> list[Gap]:
        """Return every durable gap."""
        return [frame for frame in self.frames if isinstance(frame, Gap)]

    def logs(self) -> list[Log]:
        """Return every durable log line."""
        return [frame for frame in self.frames if isinstance(frame, Log)]

    def outcomes(self, id_: str) -> list[str]:
        """Return the states that came for a command, in order."""
        return [frame.outcome.state.value for frame in self.frames if isinstance(frame, Result) and frame.outcome.id == id_]

    def result(self, id_: str) -> Any:
        """Return the latest outcome that came for a command."""
        return [frame.outcome for frame in self.frames if isinstance(frame, Result) and frame.outcome.id == id_][-1]


@asynccontextmanager
async def little_hub() -> AsyncIterator[LittleHub]:
    """Run a little hub whose `connect` a device is given."""
    hub = LittleHub()
    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        yield hub
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def listening_hub(token: str = "right") -> AsyncIterator[tuple[LittleHub, str]]:
    """Run a little hub on a real socket; yields it and its address. `hub.down` answers 503 there."""
    hub = LittleHub()

    async def let_in(request: WebSocketRequest) -> None:
        hub.connected_s.append(trio.current_time())
        if hub.down is not None:
            retry = [(b"Retry-After", b"%d" % hub.down.retry_s)] if hub.down.retry_s is not None else []
            await request.reject(503, extra_headers=retry, body=b'{"code": "busy", "message": "no room"}')
        elif dict(request.headers).get(b"authorization") != f"Bearer {token}".encode():
            await request.reject(401, body=b'{"code": "wrong_token", "message": "unknown token", "hint": "make a new token"}')
        else:
            assert SUBPROTOCOL_DEVICE in request.proposed_subprotocols
            await hub.serve(WebSocketLink(await request.accept(subprotocol=SUBPROTOCOL_DEVICE), "device"))

    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        server = await nursery.start(serve_websocket, let_in, "127.0.0.1", 0, None)
        yield hub, f"http://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


class HubConnection:
    """One connection."""

    def __init__(self, hub: LittleHub, link: Link) -> None:
        self.link = link
        self._hub = hub
        self._session = DeviceSession(hub.device)
        self._pending: list[tuple[Frame, Iterable[tuple[int, int]]]] = []
        self._acks: dict[int, int] = {}
        self._came = trio.Event()
        self._is_over = False

    async def run(self) -> None:
        """Serve it to its end."""
        try:
            await self._welcome()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._commit_loop)
                await self._read_loop()
        except* ProtocolError as group:
            error: Any = group.exceptions[0]
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            await self.end(error.code, error.reason, error.expected)
        except* LinkClosed:
            pass
        self._pending.clear()
        self._hub.notify()

    def grant(self, credit: Credit) -> None:
        """Note a window that is being told."""
        if self._session.state is State.STREAMING:
            self._session.grant(credit)

    def withdraw(self) -> None:
        """Take nothing more, and forget what is not committed."""
        self._is_over = True
        self._pending.clear()

    async def end(self, code: CloseCode, reason: str, expected: tuple[tuple[int, int], ...] | None = None) -> None:
        """Say bye and close; what is not committed is withdrawn."""
        self.withdraw()
        retry_s, jitter_s = self._hub.hints.get(code, (None, None))
        with suppress(LinkClosed):
            await self.link.send(encode(Bye(code, reason, retry_s, jitter_s, expected)))
        await self.link.aclose(code, reason)

    async def _welcome(self) -> None:
        message = decode_from_device(await self._receive())
        hello = self._session.receive(message)
        assert isinstance(hello, Hello)
        self._hub.hellos.append(hello)
        self._hub.notify()
        for epoch, up_to in self._session.open(hello, self._hub.marks).items():
            self._hub.marks[epoch] = max(up_to, self._hub.marks.get(epoch, 0))
        marks = tuple((epoch, self._hub.marks[epoch]) for epoch in {*(entry.epoch for entry in hello.unfinished), hello.epoch})
        credit = self._hub.credit
        await self.link.send(encode(Welcome(TIME_US, marks, credit, self._hub.heartbeat_s, "little hub")))
        self._session.grant(credit)
        self._hub.notify()

    async def _receive(self) -> bytes:
        message = await self.link.receive()
        assert isinstance(message, bytes)
        return message

    async def _read_loop(self) -> None:
        while True:
            raw = await self._receive()
            try:
                frame = self._session.receive(decode_from_device(raw))
                if isinstance(frame, Hello | UnknownOp):
                    raise BadMessage("no frame")
                if self._hub.is_unreadable(frame):
                    raise BadMessage("a byte fell over")
            except BadMessage as error:
                raise ProtocolError(CloseCode.BAD_FRAME, str(error), self._session.expected()) from None
            self._take(frame, len(raw))

    def _take(self, frame: Frame, size_bytes: int) -> None:
        if self._is_over:
            return
        self._came.set()
        last = frame.last if isinstance(frame, Gap) else frame.seq
        if self._session.take(frame.epoch, frame.seq, last, size_bytes) is Verdict.DUPLICATE:
            self._acks[frame.epoch] = self._session.durable(frame.epoch)
            return
        marks = [(frame.epoch, last)]
        if isinstance(frame, Gap) and frame.of is not None and frame.of_last is not None:
            marks.append((frame.of, frame.of_last))
        self._pending.append((frame, marks))

    async def _commit_loop(self) -> None:
        while True:
            await self._came.wait()
            await trio.sleep(self._hub.commit_s)
            self._came = trio.Event()
            pending, self._pending = self._pending, []
            for frame, marks in pending:
                self._hub.frames.append(frame)
                for epoch, seq in marks:
                    self._hub.marks[epoch] = self._acks[epoch] = seq
                    self._session.committed(epoch, seq)
            self._hub.notify()
            acks, self._acks = tuple(self._acks.items()), {}
            rejects = [reject for frame, _ in pending if (reject := self._hub.reject(frame)) is not None]
            for reject in rejects:
                await self.link.send(encode(reject))
            self._session.acked()
            await self.link.send(encode(Ack(acks, self._hub.credit)))
            self._session.grant(self._hub.credit)
